//! One open directory: everything done to its members, by plain names that are never followed.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::identity::{Identity, identity_at};
use super::{DiskError, Result, fault, layout};

/// What a name in a directory stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link, a pipe, a socket, a device: never opened.
    Other,
}

/// What the system knows of a file: enough to see that it was changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// The inode.
    pub inode: u64,
    /// Bytes of content.
    pub size: u64,
    /// Time of the last change of the content, in nanoseconds since 1970.
    pub modified_ns: i64,
    /// Time of the last change of anything, attributes included.
    pub changed_ns: i64,
}

impl Stat {
    /// Whether it is the same file with the same content as far as one can see; its name and
    /// attributes may be others.
    pub fn same_content(&self, other: &Stat) -> bool {
        (self.inode, self.size, self.modified_ns) == (other.inode, other.size, other.modified_ns)
    }
}

/// One line of a directory listing.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The file name.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
}

/// How a rename treats what already has the new name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacing {
    /// It is replaced.
    Yes,
    /// The rename fails.
    No,
    /// The two change names.
    Exchange,
}

/// An open directory.
#[derive(Debug)]
pub struct Dir {
    fd: OwnedFd,
    path: PathBuf,
    identity: OnceLock<Identity>,
}

/// Makes `Stat` out of what the system says.
pub(super) fn stat_of(stat: &rustix::fs::Stat) -> Stat {
    Stat {
        inode: stat.st_ino,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        modified_ns: nanoseconds(stat.st_mtime, stat.st_mtime_nsec),
        changed_ns: nanoseconds(stat.st_ctime, stat.st_ctime_nsec),
    }
}

#[allow(clippy::useless_conversion)] // the types differ between platforms
fn nanoseconds(seconds: i64, nanoseconds: impl TryInto<i64>) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds.try_into().unwrap_or(0))
}

/// The handle as a file, if it is a regular one.
pub(super) fn regular(fd: OwnedFd, path: &Path) -> Result<Option<File>> {
    let stat = rustix::fs::fstat(&fd).map_err(|error| DiskError::new("stat", path, error))?;
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    Ok(is_file.then(|| File::from(fd)))
}

/// What the system knows of an open file.
pub fn file_stat(file: &File) -> std::io::Result<Stat> {
    Ok(stat_of(&rustix::fs::fstat(file)?))
}

impl Dir {
    pub(super) fn new(fd: OwnedFd, path: PathBuf) -> Self {
        Self { fd, path, identity: OnceLock::new() }
    }

    /// Where the directory was when it was opened; for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn error(&self, operation: &'static str, name: &str, source: Errno) -> DiskError {
        DiskError::new(operation, &self.path.join(name), source)
    }

    fn fault(&self, operation: &'static str, name: &str) -> Result<()> {
        fault::point().map_err(|source| DiskError::new(operation, &self.path.join(name), source))
    }

    /// The directory `name`, if it is one.
    pub fn open_dir(&self, name: &str) -> Result<Option<Dir>> {
        self.fault("open", name)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => Ok(Some(Self::new(fd, self.path.join(name)))),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(error) => Err(self.error("open", name, error)),
        }
    }

    /// The regular file `name`, if it is one.
    pub fn open_file(&self, name: &str) -> Result<Option<File>> {
        self.open_regular(name, OFlags::RDONLY)
    }

    fn open_regular(&self, name: &str, access: OFlags) -> Result<Option<File>> {
        self.fault("open", name)?;
        let flags = access | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => regular(fd, &self.path.join(name)),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO) => Ok(None),
            Err(error) => Err(self.error("open", name, error)),
        }
    }

    /// The content of the regular file `name`, up to `limit` bytes.
    pub fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let Some(file) = self.open_file(name)? else { return Ok(None) };
        self.fault("read", name)?;
        let mut content = Vec::new();
        file.take(limit)
            .read_to_end(&mut content)
            .map_err(|error| DiskError::new("read", &self.path.join(name), error))?;
        Ok(Some(content))
    }

    /// What `name` is, without following it.
    pub fn stat(&self, name: &str) -> Result<Option<(EntryKind, Stat)>> {
        self.fault("stat", name)?;
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some((
                match FileType::from_raw_mode(stat.st_mode) {
                    FileType::Directory => EntryKind::Directory,
                    FileType::RegularFile => EntryKind::File,
                    _ => EntryKind::Other,
                },
                stat_of(&stat),
            ))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(self.error("stat", name, error)),
        }
    }

    /// Owner and permissions of `name`, without following it.
    pub fn owner(&self, name: &str) -> Result<Option<(u32, u32)>> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some((stat.st_uid, Mode::from_raw_mode(stat.st_mode).bits() & 0o7777))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(self.error("stat", name, error)),
        }
    }

    /// Gives `name`, which is no link, to another owner and lets that one read and write it.
    pub fn give(&self, name: &str, owner: u32, permissions: u32) -> Result<()> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let failed = |error| self.error("give away", name, error);
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::empty()).map_err(failed)?;
        rustix::fs::fchmod(&fd, Mode::from_raw_mode(permissions)).map_err(failed)?;
        rustix::fs::fchown(&fd, Some(rustix::fs::Uid::from_raw(owner)), None).map_err(failed)
    }

    /// What the system knows of the directory itself.
    pub fn own_stat(&self) -> Result<Stat> {
        self.fault("stat", "")?;
        let stat = rustix::fs::fstat(&self.fd).map_err(|error| self.error("stat", "", error))?;
        Ok(stat_of(&stat))
    }

    /// By what the system tells it from all others.
    pub(super) fn identity(&self) -> Result<Identity> {
        if let Some(known) = self.identity.get() {
            return Ok(*known);
        }
        self.fault("stat", "")?;
        let found = identity_at(&self.fd, "").and_then(|found| found.ok_or(Errno::NOENT));
        let found = found.map_err(|error| self.error("stat", "", error))?;
        Ok(*self.identity.get_or_init(|| found))
    }

    /// The same of what is called `name` here, which is not followed.
    pub(super) fn identity_of(&self, name: &str) -> Result<Option<Identity>> {
        self.fault("stat", name)?;
        identity_at(&self.fd, name).map_err(|error| self.error("stat", name, error))
    }

    /// All names of the directory that are text, in no order; the others are counted.
    pub fn list(&self) -> Result<(Vec<Listed>, usize)> {
        self.fault("list", "")?;
        let mut listed = Vec::new();
        let mut unreadable = 0;
        let entries =
            rustix::fs::Dir::read_from(&self.fd).map_err(|error| self.error("list", "", error))?;
        for entry in entries {
            let entry = entry.map_err(|error| self.error("list", "", error))?;
            let Ok(name) = entry.file_name().to_str() else {
                unreadable += 1;
                continue;
            };
            if name == "." || name == ".." {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Directory => EntryKind::Directory,
                FileType::RegularFile => EntryKind::File,
                FileType::Unknown => match self.stat(name)? {
                    Some((kind, _)) => kind,
                    None => continue,
                },
                _ => EntryKind::Other,
            };
            listed.push(Listed { name: name.to_owned(), kind });
        }
        Ok((listed, unreadable))
    }

    /// A new file that must not exist yet.
    pub fn create(&self, name: &str) -> Result<File> {
        self.fault("create", name)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o666);
        let fd = rustix::fs::openat(&self.fd, name, flags | OFlags::NOFOLLOW, mode)
            .map_err(|error| self.error("create", name, error))?;
        Ok(File::from(fd))
    }

    /// A regular file opened for writing over it from its start; absent when there is none.
    pub fn rewrite(&self, name: &str) -> Result<Option<File>> {
        self.open_regular(name, OFlags::RDWR)
    }

    /// A file opened at its end for adding to it; made when it is missing.
    pub fn append(&self, name: &str) -> Result<File> {
        self.fault("open", name)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::APPEND | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o666);
        let fd = rustix::fs::openat(&self.fd, name, flags | OFlags::NOFOLLOW, mode)
            .map_err(|error| self.error("open", name, error))?;
        Ok(File::from(fd))
    }

    /// Writes all of `content` into an open file of this directory.
    pub fn write(&self, name: &str, file: &mut File, content: &[u8]) -> Result<()> {
        if let Err(error) = self.fault("write", name) {
            // As a full disk or a death would have it.
            let _ = file.write_all(&content[..content.len() / 2]);
            return Err(error);
        }
        file.write_all(content)
            .map_err(|error| DiskError::new("write", &self.path.join(name), error))
    }

    /// Makes an open file durable.
    pub fn sync_file(&self, name: &str, file: &File) -> Result<()> {
        self.fault("sync", name)?;
        file.sync_all().map_err(|error| DiskError::new("sync", &self.path.join(name), error))
    }

    /// Makes the names of the directory durable.
    pub fn sync(&self) -> Result<()> {
        self.fault("sync", "")?;
        rustix::fs::fsync(&self.fd).map_err(|error| self.error("sync", "", error))
    }

    /// Makes everything on this file system durable.
    pub fn sync_file_system(&self) -> Result<()> {
        self.fault("sync", "")?;
        #[cfg(target_os = "linux")]
        rustix::fs::syncfs(&self.fd).map_err(|error| self.error("sync", "", error))?;
        #[cfg(not(target_os = "linux"))]
        rustix::fs::sync();
        Ok(())
    }

    /// A new directory.
    pub fn make_dir(&self, name: &str) -> Result<()> {
        self.fault("make directory", name)?;
        rustix::fs::mkdirat(&self.fd, name, Mode::from_raw_mode(0o777))
            .map_err(|error| self.error("make directory", name, error))
    }

    /// A new symbolic link (those of people, never inside of a home).
    pub fn make_link(&self, name: &str, target: &str) -> Result<()> {
        self.fault("link", name)?;
        rustix::fs::symlinkat(target, &self.fd, name)
            .map_err(|error| self.error("link", name, error))
    }

    /// Where a symbolic link points; absent when it is none.
    pub fn read_link(&self, name: &str) -> Result<Option<String>> {
        self.fault("read link", name)?;
        match rustix::fs::readlinkat(&self.fd, name, Vec::new()) {
            Ok(target) => Ok(Some(target.to_string_lossy().into_owned())),
            Err(Errno::NOENT | Errno::INVAL) => Ok(None),
            Err(error) => Err(self.error("read link", name, error)),
        }
    }

    /// Renames `name` here to `new_name` in `to`.
    pub fn rename(&self, name: &str, to: &Dir, new_name: &str, replacing: Replacing) -> Result<()> {
        self.fault("rename", name)?;
        let flags = match replacing {
            Replacing::Yes => RenameFlags::empty(),
            Replacing::No => RenameFlags::NOREPLACE,
            Replacing::Exchange => RenameFlags::EXCHANGE,
        };
        let result = if flags.is_empty() {
            rustix::fs::renameat(&self.fd, name, &to.fd, new_name)
        } else {
            rustix::fs::renameat_with(&self.fd, name, &to.fd, new_name, flags)
        };
        match result {
            // File systems without the flag (some network ones): look first, then rename.
            Err(Errno::INVAL | Errno::NOSYS) if replacing == Replacing::No => {
                if to.stat(new_name)?.is_some() {
                    return Err(to.error("rename", new_name, Errno::EXIST));
                }
                rustix::fs::renameat(&self.fd, name, &to.fd, new_name)
            }
            other => other,
        }
        .map_err(|error| to.error("rename", new_name, error))
    }

    /// Removes a file; nothing happens when it is not there.
    pub fn remove_file(&self, name: &str) -> Result<()> {
        self.fault("remove", name)?;
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(self.error("remove", name, error)),
        }
    }

    /// Removes whatever has this name, with everything in it.
    pub fn remove_all(&self, name: &str) -> Result<()> {
        match self.open_dir(name)? {
            None => self.remove_file(name),
            Some(dir) => {
                for entry in dir.list()?.0 {
                    dir.remove_all(&entry.name)?;
                }
                self.fault("remove", name)?;
                match rustix::fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR) {
                    Ok(()) | Err(Errno::NOENT) => Ok(()),
                    Err(error) => Err(self.error("remove", name, error)),
                }
            }
        }
    }

    /// Writes a small file so that there is always the old or the new one; durable if asked.
    pub fn replace(&self, name: &str, content: &[u8], durable: bool) -> Result<()> {
        let temporary = temporary_name();
        let result = self.replace_through(&temporary, name, content, durable);
        if result.is_err() {
            let _ = self.remove_file(&temporary);
        }
        result
    }

    fn replace_through(&self, via: &str, name: &str, content: &[u8], durable: bool) -> Result<()> {
        let mut file = self.create(via)?;
        self.write(via, &mut file, content)?;
        if durable {
            self.sync_file(via, &file)?;
        }
        self.rename(via, self, name, Replacing::Yes)?;
        if durable { self.sync() } else { Ok(()) }
    }
}

/// Begins to write an open file to the disk, without waiting for it: somebody will.
pub fn begin_sync_file(file: &File) {
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
}

impl From<Dir> for OwnedFd {
    fn from(dir: Dir) -> Self {
        dir.fd
    }
}

impl AsFd for Dir {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// A name that no other file has, hidden from every listing of resources.
pub fn temporary_name() -> String {
    let mut name = String::with_capacity(layout::TEMPORARY.len() + 16);
    name.push_str(layout::TEMPORARY);
    let number = rand::random::<u64>();
    let digits = (0..16).rev().map(|digit| (number >> (digit * 4)) & 0xf);
    name.extend(digits.map(|digit| char::from(b"0123456789abcdef"[digit as usize])));
    name
}
