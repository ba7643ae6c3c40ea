//! An attendee's copy that somebody or something damaged (reference §7.8 (T)): a file that cannot
//! be read, or instances that its series has not. A message about single instances cannot be worked
//! into it; the whole invitation, out of the organizer's object, can.

use std::sync::Arc;

use super::env::Env;
use super::route;
use crate::ical::Component;
use crate::schedule::itip::{self, Message, Method};
use crate::schedule::object::{Instance, Object, is_cancelled};
use crate::store::{Home, HomePath, Snapshot, StoreError};

/// The name under which the server stores copies of an event.
pub fn file_name(uid: &str) -> String {
    let hash = blake3::hash(uid.as_bytes()).to_hex();
    [&hash[..32], ".ics"].concat()
}

/// A file that the server once made for an event, by the name it gives that event's copies, and
/// that cannot be read any more.
pub fn unreadable(snapshot: &Snapshot, file_name: &str) -> Option<HomePath> {
    let named = snapshot.in_calendars(file_name);
    named.into_iter().find(|(_, object)| object.calendar().is_none()).map(|(path, _)| path)
}

/// Whether the recipient's copy, which the server calls `file_name`, is damaged so that the message
/// cannot be worked into it.
pub fn is_in_the_way(home: &Home, message: &Message, file_name: &str) -> Result<bool, StoreError> {
    let from_organizer = matches!(message.method, Method::Request | Method::Add | Method::Cancel);
    if !from_organizer {
        return Ok(false);
    }
    let uid = message.calendar.uid().unwrap_or_default();
    match route::find(home, uid)? {
        // A whole invitation replaces whatever there is.
        Some((_, stored)) => {
            Ok(message.calendar.master().is_none() && has_strange_instances(&stored))
        }
        None => Ok(unreadable(&home.snapshot(), file_name).is_some()),
    }
}

/// What is delivered instead of a message about instances of a damaged copy.
pub fn whole_invitation(env: &Env<'_>, message: &Message) -> Result<Option<Message>, StoreError> {
    let Some((_, home)) = env.home_of(&message.originator)? else { return Ok(None) };
    let uid = message.calendar.uid().unwrap_or_default();
    let Some((_, theirs)) = route::find(&home, uid)? else { return Ok(None) };
    if !route::organizes(env, &theirs, &message.originator) {
        return Ok(None);
    }
    let calendar = itip::request(&theirs, &message.recipient, None, env.now, env).map(Arc::new);
    Ok(calendar.map(|calendar| Message { method: Method::Request, calendar, ..message.clone() }))
}

/// Whether a series has overrides of instances that it does not have.
fn has_strange_instances(stored: &Component) -> bool {
    let object = Object::new(stored);
    let strange = |(instance, component): (Instance, &Component)| match instance {
        Instance::Master => false,
        Instance::At(_) => !is_cancelled(component) && object.derive(instance).is_none(),
    };
    stored.master().is_some() && object.components().any(strange)
}
