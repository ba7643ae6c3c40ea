//! Content written and made durable before the home's writer is needed, so that many writers
//! wait for the disk at the same time and hold the lock only to give names.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::dav::Name;
use crate::disk::{DiskError, Stat, file_stat, temporary_name};
use crate::index::{HomePath, PropertySet};

use super::home::disk_path;
use super::store::Durability;
use super::transaction::{Directories, is_bare, set_attributes};
use super::{Home, PropertyChanges, StoreError};

/// A temporary file that waits for `Home::write_prepared`; removed when it is not used.
#[derive(Debug)]
pub struct Prepared<'home> {
    home: &'home Home,
    /// The directory, below the home.
    pub(super) parent: PathBuf,
    pub(super) temporary: String,
    pub(super) content: Bytes,
    pub(super) properties: Arc<PropertySet>,
    /// Whether it says that it has no properties on purpose.
    pub(super) bare: bool,
    pub(super) stat: Stat,
    /// Properties that attributes could not hold.
    pub(super) rest: Vec<(Name, Arc<str>)>,
    pub(super) used: bool,
}

impl Home {
    /// Writes what a transaction will probably put at `path`. Decides nothing: a transaction
    /// that puts something else, or nothing, leaves it alone. None where it cannot help.
    pub fn prepare(
        &self,
        path: &HomePath,
        content: &Bytes,
        changes: &PropertyChanges,
    ) -> Result<Option<Prepared<'_>>, StoreError> {
        let Some((parent, _)) = path.split() else { return Ok(None) };
        let snapshot = self.snapshot();
        if snapshot.collection(&parent).is_none() || self.options.durability != Durability::Full {
            return Ok(None);
        }
        let empty = PropertySet::empty();
        let before = snapshot.object(path).map(|object| &*object.properties);
        let properties = changes.apply(snapshot.object(path).map_or(&empty, |o| &o.properties));
        let parent = disk_path(&parent)?;
        let directories = Directories::default();
        let dir = directories.open(&self.tree, &self.relative, &parent)?;
        let Some(dir) = dir else { return Ok(None) };
        let temporary = temporary_name();
        let mut file = dir.create(&temporary)?;
        let mut prepared = Prepared {
            home: self,
            parent,
            temporary,
            content: content.clone(),
            bare: is_bare(&properties, before),
            properties,
            stat: Stat::default(),
            rest: Vec::new(),
            used: false,
        };
        dir.write(&prepared.temporary, &mut file, content)?;
        prepared.rest = set_attributes(&file, dir.path(), &prepared.properties, before)?;
        dir.sync_file(&prepared.temporary, &file)?;
        prepared.stat =
            file_stat(&file).map_err(|error| DiskError::new("stat", dir.path(), error))?;
        Ok(Some(prepared))
    }
}

impl Drop for Prepared<'_> {
    fn drop(&mut self) {
        if self.used {
            return;
        }
        if let Ok(Some(dir)) = self.home.tree.dir(&self.home.relative.join(&self.parent)) {
            let _ = dir.remove_file(&self.temporary);
        }
    }
}
