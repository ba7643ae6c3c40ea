//! Files that have no name until they are whole: nobody sees one before, nothing is left of it
//! after a death, and its directory is changed once instead of three times.
//!
//! Only for what a sync of the file system makes durable: the one of a directory need not bring
//! along that its file has a name now.

use std::fs::File;
#[cfg(target_os = "linux")]
use std::sync::OnceLock;

use rustix::fs::AtFlags;

#[cfg(target_os = "linux")]
use super::temporary_name;
use super::{Dir, DiskError, Result, fault};

impl Dir {
    /// A file without a name in the directory; none where the file system has no such files.
    pub fn create_unnamed(&self) -> Result<Option<File>> {
        fault::point().map_err(|error| DiskError::new("create", self.path(), error))?;
        create(self).map_err(|error| DiskError::new("create", self.path(), error))
    }

    /// Gives such a file its name, which must be free.
    pub fn link(&self, file: &File, name: &str) -> Result<()> {
        let failed = |error| DiskError::new("link", &self.path().join(name), error);
        fault::point().map_err(failed)?;
        link(self, file, name).map_err(|error| failed(error.into()))
    }
}

#[cfg(target_os = "linux")]
fn create(dir: &Dir) -> rustix::io::Result<Option<File>> {
    use rustix::fs::{Mode, OFlags, openat};
    use rustix::io::Errno;
    /// Whether the system lets us give them names: before Linux 6.10 not everybody may.
    static MAY_LINK: OnceLock<bool> = OnceLock::new();
    if MAY_LINK.get() == Some(&false) {
        return Ok(None);
    }
    let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
    let file = match openat(dir, ".", flags, Mode::from_raw_mode(0o666)) {
        Ok(fd) => File::from(fd),
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut tried = false;
    let may = *MAY_LINK.get_or_init(|| {
        tried = true;
        let name = temporary_name();
        let linked = link(dir, &file, &name).is_ok();
        let _ = rustix::fs::unlinkat(dir, &name, AtFlags::empty());
        linked
    });
    // What had a name once gets no other one.
    Ok((may && !tried).then_some(file))
}

#[cfg(not(target_os = "linux"))]
fn create(_: &Dir) -> rustix::io::Result<Option<File>> {
    Ok(None)
}

fn link(dir: &Dir, file: &File, name: &str) -> rustix::io::Result<()> {
    rustix::fs::linkat(file, "", dir, name, AtFlags::EMPTY_PATH)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use crate::disk::{EntryKind, Tree};

    #[test]
    fn a_file_gets_a_name_that_is_free() {
        let root = tempfile::tempdir().unwrap();
        let tree = Tree::open(root.path()).unwrap();
        let dir = tree.dir(std::path::Path::new(".")).unwrap().unwrap();
        let names = || dir.list().unwrap().0.into_iter().map(|it| it.name).collect::<Vec<_>>();
        // The first one finds out whether it works here.
        drop(dir.create_unnamed().unwrap());
        let Some(mut file) = dir.create_unnamed().unwrap() else { return };
        file.write_all(b"content").unwrap();
        assert!(names().is_empty());
        dir.link(&file, "a").unwrap();
        assert_eq!(names(), ["a"]);
        assert_eq!(dir.read("a", 100).unwrap().as_deref(), Some(&b"content"[..]));
        assert!(matches!(dir.stat("a").unwrap(), Some((EntryKind::File, _))));
        let other = dir.create_unnamed().unwrap().unwrap();
        assert!(dir.link(&other, "a").unwrap_err().is_taken());
        drop(other);
        assert_eq!(names(), ["a"]);
    }
}
