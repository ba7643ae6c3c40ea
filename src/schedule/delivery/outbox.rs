//! POST to the outbox (RFC 6638 §5): when are these people busy, one answer for each of them.
//!
//! Other messages are `outbox_messages`.

use chrono::{DateTime, Utc};

use super::busy;
use super::default_calendar::inbox;
use super::env::{Env, Right};
use super::{booking_details, outbox_messages};
use crate::caldav::Period;
use crate::caldav::calendar_data::Format;
use crate::caldav::free_busy::{BusyTime, Options};
use crate::dav::{Error, Precondition, Result};
use crate::ical::{Component, DateOrTime, Property, jcal};
use crate::principal::RecordType;
use crate::schedule::changes::escape;
use crate::schedule::itip::{Method, PRODID};
use crate::schedule::object::zones_of;
use crate::schedule::users::CalendarUsers;
use crate::store::{HomePath, StoreError};

/// Who asks, and where.
pub struct Post<'a> {
    /// GUID of the authorised principal.
    pub actor: &'a str,
    /// GUID of the owner of the outbox.
    pub owner: &'a str,
    /// The message.
    pub message: &'a Component,
    /// The format of the message, and of the answer.
    pub format: Format,
}

/// The answer about one recipient.
pub(super) struct Response {
    /// The address as the client wrote it.
    pub recipient: String,
    /// REQUEST-STATUS.
    pub status: &'static str,
    /// The iTIP answer, if there is one.
    pub calendar: Option<Component>,
}

/// What posting a message needs on the outbox (RFC 6638 §6.2.2 to §6.2.4): asking for busy times
/// is one thing, what organizers and what attendees say are two others.
pub fn right_to_post(message: &Component) -> Result<Right> {
    let method = checked_method(message)?;
    Ok(match message.main_kind() {
        Some("VFREEBUSY") => Right::AskFreeBusy,
        _ if method.is_from_attendee() => Right::SendReply,
        _ => Right::SendInvite,
    })
}

/// Answers a POST with a `CALDAV:schedule-response` document. The caller has asked for
/// `right_to_post`.
pub fn post(env: &Env<'_>, post: &Post<'_>) -> Result<String> {
    let method = checked_method(post.message)?;
    match (post.message.main_kind(), method) {
        (Some("VFREEBUSY"), Method::Request) => free_busy(env, post),
        (Some("VFREEBUSY"), _) => Err(invalid("free-busy messages are requests")),
        (Some(_), method) => outbox_messages::post(env, post, method),
        (None, _) => Err(invalid("there is nothing in the message")),
    }
}

fn checked_method(message: &Component) -> Result<Method> {
    let known = Method::of(message);
    let kinds: std::collections::BTreeSet<&str> =
        message.main_components().map(Component::name).collect();
    if kinds.len() > 1 {
        return Err(invalid("several kinds of components in one message"));
    }
    known.ok_or_else(|| invalid("no METHOD, or one that nobody knows"))
}

pub(super) fn invalid(reason: &str) -> Error {
    Error::from(Precondition::ValidCalendarData).because(reason)
}

fn free_busy(env: &Env<'_>, post: &Post<'_>) -> Result<String> {
    let mut components = post.message.main_components();
    let (Some(request), None) = (components.next(), components.next()) else {
        return Err(invalid("exactly one VFREEBUSY is needed"));
    };
    organizer_owns_outbox(env, request, post.owner)?;
    let zones = zones_of(post.message);
    let moment = |name: &str| {
        let value = DateOrTime::from_property(request.property(name)?).ok()?;
        Some(zones.to_utc(&value))
    };
    let bounds = match (moment("DTSTART"), moment("DTEND")) {
        (Some(start), Some(end)) if start < end => Period::new(start, end),
        _ => return Err(invalid("DTSTART and DTEND are needed, one after the other")),
    };
    let attendees: Vec<&Property> = request.properties_named("ATTENDEE").collect();
    if attendees.is_empty() {
        return Err(Error::from(Precondition::RecipientSpecified).because("whom to ask?"));
    }
    let answers = attendees.into_iter().enumerate().map(|(index, attendee)| {
        if index >= crate::limits::FREE_BUSY_RECIPIENTS {
            let recipient = attendee.value().to_owned();
            return Response { recipient, status: "5.1;Service unavailable", calendar: None };
        }
        one(env, post, request, attendee, bounds)
    });
    Ok(document(&answers.collect::<Vec<_>>(), post.format))
}

/// One recipient's busy time.
fn one(
    env: &Env<'_>,
    post: &Post<'_>,
    request: &Component,
    attendee: &Property,
    bounds: Period,
) -> Response {
    let recipient = attendee.value().to_owned();
    let answer = |status, calendar| Response { recipient: recipient.clone(), status, calendar };
    let (record, home) = match env.home_of(attendee.value()) {
        Ok(Some(found)) => found,
        Ok(None) => return answer("3.7;Invalid Calendar User", None),
        Err(error) => {
            tracing::error!(%error, recipient, "cannot open a recipient's home");
            return answer("5.1;Service unavailable", None);
        }
    };
    if !env.host.allows(post.actor, &record.guid, &inbox(), Right::QueryFreeBusy) {
        return answer("3.8;No authority", None);
    }
    let snapshot = home.snapshot();
    let identity = super::env::address_of(&record);
    let is_owner = |address: &str| env.identity(address) == identity;
    let masked = request
        .text_of("X-CALENDARSERVER-MASK-UID")
        .filter(|uid| may_mask(env, &snapshot, uid, post.owner, &record.guid));
    let options = Options { masked_uid: masked.as_deref(), is_owner: Some(&is_owner) };
    let read = |path: &HomePath| home.read(path);
    let visible = |path: &HomePath| {
        env.host.allows(post.actor, &record.guid, path, Right::ReadFreeBusy)
            || env.host.allows(post.actor, &record.guid, path, Right::Read)
    };
    let told = |path: &HomePath| {
        let room = matches!(record.record_type, RecordType::Location | RecordType::Resource);
        (room && env.options.resource_bookings_visible && visible(path))
            || env.host.allows(post.actor, &record.guid, path, Right::Read)
    };
    let found = || -> std::result::Result<Component, StoreError> {
        let source = (&read as busy::Reader<'_>, home.derived());
        let mut busy = busy::busy_time(&snapshot, source, bounds, &options, &visible)?;
        busy::add_availability(&mut busy, &snapshot);
        let mut calendar = reply(&busy, request, attendee, env.now);
        if booking_details::are_asked_for(request) {
            let details = booking_details::of(&snapshot, &read, bounds, &options, &told)?;
            details.into_iter().for_each(|event| calendar.push_component(event));
        }
        Ok(calendar)
    };
    match found() {
        Ok(calendar) => answer("2.0;Success", Some(calendar)),
        Err(error) => {
            tracing::error!(%error, recipient, "cannot read a recipient's calendars");
            answer("5.1;Service unavailable", None)
        }
    }
}

/// Only who organises an event may leave it out of the answer; without organizer only the owner
/// (apple-icalendar-maskuids).
fn may_mask(
    env: &Env<'_>,
    snapshot: &crate::store::Snapshot,
    uid: &str,
    asker: &str,
    asked: &str,
) -> bool {
    let own = asker == asked;
    let asker = super::operation::owner_identity(env, asker);
    snapshot.by_uid(uid).iter().any(|path| {
        let object = snapshot.object(path);
        let summary = object.and_then(|object| object.calendar());
        let organizer = summary.and_then(|summary| summary.organizer());
        organizer.map_or(own, |organizer| env.identity(organizer) == asker)
    })
}

fn reply(
    busy: &BusyTime,
    request: &Component,
    attendee: &Property,
    now: DateTime<Utc>,
) -> Component {
    let mut out = Component::new("VFREEBUSY");
    for name in ["UID", "DTSTART", "DTEND"] {
        if let Some(property) = request.property(name) {
            out.push(property.clone());
        }
    }
    out.push(Property::new("DTSTAMP", &crate::schedule::itip::stamp(now)));
    if let Some(organizer) = request.property("ORGANIZER") {
        out.push(organizer.clone());
    }
    out.push(attendee.clone());
    for kind in ["BUSY", "BUSY-TENTATIVE", "BUSY-UNAVAILABLE"] {
        let periods = busy.periods(kind);
        if !periods.is_empty() {
            // Time that nobody is there is given by its ends, as the reference system does.
            let text = match kind {
                "BUSY-UNAVAILABLE" => Period::to_ical,
                _ => period_text,
            };
            let texts: Vec<String> = periods.into_iter().map(text).collect();
            let line = Property::new("FREEBUSY", &texts.join(","));
            out.push(line.with_param("FBTYPE", kind));
        }
    }
    let mut calendar = Component::new("VCALENDAR");
    calendar.push(Property::new("VERSION", "2.0"));
    calendar.push(Property::new("PRODID", PRODID));
    calendar.push(Property::new("METHOD", "REPLY"));
    calendar.push_component(out);
    calendar
}

/// Start and duration, as the reference system writes it.
fn period_text(period: Period) -> String {
    let length = crate::ical::IcalDuration::from_seconds((period.end - period.start).num_seconds());
    let start = crate::schedule::itip::stamp(period.start);
    match length.seconds() % 86_400 {
        0 => format!("{start}/P{}D", length.seconds() / 86_400),
        _ => format!("{start}/{length}"),
    }
}

pub(super) fn organizer_owns_outbox(
    env: &Env<'_>,
    component: &Component,
    owner: &str,
) -> Result<()> {
    let organizer = component.value_of("ORGANIZER").unwrap_or_default();
    if env.identity(organizer) == super::operation::owner_identity(env, owner) {
        return Ok(());
    }
    Err(Error::from(Precondition::OrganizerAllowed)
        .because("the organizer is not the owner of this outbox"))
}

/// The document of RFC 6638 §10.1.
pub(super) fn document(responses: &[Response], format: Format) -> String {
    let mut xml = String::from(
        "<?xml version='1.0' encoding='UTF-8'?>\n\
         <schedule-response xmlns='urn:ietf:params:xml:ns:caldav'>\n",
    );
    for response in responses {
        xml.push_str("  <response>\n    <recipient><href xmlns='DAV:'>");
        xml.push_str(&escape(&response.recipient));
        xml.push_str("</href></recipient>\n    <request-status>");
        xml.push_str(response.status);
        xml.push_str("</request-status>\n");
        match &response.calendar {
            Some(calendar) if format == Format::JCal => {
                let text = String::from_utf8_lossy(&jcal::to_bytes(calendar)).into_owned();
                xml.push_str("    <calendar-data content-type='");
                xml.push_str(jcal::MEDIA_TYPE);
                xml.push_str("' version='2.0'>");
                xml.push_str(&escape(&text));
                xml.push_str("</calendar-data>\n");
            }
            Some(calendar) => {
                let text = String::from_utf8_lossy(&calendar.to_bytes()).into_owned();
                xml.push_str("    <calendar-data>");
                xml.push_str(&escape(&refolded(&text)));
                xml.push_str("</calendar-data>\n");
            }
            None if response.status.starts_with("3.7") => {
                xml.push_str(
                    "    <error xmlns='DAV:'><recipient-exists \
                     xmlns='urn:ietf:params:xml:ns:caldav'/></error>\n",
                );
            }
            None => {}
        }
        let text = response.status.split_once(';').map_or("", |(_, text)| text);
        xml.push_str("    <responsedescription xmlns='DAV:'>");
        xml.push_str(text);
        xml.push_str("</responsedescription>\n  </response>\n");
    }
    xml.push_str("</schedule-response>\n");
    xml
}

/// The text folded where the reference system folds (after 74 octets), which older clients were
/// written against.
fn refolded(text: &str) -> String {
    const FOLD_AT: usize = 74;
    let unfolded = text.replace("\r\n ", "");
    let mut out = String::with_capacity(unfolded.len() + unfolded.len() / FOLD_AT * 3);
    for line in unfolded.lines() {
        let mut width = 0;
        for c in line.chars() {
            if width + c.len_utf8() > FOLD_AT {
                out.push_str("\r\n ");
                width = 1;
            }
            out.push(c);
            width += c.len_utf8();
        }
        out.push_str("\r\n");
    }
    out
}
