//! Who there is: users, groups, locations and resources, and who may act for whom.
//!
//! `source` reads an accounts file, `directory` is the immutable snapshot that requests look things
//! up in, `live` keeps the snapshot in step with the files. Nothing here decides about access:
//! `auth` checks secrets, `acl` checks privileges.

pub mod address;
pub mod adopt;
pub mod delegates;
pub mod directory;
pub mod edit;
pub(crate) mod file;
pub mod group;
pub mod live;
mod membership;
pub mod record;
pub mod search;
pub mod source;

pub use address::{normalise_address, same_address};
pub use adopt::{AdoptError, Person};
pub use delegates::{Delegation, ProxyKind};
pub use directory::Directory;
pub use live::Principals;
pub use record::{AutoScheduleMode, Record, RecordType, Secret};
pub use source::SourceError;
