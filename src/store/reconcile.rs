//! Brings what is known of a home in step with its files: on opening, when something changed past
//! the server, and from nothing when there is no index.
//!
//! A file is read only when the system says something else of it than before, or when it changed
//! so shortly before the index was written that a further change could not be seen.

use std::collections::HashSet;
use std::sync::Arc;

use crate::disk::{Dir, EntryKind, Listed, Stat, attribute, layout};
use crate::index::{CollectionKind, Edit, Entry, HomePath, PropertySet, Snapshot};

use super::StoreError;
use super::arrival;
use super::overflow::Overflow;
use super::property::{RESOURCE_TYPE, kind_of, resource_type};

mod file;

use file::{is_bare, put_back, read_object};

/// Directories nested in each other that are looked at.
const DEPTH: usize = 16;

/// A snapshot that follows the files, and the edits that it took.
pub(super) struct Reconciler {
    pub(super) work: Snapshot,
    pub(super) edits: Vec<Edit>,
    /// Whether the edits are wanted: a home without a log is written down as a whole.
    pub(super) keep_edits: bool,
    pub(super) overflow: Overflow,
    now_s: i64,
    /// Files changed after this instant are read in any case.
    trusted_until_ns: i64,
    /// Nothing on the disk is touched.
    pub(super) read_only: bool,
}

impl Reconciler {
    /// Follows the files of the home in `dir` from what is `known` of them.
    pub(super) fn new(
        dir: &Dir,
        known: Snapshot,
        now_s: i64,
        trusted_until_ns: i64,
    ) -> Result<Self, StoreError> {
        let overflow = Overflow::load(dir)?;
        Ok(Self {
            work: known,
            edits: Vec::new(),
            keep_edits: true,
            overflow,
            now_s,
            trusted_until_ns,
            read_only: false,
        })
    }

    pub(super) fn edit(&mut self, edit: Edit) {
        if self.keep_edits {
            self.work.apply(&edit, self.now_s);
            self.edits.push(edit);
        } else {
            self.work.apply_owned(edit, self.now_s);
        }
    }

    /// The whole home.
    pub(super) fn home(&mut self, dir: &Dir) -> Result<(), StoreError> {
        let (_, properties) = self.collection_properties(dir, &HomePath::root())?;
        if *self.work.root().properties != *properties {
            self.edit(Edit::PutCollection {
                path: HomePath::root(),
                kind: CollectionKind::Home,
                created_s: self.work.root().created_s,
                properties,
            });
        }
        self.members(dir, &HomePath::root())
    }

    /// All members of the directory, which is the collection `path`.
    fn members(&mut self, dir: &Dir, path: &HomePath) -> Result<(), StoreError> {
        let (mut listed, unreadable) = dir.list()?;
        if unreadable > 0 {
            tracing::warn!(path = %dir.path().display(), unreadable, "file names that are no text");
        }
        listed.sort_by(|a, b| a.name.cmp(&b.name));
        let mut present: HashSet<String> = HashSet::with_capacity(listed.len());
        for Listed { name, kind } in listed {
            if let Some(segment) = layout::segment(&name) {
                self.member(dir, &name, kind, &path.join(&segment))?;
                present.insert(segment);
            }
        }
        let Some(known) = self.work.collection(path).cloned() else { return Ok(()) };
        for (name, _) in known.children() {
            if !present.contains(&**name) {
                self.edit(Edit::Remove { path: path.join(name) });
            }
        }
        Ok(())
    }

    /// The properties of a directory that is known; its members are as they were.
    pub(super) fn own_properties(&mut self, dir: &Dir, path: &HomePath) -> Result<(), StoreError> {
        let Some(known) = self.work.collection(path).cloned() else { return Ok(()) };
        let (kind, properties) = match path.is_root() {
            true => (CollectionKind::Home, self.collection_properties(dir, path)?.1),
            false => self.read_collection(dir, path)?,
        };
        if known.kind != kind {
            return self.collection(dir, path);
        }
        if *known.properties != *properties {
            let (path, created_s) = (path.clone(), known.created_s);
            self.edit(Edit::PutCollection { path, kind, created_s, properties });
        }
        Ok(())
    }

    /// Whatever has this name now.
    pub(super) fn named(
        &mut self,
        dir: &Dir,
        name: &str,
        path: &HomePath,
    ) -> Result<(), StoreError> {
        match dir.stat(name)? {
            Some((kind, _)) => self.member(dir, name, kind, path),
            None if self.work.entry(path).is_some() => {
                self.edit(Edit::Remove { path: path.clone() });
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn member(
        &mut self,
        dir: &Dir,
        name: &str,
        kind: EntryKind,
        path: &HomePath,
    ) -> Result<(), StoreError> {
        let is_directory = kind == EntryKind::Directory;
        let known = self.work.entry(path);
        if known.is_some_and(|known| known.collection().is_some() != is_directory) {
            self.edit(Edit::Remove { path: path.clone() });
        }
        if !is_directory {
            return self.file(dir, name, path);
        }
        if path.segments().len() > DEPTH {
            return Ok(());
        }
        match dir.open_dir(name) {
            Ok(Some(child)) => self.collection(&child, path),
            Ok(None) => Ok(()),
            // One directory that others closed to the server: the rest of the home is served.
            Err(error) if error.is_denied() => {
                if !self.read_only {
                    tracing::warn!(%error, "a directory that cannot be read");
                }
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn collection(&mut self, dir: &Dir, path: &HomePath) -> Result<(), StoreError> {
        let (kind, properties) = self.read_collection(dir, path)?;
        let known = self.work.collection(path).cloned();
        if known.as_ref().is_some_and(|known| known.kind != kind) {
            self.edit(Edit::Remove { path: path.clone() });
        }
        let known = known.filter(|known| known.kind == kind);
        if known.as_ref().is_none_or(|known| *known.properties != *properties) {
            let created_s = match &known {
                Some(known) => known.created_s,
                None => seconds(dir.own_stat()?.modified_ns),
            };
            self.edit(Edit::PutCollection { path: path.clone(), kind, created_s, properties });
        }
        self.members(dir, path)
    }

    /// Kind and properties of a directory.
    fn read_collection(
        &self,
        dir: &Dir,
        path: &HomePath,
    ) -> Result<(CollectionKind, Arc<PropertySet>), StoreError> {
        let (stored, properties) = self.collection_properties(dir, path)?;
        let kind = match (stored, path.segments()) {
            (_, [name]) if name == "inbox" => CollectionKind::Inbox,
            (_, [name]) if name == "outbox" => CollectionKind::Outbox,
            (Some(kind), _) => kind,
            (None, [name]) if name == "calendar" => CollectionKind::Calendar,
            (None, _) => {
                if dir.list()?.0.iter().any(|listed| listed.name.ends_with(".ics")) {
                    // Remembered, so that it stays a calendar when it is empty again.
                    let value = resource_type(CollectionKind::Calendar);
                    if !self.read_only {
                        let _ = attribute::set(dir, dir.path(), &RESOURCE_TYPE, &value);
                    }
                    CollectionKind::Calendar
                } else {
                    CollectionKind::Plain
                }
            }
        };
        Ok((kind, properties))
    }

    fn collection_properties(
        &self,
        dir: &Dir,
        path: &HomePath,
    ) -> Result<(Option<CollectionKind>, Arc<PropertySet>), StoreError> {
        let mut kind = None;
        let mut set = PropertySet::default();
        for (name, xml) in attribute::read_all(dir, dir.path())? {
            if name == RESOURCE_TYPE {
                kind = Some(kind_of(&xml));
            } else {
                set.set(name, Arc::from(xml));
            }
        }
        Ok((kind, self.with_overflow(path, set)))
    }

    /// Adds what attributes could not hold; an attribute of the same name is newer.
    fn with_overflow(&self, path: &HomePath, mut set: PropertySet) -> Arc<PropertySet> {
        for (name, xml) in self.overflow.of(path) {
            if set.get(&name).is_none() {
                set.set(name, Arc::from(xml));
            }
        }
        set.shared()
    }

    fn file(&mut self, dir: &Dir, name: &str, path: &HomePath) -> Result<(), StoreError> {
        let Some((kind, stat)) = dir.stat(name)? else { return Ok(()) };
        let known = self.work.object(path).cloned();
        if let Some(known) = &known
            && known.stat == stat
            && stat.changed_ns < self.trusted_until_ns
        {
            return Ok(());
        }
        let parent = path.parent().and_then(|parent| self.work.collection(&parent).cloned());
        let Some(parent) = parent else { return Ok(()) };
        let Some(mut entry) = read_object(dir, name, kind, stat, parent.kind)? else {
            return Ok(());
        };
        entry.properties = self.with_overflow(path, (*entry.properties).clone());
        if let Some(known) = &known {
            entry.created_s = known.created_s;
            let lost = entry.properties.is_empty() && !known.properties.is_empty();
            if lost
                && stat.inode != known.stat.inode
                && kind == EntryKind::File
                && !is_bare(dir, name)
            {
                // An editor saved by renaming: the attributes were on the file it replaced.
                entry.properties = known.properties.clone();
                entry.stat = put_back(dir, name, &known.properties, stat);
            }
            let same = entry.hash == known.hash && *entry.properties == *known.properties;
            if same && entry.kind == known.kind {
                if entry.stat != known.stat {
                    self.edit(Edit::Stat { path: path.clone(), stat: entry.stat });
                }
                return Ok(());
            }
        }
        self.edit(Edit::PutObject { path: path.clone(), entry });
        Ok(())
    }
}

fn seconds(nanoseconds: i64) -> i64 {
    nanoseconds.div_euclid(1_000_000_000)
}

/// Removes files of a home that a crash left before they became something; messages that wait for
/// their names stay for [`arrival::end`].
pub(super) fn clean(home: &Dir) -> Result<(), StoreError> {
    clean_directory(home, &[])
}

fn clean_directory(dir: &Dir, at: &[&str]) -> Result<(), StoreError> {
    for listed in dir.list()?.0 {
        if at == [arrival::INBOX] && arrival::target(&listed.name).is_some() {
            continue;
        }
        if listed.name.starts_with(layout::TEMPORARY) {
            dir.remove_all(&listed.name)?;
        } else if listed.kind == EntryKind::Directory {
            match dir.open_dir(&listed.name) {
                Ok(Some(child)) => clean_directory(&child, &[at, &[&listed.name]].concat())?,
                // What the server may not read it did not leave there.
                Err(error) if !error.is_denied() => return Err(error.into()),
                _ => {}
            }
        }
    }
    Ok(())
}

/// Whether what lies at `path` on the disk is what is known of it.
pub(super) fn is_known(entry: Option<&Entry>, found: Option<(EntryKind, Stat)>) -> bool {
    match (entry, found) {
        (None, None) => true,
        (Some(Entry::Object(object)), Some((EntryKind::File, stat))) => object.stat == stat,
        // Links and pipes are entries too.
        (Some(Entry::Object(_)), Some((EntryKind::Other, _))) => true,
        (Some(Entry::Collection(_)), Some((EntryKind::Directory, _))) => true,
        _ => false,
    }
}
