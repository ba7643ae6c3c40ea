//! Small text files of the data directory: read with a stamp that tells when they changed, and
//! replaced in one step. Calendar data never pass through here.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What changes when a file is edited or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    size: u64,
    modified: (i64, i64),
    inode: u64,
}

/// The stamp of a file; absent when there is no such file.
pub fn stamp(path: &Path) -> Option<Stamp> {
    let data = fs::metadata(path).ok()?;
    let modified = (data.mtime(), data.mtime_nsec());
    Some(Stamp { size: data.len(), modified, inode: data.ino() })
}

/// The text of a file, or none if there is no such file.
pub fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces a file: whoever reads it sees the old text or the new one. Keeps its permissions; a
/// new file is readable by its owner only, as it may hold password hashes.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}", uuid::Uuid::new_v4().simple()));
    let written = write_new(&temporary, text, path).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
        return written;
    }
    File::open(folder)?.sync_all()
}

fn write_new(temporary: &Path, text: &str, model: &Path) -> io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(temporary)?;
    if let Ok(data) = fs::metadata(model) {
        file.set_permissions(fs::Permissions::from_mode(data.mode() & 0o777))?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Holds the lock file beside `path` until dropped, so that a tool and the server do not overwrite
/// each other's changes.
pub fn lock(path: &Path) -> io::Result<File> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().ok_or(io::ErrorKind::InvalidInput)?);
    name.push(".lock");
    let file =
        File::options().create(true).truncate(false).write(true).open(path.with_file_name(name))?;
    file.lock()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::{lock, read, replace, stamp};

    #[test]
    fn replaces_in_one_step_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        assert_eq!(read(&path).unwrap(), None);
        replace(&path, "one").unwrap();
        let first = stamp(&path).unwrap();
        replace(&path, "two").unwrap();
        assert_ne!(stamp(&path), Some(first));
        assert_eq!(read(&path).unwrap().as_deref(), Some("two"));
        drop(lock(&path).unwrap());
        let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(names.len(), 2);
        assert!(replace(&folder.path().join("no/such"), "x").is_err());
    }
}
