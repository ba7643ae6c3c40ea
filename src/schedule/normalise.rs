//! The form in which two versions of a component are compared (what a scheduling message would
//! have to tell): noise removed, defaults dropped, times as instants, lists sorted.
//!
//! Reference §7.3. Two components with the same normal form mean the same to everybody invited.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::object::{Instance, dates, instance_of};
use super::users::CalendarUsers;
use crate::ical::timezone::Zones;
use crate::ical::{Component, DateOrTime, IcalDuration, Property};

/// A property in comparable form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NormalProperty {
    /// Upper-case name.
    pub name: String,
    /// Comparable value.
    pub value: String,
    /// Parameters that are neither noise nor at their default.
    pub params: BTreeMap<String, String>,
}

/// A component in comparable form.
pub type Normal = BTreeSet<NormalProperty>;

/// Properties that never matter to anybody else.
const NOISE: &[&str] = &["CREATED", "DTSTAMP", "LAST-MODIFIED"];
/// Parameters that are bookkeeping between one user and the server.
const PARAM_NOISE: &[&str] = &["RSVP", "SCHEDULE-STATUS", "SCHEDULE-FORCE-SEND", "EMAIL", "CN"];
const PARAM_DEFAULTS: &[(&str, &str)] = &[
    ("CUTYPE", "INDIVIDUAL"),
    ("ROLE", "REQ-PARTICIPANT"),
    ("PARTSTAT", "NEEDS-ACTION"),
    ("RSVP", "FALSE"),
    ("SCHEDULE-AGENT", "SERVER"),
];
const DEFAULTS: &[(&str, &str)] = &[
    ("CALSCALE", "GREGORIAN"),
    ("PRIORITY", "0"),
    ("TRANSP", "OPAQUE"),
    ("REPEAT", "0"),
    ("SEQUENCE", "0"),
    ("CLASS", "PUBLIC"),
];

/// The normal form of one main component.
pub fn normal(component: &Component, zones: &Zones, users: &dyn CalendarUsers) -> Normal {
    let mut out = Normal::new();
    for property in component.properties() {
        if let Some(normal) = normal_property(property, users) {
            out.insert(normal);
        }
    }
    for name in ["EXDATE", "RDATE"] {
        for at in dates(component, name, zones) {
            out.insert(plain(name, &print(at)));
        }
    }
    if let Instance::At(at) = instance_of(component, zones) {
        out.insert(plain("RECURRENCE-ID", &print(at)));
    }
    out.extend(normal_times(component, zones));
    out
}

fn normal_property(property: &Property, users: &dyn CalendarUsers) -> Option<NormalProperty> {
    let name = property.name();
    let private = name.starts_with("X-") && name != "X-CALENDARSERVER-PRIVATE-COMMENT";
    let times = ["EXDATE", "RDATE", "RECURRENCE-ID", "DTSTART", "DTEND", "DUE", "DURATION"];
    if NOISE.contains(&name) || private || times.contains(&name) {
        return None;
    }
    let value = match name {
        "ATTENDEE" | "ORGANIZER" => users.identity(property.value()),
        "RRULE" | "EXRULE" => sorted_rule(property.value()),
        _ => property.value().to_owned(),
    };
    let params = normal_params(property, users);
    let at_default = DEFAULTS.iter().any(|(n, v)| *n == name && v.eq_ignore_ascii_case(&value));
    if at_default && params.is_empty() {
        return None;
    }
    Some(NormalProperty { name: name.to_owned(), value, params })
}

fn normal_params(property: &Property, users: &dyn CalendarUsers) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for param in property.params() {
        let value = match param.name.as_str() {
            "DELEGATED-TO" | "DELEGATED-FROM" | "MEMBER" => {
                let same: Vec<String> = param.values.iter().map(|v| users.identity(v)).collect();
                same.join(",")
            }
            _ => param.values.join(","),
        };
        let default =
            PARAM_DEFAULTS.iter().any(|(n, v)| *n == param.name && v.eq_ignore_ascii_case(&value));
        if param.name.starts_with("X-")
            || param.name == "VALUE"
            || PARAM_NOISE.contains(&param.name.as_str())
            || default
        {
            continue;
        }
        out.insert(param.name.clone(), value);
    }
    out
}

/// Start and end as instants; the zone is kept beside them, since a change of zone matters.
fn normal_times(component: &Component, zones: &Zones) -> Vec<NormalProperty> {
    let read = |name| component.property(name).and_then(|p| DateOrTime::from_property(p).ok());
    let mut out = Vec::new();
    let start = read("DTSTART");
    if let Some(start) = &start {
        out.push(timed("DTSTART", start, zones));
    }
    let end_name = if component.name() == "VTODO" { "DUE" } else { "DTEND" };
    let end = read(end_name).or_else(|| {
        let length: IcalDuration = component.value_of("DURATION")?.parse().ok()?;
        let start = start.as_ref()?;
        // Days move on the wall clock, seconds in exact time (RFC 5545 §3.3.6).
        let day = start.plus(chrono::TimeDelta::days(length.days()));
        if length.seconds() == 0 {
            return Some(day);
        }
        let exact = zones.to_utc(&day) + chrono::TimeDelta::seconds(length.seconds());
        Some(zones.from_utc(exact, start))
    });
    match (end, &start) {
        (Some(end), _) => out.push(timed(end_name, &end, zones)),
        // No end: a day lasts a day, an instant lasts no time (RFC 5545 §3.6.1).
        (None, Some(start)) if component.name() == "VEVENT" => {
            let days = i64::from(start.is_date());
            out.push(timed("DTEND", &start.plus(chrono::TimeDelta::days(days)), zones));
        }
        _ => {}
    }
    out
}

fn timed(name: &str, value: &DateOrTime, zones: &Zones) -> NormalProperty {
    let mut params = BTreeMap::new();
    if let Some(tzid) = value.tzid() {
        params.insert("TZID".to_owned(), tzid.to_string());
    }
    if value.is_date() {
        params.insert("VALUE".to_owned(), "DATE".to_owned());
    }
    NormalProperty { name: name.to_owned(), value: print(zones.to_utc(value)), params }
}

fn plain(name: &str, value: &str) -> NormalProperty {
    NormalProperty { name: name.to_owned(), value: value.to_owned(), params: BTreeMap::new() }
}

fn print(at: DateTime<Utc>) -> String {
    crate::ical::value::utc_text(at.naive_utc())
}

/// The parts of a rule in one order; INTERVAL=1 says nothing.
fn sorted_rule(rule: &str) -> String {
    let upper = rule.to_ascii_uppercase();
    let mut parts: Vec<&str> =
        upper.split(';').filter(|part| !part.is_empty() && *part != "INTERVAL=1").collect();
    parts.sort_unstable();
    parts.join(";")
}

/// A rule without the parts that only say where it ends.
pub fn rule_without_end(rule: &str) -> String {
    let parts = rule.split(';').filter(|p| !p.starts_with("COUNT=") && !p.starts_with("UNTIL="));
    parts.collect::<Vec<_>>().join(";")
}
