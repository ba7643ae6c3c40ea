//! An attendee's PUT and DELETE: finds the organizer's copy, has the change judged and the
//! answer written.

use std::sync::Arc;

use super::env::{Env, Orphans};
use super::operation::{Plan, Put, Stored, finish};
use super::route;
use crate::caldav::validate::{Rules, check_attendees};
use crate::dav::{Error, Precondition, Result};
use crate::ical::Component;
use crate::schedule::attendee::{self, Merged};
use crate::schedule::itip::{self, Message, Method};
use crate::schedule::object::all_cancelled;
use crate::schedule::users::CalendarUsers;
use crate::schedule::{attendees, delegation, process_reply};

/// Stores an attendee's copy.
pub fn put(
    env: &Env<'_>,
    put: &Put<'_>,
    known: Option<&Component>,
    new: Component,
    attendee: &str,
    organizer: &str,
) -> Result<Plan> {
    if known.is_some_and(|old| organizer_changed(env, old, organizer)) {
        return Err(refused("the organizer cannot be exchanged"));
    }
    let uid = new.uid().unwrap_or_default();
    if env.user(organizer).is_none() {
        if env.is_ours(organizer) {
            return Err(refused("there is no such organizer"));
        }
        // An invitation that came from elsewhere: the client is the one who knows.
        return Ok(finish(put, new));
    }
    let theirs = route::stored_object(env, organizer, uid)?;
    let theirs = theirs.filter(|calendar| route::organizes(env, calendar, organizer));
    let Some(theirs) = theirs else {
        return orphan(env, put, known, &new, attendee);
    };
    // What the organizer would send: a view without bookkeeping and others' private data.
    let view = itip::request(&theirs, attendee, None, env.now, env).map(|mut view| {
        view.remove_properties("METHOD");
        view
    });
    let base = match (known, view) {
        (Some(known), _) => known.clone(),
        (None, Some(view)) => view,
        (None, None) => {
            let refused = Error::from(Precondition::AttendeeAllowed);
            return Err(refused.because("the organizer did not invite this attendee"));
        }
    };
    let change = attendee::Change {
        base: &base,
        attendee,
        now: env.now,
        merge: put.merge,
        fix_transparency: put.user_agent.is_some_and(leaves_transparency),
    };
    match attendee::merge(&change, &new, env) {
        Ok(merged) => answered(env, put, merged, attendee, organizer, &theirs),
        Err(_) if all_cancelled(&new) => Ok(nothing()),
        Err(reason) => Err(refused(reason.0)),
    }
}

/// What the organizer hears when an attendee's copy goes.
pub fn removal(
    env: &Env<'_>,
    old: &Component,
    attendee: &str,
    organizer: &str,
) -> Result<Vec<Message>> {
    if all_cancelled(old) || env.user(organizer).is_none() {
        return Ok(Vec::new());
    }
    let uid = old.uid().unwrap_or_default();
    let theirs = route::stored_object(env, organizer, uid)?;
    if !theirs.is_some_and(|calendar| route::organizes(env, &calendar, organizer)) {
        return Ok(Vec::new());
    }
    let all = attendee::declines_all(old);
    let reply = itip::reply(old, attendee, &all, true, env.now, env);
    Ok(reply.into_iter().map(|calendar| message(calendar, attendee, organizer)).collect())
}

/// Stores the merged copy and sends the answer, if there is one and the organizer's object has room
/// for whom it delegates to.
fn answered(
    env: &Env<'_>,
    put: &Put<'_>,
    merged: Merged,
    attendee: &str,
    organizer: &str,
    theirs: &Component,
) -> Result<Plan> {
    let mut object = merged.object;
    attendees::remove_param(&mut object, "ORGANIZER", "SCHEDULE-FORCE-SEND");
    if merged.answered.is_empty() {
        return Ok(finish(put, object));
    }
    let reply = itip::reply(&object, attendee, &merged.answered, false, env.now, env);
    if let Some(reply) = &reply {
        check_delegates(env, reply, theirs)?;
    }
    let messages = reply.map(|calendar| message(calendar, attendee, organizer));
    let (statuses, messages) = route::statuses(env, messages.into_iter().collect());
    if let Some(status) = statuses.get(organizer) {
        attendees::set_organizer_status(&mut object, status);
    }
    let uid = put.new.uid().unwrap_or_default();
    Ok(finish(put, object).with_messages(uid, &messages))
}

/// Refuses an answer that would give the organizer's object more attendees than it may have
/// (`CALDAV:max-attendees-per-instance`, RFC 4791 §5.3.2.1): delegates become attendees of it.
fn check_delegates(env: &Env<'_>, reply: &Component, theirs: &Component) -> Result<()> {
    let rules = Rules { attendees: env.options.max_attendees, ..Rules::default() };
    let delegates = delegation::most(reply);
    if delegates == 0 {
        return Ok(());
    }
    if delegates > rules.attendees {
        return Err(Error::from(Precondition::MaxAttendeesPerInstance)
            .because(format!("{delegates} delegates")));
    }
    match process_reply::process(reply, theirs, env.now, env) {
        Some(told) if !told.delegates.is_empty() => check_attendees(&told.object, &rules),
        _ => Ok(()),
    }
}

/// The organizer has no such event.
fn orphan(
    env: &Env<'_>,
    put: &Put<'_>,
    known: Option<&Component>,
    new: &Component,
    attendee: &str,
) -> Result<Plan> {
    if all_cancelled(new) {
        // What was called off may still be kept, with the attendee's own notes.
        let kept = known.filter(|base| all_cancelled(base));
        let merged = kept.map(|base| {
            let now = env.now;
            let change =
                attendee::Change { base, attendee, now, merge: false, fix_transparency: false };
            attendee::merge(&change, new, env)
        });
        return Ok(match merged {
            Some(Ok(merged)) => finish(put, merged.object),
            _ => nothing(),
        });
    }
    match (known, env.options.orphans) {
        (Some(_), Orphans::Remove) => Ok(nothing()),
        (Some(_), Orphans::Refuse) => Err(refused("the organizer has no such event")),
        (None, _) => {
            let refused = Error::from(Precondition::AttendeeAllowed);
            Err(refused.because("the organizer has no such event"))
        }
    }
}

fn organizer_changed(env: &Env<'_>, old: &Component, organizer: &str) -> bool {
    let known = crate::schedule::classify::organizer_of(old, env).ok().flatten();
    known.is_some_and(|known| known != organizer)
}

fn nothing() -> Plan {
    Plan::quiet(Stored::Nothing)
}

fn message(calendar: Component, attendee: &str, organizer: &str) -> Message {
    Message {
        method: Method::Reply,
        recipient: organizer.to_owned(),
        originator: attendee.to_owned(),
        calendar: Arc::new(calendar),
        refresh: false,
    }
}

fn refused(reason: &str) -> Error {
    Error::from(Precondition::AllowedAttendeeChange).because(reason)
}

/// iOS 8.0 to 8.2 answer without touching TRANSP.
fn leaves_transparency(agent: &str) -> bool {
    ["iOS/8.0", "iOS/8.1", "iOS/8.2"]
        .iter()
        .any(|product| agent.strip_prefix(product).is_some_and(|rest| rest.starts_with(['.', ' '])))
}
