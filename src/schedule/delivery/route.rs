//! Where a message can go, told before anything is sent, so that SCHEDULE-STATUS stands in the
//! bytes that are stored (RFC 6638 §3.2.9).

use std::collections::BTreeMap;

use super::damaged;
use super::default_calendar::inbox;
use super::env::{DamagedCopies, Env, Right};
use crate::dav::{Error, Result};
use crate::ical::{self, Component};
use crate::schedule::classify;
use crate::schedule::itip::Message;
use crate::store::{Home, HomePath, StoreError};

/// Delivered.
pub const DELIVERED: &str = "1.2";
/// Nobody we know.
pub const UNKNOWN_USER: &str = "3.7";
/// Not allowed.
pub const NO_AUTHORITY: &str = "3.8";
/// Something went wrong; may work later.
pub const UNAVAILABLE: &str = "5.1";
/// The recipient's copy belongs to another organizer.
pub const NOT_ALLOWED: &str = "5.3";

/// The status of each recipient, and those messages that can be delivered.
pub fn statuses(env: &Env<'_>, messages: Vec<Message>) -> (BTreeMap<String, String>, Vec<Message>) {
    let mut statuses = BTreeMap::new();
    let mut deliverable = Vec::new();
    for message in messages {
        let status = probe(env, &message).unwrap_or_else(|error| {
            tracing::error!(%error, recipient = message.recipient, "cannot look at a recipient");
            UNAVAILABLE
        });
        // Who only sees others' answers is not sent a scheduling message (RFC 6638 §7.3).
        if !message.refresh {
            statuses.insert(message.recipient.clone(), status.to_owned());
        }
        if status == DELIVERED {
            deliverable.push(message);
        }
    }
    (statuses, deliverable)
}

/// What delivering the message will come to.
fn probe(env: &Env<'_>, message: &Message) -> std::result::Result<&'static str, StoreError> {
    let Some((record, home)) = env.home_of(&message.recipient)? else { return Ok(UNKNOWN_USER) };
    let originator = env.directory.by_address(&message.originator);
    let right = match message.method.is_from_attendee() {
        true => Right::DeliverReply,
        false => Right::DeliverInvite,
    };
    let allowed =
        originator.is_some_and(|o| env.host.allows(&o.guid, &record.guid, &inbox(), right));
    if !allowed {
        return Ok(NO_AUTHORITY);
    }
    if env.options.damaged_copies == DamagedCopies::Refuse
        && damaged::is_in_the_way(
            &home,
            message,
            &damaged::file_name(message.calendar.uid().unwrap_or_default()),
        )?
    {
        return Ok(UNAVAILABLE);
    }
    if !message.method.is_from_attendee() {
        let uid = message.calendar.uid().unwrap_or_default();
        if let Some((_, stored)) = find(&home, uid)? {
            let organizer = classify::organizer_of(&stored, env).ok().flatten();
            if organizer.as_deref() != Some(&message.originator) {
                return Ok(NOT_ALLOWED);
            }
        }
    }
    Ok(DELIVERED)
}

/// The object with a UID in the calendars of a user of this server.
pub fn stored_object(env: &Env<'_>, user: &str, uid: &str) -> Result<Option<Component>> {
    stored(env, user, uid).map_err(Error::internal)
}

/// The same for those who work below requests.
pub fn stored(
    env: &Env<'_>,
    user: &str,
    uid: &str,
) -> std::result::Result<Option<Component>, StoreError> {
    let Some((_, home)) = env.home_of(user)? else { return Ok(None) };
    Ok(find(&home, uid)?.map(|(_, calendar)| calendar))
}

/// Whether a user organises an object.
pub fn organizes(env: &Env<'_>, calendar: &Component, user: &str) -> bool {
    classify::organizer_of(calendar, env).ok().flatten().as_deref() == Some(user)
}

/// The object with a UID in any calendar of a home; scheduling objects come first.
pub fn find(
    home: &Home,
    uid: &str,
) -> std::result::Result<Option<(HomePath, Component)>, StoreError> {
    let snapshot = home.snapshot();
    let mut paths = snapshot.by_uid(uid);
    paths.sort_by_key(|path| {
        let object = snapshot.object(path);
        object.and_then(|o| o.calendar()).is_none_or(|summary| summary.organizer().is_none())
    });
    for path in paths {
        if let Some(bytes) = home.read(&path)?
            && let Ok(calendar) = ical::parse(&bytes)
        {
            return Ok(Some((path, calendar)));
        }
    }
    Ok(None)
}
