//! What each edit does to a snapshot: the writer's side, on a clone before it is published.
//!
//! An edit must depend on the snapshot and its own values alone, so that replaying the log ends
//! where the writer was.

use std::sync::Arc;

use super::collection::{Collection, CollectionKind, Gone};
use super::entry::{Entry, ObjectEntry, PropertySet};
use super::home_path::HomePath;
use super::pack;
use super::snapshot::{Snapshot, uid_hash};

impl Snapshot {
    fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// Runs `edit` on the collection at `path`; everything above it learns of the change.
    fn edit<R>(
        &mut self,
        path: &HomePath,
        now_s: i64,
        edit: impl FnOnce(&mut Collection, u64) -> R,
    ) -> Option<R> {
        let number = self.next_number();
        let mut at = Arc::make_mut(&mut self.root);
        at.tag = number;
        at.modified_s = at.modified_s.max(now_s);
        for segment in path.segments() {
            at = Arc::make_mut(at.collections.get_mut(segment.as_str())?);
            at.tag = number;
            at.modified_s = at.modified_s.max(now_s);
        }
        Some(edit(at, number))
    }

    /// Puts a file at `path`, in the place of the file that was there.
    pub(crate) fn put_object(&mut self, path: &HomePath, mut object: ObjectEntry, now_s: i64) {
        let Some((parent, name)) = path.split() else { return };
        self.forget_uid(path);
        let before = self.object(path).map(|object| object.size());
        let size = object.size();
        let uid = object.calendar().map(|summary| uid_hash(summary.uid()));
        let known = self.known_name(&parent, name);
        let edited = self.edit(&parent, now_s, |collection, number| {
            object.number = number;
            collection.put(&known, Arc::new(object));
            (collection.kind, collection.id)
        });
        let Some((kind, id)) = edited else { return };
        if let Some(hash) = uid
            && kind == CollectionKind::Calendar
        {
            self.uids.insert((hash, id, known));
        }
        self.used_bytes = self.used_bytes + size - before.unwrap_or(0);
    }

    /// Puts a collection with its files, as a log kept it, in its place.
    pub(super) fn restore(&mut self, path: &HomePath, collection: Collection) -> Option<()> {
        for (name, object) in collection.objects.iter() {
            self.used_bytes += object.size();
            if let Some(summary) = object.calendar()
                && collection.kind == CollectionKind::Calendar
            {
                self.uids.insert((uid_hash(summary.uid()), collection.id, name.clone()));
            }
        }
        self.places.insert(collection.id, path.clone());
        let Some((name, parents)) = path.segments().split_last() else {
            self.root = Arc::new(collection);
            return Some(());
        };
        let mut at = Arc::make_mut(&mut self.root);
        for segment in parents {
            at = Arc::make_mut(at.collections.get_mut(segment.as_str())?);
        }
        at.collections.insert(Arc::from(name.as_str()), Arc::new(collection));
        Some(())
    }

    /// Makes its trees as small as they can be: once, when a home is opened.
    pub(crate) fn pack(&mut self) {
        fn below(collection: &mut Arc<Collection>) {
            let collection = Arc::make_mut(collection);
            pack::collection(collection);
            let names: Vec<Arc<str>> = collection.collections.keys().cloned().collect();
            for name in names {
                collection.collections.get_mut(&name).into_iter().for_each(below);
            }
        }
        self.uids = pack::set(&self.uids);
        below(&mut self.root);
    }

    /// Corrects what is remembered of a file, without a note in the journal.
    pub(crate) fn correct_object(&mut self, path: &HomePath, object: ObjectEntry) {
        let Some((name, parents)) = path.segments().split_last() else { return };
        let mut at = Arc::make_mut(&mut self.root);
        for segment in parents {
            let Some(next) = at.collections.get_mut(segment.as_str()) else { return };
            at = Arc::make_mut(next);
        }
        let size = object.size();
        if let Some(before) = at.correct(name, object) {
            // A file that was changed while it was read has another size than it was told to have.
            self.used_bytes = (self.used_bytes + size).saturating_sub(before.size());
        }
    }

    /// The name as it is already known to the collection, so that it is kept once.
    fn known_name(&self, parent: &HomePath, name: &str) -> Arc<str> {
        let known = self.collection(parent).and_then(|collection| {
            collection.objects.get_key_value(name).map(|(name, _)| name.clone())
        });
        known.unwrap_or_else(|| Arc::from(name))
    }

    fn forget_uid(&mut self, path: &HomePath) {
        let Some((parent, name)) = path.split() else { return };
        let Some(collection) = self.collection(&parent) else { return };
        let id = collection.id;
        let Some((name, object)) = collection.objects.get_key_value(name) else { return };
        if let Some(summary) = object.calendar() {
            let key = (uid_hash(summary.uid()), id, name.clone());
            self.uids.remove(&key);
        }
    }

    /// A new, empty collection at `path`, or new properties of the one that is there.
    pub(crate) fn put_collection(
        &mut self,
        path: &HomePath,
        kind: CollectionKind,
        created_s: i64,
        properties: Arc<PropertySet>,
        now_s: i64,
    ) {
        let Some((parent, name)) = path.split() else {
            self.edit(path, now_s, |root, number| {
                root.number = number;
                root.properties = properties;
            });
            return;
        };
        let id = self.next_id;
        self.next_id += 1;
        let known = self.known_name(&parent, name);
        let edited = self.edit(&parent, now_s, |parent, number| {
            if let Some(child) = parent.collections.get_mut(&known) {
                let child = Arc::make_mut(child);
                child.kind = kind;
                child.number = number;
                child.tag = number;
                child.properties = properties;
                return false;
            }
            let mut child = Collection::new(kind, created_s, properties);
            child.id = id;
            child.number = number;
            child.tag = number;
            child.placed = number;
            child.floor = number;
            parent.collections.insert(known.clone(), Arc::new(child));
            true
        });
        if edited == Some(true) {
            self.places.insert(id, path.clone());
        }
    }

    /// Takes out what lies at `path`, with all that is below it.
    pub(crate) fn remove(&mut self, path: &HomePath, now_s: i64) {
        match self.entry(path) {
            Some(Entry::Object(object)) => {
                let Some((parent, name)) = path.split() else { return };
                self.forget_uid(path);
                self.used_bytes = self.used_bytes.saturating_sub(object.size());
                let known = self.known_name(&parent, name);
                self.edit(&parent, now_s, |collection, number| {
                    collection.take(&known);
                    collection.note(&known, number, Gone::File);
                });
            }
            Some(Entry::Collection(collection)) => {
                let Some((parent, name)) = path.split() else { return };
                self.forget_below(path, &collection);
                let name: Arc<str> = Arc::from(name);
                self.edit(&parent, now_s, |parent, number| {
                    parent.collections.remove(&name);
                    parent.note(&name, number, Gone::Collection);
                });
            }
            None => {}
        }
    }

    /// Forgets UIDs, places and sizes of a whole collection that is about to go.
    fn forget_below(&mut self, path: &HomePath, collection: &Arc<Collection>) {
        for (name, object) in collection.objects.iter() {
            self.forget_uid(&path.join(name));
            self.used_bytes = self.used_bytes.saturating_sub(object.size());
        }
        for (name, child) in collection.collections.iter() {
            self.forget_below(&path.join(name), child);
        }
        self.places.remove(&collection.id);
    }

    /// Moves what lies at `from` to `to`, where nothing is.
    pub(crate) fn rename(&mut self, from: &HomePath, to: &HomePath, now_s: i64) {
        match self.entry(from) {
            Some(Entry::Object(object)) => {
                self.remove(from, now_s);
                self.put_object(to, (*object).clone(), now_s);
            }
            Some(Entry::Collection(collection)) => {
                let (Some((old_parent, old)), Some((parent, new))) = (from.split(), to.split())
                else {
                    return;
                };
                let (old, new): (Arc<str>, Arc<str>) = (Arc::from(old), Arc::from(new));
                self.edit(&old_parent, now_s, |parent, number| {
                    parent.collections.remove(&old);
                    parent.note(&old, number, Gone::Collection);
                });
                self.edit(&parent, now_s, |parent, number| {
                    let mut moved = (*collection).clone();
                    moved.number = number;
                    moved.tag = number;
                    moved.placed = number;
                    parent.collections.insert(new, Arc::new(moved));
                });
                let moved: Vec<(u32, HomePath)> = self
                    .places
                    .iter()
                    .filter_map(|(id, place)| Some((*id, place.moved(from, to)?)))
                    .collect();
                self.places.extend(moved);
            }
            None => {}
        }
    }
}
