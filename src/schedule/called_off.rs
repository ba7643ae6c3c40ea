//! What an organizer calls off by STATUS:CANCELLED in the stored object (RFC 5546 §3.2.5): those
//! invited are sent a CANCEL of it. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::attendees;
use super::instance_diff::Difference;
use super::itip::Message;
use super::object::{Instance, Object, instance_of, is_cancelled, zones_of};
use super::organizer::QUIET;
use super::uninvited::Cancelled;
use super::users::CalendarUsers;

/// Who is served in what was called off.
pub type CalledOff = BTreeMap<Instance, BTreeSet<String>>;

/// Components that the organizer marked as cancelled now, with who is to be sent a CANCEL.
pub fn newly(
    before: &Object<'_>,
    after: &Object<'_>,
    organizer: &str,
    users: &dyn CalendarUsers,
) -> CalledOff {
    let going_on = going_on(after, organizer, users);
    let off = after.components().filter(|(instance, component)| {
        let known = before.find_or_derive(*instance);
        is_cancelled(component) && known.is_some_and(|known| !is_cancelled(&known))
    });
    let told = off.map(|(instance, component)| {
        let mut served = attendees::served(component, organizer, users);
        if instance == Instance::Master {
            // A CANCEL of the series would take the instances along that go on.
            served.retain(|attendee| !going_on.contains(attendee));
        }
        (instance, served)
    });
    told.collect()
}

/// Who is served in overrides that take place.
fn going_on(after: &Object<'_>, organizer: &str, users: &dyn CalendarUsers) -> BTreeSet<String> {
    let live = after.calendar.overrides().filter(|component| !is_cancelled(component));
    live.flat_map(|component| attendees::served(component, organizer, users)).collect()
}

/// Adds them to what the attendees lose.
pub fn added_to(mut lost: Cancelled, called_off: &CalledOff) -> Cancelled {
    for (instance, attendees) in called_off {
        for attendee in attendees {
            lost.entry(attendee.clone()).or_default().insert(*instance);
        }
    }
    lost
}

/// What differs besides the cancellation itself; `None` when nothing does. That a series is off
/// whose instances go on for some is told them by REQUEST.
pub fn without(
    differs: Difference,
    called_off: &CalledOff,
    after: &Object<'_>,
) -> Option<Difference> {
    let goes_on = after.calendar.overrides().any(|component| !is_cancelled(component));
    if called_off.is_empty() || (goes_on && called_off.contains_key(&Instance::Master)) {
        return Some(differs);
    }
    let quiet = |name: &String| name == "STATUS" || QUIET.contains(&name.as_str());
    let rest: Difference = differs
        .into_iter()
        .filter(|(instance, changes)| {
            !called_off.contains_key(instance) || !changes.keys().all(quiet)
        })
        .filter(|(_, changes)| !changes.keys().all(|name| QUIET.contains(&name.as_str())))
        .collect();
    (!rest.is_empty()).then_some(rest)
}

/// A CANCEL says why: COMMENT of what was called off (RFC 5546 §4.2.9).
pub fn explain(cancels: &mut [Message], after: &Object<'_>) {
    for message in cancels {
        let calendar = Arc::make_mut(&mut message.calendar);
        let zones = zones_of(calendar);
        for component in calendar.main_components_mut() {
            let reason = after.find(instance_of(component, &zones)).filter(|c| is_cancelled(c));
            for comment in reason.into_iter().flat_map(|c| c.properties_named("COMMENT")) {
                component.push(comment.clone());
            }
        }
    }
}
