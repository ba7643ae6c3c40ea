//! Who lost which instances between two versions: the recipients of CANCEL.
//!
//! RFC 6638 §3.2.1.2: an attendee who was served and is not any more (removed, or handed to
//! another SCHEDULE-AGENT), an instance taken out by EXDATE, a dropped RDATE, an override that
//! is gone together with its instance. What a shorter or other rule leaves out is told to those in
//! the series by the REQUEST with that rule alone; a CANCEL goes to those in single instances.

use std::collections::{BTreeMap, BTreeSet};

use super::attendees::served;
use super::object::{Instance, Object};
use super::reschedule::Reschedule;
use super::users::CalendarUsers;

/// What to cancel, by attendee identity.
pub type Cancelled = BTreeMap<String, BTreeSet<Instance>>;

/// Compares who is in what.
pub fn cancelled(
    old: &Object<'_>,
    new: &Object<'_>,
    before: &Attendance<'_, '_>,
    after: &Attendance<'_, '_>,
    reach: &Reschedule,
) -> Cancelled {
    let candidates = candidates(old, new);
    let cut_off = cut_off(old, new);
    let mut out = Cancelled::new();
    for attendee in before.everybody() {
        let lost = if !after.anywhere(&attendee) {
            before.all_of(&attendee)
        } else if before.in_master(&attendee) && !after.in_master(&attendee) {
            BTreeSet::from([Instance::Master])
        } else if reach.start_moved && before.in_master(&attendee) {
            // Every instance has another id now: the REQUEST replaces all of them.
            BTreeSet::new()
        } else {
            let told = |i: &Instance| before.in_master(&attendee) && cut_off.contains(i);
            let lost = |i: &&Instance| {
                before.has(&attendee, **i) && !after.has(&attendee, **i) && !told(i)
            };
            candidates.iter().filter(lost).copied().collect()
        };
        if !lost.is_empty() {
            out.insert(attendee, lost);
        }
    }
    out
}

/// Overrides that the new rule does not have.
fn cut_off(old: &Object<'_>, new: &Object<'_>) -> BTreeSet<Instance> {
    let (exdates, rdates) = (new.exdates(), old.rdates());
    let cut_off = old.components().filter(|(instance, _)| {
        let Instance::At(at) = instance else { return false };
        !new.holds(*instance) && !exdates.contains(at) && !rdates.contains(at)
    });
    cut_off.map(|(instance, _)| instance).collect()
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
pub struct Attendance<'o, 'c> {
    object: &'o Object<'c>,
    served: BTreeMap<Instance, BTreeSet<String>>,
}

impl<'o, 'c> Attendance<'o, 'c> {
    /// Reads every component once.
    pub fn of(object: &'o Object<'c>, organizer: &str, users: &dyn CalendarUsers) -> Self {
        let served = object.components().map(|(i, c)| (i, served(c, organizer, users))).collect();
        Self { object, served }
    }

    /// Everybody who is served somewhere.
    pub fn everybody(&self) -> BTreeSet<String> {
        self.served.values().flatten().cloned().collect()
    }

    /// Whether a user is served somewhere.
    pub fn anywhere(&self, attendee: &str) -> bool {
        self.served.values().any(|set| set.contains(attendee))
    }

    fn in_master(&self, attendee: &str) -> bool {
        self.served.get(&Instance::Master).is_some_and(|set| set.contains(attendee))
    }

    /// The whole object, or the overrides the attendee is only in (RFC 6638 §3.2.6).
    pub fn all_of(&self, attendee: &str) -> BTreeSet<Instance> {
        if self.in_master(attendee) {
            return BTreeSet::from([Instance::Master]);
        }
        let sets = self.served.iter().filter(|(_, set)| set.contains(attendee));
        sets.map(|(instance, _)| *instance).collect()
    }

    /// Whether a component says something to the attendee; for instances without an override the
    /// master does.
    pub fn concerns(&self, attendee: &str, instance: Instance) -> bool {
        match self.served.get(&instance) {
            Some(set) => set.contains(attendee),
            None => self.in_master(attendee),
        }
    }

    fn has(&self, attendee: &str, instance: Instance) -> bool {
        self.concerns(attendee, instance) && self.object.holds(instance)
    }
}
