//! Lost-update repair (RFC 6638 §3.2.10.1, reference §7.4): an organizer's client that stored
//! over a version it had not seen must not undo the answers that came in between.

use super::attendees::{self, partstat};
use super::classify::{Agent, agent};
use super::normalise::rule_without_end;
use super::object::{Instance, Object, instance_of, put_component, zones_of};
use super::users::CalendarUsers;
use crate::ical::{Component, Property};

/// What must be the same for the old answers to count for the new component.
const TIMES: &[&str] = &["DTSTART", "DTEND", "DUE", "DURATION", "RRULE", "RECURRENCE-ID"];

/// Copies what attendees answered from the stored object into the one the client sent.
pub fn merge(stored: &Component, new: &mut Component, organizer: &str, users: &dyn CalendarUsers) {
    let before = Object::new(stored);
    let zones = zones_of(new);
    for component in new.main_components_mut() {
        let instance = instance_of(component, &zones);
        if let Some(old) = before.find_or_derive(instance) {
            merge_component(&old, component, organizer, users);
        }
    }
    // An override the client does not know yet holds an answer for that instance.
    let mut missing = Vec::new();
    {
        let after = Object::new(new);
        let known = after.instances();
        let exdates = after.exdates();
        for (instance, old) in before.components() {
            let Instance::At(at) = instance else { continue };
            if known.contains(&instance) || exdates.contains(&at) {
                continue;
            }
            let derived_before = before.derive(instance);
            let only_answers =
                derived_before.is_some_and(|derived| same_but_answers(&derived, old));
            if let (true, Some(mut derived)) = (only_answers, after.derive(instance)) {
                merge_component(old, &mut derived, organizer, users);
                missing.push(derived);
            }
        }
    }
    for component in missing {
        put_component(new, &zones, component);
    }
}

/// Whether an override differs from the derived instance in nothing but what replies change.
pub(super) fn same_but_answers(derived: &Component, stored: &Component) -> bool {
    let plain = |component: &Component| {
        let mut lines: Vec<(String, String)> = component
            .properties()
            .filter(|p| !p.name().starts_with("X-") && p.name() != "ATTENDEE")
            .filter(|p| !matches!(p.name(), "DTSTAMP" | "LAST-MODIFIED" | "CREATED" | "SEQUENCE"))
            .map(|p| (p.name().to_owned(), p.value().to_owned()))
            .collect();
        lines.sort();
        lines
    };
    plain(derived) == plain(stored)
}

fn merge_component(
    old: &Component,
    new: &mut Component,
    organizer: &str,
    users: &dyn CalendarUsers,
) {
    // Where a rule ends, and which single instances are in or out, is another matter: `reschedule`
    // voids the answers when there are more instances than before.
    let times = |component: &Component| -> Vec<Property> {
        let timed = component.properties().filter(|p| TIMES.contains(&p.name()));
        let mut timed: Vec<Property> = timed.cloned().collect();
        for rule in timed.iter_mut().filter(|p| p.name() == "RRULE") {
            let value = rule_without_end(&rule.value().to_ascii_uppercase());
            rule.set_value(&value);
        }
        timed.sort_by(|a, b| (a.name(), a.value()).cmp(&(b.name(), b.value())));
        timed
    };
    if times(old) != times(new) {
        return;
    }
    for line in new.properties_named_mut("ATTENDEE") {
        let identity = users.identity(line.value());
        let forced = line.param("SCHEDULE-FORCE-SEND").is_some();
        if identity == organizer || forced || agent(line) != Agent::Server {
            continue;
        }
        let Some(before) = attendees::line(old, &identity, users) else { continue };
        if before.param("PARTSTAT").is_some() || partstat(line) != "NEEDS-ACTION" {
            line.set_param("PARTSTAT", &partstat(before));
        }
        for name in ["RSVP", "SCHEDULE-STATUS", "X-CALENDARSERVER-DTSTAMP"] {
            match before.param(name) {
                Some(value) => line.set_param(name, value),
                None => drop(line.remove_param(name)),
            }
        }
    }
    // The attendees' comments are the server's to keep.
    let comments: Vec<Property> =
        old.properties_named("X-CALENDARSERVER-ATTENDEE-COMMENT").cloned().collect();
    if !comments.is_empty() {
        new.remove_properties("X-CALENDARSERVER-ATTENDEE-COMMENT");
        for comment in comments {
            new.push(comment);
        }
    }
}
