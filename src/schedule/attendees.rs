//! Reading and writing ATTENDEE lines by identity.

use std::collections::{BTreeMap, BTreeSet};

use super::classify::{Agent, agent};
use super::users::CalendarUsers;
use crate::ical::{Component, Property};

/// The ATTENDEE line of a user in a component.
pub fn line<'a>(
    component: &'a Component,
    identity: &str,
    users: &dyn CalendarUsers,
) -> Option<&'a Property> {
    let mut lines = component.properties_named("ATTENDEE");
    lines.find(|line| line.value() == identity || users.identity(line.value()) == identity)
}

/// The ATTENDEE line of a user in a component, changeable.
pub fn line_mut<'a>(
    component: &'a mut Component,
    identity: &str,
    users: &dyn CalendarUsers,
) -> Option<&'a mut Property> {
    let mut lines = component.properties_named_mut("ATTENDEE");
    lines.find(|line| line.value() == identity || users.identity(line.value()) == identity)
}

/// PARTSTAT of a line; NEEDS-ACTION when absent.
pub fn partstat(line: &Property) -> String {
    line.param("PARTSTAT").unwrap_or("NEEDS-ACTION").to_ascii_uppercase()
}

/// PARTSTAT of a user in a component, if the user is in it.
pub fn partstat_of(
    component: &Component,
    identity: &str,
    users: &dyn CalendarUsers,
) -> Option<String> {
    line(component, identity, users).map(partstat)
}

/// Identities that the server sends to, out of one component; the organizer and groups are
/// never among them.
pub fn served(
    component: &Component,
    organizer: &str,
    users: &dyn CalendarUsers,
) -> BTreeSet<String> {
    let lines = component.properties_named("ATTENDEE");
    lines
        .filter(|line| agent(line) == Agent::Server && !is_group(line))
        .map(|line| users.identity(line.value()))
        .filter(|identity| identity != organizer)
        .collect()
}

/// Identities that the server sends to, out of a whole object, in the order of their lines.
pub fn served_in_order(
    calendar: &Component,
    organizer: &str,
    users: &dyn CalendarUsers,
) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    for component in calendar.main_components() {
        for line in component.properties_named("ATTENDEE") {
            let identity = users.identity(line.value());
            if agent(line) == Agent::Server
                && !is_group(line)
                && identity != organizer
                && seen.insert(identity.clone())
            {
                out.push(identity);
            }
        }
    }
    out
}

/// Whether a line stands for an expanded group.
pub fn is_group(line: &Property) -> bool {
    line.param("CUTYPE").is_some_and(|kind| kind.eq_ignore_ascii_case("X-SERVER-GROUP"))
}

/// Writes SCHEDULE-STATUS on every line of the users named.
pub fn set_schedule_status(
    calendar: &mut Component,
    statuses: &BTreeMap<String, String>,
    users: &dyn CalendarUsers,
) {
    for component in calendar.main_components_mut() {
        for line in component.properties_named_mut("ATTENDEE") {
            if let Some(status) = statuses.get(&users.identity(line.value())) {
                line.set_param("SCHEDULE-STATUS", status);
            }
        }
    }
}

/// Writes SCHEDULE-STATUS on every ORGANIZER.
pub fn set_organizer_status(calendar: &mut Component, status: &str) {
    for component in calendar.main_components_mut() {
        if let Some(organizer) = component.property_mut("ORGANIZER") {
            organizer.set_param("SCHEDULE-STATUS", status);
        }
    }
}

/// Who answered for an attendee stands in SENT-BY (RFC 5545 §3.2.18).
pub fn take_sent_by(stored: &mut Property, answer: &Property) {
    match answer.param("SENT-BY") {
        Some(by) => stored.set_param("SENT-BY", by),
        None => drop(stored.remove_param("SENT-BY")),
    }
}

/// Takes a parameter off every line of one property.
pub fn remove_param(calendar: &mut Component, property: &str, param: &str) {
    for component in calendar.main_components_mut() {
        for line in component.properties_named_mut(property) {
            line.remove_param(param);
        }
    }
}
