//! What an organizer's change means to the attendees (RFC 6638 §3.2.1): the object to store and
//! the messages to send. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::attendees::served_in_order;
use super::instance_diff::{Changes, Difference, difference};
use super::itip::{self, Message, Method};
use super::object::{Instance, Object, max_sequence, set_sequence};
use super::reschedule::{self, Reschedule};
use super::uninvited::{self, Attendance, Cancelled};
use super::users::CalendarUsers;
use super::{called_off, classify, others_answers, smart_merge};
use crate::ical::{Component, Property};

/// Differences that are not worth a message of their own.
pub(super) const QUIET: &[&str] =
    &["TRANSP", "SEQUENCE", "X-CALENDARSERVER-PRIVATE-COMMENT", "COMPLETED", "PERCENT-COMPLETE"];

/// What an organizer asks for.
pub struct Change<'a> {
    /// The stored object, if it was one of the organizer's.
    pub old: Option<&'a Component>,
    /// Identity of the organizer.
    pub organizer: &'a str,
    /// Whether answers that came meanwhile are to be merged in.
    pub merge: bool,
    /// The present.
    pub now: DateTime<Utc>,
}

/// What comes of it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The object to store.
    pub object: Component,
    /// Messages in the order in which they are sent.
    pub messages: Vec<Message>,
}

/// The ORGANIZER of a stored object cannot be exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrganizerChanged;

/// A new or changed organizer object.
pub fn store(
    change: &Change<'_>,
    mut new: Component,
    users: &dyn CalendarUsers,
) -> Result<Plan, OrganizerChanged> {
    let Some(old) = change.old else {
        return Ok(create(change, new, users));
    };
    if classify::organizer_of(old, users).ok().flatten().is_some_and(|o| o != change.organizer) {
        return Err(OrganizerChanged);
    }
    if change.merge {
        smart_merge::merge(old, &mut new, change.organizer, users);
    }
    others_answers::put_right(Some(old), &mut new, change.organizer, users);
    let forced = take_forced(&mut new, users);
    let before = Object::new(old);
    let (differs, reach) = {
        let after = Object::new(&new);
        let differs = difference(&before, &after, users, &[]);
        let reach = reschedule::examine(&before, &after, &differs);
        (differs, reach)
    };
    if differs.is_empty() || others_answers::only_asked_again(&before, &new, &forced, users) {
        return Ok(reinvite(change, new, &forced, !differs.is_empty(), users));
    }
    reschedule::reset_answers(&mut new, &reach, change.organizer, users);
    reschedule::bump_sequence(old, &mut new, change.now);
    reschedule::ask_for_answers(&mut new);
    let messages = updates(change, &before, &new, differs, &reach, &forced, users);
    Ok(Plan { object: new, messages })
}

/// The messages about what differs, each to those whom it concerns.
fn updates(
    change: &Change<'_>,
    before: &Object<'_>,
    new: &Component,
    mut differs: Difference,
    reach: &Reschedule,
    forced: &BTreeSet<String>,
    users: &dyn CalendarUsers,
) -> Vec<Message> {
    let after = &Object::new(new);
    let was = Attendance::of(before, change.organizer, users);
    let is = Attendance::of(after, change.organizer, users);
    let lost = uninvited::cancelled(before, after, &was, &is, reach);
    let called_off = called_off::newly(before, after, change.organizer, users);
    let lost = called_off::added_to(lost, &called_off);
    let off = |instance| {
        called_off.contains_key(&instance)
            || (instance != Instance::Master && !after.holds(instance))
    };
    let mut messages = cancels(change, before.calendar, &lost, &off, users);
    called_off::explain(&mut messages, after);
    if !before.holds(Instance::Master) && !after.holds(Instance::Master) {
        // Single instances that are gone leave nothing to be told to those in the others.
        differs.retain(|instance, _| after.holds(*instance));
    }
    let Some(differs) = called_off::without(differs, &called_off, after) else { return messages };
    let loud: Difference = differs.into_iter().filter(|(_, changes)| is_loud(changes)).collect();
    let only = narrowed(&loud, reach, &after.instances());
    let mut common = None;
    for attendee in served_in_order(new, change.organizer, users) {
        // Who loses the series but stays in some instances is given those again.
        let lost_series = lost.get(&attendee).is_some_and(|lost| lost.contains(&Instance::Master));
        let whole = forced.contains(&attendee) || !was.anywhere(&attendee) || lost_series;
        // A rule that is another one voids all answers.
        let concerned = reach.everything
            || loud.keys().any(|i| was.concerns(&attendee, *i) || is.concerns(&attendee, *i));
        if whole || concerned || (loud.is_empty() && lost.is_empty()) {
            let limit = if whole { None } else { only.as_ref() };
            messages.extend(request(change, new, &attendee, limit, users, &mut common));
        }
    }
    messages
}

/// Everybody served in a removed object loses it.
pub fn remove(change: &Change<'_>, old: &Component, users: &dyn CalendarUsers) -> Vec<Message> {
    // The removal is a version of its own, and its CANCEL the one after it.
    let mut last = old.clone();
    let next = max_sequence(old) + 1;
    for component in last.main_components_mut() {
        set_sequence(component, next);
    }
    // Also to who is in some instances only: for them the event has no others (RFC 6638 §3.2.6).
    let everybody = served_in_order(old, change.organizer, users).into_iter();
    let lost: Cancelled = everybody.map(|a| (a, BTreeSet::from([Instance::Master]))).collect();
    cancels(change, &last, &lost, &|_| true, users)
}

fn create(change: &Change<'_>, mut new: Component, users: &dyn CalendarUsers) -> Plan {
    others_answers::put_right(None, &mut new, change.organizer, users);
    take_forced(&mut new, users);
    reschedule::ask_for_answers(&mut new);
    let (mut messages, mut common) = (Vec::new(), None);
    for attendee in served_in_order(&new, change.organizer, users) {
        messages.extend(request(change, &new, &attendee, None, users, &mut common));
    }
    Plan { object: new, messages }
}

/// Nothing changed that matters: only those named by SCHEDULE-FORCE-SEND hear of it. Others are
/// shown, without a message, whose answer is open again.
fn reinvite(
    change: &Change<'_>,
    mut new: Component,
    forced: &BTreeSet<String>,
    show_others: bool,
    users: &dyn CalendarUsers,
) -> Plan {
    if forced.is_empty() {
        return Plan { object: new, messages: Vec::new() };
    }
    reschedule::ask_for_answers(&mut new);
    let (mut messages, mut common) = (Vec::new(), None);
    for attendee in served_in_order(&new, change.organizer, users) {
        let asked = forced.contains(&attendee);
        if !asked && !show_others {
            continue;
        }
        let message = request(change, &new, &attendee, None, users, &mut common);
        messages.extend(message.map(|message| Message { refresh: !asked, ..message }));
    }
    Plan { object: new, messages }
}

/// The instances that changed; `None` when the master did, or when an instance follows the master
/// again, so that everything is sent.
fn narrowed(
    loud: &Difference,
    reach: &Reschedule,
    present: &BTreeSet<Instance>,
) -> Option<BTreeSet<Instance>> {
    let instances: BTreeSet<Instance> = loud.keys().copied().collect();
    let all = reach.everything
        || instances.is_empty()
        || instances.contains(&Instance::Master)
        || !instances.is_subset(present);
    (!all).then_some(instances)
}

fn is_loud(changes: &Changes) -> bool {
    changes.keys().any(|name| !QUIET.contains(&name.as_str()))
}

/// The invitation of somebody who is served. Of an object with one component all see the same,
/// which is cut out once: `common`.
fn request(
    change: &Change<'_>,
    calendar: &Component,
    attendee: &str,
    only: Option<&BTreeSet<Instance>>,
    users: &dyn CalendarUsers,
    common: &mut Option<Arc<Component>>,
) -> Option<Message> {
    let alike = only.is_none() && calendar.main_components().nth(1).is_none();
    let known = common.clone().filter(|_| alike);
    let cut = || itip::request(calendar, attendee, only, change.now, users).map(Arc::new);
    let calendar = known.or_else(cut)?;
    if alike {
        *common = Some(calendar.clone());
    }
    Some(message(change, Method::Request, attendee, calendar))
}

fn cancels(
    change: &Change<'_>,
    old: &Component,
    lost: &Cancelled,
    called_off: &dyn Fn(Instance) -> bool,
    users: &dyn CalendarUsers,
) -> Vec<Message> {
    let built = lost.iter().filter_map(|(attendee, instances)| {
        let calendar = itip::cancel(old, attendee, instances, called_off, change.now, users)?;
        Some(message(change, Method::Cancel, attendee, Arc::new(calendar)))
    });
    built.collect()
}

fn message(
    change: &Change<'_>,
    method: Method,
    recipient: &str,
    calendar: Arc<Component>,
) -> Message {
    Message {
        method,
        recipient: recipient.to_owned(),
        originator: change.organizer.to_owned(),
        calendar,
        refresh: false,
    }
}

/// Takes SCHEDULE-FORCE-SEND off all lines and tells whom it named. A value we do not know
/// leaves SCHEDULE-STATUS 2.3 behind (RFC 6638 §7.2).
fn take_forced(calendar: &mut Component, users: &dyn CalendarUsers) -> BTreeSet<String> {
    let mut forced = BTreeSet::new();
    for component in calendar.main_components_mut() {
        for line in component.properties_named_mut("ATTENDEE") {
            let Some(value) = line.param("SCHEDULE-FORCE-SEND").map(str::to_owned) else {
                continue;
            };
            line.remove_param("SCHEDULE-FORCE-SEND");
            if value.eq_ignore_ascii_case("REQUEST") {
                forced.insert(users.identity(line.value()));
            } else {
                unknown_force(line);
            }
        }
    }
    forced
}

fn unknown_force(line: &mut Property) {
    line.set_param("SCHEDULE-STATUS", "2.3");
}
