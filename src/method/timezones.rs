//! The time-zone services as resources: `/timezones` (reference system) and `/stdtimezones`
//! (RFC 7808). They answer GET and, the older one, POST; they read nothing but the zone database.

use super::context::Context;
use crate::caldav::timezone_service::{classic, standard};
use crate::dav::name::CALENDARSERVER;
use crate::dav::{Name, Response, Result, query};
use crate::ical::Component;
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
        standard::Answer::Calendar(calendar) => calendar_answer(&calendar),
        standard::Answer::Problem(status, body) => {
            Response::new(status).with_body(PROBLEM, body.to_string())
        }
    })
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
