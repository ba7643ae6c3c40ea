//! Scheduling messages in the inbox (RFC 6638 §2.2, §4): for people to see, after all processing
//! has been done.

use bytes::Bytes;

use super::default_calendar;
use super::queue::{self, Envelope};
use crate::dav::Name;
use crate::dav::name::{CALDAV, DAV};
use crate::schedule::changes::escape;
use crate::schedule::itip::Message;
use crate::store::{CollectionKind, HomePath, PropertyChanges, StoreError, Transaction};

/// Where a message lies.
pub fn path(id: &str) -> HomePath {
    default_calendar::inbox().join(&format!("{id}.ics"))
}

/// Puts a message into the inbox; `changes` is the `CS:schedule-changes` element.
pub fn add(
    tx: &mut Transaction<'_>,
    envelope: &Envelope,
    message: &Message,
    changes: Option<&str>,
) -> Result<(), StoreError> {
    let inbox = default_calendar::inbox();
    if tx.snapshot().collection(&inbox).is_none() {
        tx.make_collection(&inbox, CollectionKind::Inbox, &PropertyChanges::none())?;
    }
    let state = if changes.is_some() { "schedule-processed" } else { "schedule-unprocessed" };
    let mut properties = PropertyChanges::none()
        .with(Name::caldav("originator"), href("originator", &message.originator))
        .with(Name::caldav("recipient"), href("recipient", &message.recipient))
        .with(
            Name::caldav("schedule-state"),
            format!("<C:schedule-state xmlns:C=\"{CALDAV}\"><C:{state}/></C:schedule-state>"),
        );
    // Says which message it is. It also makes the attributes of every item different: file systems
    // that keep equal ones once (ext4) look for them, and give back what they do not need, at once.
    let (name, xml) = queue::delivered(None, &envelope.id);
    properties = properties.with(name, xml);
    if let Some(changes) = changes {
        properties = properties.with(Name::calendarserver("schedule-changes"), changes);
    }
    let bytes = content(envelope, message);
    tx.put(&path(&envelope.id), &bytes, Some(&message.calendar), &properties)?;
    Ok(())
}

/// The message as it is stored.
pub fn content(envelope: &Envelope, message: &Message) -> Bytes {
    // A damaged copy was repaired with another message than came.
    match envelope.is(message) {
        true => Bytes::copy_from_slice(envelope.calendar.as_bytes()),
        false => Bytes::from(message.calendar.to_bytes()),
    }
}

fn href(element: &str, address: &str) -> String {
    format!(
        "<C:{element} xmlns:C=\"{CALDAV}\"><D:href xmlns:D=\"{DAV}\">{}</D:href></C:{element}>",
        escape(address)
    )
}
