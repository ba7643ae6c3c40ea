//! The vocabulary of synchronisation (RFC 6578): points in a home's journal, and changes since.

use super::{Entry, HomePath};

/// A point in the journal of a home. Numbers of different epochs cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncPoint {
    /// Which life of the index the number belongs to.
    pub epoch: u64,
    /// The number of the last change that is known.
    pub number: u64,
}

/// Why a point cannot be used (`DAV:valid-sync-token`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Another epoch, or a number that this collection never had or no longer remembers.
    #[error("the token is not from this collection's journal")]
    Invalid,
    /// There is no collection.
    #[error("there is no collection")]
    NoCollection,
}

/// How far below a collection changes are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Members only.
    One,
    /// Everything below.
    Infinity,
}

/// One changed resource.
#[derive(Clone, Debug)]
pub struct Change {
    /// Where.
    pub path: HomePath,
    /// The journal number: the next token when the answer is cut off after this change.
    pub number: u64,
    /// What it is now.
    pub kind: ChangeKind,
}

/// What became of a changed resource.
#[derive(Clone, Debug)]
pub enum ChangeKind {
    /// It is new or different.
    Changed(Entry),
    /// It is gone.
    Removed {
        /// Whether it was a collection.
        collection: bool,
    },
}
