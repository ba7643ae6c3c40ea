//! GET and HEAD (RFC 9110 §9.3.1): files with conditions and ranges, calendars as one VCALENDAR,
//! pages for people.

mod listing;
pub mod merge;
pub mod page;
pub mod range;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use self::merge::Merged;
use super::conditions::{self, State, Verdict};
use super::context::Context;
use super::{free_busy_url, guard, media_type, timezones};
use crate::acl::Privilege;
use crate::caldav::by_reference;
use crate::dav::header::calendar_timezones;
use crate::dav::kind::ResourceKind;
use crate::dav::{Body, ETag, Error, Method, Response, Result};
use crate::ical::{self, jcal};
use crate::resource::access::Shown;
use crate::resource::{Resource, attachment};
use crate::store::ObjectKind;

/// Answers GET and HEAD; `http` leaves the body of an answer to HEAD away.
pub fn run(context: &Context) -> Result<Response> {
    let response = representation(context)?;
    Ok(match varies(&context.resource) {
        Some(fields) => response.with("vary", fields),
        None => response,
    })
}

/// The request fields that decide what is sent of a resource (RFC 9110 §12.5.5).
fn varies(resource: &Resource) -> Option<&'static str> {
    let object = resource.entry().and_then(|entry| entry.object());
    match resource.kind {
        ResourceKind::Calendar | ResourceKind::Inbox | ResourceKind::Outbox => {
            Some("Accept, CalDAV-Timezones, User-Agent")
        }
        _ if object.is_some_and(|object| matches!(object.kind, ObjectKind::Calendar(_))) => {
            Some("Accept, CalDAV-Timezones")
        }
        _ => None,
    }
}

fn representation(context: &Context) -> Result<Response> {
    let resource = &context.resource;
    if !resource.exists {
        return Err(Error::not_found());
    }
    if resource.kind.is_collection() && !context.request.path.has_slash() {
        let mut location = context.href(resource);
        if let Some(query) = &context.request.query {
            location = format!("{location}?{query}");
        }
        return Ok(Response::new(301).with("location", location));
    }
    match resource.kind {
        ResourceKind::CalendarsUids | ResourceKind::PrincipalUids => {
            Err(Error::status(403).because("this collection cannot be listed"))
        }
        ResourceKind::Calendar | ResourceKind::Inbox | ResourceKind::Outbox
            if !wants_page(context) =>
        {
            let usual = !media_type::wants_jcal(context.request)?
                && calendar_timezones(context.request)?.is_none();
            with_validators(context, usual, || whole_calendar(context))
        }
        ResourceKind::FreeBusyUrl => free_busy_url::run(context),
        ResourceKind::Timezones => timezones::classic(context),
        ResourceKind::TimezoneStd => timezones::standard(context),
        ResourceKind::WellKnown if context.request.path.segments().len() == 1 => {
            listing::page(context)
        }
        ResourceKind::Calendar | ResourceKind::Inbox | ResourceKind::Outbox => {
            with_validators(context, false, || listing::page(context))
        }
        kind if kind.is_collection() => with_validators(context, true, || listing::page(context)),
        _ => file(context),
    }
}

/// Browsers get pages where other clients get calendar data (reference system §2.4).
fn wants_page(context: &Context) -> bool {
    let agent = context.request.header("user-agent").unwrap_or_default();
    agent.starts_with("Mozilla/") && agent.contains("Gecko")
}

/// Adds ETag and Last-Modified, and makes the body only when it is needed. Who may not see all has
/// an entity tag of what they see: it changes when they are shown more or less of a calendar.
/// What is not the usual form of the resource has a tag of its own (RFC 9110 §8.8.3.3).
fn with_validators(
    context: &Context,
    usual: bool,
    make: impl FnOnce() -> Result<Response>,
) -> Result<Response> {
    let resource = &context.resource;
    if !context.access.sees_all(resource) {
        let response = make()?;
        let Body::Full(bytes) = &response.body else { return Ok(response) };
        let etag = ETag::of(bytes);
        let tag = etag.to_string();
        let state = State { exists: true, etag: Some(etag), ..State::default() };
        return Ok(match guard::early_as(context, &state)? {
            Verdict::NotModified => Response::new(304).with("etag", tag),
            Verdict::Proceed => response.with("etag", tag),
        });
    }
    if usual {
        let response = match guard::early(context, resource)? {
            Verdict::NotModified => Response::new(304),
            Verdict::Proceed => make()?,
        };
        return Ok(validators(context, response, resource, None));
    }
    let response = make()?;
    let variant = match (&response.body, resource.etag()) {
        (Body::Full(bytes), Some(etag)) => Some(etag.variant(bytes)),
        _ => None,
    };
    let response = match guard::early_as(context, &state(context, resource, variant.clone()))? {
        Verdict::NotModified => Response::new(304),
        Verdict::Proceed => response,
    };
    Ok(validators(context, response, resource, variant))
}

/// What conditions are compared with when this representation would be sent.
fn state(context: &Context, resource: &Resource, selected: Option<ETag>) -> State {
    let place = resource.place.as_ref();
    let state = place.map(|place| guard::state_at(context, &place.snapshot, &place.path));
    State { selected, ..state.unwrap_or_default() }
}

fn validators(
    context: &Context,
    mut response: Response,
    resource: &Resource,
    variant: Option<ETag>,
) -> Response {
    if let Some(etag) = variant.or_else(|| resource.etag()) {
        response = response.with("etag", etag.to_string());
    }
    if let Some(modified) = resource.modified() {
        response = response.with("last-modified", http_date(modified));
    }
    if let Some(tag) = resource.schedule_tag(&context.directory) {
        response = response.with("schedule-tag", format!("\"{tag}\""));
    }
    response
}

fn http_date(instant: DateTime<Utc>) -> String {
    // The format cannot say what lies before 1970 or after 9999.
    let seconds = instant.timestamp().clamp(0, 253_402_300_799);
    let since = std::time::Duration::from_secs(seconds.unsigned_abs());
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + since)
}

fn file(context: &Context) -> Result<Response> {
    let resource = &context.resource;
    if resource.entry().is_none_or(|entry| entry.object().is_none()) {
        return Err(Error::not_found());
    }
    let usual =
        !media_type::wants_jcal(context.request)? && calendar_timezones(context.request)?.is_none();
    if usual && guard::early(context, resource)? == Verdict::NotModified {
        return Ok(validators(context, Response::new(304), resource, None));
    }
    let Sent { bytes, media_type, variant } = content(context, resource)?;
    let state = state(context, resource, variant.clone());
    if !usual && guard::early_as(context, &state)? == Verdict::NotModified {
        return Ok(validators(context, Response::new(304), resource, variant));
    }
    // No other method knows ranges (RFC 9110 §14.2).
    let range = context.request.header("range");
    let wanted = range
        .filter(|_| context.request.method == Method::Get)
        .filter(|_| conditions::if_range_holds(context.request, &state));
    let response =
        validators(context, range::respond(wanted, bytes, &media_type), resource, variant);
    if attachment::above(resource).is_none() {
        return Ok(response);
    }
    // Somebody else's file must not run as a page of this server.
    let name = resource.path.href();
    let name = name.rsplit('/').next().unwrap_or_default();
    Ok(response
        .with("content-disposition", format!("attachment; filename*=UTF-8''{name}"))
        .with("x-content-type-options", "nosniff")
        .with("content-security-policy", "sandbox"))
}

/// A file as a GET without conditions would be answered, for a refused change of it
/// (RFC 8144 §3.1).
pub fn current(context: &Context, resource: &Resource) -> Result<Response> {
    let Sent { bytes, media_type, variant } = content(context, resource)?;
    Ok(validators(context, Response::new(200).with_body(&media_type, bytes), resource, variant))
}

/// A representation.
struct Sent {
    bytes: Bytes,
    media_type: String,
    /// Its entity tag, where it is not what lies there.
    variant: Option<ETag>,
}

/// The bytes of a file as the client may see them.
fn content(context: &Context, resource: &Resource) -> Result<Sent> {
    let object = resource.entry().and_then(|entry| entry.object());
    let object = object.ok_or_else(Error::not_found)?;
    let bytes = resource.read()?.ok_or_else(Error::not_found)?;
    match &object.kind {
        ObjectKind::Calendar(_) => shown(context, resource, bytes),
        _ => Ok(Sent { bytes, media_type: object.content_type(), variant: None }),
    }
}

/// A calendar object in the format the client asks for, as far as it may see it.
fn shown(context: &Context, resource: &Resource, bytes: Bytes) -> Result<Sent> {
    let json = media_type::wants_jcal(context.request)?;
    let timezones = calendar_timezones(context.request)?;
    let text = |bytes, variant| {
        let media_type = media_type::CALENDAR.to_owned();
        Ok(Sent { bytes, media_type, variant })
    };
    if !json && timezones.is_none() && context.access.sees_all(resource) {
        return text(bytes, None);
    }
    let object = ical::parse(&bytes).map_err(Error::internal)?;
    let (mut object, whole) = match context.access.shown(resource, &object) {
        Shown::Whole => (object, true),
        Shown::Part(view) => (view, false),
        // It was not private when access was decided.
        Shown::Nothing => return Err(Error::status(403).because("the owner keeps it private")),
    };
    let by_reference = by_reference::apply(&mut object, timezones);
    let variant = |bytes: &[u8]| resource.etag().map(|etag| etag.variant(bytes));
    if json {
        let bytes = Bytes::from(jcal::to_bytes(&object));
        let media_type = format!("{};charset=utf-8", media_type::JCAL);
        return Ok(Sent { variant: variant(&bytes), bytes, media_type });
    }
    if by_reference {
        let bytes = Bytes::from(object.to_bytes());
        let variant = variant(&bytes);
        return text(bytes, variant);
    }
    // What somebody sees of it is to them all there is, and has the tag that PROPFIND tells.
    text(if whole { bytes } else { object.to_bytes().into() }, None)
}

/// All objects the reader may see, as one VCALENDAR. Damaged files are left out.
fn whole_calendar(context: &Context) -> Result<Response> {
    let resource = &context.resource;
    let name = resource.properties().text(&crate::dav::Name::dav("displayname"));
    let timezones = calendar_timezones(context.request)?;
    let mut merged = Merged::new(name.as_deref().or(resource.path.name()));
    for member in resource.members() {
        if !context.access.may(&member, Privilege::Read) {
            continue;
        }
        let Some(bytes) = member.read()? else { continue };
        let Ok(mut object) = ical::parse(&bytes) else { continue };
        match context.access.shown(&member, &object) {
            Shown::Whole => {}
            Shown::Part(view) => object = view,
            Shown::Nothing => continue,
        }
        by_reference::apply(&mut object, timezones);
        merged.add(&object);
    }
    let calendar = merged.finish();
    Ok(match media_type::wants_jcal(context.request)? {
        true => {
            let media_type = format!("{};charset=utf-8", media_type::JCAL);
            Response::new(200).with_body(&media_type, jcal::to_bytes(&calendar))
        }
        false => Response::new(200).with_body(media_type::CALENDAR, calendar.to_bytes()),
    })
}
