//! One server for one data directory: an advisory lock that dies with the process.

use std::fs::File;
use std::path::Path;

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};

use super::{DiskError, Result};

/// Holds the data directory until it is dropped.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

/// Locks the data directory; `None` when another process holds it.
pub fn lock(root: &Path) -> Result<Option<DataLock>> {
    let path = root.join(".lock");
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = open(&path, flags, Mode::from_raw_mode(0o600))
        .map_err(|error| DiskError::new("open", &path, error))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(DataLock { _file: File::from(file) })),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(DiskError::new("lock", &path, error)),
    }
}
