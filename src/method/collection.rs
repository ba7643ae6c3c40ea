//! MKCOL (RFC 4918 §9.3, RFC 5689) and MKCALENDAR (RFC 4791 §5.3.1).

use super::context::Context;
use super::{allow, guard, proppatch};
use crate::dav::kind::ResourceKind;
use crate::dav::{Error, Method, Name, Precondition, Response, Result};
use crate::resource::property::change::{self, Outcome};
use crate::resource::{Resource, provision};
use crate::store::{CollectionKind, PropertyChanges};
use crate::xml::request::Instruction;
use crate::xml::request::mkcol::Mkcol;
use crate::xml::{self, Element};

/// MKCOL.
pub fn mkcol(context: &Context) -> Result<Response> {
    if context.resource.exists {
        return Err(exists(context));
    }
    let parent = parent(&context.resource)?;
    let body = Mkcol::parse(&context.request.body, context.request.header("content-type"))?;
    // A type that cannot be made is refused among the properties (RFC 5689 §3.5).
    let kind = match body.resource_types().and_then(|types| change::kind_made(&types)) {
        Some(ResourceKind::Calendar) => CollectionKind::Calendar,
        _ => CollectionKind::Plain,
    };
    check_place(&parent, kind)?;
    make(context, kind, &body.properties)
}

/// MKCALENDAR.
pub fn mkcalendar(context: &Context) -> Result<Response> {
    if context.resource.exists {
        return Err(exists(context));
    }
    let parent = parent(&context.resource)
        .map_err(|_| Error::from(Precondition::CalendarCollectionLocationOk).with_status(409))?;
    check_place(&parent, CollectionKind::Calendar)?;
    let content_type = context.request.header("content-type");
    let body = Mkcol::parse_mkcalendar(&context.request.body, content_type)?;
    make(context, CollectionKind::Calendar, &body.properties)
}

/// The URL is mapped: RFC 4918 §9.3.1, RFC 4791 §5.3.1.1.
fn exists(context: &Context) -> Error {
    if context.request.method == Method::Mkcalendar {
        return Precondition::ResourceMustBeNull.into();
    }
    let allow = allow::field(context.resource.kind, true);
    Error::status(405).because("there is already something").with_header("allow", allow)
}

fn parent(target: &Resource) -> Result<Resource> {
    if target.place.is_none() {
        return Err(Error::status(403).because("collections are made in homes only"));
    }
    let parent = target.parent().filter(|parent| parent.exists && parent.kind.is_collection());
    parent.ok_or_else(|| Error::status(409).because("there is no such collection"))
}

/// No collection in a calendar, at any depth (RFC 4791 §4.2, §5.3.1.1).
fn check_place(parent: &Resource, kind: CollectionKind) -> Result<()> {
    let mut above = Some(parent.clone());
    while let Some(collection) = above {
        if collection.kind.holds_calendar_objects() {
            return match kind {
                CollectionKind::Calendar => Err(Precondition::CalendarCollectionLocationOk.into()),
                _ => Err(Error::status(403).because("a calendar holds no collections")),
            };
        }
        above = collection.parent();
    }
    Ok(())
}

fn make(context: &Context, kind: CollectionKind, properties: &[Element]) -> Result<Response> {
    let target = &context.resource;
    guard::early(context, target)?;
    let place = target.place.as_ref().ok_or_else(|| Error::status(403))?;
    let (mut changes, resource_kind) = match kind {
        CollectionKind::Calendar => {
            let kinds = provision::unasked_kinds(&context.config.homes);
            (provision::new_calendar(kinds, "transparent"), ResourceKind::Calendar)
        }
        _ => (PropertyChanges::none(), ResourceKind::Collection),
    };
    let wanted: Vec<Instruction> = properties.iter().cloned().map(Instruction::Set).collect();
    let future = Resource { kind: resource_kind, ..target.clone() };
    let outcome = change::plan(&context.view(), &future, &wanted, true);
    if !outcome.is_ok() {
        return refuse(context, &outcome);
    }
    changes.set.push(provision::new_resource_id());
    changes.set.extend(outcome.plan.here.set);
    place.home.write(|tx| -> Result<()> {
        guard::inside(context, tx, &place.path, &guard::addition(&place.path))?;
        if tx.snapshot().entry(&place.path).is_some() {
            return Err(exists(context));
        }
        tx.make_collection(&place.path, kind, &changes)?;
        Ok(())
    })?;
    Ok(Response::new(201).with("cache-control", "no-cache"))
}

/// Nothing is made when a property cannot be set: RFC 5689 §3 answers with `DAV:mkcol-response`,
/// RFC 4791 §5.3.1.2 with a multistatus.
fn refuse(context: &Context, outcome: &Outcome) -> Result<Response> {
    if context.request.method == Method::Mkcalendar {
        let body = proppatch::multistatus(context, outcome, false).map_err(Error::internal)?;
        return Ok(Response::new(207).with_body(xml::MEDIA_TYPE, body));
    }
    let failures = outcome.results.iter().filter_map(|(_, result)| result.as_ref().err());
    let status = failures.map(|error| error.status).find(|status| *status != 424);
    let body = xml::Writer::document(&Name::dav("mkcol-response"), |writer| {
        xml::multistatus::write_propstats(writer, |propstats| {
            outcome.write(&context.request.origin.prefix, false, propstats);
        });
    });
    Ok(Response::new(status.unwrap_or(403)).with_body(xml::MEDIA_TYPE, body))
}
