//! One server for one data directory: an advisory lock that dies with the process.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};

use super::{DiskError, Result};

/// The lock file, in the data directory; it was last changed when its holder started.
pub const FILE: &str = ".lock";

/// Holds the data directory until it is dropped.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

/// Locks the data directory; `None` when another process holds it.
pub fn lock(root: &Path) -> Result<Option<DataLock>> {
    let path = root.join(FILE);
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = open(&path, flags, Mode::from_raw_mode(0o600))
        .map_err(|error| DiskError::new("open", &path, error))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {
            let mut file = File::from(file);
            // For people; that nothing can be written here will be told by the first write.
            let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
            Ok(Some(DataLock { _file: file }))
        }
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(DiskError::new("lock", &path, error)),
    }
}
