//! iTIP messages (RFC 5546): what they are and how they are cut out of a calendar object.
//!
//! REQUEST carries what one attendee may see (RFC 6638 §3.2.6), CANCEL the bare instances,
//! REPLY one attendee's answer. Bookkeeping parameters and private data never leave the house.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::attendees;
use super::object::{Instance, Object, instance_of, max_sequence, set_sequence, utc, zones_of};
use super::users::CalendarUsers;
use super::view::attendee_view;
use crate::ical::{Component, Property};

/// PRODID of what the server writes itself.
pub const PRODID: &str = "-//Daybook//CalDAV server//EN";

/// The iTIP methods that the server deals with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// An invitation or an update of one.
    Request,
    /// An attendee's answer.
    Reply,
    /// Withdrawal of an invitation.
    Cancel,
    /// More instances for a recurring event.
    Add,
    /// An attendee asks for the current state.
    Refresh,
    /// An attendee proposes something else.
    Counter,
    /// The organizer does not accept the proposal.
    DeclineCounter,
}

impl Method {
    const NAMES: [(Method, &str); 7] = [
        (Self::Request, "REQUEST"),
        (Self::Reply, "REPLY"),
        (Self::Cancel, "CANCEL"),
        (Self::Add, "ADD"),
        (Self::Refresh, "REFRESH"),
        (Self::Counter, "COUNTER"),
        (Self::DeclineCounter, "DECLINECOUNTER"),
    ];

    /// The value of METHOD.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(method, _)| *method == self).map_or("", |(_, name)| name)
    }

    /// Reads METHOD of a message.
    pub fn of(message: &Component) -> Option<Self> {
        let value = message.value_of("METHOD")?.trim();
        let found = Self::NAMES.iter().find(|(_, name)| name.eq_ignore_ascii_case(value));
        found.map(|(method, _)| *method)
    }

    /// Whether it goes from an attendee to the organizer.
    pub fn is_from_attendee(self) -> bool {
        matches!(self, Self::Reply | Self::Refresh | Self::Counter)
    }
}

/// A message for one recipient.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its method.
    pub method: Method,
    /// Identity of the calendar user it is for.
    pub recipient: String,
    /// Identity of the calendar user it comes from.
    pub originator: String,
    /// The VCALENDAR with METHOD; several recipients may get the same.
    pub calendar: Arc<Component>,
    /// A refresh after somebody else's answer: no inbox item, no new schedule-tag.
    pub refresh: bool,
}

/// REQUEST for one attendee; `only` limits it to some instances. `None` when nothing is left.
pub fn request(
    calendar: &Component,
    attendee: &str,
    only: Option<&BTreeSet<Instance>>,
    now: DateTime<Utc>,
    users: &dyn CalendarUsers,
) -> Option<Component> {
    let mut message = attendee_view(calendar, attendee, users)?;
    if let Some(only) = only {
        let zones = zones_of(calendar);
        message.retain_components(|component| {
            component.is_timezone() || only.contains(&instance_of(component, &zones))
        });
        message.main_components().next()?;
    }
    envelope(&mut message, Method::Request);
    for component in message.main_components_mut() {
        clean(component, now);
        component.retain_properties(|p| !is_private(p) || p.name() == "X-APPLE-DROPBOX");
    }
    drop_unused_zones(&mut message);
    Some(message)
}

/// CANCEL for one attendee: the whole object, or the instances named. Cut out of the version
/// the attendee knows; SEQUENCE is one more than that version's. What `called_off` says takes place
/// for nobody has STATUS:CANCELLED, what goes on without the attendee has none (RFC 5546 §3.2.5).
pub fn cancel(
    calendar: &Component,
    attendee: &str,
    instances: &BTreeSet<Instance>,
    called_off: &dyn Fn(Instance) -> bool,
    now: DateTime<Utc>,
    users: &dyn CalendarUsers,
) -> Option<Component> {
    let object = Object::new(calendar);
    let whole = instances.contains(&Instance::Master);
    let mut message = Component::new("VCALENDAR");
    envelope(&mut message, Method::Cancel);
    for zone in calendar.timezones() {
        message.push_component(zone.clone());
    }
    let wanted: Vec<(Instance, Component)> = if whole {
        // Who is in overrides only must not learn of the series.
        let named = |c: &&Component| attendees::line(c, attendee, users).is_some();
        let master = object.find(Instance::Master).filter(named);
        let source = master.or_else(|| calendar.main_components().find(named))?;
        vec![(Instance::Master, source.clone())]
    } else {
        instances.iter().filter_map(|i| Some((*i, object.find_or_derive(*i)?))).collect()
    };
    let next = max_sequence(calendar) + 1;
    for (instance, source) in &wanted {
        let mut component = cancelled(source, *instance, attendee, next, now, users);
        if called_off(*instance) {
            component.push(Property::new("STATUS", "CANCELLED"));
        }
        message.push_component(component);
    }
    message.main_components().next()?;
    drop_unused_zones(&mut message);
    Some(message)
}

fn cancelled(
    source: &Component,
    instance: Instance,
    attendee: &str,
    sequence: i64,
    now: DateTime<Utc>,
    users: &dyn CalendarUsers,
) -> Component {
    let mut out = Component::new(source.name());
    let mut keep = vec!["UID", "SUMMARY", "DTSTART", "DTEND", "DUE", "DURATION", "ORGANIZER"];
    if instance == Instance::Master {
        keep.extend(["RRULE", "RDATE", "EXDATE", "EXRULE"]);
    }
    out.push(Property::new("DTSTAMP", &stamp(now)));
    for property in source.properties() {
        let own = property.name() == "ATTENDEE" && users.identity(property.value()) == attendee;
        if own || keep.contains(&property.name()) {
            out.push(property.clone());
        }
    }
    if let Instance::At(at) = instance {
        out.push(utc(at).to_property("RECURRENCE-ID"));
    }
    set_sequence(&mut out, sequence);
    clean(&mut out, now);
    out
}

/// REPLY of one attendee about the instances named; about everything when the master is.
pub fn reply(
    calendar: &Component,
    attendee: &str,
    instances: &BTreeSet<Instance>,
    decline: bool,
    now: DateTime<Utc>,
    users: &dyn CalendarUsers,
) -> Option<Component> {
    const KEPT: &[&str] = &[
        "UID",
        "RECURRENCE-ID",
        "SEQUENCE",
        "STATUS",
        "DTSTAMP",
        "DTSTART",
        "DTEND",
        "DURATION",
        "DUE",
        "RRULE",
        "RDATE",
        "EXDATE",
        "ORGANIZER",
        "SUMMARY",
        "COMPLETED",
        "PERCENT-COMPLETE",
        "X-CALENDARSERVER-PRIVATE-COMMENT",
    ];
    let zones = zones_of(calendar);
    let all = instances.contains(&Instance::Master);
    let mut message = calendar.clone();
    message.retain_components(|component| {
        component.is_timezone()
            || ((all || instances.contains(&instance_of(component, &zones)))
                && attendees::line(component, attendee, users).is_some())
    });
    message.main_components().next()?;
    envelope(&mut message, Method::Reply);
    for component in message.main_components_mut() {
        component.retain_properties(|property| match property.name() {
            "ATTENDEE" => users.identity(property.value()) == attendee,
            name => KEPT.contains(&name),
        });
        clean(component, now);
        component.retain_properties(|p| {
            !is_private(p) || p.name() == "X-CALENDARSERVER-PRIVATE-COMMENT"
        });
        if decline && let Some(line) = attendees::line_mut(component, attendee, users) {
            line.set_param("PARTSTAT", "DECLINED");
        }
        if let Some(line) = attendees::line_mut(component, attendee, users) {
            line.remove_param("RSVP");
        }
        component.push(Property::new("REQUEST-STATUS", "2.0;Success"));
    }
    drop_unused_zones(&mut message);
    Some(message)
}

/// Turns the top level into that of a message.
fn envelope(calendar: &mut Component, method: Method) {
    calendar.retain_properties(|p| !p.name().starts_with("X-") && p.name() != "PRODID");
    if !calendar.has("VERSION") {
        calendar.push(Property::new("VERSION", "2.0"));
    }
    calendar.push(Property::new("PRODID", PRODID));
    calendar.set(Property::new("METHOD", method.name()));
}

/// Takes alarms and bookkeeping out of a component and stamps it.
fn clean(component: &mut Component, now: DateTime<Utc>) {
    component.retain_components(|inner| inner.name() != "VALARM");
    component.set(Property::new("DTSTAMP", &stamp(now)));
    for line in component.properties_mut() {
        if !matches!(line.name(), "ATTENDEE" | "ORGANIZER") {
            continue;
        }
        for name in ["SCHEDULE-AGENT", "SCHEDULE-STATUS", "SCHEDULE-FORCE-SEND"] {
            line.remove_param(name);
        }
        let private: Vec<String> = line
            .params()
            .iter()
            .filter(|p| p.name.starts_with("X-") && p.name != "X-CALENDARSERVER-RESET-PARTSTAT")
            .map(|p| p.name.clone())
            .collect();
        for name in private {
            line.remove_param(&name);
        }
    }
}

fn is_private(property: &Property) -> bool {
    property.name().starts_with("X-")
        && !property.name().starts_with("X-APPLE-STRUCTURED")
        && property.name() != "X-APPLE-TRAVEL-START"
}

/// Takes out time zones that nothing refers to any more.
fn drop_unused_zones(calendar: &mut Component) {
    let mut used = BTreeSet::new();
    for component in calendar.main_components() {
        for property in component.properties() {
            used.extend(property.param("TZID").map(str::to_owned));
        }
    }
    calendar.retain_components(|component| {
        !component.is_timezone() || component.value_of("TZID").is_some_and(|id| used.contains(id))
    });
}

/// A UTC time stamp.
pub fn stamp(at: DateTime<Utc>) -> String {
    crate::ical::value::utc_text(at.naive_utc())
}
