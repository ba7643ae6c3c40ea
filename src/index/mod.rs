//! What is known of one home without touching a file: an immutable snapshot with cheap clones.
//!
//! Everything here is derived from the files and may be thrown away at any time. Must not know
//! transactions or methods.

pub mod alike;
mod calendar_summary;
mod change;
mod codec;
mod collection;
mod edit;
mod editing;
mod entry;
mod home_path;
mod journal;
mod pack;
mod persist;
mod removals;
mod snapshot;
pub mod summary;
#[cfg(test)]
mod tests;
mod time_span;

pub use calendar_summary::{CalendarSummary, Message};
pub use change::{Change, ChangeKind, Depth, SyncPoint, TokenError};
pub use collection::{Candidate, Collection, CollectionKind, File};
pub(crate) use edit::Edit;
pub use entry::{Damage, Entry, ObjectEntry, ObjectKind, PropertySet, SCHEDULE_TAG};
pub use home_path::HomePath;
pub(crate) use persist::{Loaded, Log};
pub use snapshot::Snapshot;
pub use time_span::{SpanIndex, Times};
