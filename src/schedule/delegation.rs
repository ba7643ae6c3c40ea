//! Delegating (RFC 5546 §3.2.2.3): an attendee sends somebody else. The delegator's client sets
//! PARTSTAT=DELEGATED with DELEGATED-TO; the organizer's copy gets the delegate as an attendee, and
//! the server invites the delegate for the organizer, as it does with everybody else. RFC 6638 §1
//! leaves this out, and the iTIP REQUEST of the delegator with it. Pure.

use super::attendees::{self, partstat};
use super::users::{CalendarUsers, line_of};
use crate::ical::{Component, Parameter, Property};

const DELEGATED: &str = "DELEGATED";

/// Whom a line delegates to; nobody unless its answer says so.
fn delegates(line: &Property) -> Vec<String> {
    match partstat(line) == DELEGATED {
        true => line.param_values("DELEGATED-TO").map(str::to_owned).collect(),
        false => Vec::new(),
    }
}

/// Whether any line of a reply delegates.
pub fn is_in(reply: &Component) -> bool {
    let mut lines = reply.main_components().flat_map(|c| c.properties_named("ATTENDEE"));
    lines.any(|line| !delegates(line).is_empty())
}

/// Whether an answer delegates to somebody who can be invited (DELEGATED-TO MUST be there).
pub fn is_possible(line: &Property, users: &dyn CalendarUsers) -> bool {
    let delegates = delegates(line);
    let person = |address: &String| {
        let group = users.user(address).is_some_and(|user| user.members.is_some());
        !group && !users.same(address, line.value())
    };
    partstat(line) != DELEGATED || (!delegates.is_empty() && delegates.iter().all(person))
}

/// Takes whom an answer delegates to over to the stored line; tells whether that changed.
pub fn take(stored: &mut Property, answer: &Property) -> bool {
    let wanted = delegates(answer);
    if stored.param_values("DELEGATED-TO").eq(wanted.iter().map(String::as_str)) {
        return false;
    }
    stored.remove_param("DELEGATED-TO");
    if !wanted.is_empty() {
        stored.add_param(Parameter { name: "DELEGATED-TO".to_owned(), values: wanted });
    }
    true
}

/// The most delegates that any line of a reply names.
pub fn most(reply: &Component) -> usize {
    let lines = reply.main_components().flat_map(|c| c.properties_named("ATTENDEE"));
    lines.map(|line| delegates(line).len()).max().unwrap_or(0)
}

/// Adds the delegates of an answer to the organizer's component; returns the identities of those
/// who were not invited yet. Whether the event has room for them was decided when the answer was
/// taken.
pub fn invite(
    component: &mut Component,
    answer: &Property,
    organizer: &str,
    users: &dyn CalendarUsers,
) -> Vec<String> {
    let mut invited = Vec::new();
    for address in delegates(answer) {
        let identity = users.identity(&address);
        if identity == organizer {
            continue;
        }
        if let Some(line) = attendees::line_mut(component, &identity, users) {
            line.set_param("DELEGATED-FROM", answer.value());
            continue;
        }
        let mut line = line_of(&identity, users);
        line.set_param("DELEGATED-FROM", answer.value());
        line.set_param("PARTSTAT", "NEEDS-ACTION");
        line.set_param("RSVP", "TRUE");
        component.push(line);
        invited.push(identity);
    }
    invited
}
