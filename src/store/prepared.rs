//! Content written and made durable before the home's writer is needed, so that many writers
//! wait for the disk at the same time and hold the lock only to give names. What the index has to
//! know of the content is found out while it is on its way to the disk.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use crate::dav::Name;
use crate::disk::{Dir, DiskError, Stat, begin_sync_file, file_stat, temporary_name};
use crate::ical::Component;
use crate::index::{CollectionKind, HomePath, PropertySet};

use super::content::Content;
use super::home::disk_path;
use super::store::Durability;
use super::transaction::{Directories, is_bare, set_attributes};
use super::{Home, PropertyChanges, StoreError};

/// A temporary file that waits for `Home::write_prepared`; removed when it is not used.
#[derive(Debug)]
pub struct Prepared {
    /// The directory, below the home.
    pub(super) parent: PathBuf,
    /// The same, open.
    pub(super) directory: Arc<Dir>,
    pub(super) temporary: String,
    pub(super) content: Content,
    /// What the collection was for.
    pub(super) collection: CollectionKind,
    pub(super) properties: Arc<PropertySet>,
    /// Whether it says that it has no properties on purpose.
    pub(super) bare: bool,
    pub(super) stat: Stat,
    /// Properties that attributes could not hold.
    pub(super) rest: Vec<(Name, Arc<str>)>,
    pub(super) used: bool,
    /// The directories that were opened for it, and how many of the home's had changed places
    /// by then.
    pub(super) directories: Directories,
    pub(super) moves: u64,
}

impl Home {
    /// Writes what a transaction will probably put at `path`. Decides nothing: a transaction
    /// that puts something else, or nothing, leaves it alone. None where it cannot help. `tree` is
    /// as with [`Transaction::put`](super::Transaction::put).
    pub fn prepare(
        &self,
        path: &HomePath,
        content: &Bytes,
        tree: Option<&Component>,
        changes: &PropertyChanges,
    ) -> Result<Option<Prepared>, StoreError> {
        let Some((parent, _)) = path.split() else { return Ok(None) };
        let snapshot = self.snapshot();
        let collection = snapshot.collection(&parent).map(|collection| collection.kind);
        let Some(collection) = collection.filter(|_| self.options.durability == Durability::Full)
        else {
            return Ok(None);
        };
        let empty = PropertySet::empty();
        let before = snapshot.object(path).map(|object| &*object.properties);
        let properties = changes.apply(snapshot.object(path).map_or(&empty, |o| &o.properties));
        let parent = disk_path(&parent)?;
        let moves = self.moves.load(Ordering::Acquire);
        let directories = Directories::default();
        let dir = directories.open(&self.tree, &self.relative, &parent)?;
        let Some(dir) = dir else { return Ok(None) };
        let temporary = temporary_name();
        let mut file = dir.create(&temporary)?;
        let mut prepared = Prepared {
            parent,
            directory: dir.clone(),
            temporary,
            content: Content::unknown(content.clone()),
            collection,
            bare: is_bare(&properties, before),
            properties,
            stat: Stat::default(),
            rest: Vec::new(),
            used: false,
            directories,
            moves,
        };
        dir.write(&prepared.temporary, &mut file, content)?;
        prepared.rest = set_attributes(&file, dir.path(), &prepared.properties, before)?;
        begin_sync_file(&file);
        prepared.content = Content::of_member(content.clone(), tree, collection);
        dir.sync_file(&prepared.temporary, &file)?;
        prepared.stat =
            file_stat(&file).map_err(|error| DiskError::new("stat", dir.path(), error))?;
        Ok(Some(prepared))
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if !self.used {
            let _ = self.directory.remove_file(&self.temporary);
        }
    }
}
