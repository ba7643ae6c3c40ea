//! One home: its present snapshot for everybody, its writer for one at a time.

use crate::disk::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::Mutex;

use crate::disk::{DiskError, Tree, layout};
use crate::index::{HomePath, ObjectEntry, PropertySet, Snapshot};

use super::store::{Store, StoreOptions};
use super::{Spool, StoreError, Transaction};

/// One calendar home.
#[derive(Debug)]
pub struct Home {
    guid: String,
    pub(super) relative: PathBuf,
    pub(super) tree: Arc<Tree>,
    pub(super) spool: Arc<Spool>,
    pub(super) options: StoreOptions,
    current: ArcSwap<Snapshot>,
    writer: Mutex<()>,
}

impl Home {
    pub(super) fn open(
        store: &Store,
        guid: &str,
        relative: PathBuf,
    ) -> Result<Arc<Self>, StoreError> {
        let snapshot = super::scan::scan(&store.tree, &relative, &store.options.clock)?;
        Ok(Arc::new(Self {
            guid: guid.to_owned(),
            relative,
            tree: store.tree.clone(),
            spool: store.spool.clone(),
            options: store.options.clone(),
            current: ArcSwap::from_pointee(snapshot),
            writer: Mutex::default(),
        }))
    }

    /// Whose home it is.
    pub fn guid(&self) -> &str {
        &self.guid
    }

    /// The home as it is now. Cheap; never changes afterwards.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// The content of a file; none when there is no file.
    pub fn read(&self, path: &HomePath) -> Result<Option<Bytes>, StoreError> {
        let Some(file) = self.open_file(path)? else { return Ok(None) };
        read_all(file, &self.relative).map(Some)
    }

    /// A file for reading; none when there is no file.
    pub fn open_file(&self, path: &HomePath) -> Result<Option<File>, StoreError> {
        if path.is_root() {
            return Ok(None);
        }
        Ok(self.tree.file(&self.relative.join(disk_path(path)?))?)
    }

    /// The content of a file together with the entry that describes exactly this content; none
    /// when there is no file.
    pub fn load(&self, path: &HomePath) -> Result<Option<(Arc<ObjectEntry>, Bytes)>, StoreError> {
        loop {
            let snapshot = self.snapshot();
            let Some(entry) = snapshot.object(path) else { return Ok(None) };
            let Some(content) = self.read(path)? else { return Ok(None) };
            let hash = ObjectEntry::hash_of(&content);
            if hash == entry.hash {
                return Ok(Some((entry.clone(), content)));
            }
            // A write got in between: look again. Without one the file was changed past the
            // server, and what is on the disk counts.
            if Arc::ptr_eq(&snapshot, &self.snapshot()) {
                let mut entry = (**entry).clone();
                entry.hash = hash;
                entry.stat.size = content.len() as u64;
                return Ok(Some((Arc::new(entry), content)));
            }
        }
    }

    /// The dead properties of what lies at `path`.
    pub fn properties(&self, path: &HomePath) -> Result<Arc<PropertySet>, StoreError> {
        let properties = self.current.load().properties(path);
        properties.ok_or_else(|| StoreError::NotFound(path.clone()))
    }

    /// Runs `f` as the home's only writer. When it returns an error nothing has happened; when
    /// it succeeds, everything it did is visible at once and durable.
    pub fn write<R, E: From<StoreError>>(
        &self,
        f: impl FnOnce(&mut Transaction<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        self.run(f, false)
    }

    /// The same without waiting for the disk: `Store::sync` makes many such writes durable.
    pub fn write_deferred<R, E: From<StoreError>>(
        &self,
        f: impl FnOnce(&mut Transaction<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        self.run(f, true)
    }

    fn run<R, E: From<StoreError>>(
        &self,
        f: impl FnOnce(&mut Transaction<'_>) -> Result<R, E>,
        deferred: bool,
    ) -> Result<R, E> {
        let _writer = self.writer.lock();
        let mut transaction = Transaction::begin(self, deferred);
        let result = f(&mut transaction)?;
        if let Some(snapshot) = transaction.commit()? {
            self.current.store(Arc::new(snapshot));
        }
        Ok(result)
    }
}

/// The path of file names for a path of segments.
pub(super) fn disk_path(path: &HomePath) -> Result<PathBuf, StoreError> {
    path.segments().iter().map(|segment| name_of(segment)).collect()
}

/// The file name of a segment.
pub(super) fn name_of(segment: &str) -> Result<String, StoreError> {
    layout::file_name(segment)
        .map_err(|reason| StoreError::Name { name: segment.to_owned(), reason })
}

/// All of a file.
pub(super) fn read_all(mut file: File, path: &Path) -> Result<Bytes, StoreError> {
    let mut content = Vec::new();
    file.read_to_end(&mut content).map_err(|source| DiskError::new("read", path, source))?;
    Ok(Bytes::from(content))
}
