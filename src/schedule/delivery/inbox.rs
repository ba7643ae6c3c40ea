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
    HomePath::new(["inbox".to_owned(), [id, ".ics"].concat()])
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
    // What follows from the message is not stored: attributes are what costs most.
    let derived = InboxMessage::of_tree(&message.calendar);
    let follows = |told: &dyn Fn(InboxMessage<'_>) -> bool| derived.is_some_and(told);
    let mut properties = PropertyChanges::none();
    if !follows(&|derived| derived.is_from(&message.originator)) {
        let from = inbox_message::originator(&escape(&message.originator));
        properties = properties.with(ORIGINATOR, from);
    }
    if !follows(&|derived| derived.is_for(&message.recipient, owner)) {
        let to = inbox_message::recipient(&escape(&message.recipient));
        properties = properties.with(RECIPIENT, to);
    }
    let processed = changes.is_some();
    if !(processed && follows(&|derived| derived.is_processed())) {
        properties = properties.with(SCHEDULE_STATE, inbox_message::state(processed));
    }
    if let Some(xml) = changes
        && !follows(&|it| it.property(&SCHEDULE_CHANGES, owner).is_some_and(|known| known == xml))
    {
        properties = properties.with(SCHEDULE_CHANGES, xml.to_owned());
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
