//! How a calendar object resource is built (RFC 4791 §4.1): one object of one kind with one UID.

use std::collections::HashSet;

use super::{Rules, invalid_data, invalid_object};
use crate::dav::error::Detail;
use crate::dav::{Error, Precondition, Result};
use crate::ical::timezone::Zone;
use crate::ical::{Component, DateOrTime};

/// VCALENDAR itself.
pub fn check_calendar(calendar: &Component) -> Result<()> {
    match calendar.value_of("VERSION").map(str::trim) {
        Some("2.0") => {}
        _ => return Err(invalid_data("VCALENDAR needs VERSION:2.0")),
    }
    if calendar.value_of("CALSCALE").is_some_and(|scale| !scale.eq_ignore_ascii_case("GREGORIAN")) {
        return Err(invalid_data("the only CALSCALE is GREGORIAN"));
    }
    if calendar.main_components().next().is_none() {
        return Err(invalid_data("VCALENDAR holds no component"));
    }
    Ok(())
}

/// METHOD, kind, UID, masters and overrides.
pub fn check_object(calendar: &Component, rules: &Rules<'_>) -> Result<()> {
    if calendar.has("METHOD") && !rules.method_allowed {
        return Err(invalid_object("a stored object has no METHOD"));
    }
    let kinds: Vec<&str> = calendar.main_components().map(Component::name).collect();
    let kind = kinds.first().copied().unwrap_or_default();
    if let Some(other) = kinds.iter().find(|other| **other != kind) {
        return Err(invalid_object(format!("{kind} and {other} in one object")));
    }
    if !rules.kinds.contains(&kind) {
        return Err(Error::from(Precondition::SupportedCalendarComponent)
            .because(format!("this collection does not take {kind}")));
    }
    let mut uids = calendar.main_components().map(|component| component.value_of("UID"));
    let uid = uids.next().flatten().unwrap_or_default();
    if uid.trim().is_empty() {
        return Err(invalid_object(format!("{kind} has no UID")));
    }
    if uids.any(|other| other != Some(uid)) {
        return Err(invalid_object("more than one UID in one object"));
    }
    check_overrides(calendar)
}

fn check_overrides(calendar: &Component) -> Result<()> {
    let masters: Vec<&Component> =
        calendar.main_components().filter(|component| !component.has("RECURRENCE-ID")).collect();
    if masters.len() > 1 {
        return Err(invalid_object("two components without RECURRENCE-ID"));
    }
    let mut seen = HashSet::new();
    for component in calendar.overrides() {
        let id = component.property("RECURRENCE-ID").map(DateOrTime::from_property);
        if let Some(Ok(id)) = id
            && !seen.insert(id)
        {
            return Err(invalid_object("the same RECURRENCE-ID twice"));
        }
    }
    let recurs = |master: &&Component| master.has("RRULE") || master.has("RDATE");
    if !seen.is_empty() && masters.first().is_some_and(|master| !recurs(master)) {
        return Err(invalid_object("an instance is changed of something that does not recur"));
    }
    Ok(())
}

/// Every TZID is explained by a VTIMEZONE, or known without one (RFC 7809 §3.1.4).
pub fn check_zones(calendar: &Component) -> Result<()> {
    let defined: HashSet<&str> =
        calendar.timezones().filter_map(|zone| zone.value_of("TZID")).collect();
    let mut known = HashSet::new();
    let mut open: Vec<&Component> = calendar.main_components().collect();
    while let Some(component) = open.pop() {
        open.extend(component.components());
        for tzid in component.properties().filter_map(|property| property.param("TZID")) {
            if defined.contains(tzid) || known.contains(tzid) {
                continue;
            }
            if Zone::named(tzid).is_none() {
                return Err(Error::from(Precondition::ValidTimezone)
                    .because(format!("the time zone {tzid} is neither defined nor known")));
            }
            known.insert(tzid);
        }
    }
    Ok(())
}

/// `CALDAV:max-attendees-per-instance`, counted over the whole object.
pub fn check_attendees(calendar: &Component, rules: &Rules<'_>) -> Result<()> {
    let attendees: HashSet<String> = calendar
        .main_components()
        .flat_map(|component| component.properties_named("ATTENDEE"))
        .map(|attendee| attendee.value().to_ascii_lowercase())
        .collect();
    if attendees.len() > rules.attendees {
        return Err(Error::from(Precondition::MaxAttendeesPerInstance)
            .holding(Detail::Text(rules.attendees.to_string()))
            .because(format!("{} attendees", attendees.len())));
    }
    Ok(())
}
