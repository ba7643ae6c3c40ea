//! Paths of resources and of files, and the content of files.

use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::disk::{DiskError, File, layout};
use crate::index::HomePath;
use crate::store::StoreError;

/// The path of file names for a path of segments.
pub(in crate::store) fn disk_path(path: &HomePath) -> Result<PathBuf, StoreError> {
    path.segments().iter().map(|segment| name_of(segment)).collect()
}

/// The path of segments for a path of file names, as far as they are those of resources.
pub(in crate::store) fn home_path(path: &Path) -> HomePath {
    let names = path.iter().filter_map(|name| name.to_str());
    HomePath::new(names.filter_map(layout::segment))
}

/// The file name of a segment.
pub(in crate::store) fn name_of(segment: &str) -> Result<String, StoreError> {
    layout::file_name(segment)
        .map_err(|reason| StoreError::Name { name: segment.to_owned(), reason })
}

/// All of a file.
pub(in crate::store) fn read_all(mut file: File, path: &Path) -> Result<Bytes, StoreError> {
    let mut content = Vec::new();
    file.read_to_end(&mut content).map_err(|source| DiskError::new("read", path, source))?;
    Ok(Bytes::from(content))
}
