//! A home as it is at one moment. Snapshots are immutable once published; the writer edits a
//! clone, which costs a path of nodes and not the home.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use super::change::{Change, ChangeKind, Depth, SyncPoint, TokenError};
use super::collection::{Collection, CollectionKind, Now};
use super::entry::{Entry, ObjectEntry, PropertySet};
use super::home_path::HomePath;
use super::pack;
use super::removals::Removal;

/// Hash of a UID, collection, file.
type UidKey = (u32, u32, Arc<str>);

/// Memory of a file with the usual name, UID and one span, as measured.
const PER_OBJECT: u64 = 450;
/// Memory of a collection and its properties.
const PER_COLLECTION: u64 = 4096;

/// One home at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(super) epoch: u64,
    pub(super) number: u64,
    pub(super) next_id: u32,
    pub(super) root: Arc<Collection>,
    pub(super) places: OrdMap<u32, HomePath>,
    pub(super) uids: OrdSet<UidKey>,
    pub(super) used_bytes: u64,
    /// Numbers that were never given to a change that is known: after the first, up to the second.
    pub(super) gaps: Arc<[(u64, u64)]>,
}

fn uid_hash(uid: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    uid.hash(&mut hasher);
    // Two UIDs with the same hash cost one look; half of it is enough.
    (hasher.finish() >> 32) as u32
}

impl Snapshot {
    /// An empty home.
    pub(crate) fn new(epoch: u64, created_s: i64, properties: Arc<PropertySet>) -> Self {
        let root = Collection::new(CollectionKind::Home, created_s, properties);
        Self {
            epoch,
            number: 1,
            next_id: 1,
            root: Arc::new(root),
            places: OrdMap::unit(0, HomePath::root()),
            uids: OrdSet::new(),
            used_bytes: 0,
            gaps: Arc::from([]),
        }
    }

    /// The home itself.
    pub fn root(&self) -> &Arc<Collection> {
        &self.root
    }

    /// Bytes of all files in the home.
    pub fn used_bytes(&self) -> u64 {
        self.used_bytes
    }

    /// About how many bytes of memory the home takes.
    pub fn memory_bytes(&self) -> u64 {
        fn of(collection: &Collection) -> u64 {
            let gone = collection.removals.bytes() as u64;
            let own = PER_COLLECTION + collection.objects.len() as u64 * PER_OBJECT + gone;
            own + collection.collections.iter().map(|(_, child)| of(child)).sum::<u64>()
        }
        of(&self.root)
    }

    /// The number of the last change in the home.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// What lies at `path`.
    pub fn entry(&self, path: &HomePath) -> Option<Entry> {
        match path.segments().split_last() {
            None => Some(Entry::Collection(self.root.clone())),
            Some((name, parents)) => self.below(parents)?.member(name),
        }
    }

    /// The collection at `path`.
    pub fn collection(&self, path: &HomePath) -> Option<&Arc<Collection>> {
        self.below(path.segments())
    }

    /// The collection that holds what lies at `path`; absent for the home itself.
    pub fn holder(&self, path: &HomePath) -> Option<&Arc<Collection>> {
        self.below(path.segments().split_last()?.1)
    }

    fn below(&self, segments: &[String]) -> Option<&Arc<Collection>> {
        let mut at = &self.root;
        for segment in segments {
            at = at.collections.get(segment.as_str())?;
        }
        Some(at)
    }

    /// The file at `path`.
    pub fn object(&self, path: &HomePath) -> Option<&Arc<ObjectEntry>> {
        let (name, parents) = path.segments().split_last()?;
        self.below(parents)?.objects.get(name.as_str())
    }

    /// Dead properties of what lies at `path`.
    pub fn properties(&self, path: &HomePath) -> Option<Arc<PropertySet>> {
        self.entry(path).map(|entry| entry.properties().clone())
    }

    /// Members of the collection at `path`: collections first, then files, each by name.
    pub fn children(&self, path: &HomePath) -> impl Iterator<Item = (Arc<str>, Entry)> {
        let collection = self.collection(path);
        collection.into_iter().flat_map(|c| c.children().map(|(name, entry)| (name.clone(), entry)))
    }

    /// All calendars of the home, wherever they lie, by path.
    pub fn calendars(&self) -> Vec<(HomePath, Arc<Collection>)> {
        let mut found = Vec::new();
        let mut waiting = VecDeque::from([(HomePath::root(), &self.root)]);
        while let Some((path, collection)) = waiting.pop_front() {
            if collection.kind == CollectionKind::Calendar {
                found.push((path.clone(), collection.clone()));
            }
            waiting.extend(collection.collections.iter().map(|(n, c)| (path.join(n), c)));
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }

    /// Files of this name in the calendars of the home, wherever they lie, by path.
    pub fn in_calendars(&self, name: &str) -> Vec<(HomePath, Arc<ObjectEntry>)> {
        fn below<'a>(
            collection: &'a Collection,
            at: &mut Vec<&'a str>,
            name: &str,
            found: &mut Vec<(HomePath, Arc<ObjectEntry>)>,
        ) {
            if collection.kind == CollectionKind::Calendar
                && let Some(object) = collection.objects.get(name)
            {
                found.push((HomePath::new(at.iter().copied().chain([name])), object.clone()));
            }
            for (segment, child) in collection.collections.iter() {
                at.push(segment);
                below(child, at, name, found);
                at.pop();
            }
        }
        let mut found = Vec::new();
        below(&self.root, &mut Vec::new(), name, &mut found);
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }

    /// Where objects with this UID lie, in calendars (not in the inbox), by path.
    pub fn by_uid(&self, uid: &str) -> Vec<HomePath> {
        let hash = uid_hash(uid);
        let mut found = Vec::new();
        for (_, id, name) in
            self.uids.range((hash, 0, Arc::from(""))..).take_while(|(other, _, _)| *other == hash)
        {
            let Some(path) = self.places.get(id).map(|place| place.join(name)) else { continue };
            let summary = self.object(&path).and_then(|object| object.calendar());
            if summary.is_some_and(|summary| summary.uid() == uid) {
                found.push(path);
            }
        }
        found.sort();
        found
    }

    /// The first file in the collection at `path`, by name, that has this UID.
    pub fn first_with_uid(&self, path: &HomePath, uid: &str) -> Option<Arc<str>> {
        let collection = self.collection(path)?;
        let (hash, id) = (uid_hash(uid), collection.id);
        let from = (hash, id, Arc::from(""));
        let mut keys = self.uids.range(from..).take_while(|(h, i, _)| (*h, *i) == (hash, id));
        let has_uid = |name: &Arc<str>| {
            let summary = collection.objects.get(&**name).and_then(|object| object.calendar());
            summary.is_some_and(|summary| summary.uid() == uid)
        };
        keys.find(|(_, _, name)| has_uid(name)).map(|(_, _, name)| name.clone())
    }

    /// The present point of a collection: it moves when something in it or below it changes.
    pub fn sync_token(&self, path: &HomePath) -> Option<SyncPoint> {
        self.collection(path).map(|c| SyncPoint { epoch: self.epoch, number: c.tag })
    }

    /// Everything that changed since `point`, in the order of the journal; without a point, all
    /// that is there. An answer may be cut off anywhere: `Change::number` is the token then.
    pub fn changes_since(
        &self,
        path: &HomePath,
        point: Option<SyncPoint>,
        depth: Depth,
    ) -> Result<Vec<Change>, TokenError> {
        let collection = self.collection(path).ok_or(TokenError::NoCollection)?;
        if point.is_some_and(|point| point.epoch != self.epoch || !self.has_number(point.number)) {
            return Err(TokenError::Invalid);
        }
        let mut changes = Vec::new();
        let since = point.map(|point| point.number);
        collect_changes(path, collection, since, depth, &mut changes)?;
        changes.sort_by_key(|change| change.number);
        Ok(changes)
    }

    /// Files of a calendar that may have an instance between two instants (seconds since 1970),
    /// both included: candidates, never too few, by name.
    pub fn overlapping(
        &self,
        path: &HomePath,
        start: Option<i64>,
        end: Option<i64>,
    ) -> Vec<(Arc<str>, Arc<ObjectEntry>)> {
        let mut found = self.overlapping_in_any_order(path, start, end);
        found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        found
    }

    /// The same where the order does not matter.
    pub fn overlapping_in_any_order(
        &self,
        path: &HomePath,
        start: Option<i64>,
        end: Option<i64>,
    ) -> Vec<(Arc<str>, Arc<ObjectEntry>)> {
        self.overlapping_up_to(path, start, end, usize::MAX).unwrap_or_default()
    }

    /// The same; absent when there are more than about `most`, which is found out without looking
    /// at more.
    pub fn overlapping_up_to(
        &self,
        path: &HomePath,
        start: Option<i64>,
        end: Option<i64>,
        most: usize,
    ) -> Option<Vec<(Arc<str>, Arc<ObjectEntry>)>> {
        let Some(collection) = self.collection(path) else { return Some(Vec::new()) };
        let start = start.unwrap_or(i64::MIN);
        let end = end.unwrap_or(i64::MAX);
        let names = collection.spans.touching(start, end, most)?;
        let with_entry = |name: Arc<str>| {
            let entry = collection.objects.get(&name)?.clone();
            Some((name, entry))
        };
        Some(names.into_iter().filter_map(with_entry).collect())
    }
}

/// Changes of one collection (and below it) after the journal number `since`.
fn collect_changes(
    path: &HomePath,
    collection: &Collection,
    since: Option<u64>,
    depth: Depth,
    changes: &mut Vec<Change>,
) -> Result<(), TokenError> {
    if since.is_some_and(|since| since < collection.floor) {
        return Err(TokenError::Invalid);
    }
    let from = since.map_or(0, |since| since.saturating_add(1));
    for (number, name) in collection.changes.range(from..) {
        if let Some(object) = collection.objects.get(name) {
            let kind = ChangeKind::Changed(Entry::Object(object.clone()));
            changes.push(Change { path: path.join(name), number: *number, kind });
        }
    }
    if let Some(since) = since {
        let gone = latest_removals(collection, since).into_iter().map(|removal| Change {
            path: path.join(removal.name),
            number: removal.number,
            kind: ChangeKind::Removed { collection: removal.collection },
        });
        changes.extend(gone);
    }
    for (name, child) in &collection.collections {
        if since.is_some_and(|since| child.tag <= since) {
            continue;
        }
        let path = path.join(name);
        if depth == Depth::Infinity {
            // A collection that is new in its place is reported with all it has.
            let since = since.filter(|since| child.placed <= *since);
            collect_changes(&path, child, since, depth, changes)?;
        }
        let kind = ChangeKind::Changed(Entry::Collection(child.clone()));
        changes.push(Change { path, number: child.tag, kind });
    }
    Ok(())
}

/// The removals after `since` that still hold: nothing has the name, and each name once.
fn latest_removals(collection: &Collection, since: u64) -> Vec<Removal<'_>> {
    let mut removals: Vec<Removal<'_>> = collection.removals.since(since).collect();
    let mut seen = HashSet::new();
    let mut latest = Vec::new();
    while let Some(removal) = removals.pop() {
        let there = collection.objects.contains_key(removal.name)
            || collection.collections.contains_key(removal.name);
        if !there && seen.insert(removal.name) {
            latest.push(removal);
        }
    }
    latest
}

/// The writer's side: edits of a clone before it is published.
impl Snapshot {
    pub(crate) fn next_number(&mut self) -> u64 {
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
        let before = self.object(path).map(|object| (object.number, object.size()));
        let size = object.size();
        let uid = object.calendar().map(|summary| uid_hash(summary.uid()));
        let known = self.known_name(&parent, name);
        let edited = self.edit(&parent, now_s, |collection, number| {
            object.number = number;
            collection.note(&known, before.map(|(number, _)| number), number, Now::Here);
            collection.put(&known, Arc::new(object));
            (collection.kind, collection.id)
        });
        let Some((kind, id)) = edited else { return };
        if let Some(hash) = uid
            && kind == CollectionKind::Calendar
        {
            self.uids.insert((hash, id, known));
        }
        self.used_bytes = self.used_bytes + size - before.map_or(0, |(_, size)| size);
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
        if let Some(known) = at.objects.get_mut(name.as_str()) {
            // A file that was changed while it was read has another size than it was told to have.
            self.used_bytes = (self.used_bytes + object.size()).saturating_sub(known.size());
            *known = Arc::new(object);
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
            parent.note(&known, None, number, Now::Here);
            parent.changes.remove(&number);
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
                    collection.note(&known, Some(object.number), number, Now::FileGone);
                });
            }
            Some(Entry::Collection(collection)) => {
                let Some((parent, name)) = path.split() else { return };
                self.forget_below(path, &collection);
                let name: Arc<str> = Arc::from(name);
                self.edit(&parent, now_s, |parent, number| {
                    parent.collections.remove(&name);
                    parent.note(&name, None, number, Now::CollectionGone);
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
                    parent.note(&old, None, number, Now::CollectionGone);
                });
                self.edit(&parent, now_s, |parent, number| {
                    let mut moved = (*collection).clone();
                    moved.number = number;
                    moved.tag = number;
                    moved.placed = number;
                    parent.note(&new, None, number, Now::Here);
                    parent.changes.remove(&number);
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
