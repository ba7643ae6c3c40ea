//! The time-zone services as resources: `/timezones` (reference system) and `/stdtimezones`
//! (RFC 7808). They answer GET and, the older one, POST; they read nothing but the zone database.

use super::context::Context;
use super::media_type;
use crate::caldav::timezone_service::{classic, standard};
use crate::dav::header::Accept;
use crate::dav::name::CALENDARSERVER;
use crate::dav::{Error, Name, Response, Result, query};
use crate::ical::{Component, jcal};
use crate::xml::{self, Writer};

const CALENDAR: &str = "text/calendar; charset=utf-8";
const JSON: &str = "application/json; charset=utf-8";
/// RFC 7807.
const PROBLEM: &str = "application/problem+json; charset=utf-8";
const ABOUT: &str = "<!DOCTYPE html><title>Time zones</title><h1>Time zones</h1>\
    <p>Ask with ?method=list, ?method=get&amp;tzid=… or ?method=expand&amp;tzid=…\
    &amp;start=…&amp;end=…";

/// The service of the reference system.
pub fn classic(context: &Context) -> Result<Response> {
    let query = query::pairs(context.request.query.as_deref());
    Ok(match classic::answer(&query)? {
        classic::Answer::About => {
            Response::new(200).with_body("text/html; charset=utf-8", ABOUT.as_bytes())
        }
        classic::Answer::Identifiers(ids) => xml_answer("timezones", |writer| {
            ids.iter().for_each(|id| writer.leaf(&name("tzid"), id));
        }),
        classic::Answer::Calendar(calendar) => calendar_answer(&calendar),
        classic::Answer::Observances(list) => xml_answer("tzdata", |writer| {
            for (onset, offset) in &list {
                writer.element(&name("observance"), |writer| {
                    writer.leaf(&name("onset"), onset);
                    writer.leaf(&name("utc-offset"), offset);
                });
            }
        }),
    })
}

/// The service of RFC 7808.
pub fn standard(context: &Context) -> Result<Response> {
    let request = context.request;
    let (service, below) = request.path.segments().split_at(1);
    let base = format!("{}/{}", request.origin.prefix, service[0]);
    let query = query::pairs(request.query.as_deref());
    Ok(match standard::answer(below, &query, &base, context.now) {
        standard::Answer::Json(body) => Response::new(200).with_body(JSON, body.to_string()),
        standard::Answer::Calendar(calendar) => data(context, &calendar)?,
        standard::Answer::Problem(status, body) => problem(status, &body),
    })
}

/// The data of one zone (RFC 7808 §5.3): in the format that is liked best, and not again to who
/// has them.
fn data(context: &Context, calendar: &Component) -> Result<Response> {
    let formats = ["text/calendar", media_type::JCAL];
    let accept = Accept::of(context.request)?;
    let Some(format) = accept.best(&formats) else {
        let standard::Answer::Problem(status, body) = standard::not_acceptable() else {
            return Err(Error::status(406));
        };
        return Ok(problem(status, &body));
    };
    let json = format == media_type::JCAL;
    let tag = format!("\"{}{}\"", standard::entity_tag(), if json { "-json" } else { "" });
    let known = context.request.header("if-none-match").unwrap_or_default();
    let response = if known.split(',').any(|known| ["*", tag.as_str()].contains(&known.trim())) {
        Response::new(304)
    } else if json {
        Response::new(200).with_body(format, jcal::to_bytes(calendar))
    } else {
        calendar_answer(calendar)
    };
    Ok(response.with("etag", tag).with("vary", "Accept"))
}

fn problem(status: u16, body: &serde_json::Value) -> Response {
    Response::new(status).with_body(PROBLEM, body.to_string())
}

const fn name(local: &'static str) -> Name {
    Name::new(CALENDARSERVER, local)
}

fn xml_answer(root: &'static str, content: impl FnOnce(&mut Writer)) -> Response {
    Response::new(200).with_body(xml::MEDIA_TYPE, Writer::document(&name(root), content))
}

fn calendar_answer(calendar: &Component) -> Response {
    Response::new(200).with_body(CALENDAR, calendar.to_bytes())
}
