//! Messages between commit and delivery: spool entries that become durable with the change they
//! belong to, and are dropped when every recipient has theirs.
//!
//! Every message has an id. A recipient's transaction records it on the object it touches (and
//! names the inbox item by it), so that delivering once more after a crash changes nothing.

mod written;

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::dav::Name;
use crate::dav::name::TWISTED_PRIVATE;
use crate::ical::{self, Component};
use crate::schedule::itip::{Message, Method};
use crate::store::arrival::{self, mark};
use crate::store::{DELIVERED, PropertyChanges, PropertySet, SpoolEntry};

/// What `DELIVERED` was before: whole ids, in an element.
const DELIVERED_BEFORE: Name = Name::new(TWISTED_PRIVATE, "delivered-messages");
/// How many are remembered on one object.
const REMEMBERED_MESSAGES: usize = 24;

/// A message on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// Identifies the message for ever.
    pub id: String,
    /// Identity of the sender.
    pub originator: String,
    /// Identity of the recipient.
    pub recipient: String,
    /// A refresh after somebody else's answer.
    pub refresh: bool,
    /// The message as text; envelopes of one operation share it.
    text: Bytes,
    /// The same as it was before it became text; absent for what comes out of the queue.
    tree: Option<Arc<Component>>,
}

impl Envelope {
    /// Packs a message.
    pub fn new(message: &Message) -> Self {
        Self::with_text(message, Bytes::from(message.calendar.to_bytes()))
    }

    /// Packs messages of one operation: one text for those that are the same.
    pub fn all(messages: &[Message]) -> Vec<Self> {
        let mut envelopes: Vec<Self> = Vec::with_capacity(messages.len());
        for message in messages {
            let last = envelopes.last();
            let same = last.filter(|last| {
                last.tree.as_ref().is_some_and(|tree| Arc::ptr_eq(tree, &message.calendar))
            });
            envelopes.push(match same {
                Some(same) => Self::with_text(message, same.text.clone()),
                None => Self::new(message),
            });
        }
        envelopes
    }

    fn with_text(message: &Message, text: Bytes) -> Self {
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            originator: message.originator.clone(),
            recipient: message.recipient.clone(),
            refresh: message.refresh,
            text,
            tree: Some(message.calendar.clone()),
        }
    }

    /// The message as text.
    pub fn text(&self) -> Bytes {
        self.text.clone()
    }

    /// Whether the message is the one whose text this holds.
    pub fn is(&self, message: &Message) -> bool {
        self.tree.as_ref().is_some_and(|tree| Arc::ptr_eq(tree, &message.calendar))
    }

    /// Unpacks the message; `None` when it cannot be read.
    pub fn open(&self) -> Option<Message> {
        let calendar = match &self.tree {
            Some(tree) => tree.clone(),
            None => Arc::new(ical::parse(&self.text).ok()?),
        };
        Some(Message {
            method: Method::of(&calendar)?,
            recipient: self.recipient.clone(),
            originator: self.originator.clone(),
            calendar,
            refresh: self.refresh,
        })
    }
}

/// Work that outlives a crash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Work {
    /// Messages of one operation on one UID, in order.
    Deliver {
        /// The UID.
        uid: String,
        /// The messages.
        #[serde(with = "written")]
        messages: Vec<Envelope>,
    },
    /// Show the attendees of an event what others answered.
    Refresh {
        /// Identity of the organizer.
        organizer: String,
        /// The UID.
        uid: String,
        /// Who answered and so knows; nobody when several answers wait.
        except: Option<String>,
    },
}

impl Work {
    /// The UID it is about.
    pub fn uid(&self) -> &str {
        match self {
            Self::Deliver { uid, .. } | Self::Refresh { uid, .. } => uid,
        }
    }

    /// As a spool entry. Refreshes of one event share an entry.
    pub fn entry(&self) -> SpoolEntry {
        let id = match self {
            Self::Deliver { .. } => uuid::Uuid::new_v4().to_string(),
            Self::Refresh { organizer, uid, .. } => {
                let hash = blake3::hash(format!("{organizer}\n{uid}").as_bytes());
                format!("refresh-{}", hash.to_hex())
            }
        };
        let body = serde_json::to_vec(self).unwrap_or_default();
        SpoolEntry { id, body }
    }

    /// Reads a spool entry; `None` when it is not ours.
    pub fn read(entry: &SpoolEntry) -> Option<Self> {
        serde_json::from_slice(&entry.body).ok()
    }
}

/// The marks on an object with these properties.
fn marks(properties: &PropertySet) -> impl Iterator<Item = String> {
    let before = properties.text(&DELIVERED_BEFORE).unwrap_or_default();
    let before: Vec<String> = before.split_whitespace().map(mark).collect();
    arrival::marks(properties).map(str::to_owned).chain(before)
}

/// Whether an object with these properties has taken the message in.
pub fn is_delivered(properties: &PropertySet, id: &str) -> bool {
    let mark = mark(id);
    marks(properties).any(|known| known == mark)
}

/// Also says that an object with these properties takes one more message in.
pub fn mark_delivered(
    changes: PropertyChanges,
    known: Option<&PropertySet>,
    id: &str,
) -> PropertyChanges {
    let known = known.into_iter().flat_map(marks);
    let marks: Vec<_> = std::iter::once(mark(id)).chain(known).take(REMEMBERED_MESSAGES).collect();
    changes.without(DELIVERED_BEFORE).with(DELIVERED, marks.join(" "))
}

#[cfg(test)]
mod tests {
    use super::{DELIVERED_BEFORE, is_delivered, mark_delivered};
    use crate::store::{PropertyChanges, PropertySet};

    const ID: &str = "0f168477-cf3d-45d3-ae60-9875ea02c4d1";

    fn set(changes: PropertyChanges) -> PropertySet {
        changes.set.into_iter().map(|(name, text)| (name, text.into())).collect()
    }

    #[test]
    fn marks_are_short_and_of_both_forms() {
        let once = set(mark_delivered(PropertyChanges::none(), None, ID));
        assert_eq!(once.iter().map(|(_, text)| text.len()).sum::<usize>(), 16);
        assert!(is_delivered(&once, ID));
        assert!(!is_delivered(&once, "0f168477-cf3d-45d4-ae60-9875ea02c4d1"));
        let old = format!("<d xmlns=\"x\">{ID} 1f168477-cf3d-45d3-ae60-9875ea02c4d1</d>");
        let old: PropertySet = [(DELIVERED_BEFORE, old.into())].into_iter().collect();
        assert!(is_delivered(&old, ID));
        let other = "2f168477-cf3d-45d3-ae60-9875ea02c4d1";
        let changes = mark_delivered(PropertyChanges::none(), Some(&old), other);
        assert_eq!(changes.remove, [DELIVERED_BEFORE]);
        let both = set(changes);
        assert!(is_delivered(&both, ID) && is_delivered(&both, other));
    }

    #[test]
    fn the_last_two_dozen_are_remembered() {
        let id = |number: u32| format!("{number:08x}-0000-0000-0000-000000000000");
        let mut known = PropertySet::default();
        for number in 0..30 {
            known = set(mark_delivered(PropertyChanges::none(), Some(&known), &id(number)));
        }
        let remembered: Vec<u32> = (0..30).filter(|n| is_delivered(&known, &id(*n))).collect();
        assert_eq!(remembered, (6..30).collect::<Vec<_>>());
    }
}
