//! The root of everything the server stores, and how a directory below it is reached without
//! following a symbolic link.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, openat};
use rustix::io::Errno;

use super::dir::Dir;
use super::identity::{Identity, identity_at};
use super::kept::Kept;
use super::{DiskError, Result, Stat, fault};

/// An open root directory.
#[derive(Debug)]
pub struct Tree {
    root: OwnedFd,
    path: PathBuf,
    pub(super) kept: Kept,
}

impl Tree {
    /// Opens `path`, which must be a directory (links on the way to it are the administrator's).
    pub fn open(path: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|error| DiskError::new("open", path, error))?;
        Ok(Self { root, path: path.to_owned(), kept: Kept::default() })
    }

    /// Where the root is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory at `relative`; absent when something on the way is missing or no directory.
    pub fn dir(&self, relative: &Path) -> Result<Option<Dir>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let path = self.path.join(relative);
        fault::point().map_err(|error| DiskError::new("open", &path, error))?;
        match self.open_beneath(relative, flags) {
            Ok(fd) => Ok(Some(Dir::new(fd, path))),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(error) => Err(DiskError::new("open", &path, error)),
        }
    }

    /// The directory at `relative`, made with all that leads to it where it is missing.
    pub fn make_dirs(&self, relative: &Path) -> Result<Dir> {
        let mut dir = self.dir(Path::new("."))?.ok_or_else(|| self.gone(relative))?;
        for component in relative {
            let name = component.to_str().ok_or_else(|| self.gone(relative))?;
            dir = match dir.open_dir(name)? {
                Some(next) => next,
                None => {
                    match dir.make_dir(name) {
                        Err(error) if !error.is_taken() => return Err(error),
                        _ => dir.sync()?,
                    }
                    dir.open_dir(name)?.ok_or_else(|| self.gone(relative))?
                }
            };
        }
        Ok(dir)
    }

    /// What the system knows of what lies at `relative`, which is not followed itself; absent when
    /// there is nothing. Opens nothing: what is found must be compared with what was opened.
    pub fn stat(&self, relative: &Path) -> Result<Option<Stat>> {
        Ok(self.look_at(relative)?.as_ref().map(super::dir::stat_of))
    }

    /// What has this name, as the system tells one thing from another.
    pub(super) fn identity_of(&self, relative: &Path) -> Result<Option<Identity>> {
        let failed =
            |error: std::io::Error| DiskError::new("stat", &self.path.join(relative), error);
        fault::point().map_err(failed)?;
        identity_at(&self.root, relative).map_err(|error| failed(error.into()))
    }

    fn look_at(&self, relative: &Path) -> Result<Option<rustix::fs::Stat>> {
        let failed =
            |error: std::io::Error| DiskError::new("stat", &self.path.join(relative), error);
        fault::point().map_err(failed)?;
        match rustix::fs::statat(&self.root, relative, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(error) => Err(failed(error.into())),
        }
    }

    /// Makes everything on the file system durable.
    pub fn sync_file_system(&self) -> Result<()> {
        fault::point().map_err(|error| DiskError::new("sync", &self.path, error))?;
        #[cfg(target_os = "linux")]
        rustix::fs::syncfs(&self.root)
            .map_err(|error| DiskError::new("sync", &self.path, error))?;
        #[cfg(not(target_os = "linux"))]
        rustix::fs::sync();
        Ok(())
    }

    fn gone(&self, relative: &Path) -> DiskError {
        DiskError::new("open", &self.path.join(relative), Errno::NOENT)
    }

    /// Whether it lies on a file system of a network or of another machine, of whose changes the
    /// system tells only those made here.
    #[cfg(target_os = "linux")]
    pub fn is_on_network(&self) -> bool {
        /// NFS, SMB, SMB2, CIFS, AFS, Ceph, 9P, Coda, FUSE (virtiofs says so too), OCFS2, GFS2.
        const KINDS: [u32; 11] = [
            0x6969,
            0x517b,
            0xfe53_4d42,
            0xff53_4d42,
            0x5346_414f,
            0x00c3_6400,
            0x0102_1997,
            0x7375_7245,
            0x6573_5546,
            0x7461_636f,
            0x0116_1970,
        ];
        rustix::fs::fstatfs(&self.root)
            .is_ok_and(|stat| u32::try_from(stat.f_type).is_ok_and(|kind| KINDS.contains(&kind)))
    }

    #[cfg(not(target_os = "linux"))]
    pub fn is_on_network(&self) -> bool {
        false
    }

    /// Opens a path without following any link below the root.
    #[cfg(target_os = "linux")]
    fn open_beneath(&self, relative: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        use rustix::fs::{ResolveFlags, openat2};
        let how = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        match openat2(&self.root, relative, flags, Mode::empty(), how) {
            Err(Errno::NOSYS | Errno::AGAIN) => self.open_stepwise(relative, flags),
            result => result,
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn open_beneath(&self, relative: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        self.open_stepwise(relative, flags)
    }

    /// The same for systems that cannot do it in one call.
    fn open_stepwise(&self, relative: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let step = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let mut components = relative.iter().peekable();
        let mut at = openat(&self.root, ".", step, Mode::empty())?;
        while let Some(component) = components.next() {
            let flags = if components.peek().is_some() { step } else { flags };
            at = openat(&at, component, flags, Mode::empty())?;
        }
        Ok(at)
    }

    /// The regular file at `relative`; absent when it is anything else.
    pub fn file(&self, relative: &Path) -> Result<Option<std::fs::File>> {
        self.regular_file(relative, OFlags::RDONLY)
    }

    /// The same for writing over it.
    pub fn writable(&self, relative: &Path) -> Result<Option<std::fs::File>> {
        self.regular_file(relative, OFlags::RDWR)
    }

    fn regular_file(&self, relative: &Path, how: OFlags) -> Result<Option<std::fs::File>> {
        let path = self.path.join(relative);
        fault::point().map_err(|error| DiskError::new("open", &path, error))?;
        let flags = how | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        match self.open_beneath(relative, flags) {
            Ok(fd) => super::dir::regular(fd, &path),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO) => Ok(None),
            Err(error) => Err(DiskError::new("open", &path, error)),
        }
    }
}
