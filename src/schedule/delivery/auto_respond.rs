//! Rooms, resources and whoever else answers invitations without a person (reference §7.14).
//!
//! Runs inside the recipient's own transaction: while one invitation is being decided no other can
//! be, so nothing is booked twice. Recurring events are answered instance by instance.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;

use super::busy;
use super::env::Env;
use crate::caldav::free_busy::Options;
use crate::caldav::{Period, TimeRange};
use crate::ical::recur::{Budget, Window, expand};
use crate::ical::{Component, Property};
use crate::principal::{AutoScheduleMode, Record};
use crate::schedule::attendees;
use crate::schedule::itip::{self, Message, Method};
use crate::schedule::object::{Instance, Object, instance_of, put_component, zones_of};
use crate::store::Transaction;

/// How a recipient answers an organizer; `None` when a person does.
pub fn mode(env: &Env<'_>, record: &Record, organizer: &str) -> Option<AutoScheduleMode> {
    let trusted = record.auto_accept_group.as_ref().is_some_and(|group| {
        let organizer = env.directory.by_address(organizer);
        organizer.is_some_and(|organizer| env.directory.is_member(group, &organizer.guid))
    });
    match record.auto_schedule {
        _ if trusted => Some(AutoScheduleMode::Automatic),
        AutoScheduleMode::None => None,
        mode => Some(mode),
    }
}

/// What came of it.
pub struct Answer {
    /// The reply, when an answer changed.
    pub reply: Option<Message>,
    /// Something is left for a person to decide.
    pub undecided: bool,
}

/// Answers an invitation in the recipient's copy.
pub fn answer(
    env: &Env<'_>,
    tx: &Transaction<'_>,
    mode: AutoScheduleMode,
    object: &mut Component,
    recipient: &str,
) -> Answer {
    let before = answers(env, object, recipient);
    let decisions = decide(env, tx, mode, object);
    apply(env, object, recipient, &decisions);
    let after = answers(env, object, recipient);
    let undecided = after.values().any(|answer| answer == "NEEDS-ACTION");
    if before == after {
        return Answer { reply: None, undecided };
    }
    attendees::set_organizer_status(object, super::route::DELIVERED);
    let organizer = crate::schedule::classify::organizer_of(object, env).ok().flatten();
    let mut instances = Object::new(object).instances();
    instances.insert(Instance::Master);
    let calendar = itip::reply(object, recipient, &instances, false, env.now, env);
    let reply = organizer.zip(calendar).map(|(organizer, calendar)| Message {
        method: Method::Reply,
        recipient: organizer,
        originator: recipient.to_owned(),
        calendar: Arc::new(calendar),
        refresh: false,
    });
    Answer { reply, undecided }
}

fn answers(env: &Env<'_>, object: &Component, recipient: &str) -> BTreeMap<Instance, String> {
    let zones = zones_of(object);
    let components = object.main_components();
    let known = components.filter_map(|component| {
        let answer = attendees::partstat_of(component, recipient, env)?;
        Some((instance_of(component, &zones), answer))
    });
    known.collect()
}

/// The answer for each instance that was looked at; what is not in it follows the master.
struct Decisions {
    usual: &'static str,
    instances: BTreeMap<Instance, &'static str>,
}

fn decide(
    env: &Env<'_>,
    tx: &Transaction<'_>,
    mode: AutoScheduleMode,
    object: &Component,
) -> Decisions {
    let (free, busy) = match mode {
        AutoScheduleMode::None => ("NEEDS-ACTION", "NEEDS-ACTION"),
        AutoScheduleMode::AcceptAlways => ("ACCEPTED", "ACCEPTED"),
        AutoScheduleMode::DeclineAlways => ("DECLINED", "DECLINED"),
        AutoScheduleMode::AcceptIfFree => ("ACCEPTED", "NEEDS-ACTION"),
        AutoScheduleMode::DeclineIfBusy => ("NEEDS-ACTION", "DECLINED"),
        AutoScheduleMode::Automatic => ("ACCEPTED", "DECLINED"),
    };
    if free == busy {
        return Decisions { usual: free, instances: BTreeMap::new() };
    }
    let known = Object::new(object);
    let mut instances = BTreeMap::new();
    let mut taken = 0;
    let looked_at = conflicts(env, tx, &known);
    for (instance, conflict) in &looked_at {
        taken += usize::from(*conflict);
        instances.insert(*instance, if *conflict { busy } else { free });
    }
    // The majority is the answer to the series; a tie is in the organizer's favour.
    let usual = if taken * 2 > looked_at.len() { busy } else { free };
    Decisions { usual, instances }
}

/// Which instances meet something else in the calendars.
fn conflicts(env: &Env<'_>, tx: &Transaction<'_>, object: &Object<'_>) -> Vec<(Instance, bool)> {
    let recurring = object.calendar.main_components().any(|component| {
        component.has("RRULE") || component.has("RDATE") || component.has("RECURRENCE-ID")
    });
    let horizon = env.now + TimeDelta::days(env.options.look_ahead_days);
    let window = match recurring {
        true => Window { start: Some(env.now - TimeDelta::days(1)), end: Some(horizon) },
        false => Window { start: None, end: None },
    };
    let budget = Budget { truncate: true, ..Budget::default() };
    let Ok(expansion) = expand(object.calendar, object.zones(), window, budget) else {
        return vec![(Instance::Master, true)];
    };
    let (Some(start), Some(end)) = (
        expansion.instances.iter().map(|i| i.start).min(),
        expansion.instances.iter().map(|i| i.end).max(),
    ) else {
        return Vec::new();
    };
    let second = TimeDelta::seconds(1);
    let options = Options { masked_uid: object.calendar.uid(), ..Options::default() };
    let read = |path: &crate::store::HomePath| tx.read(path);
    let bounds = Period::new(start, end.max(start + second));
    let source = (&read as busy::Reader<'_>, tx.derived());
    let busy = busy::busy_time(tx.snapshot(), source, bounds, &options, &|_| true);
    let Ok(busy) = busy else { return vec![(Instance::Master, true)] };
    let answer = expansion.instances.iter().map(|instance| {
        let end = instance.end.max(instance.start + second);
        let range = TimeRange { start: Some(instance.start), end: Some(end) };
        let key = if recurring { Instance::At(instance.recurrence_utc) } else { Instance::Master };
        (key, !busy.is_free(range))
    });
    answer.collect()
}

/// Writes the decisions into the copy; instances that differ from the series become overrides.
fn apply(env: &Env<'_>, object: &mut Component, recipient: &str, decisions: &Decisions) {
    let zones = zones_of(object);
    let mut done = Vec::new();
    for component in object.main_components_mut() {
        let instance = instance_of(component, &zones);
        let decision = match instance {
            Instance::Master => decisions.usual,
            at => decisions.instances.get(&at).copied().unwrap_or(decisions.usual),
        };
        write(env, component, recipient, decision);
        done.push(instance);
    }
    if object.master().is_none() {
        return;
    }
    for (instance, decision) in &decisions.instances {
        if *decision == decisions.usual || done.contains(instance) || *instance == Instance::Master
        {
            continue;
        }
        if let Some(mut derived) = Object::new(object).derive(*instance) {
            write(env, &mut derived, recipient, decision);
            put_component(object, &zones, derived);
        }
    }
}

fn write(env: &Env<'_>, component: &mut Component, recipient: &str, decision: &str) {
    let Some(line) = attendees::line_mut(component, recipient, env) else { return };
    if attendees::partstat(line) != decision {
        line.set_param("PARTSTAT", decision);
    }
    if decision == "NEEDS-ACTION" {
        line.set_param("RSVP", "TRUE");
    } else {
        line.remove_param("RSVP");
    }
    if component.name() == "VEVENT" {
        let transp = if decision == "ACCEPTED" { "OPAQUE" } else { "TRANSPARENT" };
        component.set(Property::new("TRANSP", transp));
    }
}
