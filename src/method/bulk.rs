//! Many changes in one POST to a calendar (apple-calendarserver-bulk-change): an import, which is
//! an iCalendar object taken apart by UID (§3), or a list of changes in XML (§4).
//!
//! Every change is done as the PUT, POST or DELETE it stands for, with the same checks, and answers
//! for itself; nothing here stores anything.

use bytes::Bytes;
use http::HeaderValue;

use super::context::Context;
use super::media_type::{self, MediaType};
use super::{delete, guard, object, post};
use crate::acl::Privilege;
use crate::caldav::calendar_data::Format;
use crate::caldav::split;
use crate::dav::name::{CALDAV, DAV};
use crate::dav::{Body, Error, Method, Name, Request, Response, Result};
use crate::ical::Component;
use crate::limits;
use crate::resource::Resource;
use crate::resource::property::apple::BULK;
use crate::xml::{self, Element, Multistatus, Writer};

const CALENDAR_DATA: Name = Name::caldav("calendar-data");
const UID: Name = Name::calendarserver("uid");

/// One change.
struct Change {
    /// What it is done to; nothing for a new object.
    href: Option<String>,
    /// The entity tag the object must have.
    if_match: Option<String>,
    deed: Result<Deed>,
}

enum Deed {
    /// Store this object.
    Store {
        tree: Box<Component>,
        text: Option<Bytes>,
    },
    Delete,
}

/// What became of a change, ready to be written.
struct Outcome {
    href: String,
    uid: Option<String>,
    result: Result<Response>,
}

/// Answers the request; the answer has a response for every change.
pub fn run(context: &Context) -> Result<Response> {
    guard::early(context, &context.resource)?;
    let body = &context.request.body;
    let media_type = context.request.header("content-type").and_then(MediaType::parse);
    let (changes, format) = match media_type.as_ref().map(|found| found.essence.as_str()) {
        Some("application/xml" | "text/xml") => (of_list(&xml::parse(body)?)?, None),
        _ => {
            let format = media_type::check_calendar(context.request)?;
            (of_import(body, format)?, Some(format))
        }
    };
    if changes.len() > limits::BULK_RESOURCES {
        return Err(Error::status(413).because("too many changes in one request"));
    }
    let wanted = context.request.header("x-mobileme-dav-options").unwrap_or_default();
    let data = wanted.split(',').any(|word| word.trim() == "return-changed-data");
    let outcomes = changes.into_iter().map(|change| carry_out(context, change, data, format));
    let mut out = Vec::new();
    write(context, outcomes, format, &mut out).map_err(Error::internal)?;
    Ok(Response::new(207).with_body(xml::MEDIA_TYPE, out))
}

/// The objects of an import.
fn of_import(body: &[u8], format: Format) -> Result<Vec<Change>> {
    let calendar = media_type::read(body, format)?;
    let store = |tree| Ok(Deed::Store { tree: Box::new(tree), text: None });
    let objects = split::by_uid(&calendar).into_iter();
    Ok(objects.map(|tree| Change { href: None, if_match: None, deed: store(tree) }).collect())
}

/// The changes of a list.
fn of_list(root: &Element) -> Result<Vec<Change>> {
    if !root.is(BULK, "multiput") {
        return Err(Error::bad_request("the body is no multiput"));
    }
    let change = |resource: &Element| {
        let etag = resource.child(BULK, "if-match").and_then(|found| found.child(DAV, "getetag"));
        Change {
            href: resource.child(DAV, "href").map(|href| href.text().trim().to_owned()),
            if_match: etag.map(|etag| etag.text().trim().to_owned()),
            deed: deed(resource),
        }
    };
    Ok(root.children_named(BULK, "resource").map(change).collect())
}

fn deed(resource: &Element) -> Result<Deed> {
    if resource.child(BULK, "delete").is_some() {
        return Ok(Deed::Delete);
    }
    let set = resource.child(DAV, "set").ok_or_else(|| Error::bad_request("nothing to do"))?;
    let properties = set.child(DAV, "prop").unwrap_or(set);
    if resource.child(DAV, "remove").is_some()
        || properties.elements().any(|property| !property.is(CALDAV, "calendar-data"))
    {
        return Err(Error::status(403).because("only calendar data can be set here"));
    }
    let data = properties.child(CALDAV, "calendar-data");
    let data = data.ok_or_else(|| Error::bad_request("no calendar data"))?;
    let json = data.attribute("content-type").and_then(MediaType::parse);
    let json = json.is_some_and(|found| found.essence == media_type::JCAL);
    let format = if json { Format::JCal } else { Format::ICalendar };
    let text = data.text().into_owned().into_bytes();
    let tree = Box::new(media_type::read(&text, format)?);
    Ok(Deed::Store { tree, text: (!json).then(|| text.into()) })
}

fn carry_out(context: &Context, change: Change, data: bool, format: Option<Format>) -> Outcome {
    let mut outcome = Outcome { href: String::new(), uid: None, result: Err(Error::not_found()) };
    if let Some(href) = &change.href {
        outcome.href.clone_from(href);
    }
    outcome.result = change.deed.and_then(|deed| {
        if let Deed::Store { tree, .. } = &deed {
            outcome.uid = tree.uid().map(str::to_owned);
        }
        let target = target(context, change.href.as_deref())?;
        let (method, needed) = match (&deed, &change.href) {
            (Deed::Store { .. }, None) => (Method::Post, None),
            (Deed::Store { .. }, Some(_)) => (Method::Put, Some(Privilege::WriteContent)),
            (Deed::Delete, Some(_)) => (Method::Delete, None),
            (Deed::Delete, None) => return Err(Error::bad_request("what is to be deleted?")),
        };
        if let Some(needed) = needed {
            context.access.require(&target, &[needed])?;
        }
        if method == Method::Delete {
            context.access.require(&context.resource, &[Privilege::Unbind])?;
        }
        let mut request = request(context, method, &target);
        set(&mut request, "if-match", change.if_match.as_deref());
        set(&mut request, "prefer", data.then_some("return=representation"));
        let json = data && format == Some(Format::JCal);
        set(&mut request, "accept", json.then_some(media_type::JCAL));
        if let Deed::Store { tree, text } = deed {
            request.body = text.unwrap_or_else(|| tree.to_bytes().into());
        }
        let (response, target) = perform(context, &request, target)?;
        outcome.href = context.href(&target);
        Ok(marked(context, response, &target))
    });
    outcome
}

/// Does one change, as the request it stands for.
fn perform(context: &Context, request: &Request, target: Resource) -> Result<(Response, Resource)> {
    let context = Context {
        app: context.app,
        config: context.config.clone(),
        directory: context.directory.clone(),
        actor: context.actor.clone(),
        access: context.access.clone(),
        request,
        resource: target.clone(),
        now: context.now,
    };
    match request.method {
        Method::Post => post::add(&context, &target),
        Method::Put => object::put(&context).map(|response| (response, target)),
        _ => delete::run(&context).map(|response| (response, target)),
    }
}

/// With a weak entity tag where the server changed the object: the client has to load it (§3).
fn marked(context: &Context, response: Response, target: &Resource) -> Response {
    if response.headers.contains_key("etag") {
        return response;
    }
    match context.resolve(&target.path).ok().and_then(|now| now.etag()) {
        Some(etag) => response.with("etag", format!("W/{etag}")),
        None => response,
    }
}

/// The object that a change speaks of: a member of the calendar of the request, as it is now.
fn target(context: &Context, href: Option<&str>) -> Result<Resource> {
    let Some(href) = href else { return context.resolve(&context.request.path) };
    let path = context.request.origin.path_of(href)?;
    let target = context.resolve(&path)?;
    let inside = target.parent().is_some_and(|parent| {
        parent.canonical().segments() == context.resource.canonical().segments()
    });
    match inside && target.exists {
        true => Ok(target),
        false => Err(Error::not_found()),
    }
}

/// The request that stands for a change: conditions are the change's own. The If header has been
/// looked at for the whole; its lock tokens go along unless it speaks of the ctag, which moves.
fn request(context: &Context, method: Method, target: &Resource) -> Request {
    let mut request = Request { method, path: target.path.clone(), ..context.request.clone() };
    let about_ctag = context.request.header("if").is_some_and(|field| field.contains(guard::CTAG));
    for name in ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"] {
        request.headers.remove(name);
    }
    if about_ctag {
        request.headers.remove("if");
    }
    request.headers.insert("content-type", HeaderValue::from_static("text/calendar"));
    request
}

fn set(request: &mut Request, name: &'static str, value: Option<&str>) {
    request.headers.remove(name);
    if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
        request.headers.insert(name, value);
    }
}

fn write(
    context: &Context,
    outcomes: impl Iterator<Item = Outcome>,
    format: Option<Format>,
    out: &mut Vec<u8>,
) -> std::io::Result<()> {
    let json = format == Some(Format::JCal);
    let prefix = &context.request.origin.prefix;
    let mut answer = Multistatus::begin(out);
    for Outcome { href, uid, result } in outcomes {
        match result {
            Ok(response) if response.headers.contains_key("etag") || uid.is_some() => {
                answer.response(&href, |propstats| {
                    propstats
                        .propstat(200, |writer| found(&response, uid.as_deref(), json, writer));
                })?;
            }
            Ok(_) => answer.bare_status(&href, 200)?,
            Err(error) => answer.failed(&href, &error, prefix, |writer| {
                uid.iter().for_each(|uid| writer.leaf(&UID, uid));
            })?,
        }
    }
    answer.finish()
}

fn found(response: &Response, uid: Option<&str>, json: bool, writer: &mut Writer) {
    if let Some(etag) = response.headers.get("etag").and_then(|etag| etag.to_str().ok()) {
        writer.leaf(&Name::dav("getetag"), etag);
    }
    if let Some(uid) = uid {
        writer.leaf(&UID, uid);
    }
    if let Body::Full(bytes) = &response.body {
        let attributes = [("content-type", media_type::JCAL), ("version", "2.0")];
        writer.open_with(&CALENDAR_DATA, if json { &attributes } else { &[] });
        writer.text(&String::from_utf8_lossy(bytes));
        writer.close(&CALENDAR_DATA);
    }
}
