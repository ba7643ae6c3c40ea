//! What a change of times does to answers and SEQUENCE (RFC 6638 §3.2.8, RFC 5546 §2.1.4).

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::attendees::partstat;
use super::instance_diff::{Changes, Difference};
use super::normalise::rule_without_end;
use super::object::{
    Instance, Object, instance_of, max_sequence, sequence, set_sequence, zones_of,
};
use super::users::CalendarUsers;
use crate::ical::recur::{Budget, Window, expand};
use crate::ical::{Component, Property};

/// Instances looked at when two rules are compared.
const COMPARED_INSTANCES: usize = 1000;

/// How far a change reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reschedule {
    /// The recurrence set is another one: every answer is void, nothing is matched by instance.
    pub everything: bool,
    /// The series starts at another time: every instance has another RECURRENCE-ID.
    pub start_moved: bool,
    /// Components whose time changed: answers to them are void.
    pub instances: BTreeSet<Instance>,
}

/// Looks for changes of time in what differs.
pub fn examine(old: &Object<'_>, new: &Object<'_>, differs: &Difference) -> Reschedule {
    let mut out = Reschedule::default();
    for (instance, changes) in differs {
        let moved = ["DTSTART", "DTEND", "DUE"].iter().any(|name| changes.contains_key(*name));
        if moved {
            out.instances.insert(*instance);
        }
        // A series that comes to single instances, or leaves them, replaces nothing.
        let both = old.holds(Instance::Master) && new.holds(Instance::Master);
        if *instance == Instance::Master && both {
            out.everything |= recurrence_replaced(old, new, changes);
            out.start_moved |= out.everything && changes.contains_key("DTSTART");
            let set_changed =
                ["RRULE", "RDATE", "EXDATE"].iter().any(|name| changes.contains_key(*name));
            if set_changed && !out.everything && adds_instances(old, new) {
                out.instances.insert(Instance::Master);
            }
        }
    }
    out
}

/// Whether the rule is another one, not only longer or shorter, or its start moved.
fn recurrence_replaced(old: &Object<'_>, new: &Object<'_>, changes: &Changes) -> bool {
    let rules = |object: &Object<'_>| -> Vec<String> {
        let master = object.calendar.master();
        let rules = master.into_iter().flat_map(|m| m.properties_named("RRULE"));
        let mut rules: Vec<String> =
            rules.map(|r| rule_without_end(&r.value().to_ascii_uppercase())).collect();
        rules.sort();
        rules
    };
    if changes.contains_key("DTSTART") && !rules(new).is_empty() {
        return true;
    }
    changes.contains_key("RRULE") && rules(old) != rules(new)
}

/// Whether the new version has instances that the old one had not.
fn adds_instances(old: &Object<'_>, new: &Object<'_>) -> bool {
    let before = starts(old);
    let last = before.1;
    let after = starts(new).0;
    after.iter().any(|id| !before.0.contains(id) && last.is_none_or(|last| *id <= last))
}

/// Recurrence ids of the first instances; and, when there are more, the last one looked at.
fn starts(object: &Object<'_>) -> (BTreeSet<DateTime<Utc>>, Option<DateTime<Utc>>) {
    let window = Window { start: None, end: None };
    let budget = Budget { instances: COMPARED_INSTANCES, ..Budget::default() };
    match expand(object.calendar, object.zones(), window, budget) {
        Ok(expansion) => {
            let ids = expansion.instances.iter().map(|i| i.recurrence_utc).collect();
            (ids, expansion.complete_until)
        }
        Err(_) => (BTreeSet::new(), None),
    }
}

/// Voids the answers to what was moved; the organizer's own line is left alone.
pub fn reset_answers(
    calendar: &mut Component,
    reschedule: &Reschedule,
    organizer: &str,
    users: &dyn CalendarUsers,
) {
    let zones = zones_of(calendar);
    for component in calendar.main_components_mut() {
        if !reschedule.everything && !reschedule.instances.contains(&instance_of(component, &zones))
        {
            continue;
        }
        for line in component.properties_named_mut("ATTENDEE") {
            let asked = partstat(line) == "NEEDS-ACTION";
            if !asked && users.identity(line.value()) != organizer {
                line.set_param("PARTSTAT", "NEEDS-ACTION");
            }
        }
    }
}

/// Attendees who have not answered are asked to (reference §7.18 (T)).
pub fn ask_for_answers(calendar: &mut Component) {
    for component in calendar.main_components_mut() {
        for line in component.properties_named_mut("ATTENDEE") {
            if partstat(line) == "NEEDS-ACTION" && !super::attendees::is_group(line) {
                line.set_param("RSVP", "TRUE");
            }
        }
    }
}

/// A new version needs a greater SEQUENCE in every component; clients that forgot are helped.
pub fn bump_sequence(old: &Component, new: &mut Component, now: DateTime<Utc>) {
    let before = max_sequence(old);
    let least = new.main_components().map(sequence).min().unwrap_or(0);
    if least > before {
        return;
    }
    for component in new.main_components_mut() {
        set_sequence(component, before + 1);
        component.set(Property::new("DTSTAMP", &super::itip::stamp(now)));
    }
}
