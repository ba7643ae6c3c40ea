//! A home as it is at one moment, and what can be asked of it. Snapshots are immutable once
//! published; the writer edits a clone (`editing`), which costs a path of nodes and not the home.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use super::collection::{Candidate, Collection, CollectionKind};
use super::entry::{Entry, ObjectEntry, PropertySet};
use super::home_path::HomePath;

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

/// What a UID is known under.
pub(super) fn uid_hash(uid: &str) -> u32 {
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

    /// Files of a calendar that may have an instance between two instants (seconds since 1970),
    /// both included: candidates, never too few, each once, in the order of their last changes.
    pub fn overlapping(
        &self,
        path: &HomePath,
        start: Option<i64>,
        end: Option<i64>,
    ) -> Vec<Candidate<'_>> {
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
    ) -> Option<Vec<Candidate<'_>>> {
        let Some(collection) = self.collection(path) else { return Some(Vec::new()) };
        collection.overlapping(start.unwrap_or(i64::MIN), end.unwrap_or(i64::MAX), most)
    }
}
