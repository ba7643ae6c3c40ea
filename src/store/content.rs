//! Content on its way into files, with what the index has to know of it: found out once, however
//! many homes get the same.

use bytes::Bytes;

use crate::ical::Component;
use crate::index::{CollectionKind, ObjectEntry, ObjectKind, summary};

/// The bytes of a file, their hash and what they hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    pub(super) bytes: Bytes,
    pub(super) hash: [u8; 16],
    pub(super) kind: ObjectKind,
}

impl Content {
    pub(super) fn new(bytes: Bytes, kind: ObjectKind) -> Self {
        Self { hash: ObjectEntry::hash_of(&bytes), bytes, kind }
    }

    /// A member of a collection of this kind; `tree` is as with `of_object`, where it is known.
    pub(super) fn of_member(bytes: Bytes, tree: Option<&Component>, at: CollectionKind) -> Self {
        let kind = match tree {
            _ if !at.holds_objects() => ObjectKind::Plain,
            Some(tree) => summary::of_tree(tree),
            None => summary::of_bytes(&bytes),
        };
        Self::new(bytes, kind)
    }

    /// Bytes of which nothing is known yet.
    pub(super) fn unknown(bytes: Bytes) -> Self {
        Self { bytes, hash: [0; 16], kind: ObjectKind::Plain }
    }

    /// The bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// A calendar object that many homes get; `tree` is what the bytes say, as who made them knows
    /// it.
    pub fn of_object(bytes: Bytes, tree: &Component) -> Self {
        Self::new(bytes, summary::of_tree(tree).shared())
    }
}
