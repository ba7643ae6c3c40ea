//! What one writer does to a home: staged beside the files, so that reads in the transaction see
//! it and nobody else does, and done at once by the commit.

use crate::disk::File;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use crate::dav::Name;
use crate::disk::{Dir, temporary_name};
use crate::ical::Component;
use crate::index::{
    CollectionKind, Edit, Entry, HomePath, ObjectEntry, ObjectKind, PropertySet, Snapshot,
};

use super::content::Content;
use super::home::{disk_path, home_path, name_of, read_all};
use super::overflow::Overflow;
use super::prepared::Prepared;
use super::property::{RESOURCE_TYPE, resource_type};
use super::reconcile::is_known;
use super::spool::Witness;
use super::{Home, PropertyChanges, SpoolEntry, StoreError};

mod directories;
mod relocate;
mod stage;
mod step;

use step::is_fresh;

pub(super) use directories::Directories;
pub(super) use stage::{is_bare, set_attributes};
pub(super) use step::{Step, physical_before};

/// A file that waits for its name.
#[derive(Debug)]
pub(super) struct Staged {
    /// Where it is, below the home.
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) inode: u64,
    /// It has no name yet: not the one in `path` either.
    pub(super) unnamed: Cell<bool>,
}

/// Where a member of a collection is.
#[derive(Debug)]
struct Place {
    /// The collection's directory, below the home.
    parent: PathBuf,
    /// What the collection is for.
    kind: CollectionKind,
    /// The file name.
    name: String,
}

/// The home as its writer sees and changes it.
#[derive(Debug)]
pub struct Transaction<'home> {
    pub(super) home: &'home Home,
    pub(super) deferred: bool,
    pub(super) work: Snapshot,
    pub(super) steps: Vec<Step>,
    pub(super) staged: Vec<Staged>,
    pub(super) sync_all: bool,
    pub(super) written: Vec<HomePath>,
    pub(super) spooled: Vec<SpoolEntry>,
    pub(super) edits: Vec<Edit>,
    pub(super) overflow: Overflow,
    pub(super) overflow_before: Overflow,
    /// The overflow file was written again by the commit itself.
    pub(super) overflow_late: bool,
    pub(super) now_s: i64,
    /// UIDs of which all is told that is to be told.
    pub(super) settled: BTreeSet<String>,
    /// By what a later start sees that this was committed, where the files would not tell.
    pub(super) witness: Option<Witness>,
    pub(super) directories: Directories,
    prepared: Option<Prepared>,
    temporaries: Vec<PathBuf>,
    stale: Option<HomePath>,
    /// What is staged now is a message that another object takes in.
    arriving: bool,
}

impl<'home> Transaction<'home> {
    pub(super) fn begin(
        home: &'home Home,
        overflow: Overflow,
        deferred: bool,
        mut prepared: Option<Prepared>,
    ) -> Self {
        // As long as no directory of the home changed its place they need not be looked up again.
        let moves = home.moves.load(Ordering::Acquire);
        let known = prepared.as_mut().filter(|prepared| prepared.moves == moves);
        let directories = known.map(|prepared| std::mem::take(&mut prepared.directories));
        Self {
            home,
            overflow_before: overflow.clone(),
            overflow_late: false,
            overflow,
            deferred,
            work: (*home.snapshot()).clone(),
            steps: Vec::new(),
            staged: Vec::new(),
            sync_all: false,
            written: Vec::new(),
            spooled: Vec::new(),
            edits: Vec::new(),
            directories: directories.unwrap_or_default(),
            prepared,
            temporaries: Vec::new(),
            stale: None,
            arriving: false,
            settled: BTreeSet::new(),
            witness: None,
            now_s: home.options.clock.now().timestamp(),
        }
    }

    fn edit(&mut self, edit: Edit) {
        self.work.apply(&edit, self.now_s);
        self.edits.push(edit);
    }

    /// What is in the overflow file for `path` is exactly what did not fit elsewhere.
    fn overflow_with(&mut self, path: &HomePath, rest: &[(Name, Arc<str>)]) {
        self.overflow.forget(path);
        for (name, xml) in rest {
            self.overflow.set(path, name, xml);
        }
    }

    /// Directories may have other paths from now on.
    pub(super) fn forget_directories(&self) {
        self.home.moves.fetch_add(1, Ordering::Release);
        self.directories.forget();
    }

    /// A file that turned out to be changed past the server.
    pub(super) fn stale(&self) -> Option<HomePath> {
        self.stale.clone()
    }

    /// Refuses to go on when somebody changed what lies at `path`, unseen until now.
    fn verify(&mut self, path: &HomePath) -> Result<(), StoreError> {
        if self.written.contains(path) {
            return Ok(());
        }
        // Where it is now: this transaction may have moved it, or the collection it is in.
        let physical = self.physical(&disk_path(path)?);
        let (Some(parent), Some(name)) = (physical.parent(), physical.file_name()) else {
            return Ok(());
        };
        let dir = self.open(parent)?;
        let found = match (dir, name.to_str()) {
            (Some(dir), Some(name)) => dir.stat(name)?,
            _ => None,
        };
        if is_known(self.work.entry(path).as_ref(), found) {
            return Ok(());
        }
        self.stale = Some(path.clone());
        Err(StoreError::Changed(path.clone()))
    }

    /// What is remembered of the contents of files.
    pub fn derived(&self) -> &crate::store::Derived {
        self.home.derived()
    }

    /// The home with everything this transaction did so far.
    pub fn snapshot(&self) -> &Snapshot {
        &self.work
    }

    /// What lies at `path`.
    pub fn entry(&self, path: &HomePath) -> Option<Entry> {
        self.work.entry(path)
    }

    /// The file at `path`.
    pub fn object(&self, path: &HomePath) -> Option<Arc<ObjectEntry>> {
        self.work.object(path).cloned()
    }

    /// The content of the file at `path`.
    pub fn read(&self, path: &HomePath) -> Result<Option<Bytes>, StoreError> {
        if self.work.object(path).is_none() {
            return Ok(None);
        }
        let physical = self.physical(&disk_path(path)?);
        let (Some(parent), Some(name)) = (physical.parent(), physical.file_name()) else {
            return Ok(None);
        };
        self.give_temporary_names(|staged| staged.path == physical)?;
        let file = match (self.open(parent)?, name.to_str()) {
            (Some(dir), Some(name)) => dir.open_file(name)?,
            _ => None,
        };
        file.map(|file| read_all(file, &physical)).transpose()
    }

    /// The dead properties of what lies at `path`.
    pub fn properties(&self, path: &HomePath) -> Result<Arc<PropertySet>, StoreError> {
        self.work.properties(path).ok_or_else(|| StoreError::NotFound(path.clone()))
    }

    /// Writes a file: a new one, or new content of the one that is there, whose properties stay
    /// but for `changes`. `tree` is the content as the caller parsed it; without one the store
    /// parses it where the collection holds calendar objects.
    pub fn put(
        &mut self,
        path: &HomePath,
        content: &Bytes,
        tree: Option<&Component>,
        changes: &PropertyChanges,
    ) -> Result<Arc<ObjectEntry>, StoreError> {
        let place = self.place(path)?;
        // What was prepared is known already.
        let prepared = self.prepared.as_ref().filter(|prepared| {
            prepared.content.bytes == *content && prepared.collection == place.kind
        });
        let content = match prepared {
            Some(prepared) => prepared.content.clone(),
            None => Content::of_member(content.clone(), tree, place.kind),
        };
        self.put_at(place, path, &content, changes)
    }

    /// The same for a message in the inbox, after the object that took it in was put with its mark
    /// ([`super::arrival`]).
    pub fn put_message(
        &mut self,
        path: &HomePath,
        content: &Content,
        changes: &PropertyChanges,
    ) -> Result<Arc<ObjectEntry>, StoreError> {
        self.arriving = true;
        let put = self.put_content(path, content, changes);
        self.arriving = false;
        put
    }

    /// The same for content that may have been put elsewhere before.
    pub fn put_content(
        &mut self,
        path: &HomePath,
        content: &Content,
        changes: &PropertyChanges,
    ) -> Result<Arc<ObjectEntry>, StoreError> {
        let place = self.place(path)?;
        self.put_at(place, path, content, changes)
    }

    fn put_at(
        &mut self,
        place: Place,
        path: &HomePath,
        content: &Content,
        changes: &PropertyChanges,
    ) -> Result<Arc<ObjectEntry>, StoreError> {
        let before = match self.work.entry(path) {
            Some(Entry::Collection(_)) => return Err(StoreError::Taken(path.clone())),
            Some(Entry::Object(object)) => Some(object),
            None => None,
        };
        let bytes = &content.bytes;
        self.check_quota(before.as_ref().map_or(0, |entry| entry.size()), bytes.len() as u64)?;
        let empty = PropertySet::empty();
        let properties = changes.apply(before.as_ref().map_or(&empty, |entry| &entry.properties));
        if before.is_some() {
            self.verify(path)?;
        }
        let replaced = before.as_ref().map(|entry| &*entry.properties);
        let (stat, rest) = self.stage(&place.parent, &place.name, bytes, &properties, replaced)?;
        self.overflow_with(path, &rest);
        let entry = ObjectEntry {
            hash: content.hash,
            stat,
            created_s: before.as_ref().map_or(self.now_s, |entry| entry.created_s),
            number: 0,
            properties,
            kind: match place.kind.holds_objects() {
                true => content.kind.clone(),
                false => ObjectKind::Plain,
            },
        };
        self.edit(Edit::PutObject { path: path.clone(), entry });
        self.written.push(path.clone());
        self.object(path).ok_or_else(|| StoreError::NotFound(path.clone()))
    }

    fn place(&self, path: &HomePath) -> Result<Place, StoreError> {
        let Some((parent, name)) = path.split() else {
            return Err(StoreError::Taken(path.clone()));
        };
        let collection = self.work.collection(&parent);
        let kind = collection.ok_or_else(|| StoreError::NoParent(path.clone()))?.kind;
        Ok(Place { parent: disk_path(&parent)?, kind, name: name_of(name)? })
    }

    fn check_quota(&self, before: u64, after: u64) -> Result<(), StoreError> {
        let Some(quota) = self.home.options.quota_bytes else { return Ok(()) };
        let wanted = (self.work.used_bytes() + after).saturating_sub(before);
        if after > before && wanted > quota {
            return Err(StoreError::QuotaExceeded { quota, wanted });
        }
        Ok(())
    }

    /// Where something with this path is now, before the steps are done.
    fn physical(&self, path: &Path) -> PathBuf {
        physical_before(&self.steps, path)
    }

    /// The open directory at `parent`, wherever it is now.
    fn directory(&mut self, parent: &Path) -> Result<(PathBuf, Arc<Dir>), StoreError> {
        let physical = self.physical(parent);
        match self.open(&physical)? {
            Some(dir) => Ok((physical, dir)),
            None => {
                let path = home_path(parent);
                self.stale = Some(path.clone());
                Err(StoreError::Changed(path))
            }
        }
    }

    /// Removes a file, or a collection with everything in it.
    pub fn delete(&mut self, path: &HomePath) -> Result<(), StoreError> {
        if self.work.entry(path).is_none() || path.is_root() {
            return Err(StoreError::NotFound(path.clone()));
        }
        let Place { parent, name, .. } = self.place(path)?;
        self.verify(path)?;
        self.steps.push(Step::Remove { parent, name });
        self.edit(Edit::Remove { path: path.clone() });
        self.overflow.forget(path);
        Ok(())
    }

    /// Makes an empty collection where nothing is.
    pub fn make_collection(
        &mut self,
        path: &HomePath,
        kind: CollectionKind,
        changes: &PropertyChanges,
    ) -> Result<(), StoreError> {
        let Place { parent, name, .. } = self.place(path)?;
        if self.work.entry(path).is_some() {
            return Err(StoreError::Taken(path.clone()));
        }
        let properties = changes.apply(&PropertySet::empty());
        let (physical, dir) = self.directory(&parent)?;
        let fresh = is_fresh(&self.steps, &parent);
        let temporary = if fresh { name.clone() } else { temporary_name() };
        self.temporaries.push(physical.join(&temporary));
        dir.make_dir(&temporary)?;
        let made = dir.open_dir(&temporary)?.ok_or_else(|| StoreError::NoParent(path.clone()))?;
        let kind_only = [(RESOURCE_TYPE, Arc::from(resource_type(kind)))].into_iter().collect();
        set_attributes(&made, made.path(), &kind_only, None)?;
        let rest = set_attributes(&made, made.path(), &properties, None)?;
        self.overflow_with(path, &rest);
        if !fresh {
            let (directory, replaces) = (true, false);
            self.steps.push(Step::Install { parent, temporary, name, directory, replaces });
        }
        let (path, created_s) = (path.clone(), self.now_s);
        self.edit(Edit::PutCollection { path, kind, created_s, properties });
        Ok(())
    }

    /// Changes dead properties of what lies at `path`.
    pub fn patch_properties(
        &mut self,
        path: &HomePath,
        changes: &PropertyChanges,
    ) -> Result<(), StoreError> {
        let before = self.properties(path)?;
        if changes.is_empty() {
            return Ok(());
        }
        self.verify(path)?;
        let after = changes.apply(&before);
        self.steps.push(Step::Attributes {
            at: path.clone(),
            path: disk_path(path)?,
            changes: changes.clone(),
            before,
        });
        let path = path.clone();
        match self.work.entry(&path) {
            Some(Entry::Object(object)) => {
                let entry = ObjectEntry { properties: after, ..(*object).clone() };
                self.edit(Edit::PutObject { path: path.clone(), entry });
            }
            Some(Entry::Collection(collection)) => self.edit(Edit::PutCollection {
                path: path.clone(),
                kind: collection.kind,
                created_s: collection.created_s,
                properties: after,
            }),
            None => {}
        }
        self.written.push(path);
        Ok(())
    }

    /// Remembers work that is to be done if and only if this transaction is committed.
    pub fn enqueue(&mut self, entry: SpoolEntry) {
        self.spooled.push(entry);
    }
}
