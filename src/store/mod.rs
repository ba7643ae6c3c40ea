//! Homes and their transactions: the one port through which everything above reads and writes.
//!
//! Readers work on immutable snapshots and take no lock; one writer at a time works on a home.
//! Must not know access control, methods or scheduling.

mod apply;
pub mod arrival;
mod by_content;
pub mod check;
mod commit;
mod content;
mod derived;
mod finisher;
mod home;
pub mod inbox_message;
mod intent;
mod lengthy;
pub mod oddity;
mod overflow;
mod prepared;
mod property;
mod provision;
mod reconcile;
mod scheduled;
mod spool;
#[expect(clippy::module_inception, reason = "the store is the module's main type")]
mod store;
mod texts;
mod transaction;
mod uid_lock;

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod tests;

pub use crate::disk::DiskError;
pub use crate::disk::attribute::DELIVERED;
pub use crate::disk::layout::NameError;
pub use crate::index::summary::of_bytes as object_kind;
pub use crate::index::{
    CalendarSummary, Candidate, Change, ChangeKind, Collection, CollectionKind, Depth, Entry, File,
    HomePath, ObjectEntry, ObjectKind, PropertySet, SCHEDULE_TAG, Snapshot, SyncPoint, TokenError,
};
pub use content::Content;
pub use derived::Derived;
pub use home::Home;
pub use lengthy::Lengthy;
pub use prepared::Prepared;
pub use property::PropertyChanges;
pub use provision::{Provision, ProvisionedCollection};
pub use scheduled::{LastScheduled, Unscheduled};
pub use spool::{Spool, SpoolEntry};
pub use store::{Durability, Store, StoreOptions, Watcher};
pub use texts::{Text, Texts};
pub use transaction::Transaction;
pub use uid_lock::UidGuard;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system failed (500).
    #[error(transparent)]
    Disk(DiskError),
    /// The disk, or the operating system's quota, is full (507).
    #[error("no room left: {0}")]
    Full(DiskError),
    /// The home would hold more than it may (507, `DAV:quota-not-exceeded`).
    #[error("the home may hold {quota} bytes and would hold {wanted}")]
    QuotaExceeded {
        /// What it may hold.
        quota: u64,
        /// What it would hold.
        wanted: u64,
    },
    /// A name that no file can have (403).
    #[error("{name:?}: {reason}")]
    Name {
        /// The segment.
        name: String,
        /// Why.
        reason: NameError,
    },
    /// The collection that should hold the resource does not exist (409).
    #[error("there is no collection for {0}")]
    NoParent(HomePath),
    /// There is nothing at the path (404).
    #[error("there is nothing at {0}")]
    NotFound(HomePath),
    /// There is something at the path already, or it is of another kind (405 or 409).
    #[error("there is already something at {0}")]
    Taken(HomePath),
    /// Somebody changed the file meanwhile, past the server (try again).
    #[error("{0} was changed by somebody else")]
    Changed(HomePath),
    /// Another operation on the same UID takes too long (409 or 503).
    #[error("the UID {0} is in use")]
    UidBusy(String),
    /// Another server works on the data directory.
    #[error("another process uses the data directory {0}")]
    InUse(String),
    /// The file system cannot hold extended attributes.
    #[error(
        "{path} cannot hold extended attributes ({reason}): mount it with user_xattr, or choose \
         a data directory on ext4, xfs, btrfs or tmpfs"
    )]
    NoAttributes {
        /// The data directory.
        path: String,
        /// What the system said.
        reason: String,
    },
}

impl From<DiskError> for StoreError {
    fn from(error: DiskError) -> Self {
        if error.is_full() { StoreError::Full(error) } else { StoreError::Disk(error) }
    }
}
