//! The only users of the file system calls (`docs/storage.md` is the contract of what they leave
//! behind).
//!
//! Everything happens below one root directory and through directory handles, so that a symbolic
//! link is never followed. Must not know calendars, indexes or transactions.

pub mod attribute;
mod dir;
pub mod fault;
mod identity;
mod in_place;
mod kept;
pub mod layout;
pub mod lock;
mod sync_group;
pub mod tree;
mod unnamed;

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

pub use dir::{
    Dir, EntryKind, Listed, Replacing, Stat, begin_sync_file, file_stat, temporary_name,
};
pub use in_place::InPlace;
pub use std::fs::File;
pub use sync_group::SyncGroups;
pub use tree::Tree;

/// A call of the file system that failed, and on what.
#[derive(Debug, thiserror::Error)]
#[error("{operation} {}: {source}", path.display())]
pub struct DiskError {
    /// What was tried.
    pub operation: &'static str,
    /// The file it was tried on.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// A result of this module.
pub type Result<T> = std::result::Result<T, DiskError>;

impl DiskError {
    pub(crate) fn new(operation: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        Self { operation, path: path.to_owned(), source: source.into() }
    }

    /// No room: a full disk or a quota of the operating system.
    pub fn is_full(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }

    /// The file system cannot do this at all.
    pub fn is_unsupported(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput)
    }

    /// The fault is not in what was asked for and may be mended while the server runs: a device
    /// that fails, a file system that became read-only, too many open files, no memory.
    pub fn may_pass(&self) -> bool {
        const PASSING: [Errno; 6] =
            [Errno::IO, Errno::ROFS, Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::STALE];
        let number = self.source.raw_os_error();
        PASSING.iter().any(|passing| number == Some(passing.raw_os_error()))
    }

    /// The server may not do this.
    pub fn is_denied(&self) -> bool {
        self.source.kind() == io::ErrorKind::PermissionDenied
    }

    /// The name is taken.
    pub fn is_taken(&self) -> bool {
        self.source.kind() == io::ErrorKind::AlreadyExists
    }

    /// The file or one of its directories is not there.
    pub fn is_absent(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
    }
}

/// Makes the directory `root` where it is missing, for its owner alone, and says where it really
/// is.
pub fn make_root(root: &Path) -> Result<PathBuf> {
    let failed = |error: io::Error| DiskError::new("make directory", root, error);
    if let Some(parent) = root.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    match std::fs::DirBuilder::new().mode(0o700).create(root) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    std::fs::canonicalize(root).map_err(|error| DiskError::new("open", root, error))
}

/// When the system was started, in nanoseconds since 1970, by what it says of its age `now_ns`;
/// none where it does not say.
pub fn booted_ns(now_ns: i64) -> Option<i64> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    let seconds: f64 = text.split(' ').next()?.parse().ok()?;
    Some(now_ns.saturating_sub((seconds * 1e9) as i64))
}
