//! Homes and calendars on their way in and out as files: other servers' data directories, plain
//! `.ics` files, a whole home as one archive.
//!
//! Everything comes in through [`Intake`], one object at a time: what is stored is complete, what
//! is there already is left alone, what is not taken is named. Sources are only read, through
//! directory handles that follow no link. Must not send anything to anybody.

pub mod archive;
pub mod calendar_server;
pub mod files;
mod intake;
pub mod radicale;
mod source;
pub mod vdir;

pub use intake::{Intake, Item, Naming, Options, Refusal, Report, Target};

use crate::dav::Name;
use crate::disk::DiskError;
use crate::principal::live::PrincipalError;
use crate::store::StoreError;

/// Dead properties: name and XML of the whole element.
type Properties = Vec<(Name, String)>;

/// Why a transfer ended before its end. What was taken until then stays.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The data directory.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The source.
    #[error(transparent)]
    Source(#[from] DiskError),
    /// Delegates and automatic scheduling.
    #[error(transparent)]
    Principals(#[from] PrincipalError),
    /// The source is not what it was said to be.
    #[error("{path}: {reason}")]
    Unfit {
        /// The file or directory.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An archive cannot be read or written.
    #[error("{0}: {1}")]
    Archive(String, std::io::Error),
}
