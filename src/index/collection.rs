//! What the index knows of one collection: its members, their journal and their time spans.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::ops::Bound;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use imbl::OrdMap;

use crate::limits;

use super::alike::{self, Mixed};
use super::entry::{Entry, ObjectEntry, ObjectKind, PropertySet};
use super::removals::{Removal, Removals};
use super::time_span::{SpanIndex, Touching};

/// What a collection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CollectionKind {
    /// The calendar home itself.
    Home,
    /// A calendar (RFC 4791).
    Calendar,
    /// The scheduling inbox (RFC 6638).
    Inbox,
    /// The scheduling outbox (RFC 6638).
    Outbox,
    /// An ordinary collection.
    Plain,
}

impl CollectionKind {
    /// Whether its members are calendar objects.
    pub fn holds_objects(self) -> bool {
        matches!(self, CollectionKind::Calendar | CollectionKind::Inbox)
    }
}

/// One collection of a home.
#[derive(Clone, Debug)]
pub struct Collection {
    /// What it is for.
    pub kind: CollectionKind,
    /// Identifies the collection as long as the index lives, through renames too.
    pub id: u32,
    /// The number of the last change in it or below it (`CS:getctag`).
    pub tag: u64,
    /// The number of the last change of the collection itself.
    pub number: u64,
    /// The number under which it was made here or moved here: all it holds is new since then.
    pub(super) placed: u64,
    /// When it was made, in seconds since 1970.
    pub created_s: i64,
    /// When it or a member last changed, in seconds since 1970.
    pub modified_s: i64,
    /// When the file that changed last changed, in nanoseconds since 1970. Derived.
    pub(super) latest_ns: i64,
    /// Its dead properties.
    pub properties: Arc<PropertySet>,
    pub(super) collections: OrdMap<Arc<str>, Arc<Collection>>,
    pub(super) objects: OrdMap<Arc<str>, Arc<ObjectEntry>>,
    /// Every file that is here by the number of its last change: in step with `objects`.
    pub(super) changes: OrdMap<u64, File>,
    /// Members that are gone.
    pub(super) removals: Removals,
    /// Points before this one are not known.
    pub(super) floor: u64,
    pub(super) spans: SpanIndex,
    /// Names of files that are not written in one of the usual ways.
    pub(super) mixed: Mixed,
}

/// A file as it is found by its number.
#[derive(Clone, Debug)]
pub struct File {
    /// Its name in its collection.
    pub name: Arc<str>,
    /// What is known of it.
    pub entry: Arc<ObjectEntry>,
}

/// A file that may have an instance in some window.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The file.
    pub file: &'a File,
    /// Start and end, in seconds since 1970, where it has one instance whose times do not depend
    /// on the reader's zone.
    pub exact: Option<(i64, i64)>,
}

/// What is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gone {
    File,
    Collection,
}

impl Collection {
    pub(crate) fn new(kind: CollectionKind, created_s: i64, properties: Arc<PropertySet>) -> Self {
        Self {
            kind,
            id: 0,
            tag: 0,
            number: 0,
            placed: 0,
            created_s,
            modified_s: created_s,
            latest_ns: i64::MIN,
            properties,
            collections: OrdMap::new(),
            objects: OrdMap::new(),
            changes: OrdMap::new(),
            removals: Removals::default(),
            floor: 0,
            spans: SpanIndex::default(),
            mixed: Mixed::default(),
        }
    }

    /// When it was made.
    pub fn created(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.created_s, 0).unwrap_or_default()
    }

    /// When it or a member last changed.
    pub fn modified(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.modified_s, 0).unwrap_or_default()
    }

    /// When one of its files last changed, in whole seconds. HTTP dates tell no more, so of the
    /// files that changed in the latest second only the last one is told with it: who sorts by
    /// these dates finds it.
    pub fn modified_of(&self, object: &ObjectEntry) -> DateTime<Utc> {
        const SECOND: i64 = 1_000_000_000;
        let (own, latest) = (object.stat.modified_ns, self.latest_ns);
        let second = own.div_euclid(SECOND);
        let earlier = own < latest && second == latest.div_euclid(SECOND);
        DateTime::from_timestamp(second - i64::from(earlier), 0).unwrap_or_default()
    }

    /// Its collections, by name.
    pub fn collections(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<Collection>)> {
        self.collections.iter()
    }

    /// Its files, by name.
    pub fn objects(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<ObjectEntry>)> {
        self.objects.iter()
    }

    /// Its files behind a name, by name, for who looks at every one of them.
    ///
    /// Each entry is a block of memory of its own that is in no cache of the processor. So the
    /// next ones are asked for together, before the first of them is used: it waits for all of
    /// them as long as for one.
    pub fn listing(
        &self,
        after: Option<&str>,
    ) -> impl Iterator<Item = (&Arc<str>, &Arc<ObjectEntry>)> {
        const AHEAD: usize = 32;
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = self.objects.range::<_, str>((from, Bound::Unbounded));
        let mut ready = Vec::with_capacity(AHEAD);
        let mut at = 0;
        std::iter::from_fn(move || {
            if at == ready.len() {
                ready.clear();
                ready.extend(rest.by_ref().take(AHEAD));
                black_box(ready.iter().fold(0, |sum, (name, object)| sum ^ touched(name, object)));
                at = 0;
            }
            let next = ready.get(at).copied()?;
            at += 1;
            Some(next)
        })
    }

    /// One file.
    pub fn object(&self, name: &str) -> Option<&Arc<ObjectEntry>> {
        self.objects.get(name)
    }

    /// Its files.
    pub(crate) fn objects_map(&self) -> &OrdMap<Arc<str>, Arc<ObjectEntry>> {
        &self.objects
    }

    /// Whether the time index knows the same of both, whenever their files changed.
    pub(crate) fn same_spans(&self, other: &Self) -> bool {
        let named = |collection: &Self| {
            let name = |number| collection.changes.get(&number).map(|file| file.name.clone());
            let named = collection.spans.all().map(|(from, to, number)| (from, to, name(number)));
            named.collect::<BTreeSet<_>>()
        };
        named(self) == named(other)
    }

    /// What `Snapshot::overlapping_up_to` finds here.
    pub(super) fn overlapping(
        &self,
        start: i64,
        end: i64,
        most: usize,
    ) -> Option<Vec<Candidate<'_>>> {
        let touching = self.spans.touching(start, end, most)?;
        let candidate = |touching: Touching| {
            let file = self.changes.get(&touching.number)?;
            let summary = file.entry.calendar()?;
            let exact = touching.span.filter(|_| summary.is_one_instance());
            Some(Candidate { file, exact })
        };
        Some(touching.into_iter().filter_map(candidate).collect())
    }

    /// Its files, in the order of their last changes.
    pub fn files(&self) -> impl Iterator<Item = &File> {
        self.changes.values()
    }

    /// How many files it has.
    pub fn object_count(&self) -> usize {
        self.objects.len()
    }

    /// All members: collections first, then files, each by name.
    pub fn children(&self) -> impl Iterator<Item = (&Arc<str>, Entry)> {
        let collections = self.collections.iter().map(|(n, c)| (n, Entry::Collection(c.clone())));
        collections.chain(self.objects.iter().map(|(n, o)| (n, Entry::Object(o.clone()))))
    }

    /// One member.
    pub fn member(&self, name: &str) -> Option<Entry> {
        if let Some(object) = self.objects.get(name) {
            return Some(Entry::Object(object.clone()));
        }
        self.collections.get(name).map(|collection| Entry::Collection(collection.clone()))
    }

    /// The first other member, by name, whose name is this one but for capital letters or how
    /// accents are written.
    pub fn alike(&self, name: &str) -> Option<Arc<str>> {
        let files = self.mixed.others(name).into_iter();
        let files = files.filter(|other| self.objects.contains_key(&**other));
        let folded = alike::folded(name);
        let same = |other: &&Arc<str>| ***other != *name && alike::folded(other) == folded;
        files.chain(self.collections.keys().filter(same).cloned()).min()
    }

    /// Notes in the journal that the member `name` is gone.
    pub(super) fn note(&mut self, name: &Arc<str>, number: u64, gone: Gone) {
        self.removals.push(&Removal { number, name, collection: gone == Gone::Collection });
        // Who missed more removals than there are files is better off with a list of the files.
        let most = self.objects.len().clamp(limits::REMOVALS_LEAST, limits::REMOVALS);
        let forgotten = self.removals.forget_old(most);
        self.floor = self.floor.max(forgotten.unwrap_or(0));
    }

    /// Puts a file in the place of whatever file had its name.
    pub(super) fn put(&mut self, name: &Arc<str>, object: Arc<ObjectEntry>) {
        // Taking out what is not there would copy the way to where it is not.
        if self.objects.contains_key(name) {
            self.take(name);
        }
        if let ObjectKind::Calendar(summary) = &object.kind {
            self.spans.insert(object.number, &summary.times());
        }
        self.latest_ns = self.latest_ns.max(object.stat.modified_ns);
        self.mixed.insert(name);
        self.changes.insert(object.number, File { name: name.clone(), entry: object.clone() });
        self.objects.insert(name.clone(), object);
    }

    /// Corrects what is remembered of a file whose number and summary stay as they are; the entry
    /// that it had.
    pub(super) fn correct(&mut self, name: &str, object: ObjectEntry) -> Option<Arc<ObjectEntry>> {
        let known = self.objects.get_mut(name)?;
        let object = Arc::new(ObjectEntry { number: known.number, ..object });
        if let Some(file) = self.changes.get_mut(&known.number) {
            file.entry = object.clone();
        }
        Some(std::mem::replace(known, object))
    }

    /// Takes a file out, without a note in the journal.
    pub(super) fn take(&mut self, name: &str) -> Option<Arc<ObjectEntry>> {
        let (name, object) = self.objects.remove_with_key(name)?;
        self.mixed.remove(&name);
        self.changes.remove(&object.number);
        if let ObjectKind::Calendar(summary) = &object.kind {
            self.spans.remove(object.number, &summary.times());
        }
        Some(object)
    }
}

/// Looks at all the memory a listing needs of a file; the number means nothing.
fn touched(name: &str, object: &ObjectEntry) -> u64 {
    let first = name.as_bytes().first().copied().unwrap_or_default();
    let properties = object.properties.len() as u64;
    u64::from(first) ^ u64::from(object.hash[0]) ^ object.number ^ object.stat.size ^ properties
}
