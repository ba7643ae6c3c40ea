//! Messages between commit and delivery: spool entries that become durable with the change they
//! belong to, and are dropped when every recipient has theirs.
//!
//! Every message has an id. A recipient's transaction records it on the object it touches (and
//! names the inbox item by it), so that delivering once more after a crash changes nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::dav::Name;
use crate::dav::name::TWISTED_PRIVATE;
use crate::ical::{self, Component};
use crate::schedule::itip::{Message, Method};
use crate::store::{PropertySet, SpoolEntry};

/// Ids of the messages that an object has already taken in, the latest first.
pub const DELIVERED: Name = Name::new(TWISTED_PRIVATE, "delivered-messages");
/// How many are remembered on one object.
const REMEMBERED_MESSAGES: usize = 24;

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// Identifies the message for ever.
    pub id: String,
    /// Identity of the sender.
    pub originator: String,
    /// Identity of the recipient.
    pub recipient: String,
    /// A refresh after somebody else's answer.
    pub refresh: bool,
    /// The message as text.
    pub calendar: String,
    /// The same as it was before it became text; absent for what comes out of the queue.
    #[serde(skip)]
    tree: Option<Arc<Component>>,
}

impl Envelope {
    /// Packs a message.
    pub fn new(message: &Message) -> Self {
        let text = String::from_utf8_lossy(&message.calendar.to_bytes()).into_owned();
        Self::with_text(message, text)
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
                Some(same) => Self::with_text(message, same.calendar.clone()),
                None => Self::new(message),
            });
        }
        envelopes
    }

    fn with_text(message: &Message, calendar: String) -> Self {
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            originator: message.originator.clone(),
            recipient: message.recipient.clone(),
            refresh: message.refresh,
            calendar,
            tree: Some(message.calendar.clone()),
        }
    }

    /// Whether the message is the one whose text this holds.
    pub fn is(&self, message: &Message) -> bool {
        self.tree.as_ref().is_some_and(|tree| Arc::ptr_eq(tree, &message.calendar))
    }

    /// Unpacks the message; `None` when it cannot be read.
    pub fn open(&self) -> Option<Message> {
        let calendar = match &self.tree {
            Some(tree) => tree.clone(),
            None => Arc::new(ical::parse(self.calendar.as_bytes()).ok()?),
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

/// Whether an object with these properties has taken the message in.
pub fn is_delivered(properties: &PropertySet, id: &str) -> bool {
    let text = properties.text(&DELIVERED).unwrap_or_default();
    text.split_whitespace().any(|known| known == id)
}

/// The property after taking one more message in.
pub fn delivered(properties: Option<&PropertySet>, id: &str) -> (Name, String) {
    let known = properties.and_then(|p| p.text(&DELIVERED)).unwrap_or_default();
    let ids = std::iter::once(id).chain(known.split_whitespace()).take(REMEMBERED_MESSAGES);
    let text = ids.collect::<Vec<_>>().join(" ");
    (
        DELIVERED,
        format!("<delivered-messages xmlns=\"{TWISTED_PRIVATE}\">{text}</delivered-messages>"),
    )
}
