//! Content on its way into files, with what the index has to know of it: found out once, however
//! many homes get the same.

use bytes::Bytes;

use crate::ical::Component;
use crate::index::{ObjectEntry, ObjectKind, summary};

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

    /// The bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// A calendar object; `tree` is what the bytes say, as who made them knows it.
    pub fn of_object(bytes: Bytes, tree: &Component) -> Self {
        Self::new(bytes, summary::of_tree(tree))
    }
}
