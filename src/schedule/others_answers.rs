//! An organizer does not answer for attendees whom the server asks (RFC 6638 §3.2.1). What the
//! client wrote for them is put right instead of being refused, as clients store old copies; taking
//! an answer back to NEEDS-ACTION is the organizer's right (§3.2.8). Pure.

use std::collections::BTreeSet;

use super::attendees::{self, is_group, partstat};
use super::classify::{Agent, agent};
use super::object::{Object, instance_of, zones_of};
use super::users::CalendarUsers;
use crate::ical::{Component, Property};

const NEEDS_ACTION: &str = "NEEDS-ACTION";

/// Gives every answer that the organizer made up back its old value; there is none yet for those
/// who are new.
pub fn put_right(
    old: Option<&Component>,
    new: &mut Component,
    organizer: &str,
    users: &dyn CalendarUsers,
) {
    let before = old.map(Object::new);
    let zones = zones_of(new);
    for component in new.main_components_mut() {
        if !component.properties_named("ATTENDEE").any(says_something) {
            continue;
        }
        let instance = instance_of(component, &zones);
        let known = before.as_ref().and_then(|old| old.find_or_derive(instance));
        let known = known.or_else(|| old.and_then(Component::master).cloned());
        for line in component.properties_named_mut("ATTENDEE") {
            let identity = users.identity(line.value());
            if identity == organizer || !says_something(line) {
                continue;
            }
            let answer = known
                .as_ref()
                .and_then(|known| attendees::partstat_of(known, &identity, users))
                .unwrap_or_else(|| NEEDS_ACTION.to_owned());
            if partstat(line) != answer {
                line.set_param("PARTSTAT", &answer);
            }
        }
    }
}

/// Whether a line holds an answer of somebody whom the server asks.
fn says_something(line: &Property) -> bool {
    agent(line) == Agent::Server && !is_group(line) && partstat(line) != NEEDS_ACTION
}

/// Whether the organizer did nothing but ask some attendees again: the two versions differ in
/// those attendees' answers at most.
pub fn only_asked_again(
    old: &Object<'_>,
    new: &Component,
    asked: &BTreeSet<String>,
    users: &dyn CalendarUsers,
) -> bool {
    if asked.is_empty() {
        return false;
    }
    let mut same = new.clone();
    let zones = zones_of(new);
    for component in same.main_components_mut() {
        let Some(known) = old.find_or_derive(instance_of(component, &zones)) else { return false };
        for line in component.properties_named_mut("ATTENDEE") {
            let identity = users.identity(line.value());
            if asked.contains(&identity)
                && let Some(answer) = attendees::partstat_of(&known, &identity, users)
            {
                line.set_param("PARTSTAT", &answer);
            }
        }
    }
    super::instance_diff::difference(old, &Object::new(&same), users, &["SEQUENCE"]).is_empty()
}
