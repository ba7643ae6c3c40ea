//! What tells one directory from another that has the same name later: its inode, and the mount it
//! is reached through. An administrator may lay a mount that is read-only over a directory: it is
//! the same directory, but who opened it before would still write.

use std::os::fd::AsFd;

use rustix::fs::AtFlags;
#[cfg(target_os = "linux")]
use rustix::fs::{StatxFlags, statx};
use rustix::io::Errno;
use rustix::path::Arg;

/// Mount, device and inode. Where the system does not tell mounts (Linux before 5.8), all are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// The mount.
    pub(super) mount: u64,
    device: u64,
    /// The inode.
    pub(super) inode: u64,
}

/// What is at `path` below an open directory, itself and not where it may lead; with an empty path
/// the directory. Absent when there is nothing.
pub(super) fn identity_at(
    dir: impl AsFd,
    path: impl Arg + Copy,
) -> Result<Option<Identity>, Errno> {
    let found = match look(dir, path) {
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => None,
        other => Some(other?),
    };
    Ok(found)
}

#[cfg(target_os = "linux")]
fn look(dir: impl AsFd, path: impl Arg + Copy) -> Result<Identity, Errno> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH;
    match statx(&dir, path, flags, StatxFlags::INO | StatxFlags::MNT_ID) {
        Ok(found) => {
            let device = rustix::fs::makedev(found.stx_dev_major, found.stx_dev_minor);
            Ok(Identity { mount: found.stx_mnt_id, device, inode: found.stx_ino })
        }
        Err(Errno::NOSYS) => without_mount(dir, path),
        Err(error) => Err(error),
    }
}

#[cfg(not(target_os = "linux"))]
fn look(dir: impl AsFd, path: impl Arg + Copy) -> Result<Identity, Errno> {
    without_mount(dir, path)
}

fn without_mount(dir: impl AsFd, path: impl Arg + Copy) -> Result<Identity, Errno> {
    let empty = path.to_string_lossy().is_empty();
    let stat = match empty {
        true => rustix::fs::fstat(dir)?,
        false => rustix::fs::statat(dir, path, AtFlags::SYMLINK_NOFOLLOW)?,
    };
    Ok(Identity { mount: 0, device: stat.st_dev as u64, inode: stat.st_ino as u64 })
}
