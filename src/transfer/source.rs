//! Reading what somebody else's server left: directories and files below one root, never through
//! a link, never more than fits.

use std::path::Path;

use bytes::Bytes;

use crate::dav::Name;
use crate::disk::{Dir, DiskError, EntryKind, Result, Tree, attribute};

/// Files beyond this size are no calendar data.
pub(super) const FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Opens a directory that somebody named.
pub(super) fn open(root: &Path) -> Result<Dir> {
    let tree = Tree::open(root)?;
    let dir = tree.dir(Path::new("."))?;
    let absent = || std::io::Error::from(std::io::ErrorKind::NotADirectory);
    dir.ok_or_else(|| DiskError::new("open", root, absent()))
}

/// The names in a directory, in order.
pub(super) fn names(dir: &Dir) -> Result<Vec<(String, EntryKind)>> {
    let (listed, _) = dir.list()?;
    let mut names: Vec<_> = listed.into_iter().map(|listed| (listed.name, listed.kind)).collect();
    names.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(names)
}

/// The content of a file, or why there is none.
pub(super) fn read(dir: &Dir, name: &str) -> std::result::Result<Bytes, String> {
    match dir.stat(name) {
        Ok(Some((EntryKind::File, stat))) if stat.size > FILE_BYTES => {
            Err("it is too large".to_owned())
        }
        Ok(Some((EntryKind::File, _))) => match dir.read(name, FILE_BYTES) {
            Ok(Some(content)) => Ok(Bytes::from(content)),
            Ok(None) => Err("it is gone".to_owned()),
            Err(error) => Err(format!("it cannot be read: {}", error.source)),
        },
        Ok(Some(_)) => Err("it is no regular file".to_owned()),
        Ok(None) => Err("it is gone".to_owned()),
        Err(error) => Err(format!("it cannot be read: {}", error.source)),
    }
}

/// The stored values of all properties of a file.
pub(super) fn file_properties(dir: &Dir, name: &str) -> Result<Vec<(Name, Vec<u8>)>> {
    match dir.open_file(name)? {
        Some(file) => attribute::read_stored(&file, dir.path()),
        None => Ok(Vec::new()),
    }
}

/// The stored values of all properties of a directory.
pub(super) fn own_properties(dir: &Dir) -> Result<Vec<(Name, Vec<u8>)>> {
    attribute::read_stored(dir, dir.path())
}
