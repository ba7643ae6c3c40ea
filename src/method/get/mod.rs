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
use crate::dav::header::{Accept, calendar_timezones};
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
            Some("CalDAV-Timezones, User-Agent")
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
            with_validators(context, || whole_calendar(context))
        }
        ResourceKind::FreeBusyUrl => free_busy_url::run(context),
        ResourceKind::Timezones => timezones::classic(context),
        ResourceKind::TimezoneStd => timezones::standard(context),
        ResourceKind::WellKnown if context.request.path.segments().len() == 1 => {
            listing::page(context)
        }
        kind if kind.is_collection() => with_validators(context, || listing::page(context)),
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
fn with_validators(context: &Context, make: impl FnOnce() -> Result<Response>) -> Result<Response> {
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
    let response = match guard::early(context, resource)? {
        Verdict::NotModified => Response::new(304),
        Verdict::Proceed => make()?,
    };
    Ok(validators(response, resource))
}

fn validators(mut response: Response, resource: &Resource) -> Response {
    if let Some(etag) = resource.etag() {
        response = response.with("etag", etag.to_string());
    }
    if let Some(modified) = resource.modified() {
        response = response.with("last-modified", http_date(modified));
    }
    if let Some(tag) = resource.schedule_tag() {
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
    if guard::early(context, resource)? == Verdict::NotModified {
        return Ok(validators(Response::new(304), resource));
    }
    let (bytes, media_type) = content(context, resource)?;
    // No other method knows ranges (RFC 9110 §14.2).
    let range = context.request.header("range");
    let wanted = range.filter(|_| context.request.method == Method::Get).filter(|_| {
        let place = resource.place.as_ref();
        let state = place.map(|place| guard::state_at(&place.snapshot, &place.path));
        conditions::if_range_holds(context.request, &state.unwrap_or_default())
    });
    let response = validators(range::respond(wanted, bytes, &media_type), resource);
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
    let (bytes, media_type) = content(context, resource)?;
    Ok(validators(Response::new(200).with_body(&media_type, bytes), resource))
}

/// The bytes of a file as the client may see them, and their media type.
fn content(context: &Context, resource: &Resource) -> Result<(Bytes, String)> {
    let object = resource.entry().and_then(|entry| entry.object());
    let object = object.ok_or_else(Error::not_found)?;
    let bytes = resource.read()?.ok_or_else(Error::not_found)?;
    match &object.kind {
        ObjectKind::Calendar(_) => shown(context, resource, bytes),
        _ => Ok((bytes, object.content_type())),
    }
}

/// A calendar object in the format the client asks for, as far as it may see it.
fn shown(context: &Context, resource: &Resource, bytes: Bytes) -> Result<(Bytes, String)> {
    let json = Accept::of(context.request)?.names(media_type::JCAL);
    let timezones = calendar_timezones(context.request)?;
    if !json && timezones.is_none() && context.access.sees_all(resource) {
        return Ok((bytes, media_type::CALENDAR.to_owned()));
    }
    let mut object = ical::parse(&bytes).map_err(Error::internal)?;
    let view = match context.access.shown(resource, &object) {
        Shown::Whole if by_reference::apply(&mut object, timezones) => Some(object.clone()),
        Shown::Whole => None,
        Shown::Part(mut view) => {
            by_reference::apply(&mut view, timezones);
            Some(view)
        }
        // It was not private when access was decided.
        Shown::Nothing => return Err(Error::status(403).because("the owner keeps it private")),
    };
    Ok(match (json, view) {
        (true, view) => {
            let text = jcal::to_bytes(view.as_ref().unwrap_or(&object));
            (text.into(), format!("{};charset=utf-8", media_type::JCAL))
        }
        (false, Some(view)) => (view.to_bytes().into(), media_type::CALENDAR.to_owned()),
        (false, None) => (bytes, media_type::CALENDAR.to_owned()),
    })
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
    let mut response = Response::new(200).with("content-type", media_type::CALENDAR);
    response.body = Body::Full(merged.finish().into());
    Ok(response)
}
