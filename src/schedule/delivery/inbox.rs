//! Scheduling messages in the inbox (RFC 6638 §2.2, §4): for people to see, after all processing
//! has been done.

use bytes::Bytes;

use super::default_calendar;
use super::queue::Envelope;
use crate::schedule::changes::escape;
use crate::schedule::itip::Message;
use crate::store::inbox_message::{
    self, InboxMessage, ORIGINATOR, RECIPIENT, SCHEDULE_CHANGES, SCHEDULE_STATE,
};
use crate::store::{CollectionKind, Content, HomePath, PropertyChanges, StoreError, Transaction};

/// Where a message lies.
pub fn path(id: &str) -> HomePath {
    default_calendar::inbox().join(&format!("{id}.ics"))
}

/// Puts a message, with what is stored of it, into the inbox of the user with the GUID `owner`;
/// `changes` is the `CS:schedule-changes` element.
pub fn add(
    tx: &mut Transaction<'_>,
    owner: &str,
    message: &Message,
    (envelope, content): (&Envelope, &Content),
    changes: Option<&str>,
) -> Result<(), StoreError> {
    let inbox = default_calendar::inbox();
    if tx.snapshot().collection(&inbox).is_none() {
        tx.make_collection(&inbox, CollectionKind::Inbox, &PropertyChanges::none())?;
    }
    let (from, to) = (escape(&message.originator), escape(&message.recipient));
    let wanted = [
        (ORIGINATOR, Some(inbox_message::originator(&from))),
        (RECIPIENT, Some(inbox_message::recipient(&to))),
        (SCHEDULE_STATE, Some(inbox_message::state(changes.is_some()))),
        (SCHEDULE_CHANGES, changes.map(str::to_owned)),
    ];
    let derived = InboxMessage::of_tree(&message.calendar);
    let mut properties = PropertyChanges::none();
    for (name, xml) in wanted {
        // What follows from the message is not stored: attributes are what costs most.
        let known = derived.and_then(|derived| derived.property(&name, owner));
        if xml != known
            && let Some(xml) = xml
        {
            properties = properties.with(name, xml);
        }
    }
    tx.put_message(&path(&envelope.id), content, &properties)?;
    Ok(())
}

/// The message as it is stored.
pub fn content(envelope: &Envelope, message: &Message) -> Bytes {
    // A damaged copy was repaired with another message than came.
    match envelope.is(message) {
        true => envelope.text(),
        false => Bytes::from(message.calendar.to_bytes()),
    }
}
