//! Who lost which instances between two versions: the recipients of CANCEL.
//!
//! RFC 6638 §3.2.1.2: an attendee who was served and is not any more (removed, or handed to
//! another SCHEDULE-AGENT), an instance taken out by EXDATE, a dropped RDATE, an override that
//! is gone together with its instance.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::attendees::served;
use super::object::{Instance, Object};
use super::users::CalendarUsers;

/// What to cancel, by attendee identity.
pub type Cancelled = BTreeMap<String, BTreeSet<Instance>>;

/// Compares who is in what.
pub fn cancelled(
    old: &Object<'_>,
    new: &Object<'_>,
    organizer: &str,
    recurrence_replaced: bool,
    users: &dyn CalendarUsers,
) -> Cancelled {
    let before = Attendance::of(old, organizer, users);
    let after = Attendance::of(new, organizer, users);
    let candidates = candidates(old, new);
    let mut out = Cancelled::new();
    for attendee in before.everybody() {
        let lost = if !after.anywhere(&attendee) {
            before.all_of(&attendee)
        } else if before.in_master(&attendee) && !after.in_master(&attendee) {
            BTreeSet::from([Instance::Master])
        } else if recurrence_replaced {
            BTreeSet::new()
        } else {
            lost_instances(&attendee, &before, &after, &candidates)
        };
        if !lost.is_empty() {
            out.insert(attendee, lost);
        }
    }
    out
}

fn lost_instances(
    attendee: &str,
    before: &Attendance<'_, '_>,
    after: &Attendance<'_, '_>,
    candidates: &BTreeSet<Instance>,
) -> BTreeSet<Instance> {
    let dropped: BTreeSet<Instance> = before
        .object
        .rdates()
        .difference(&after.object.rdates())
        .map(|at| Instance::At(*at))
        .collect();
    let keeps = |i: Instance| after.still_has(attendee, i) && !dropped.contains(&i);
    let lost = candidates.iter().filter(|i| before.has(attendee, **i) && !keeps(**i));
    lost.copied().collect()
}

/// Instances about which the two versions may disagree.
fn candidates(old: &Object<'_>, new: &Object<'_>) -> BTreeSet<Instance> {
    let mut out: BTreeSet<Instance> = old.instances();
    out.extend(new.instances());
    out.extend(new.exdates().difference(&old.exdates()).map(|at| Instance::At(*at)));
    out.extend(old.rdates().difference(&new.rdates()).map(|at| Instance::At(*at)));
    out.remove(&Instance::Master);
    out
}

/// Who is served in which component of one version.
struct Attendance<'o, 'c> {
    object: &'o Object<'c>,
    exdates: BTreeSet<DateTime<Utc>>,
    served: BTreeMap<Instance, BTreeSet<String>>,
}

impl<'o, 'c> Attendance<'o, 'c> {
    fn of(object: &'o Object<'c>, organizer: &str, users: &dyn CalendarUsers) -> Self {
        let served = object.components().map(|(i, c)| (i, served(c, organizer, users))).collect();
        Self { object, exdates: object.exdates(), served }
    }

    fn everybody(&self) -> BTreeSet<String> {
        self.served.values().flatten().cloned().collect()
    }

    fn anywhere(&self, attendee: &str) -> bool {
        self.served.values().any(|set| set.contains(attendee))
    }

    fn in_master(&self, attendee: &str) -> bool {
        self.served.get(&Instance::Master).is_some_and(|set| set.contains(attendee))
    }

    /// The whole object, or the overrides the attendee is only in.
    fn all_of(&self, attendee: &str) -> BTreeSet<Instance> {
        if self.in_master(attendee) {
            return BTreeSet::from([Instance::Master]);
        }
        let sets = self.served.iter().filter(|(_, set)| set.contains(attendee));
        sets.map(|(instance, _)| *instance).collect()
    }

    /// What a shorter rule cuts off is told by the REQUEST with that rule, not by a CANCEL.
    fn still_has(&self, attendee: &str, instance: Instance) -> bool {
        match (self.served.get(&instance), instance) {
            (Some(set), _) => set.contains(attendee),
            (None, Instance::At(at)) => self.in_master(attendee) && !self.exdates.contains(&at),
            (None, Instance::Master) => false,
        }
    }

    fn has(&self, attendee: &str, instance: Instance) -> bool {
        match self.served.get(&instance) {
            Some(set) => set.contains(attendee),
            None => self.in_master(attendee) && self.object.holds(instance),
        }
    }
}
