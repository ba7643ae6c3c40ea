//! The receiving end of every import: makes homes and collections, stores objects, counts, and
//! remembers what was not taken and why.
//!
//! An object is stored by one transaction. Running an import again takes what is missing and
//! leaves the rest as it is.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::dav::{ETag, Name};
use crate::resource::provision::new_resource_id;
use crate::store::{
    CollectionKind, Home, HomePath, ObjectKind, PropertyChanges, PropertySet, Provision, Store,
    StoreError, object_kind,
};

/// What is asked of an import.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Only say what would be taken.
    pub dry_run: bool,
    /// Replace what is there with other content.
    pub replace: bool,
    /// Take files that are no calendar objects as well, as they are.
    pub keep_damaged: bool,
}

/// Something that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Where it is.
    pub path: PathBuf,
    /// The line; 0 for the whole file.
    pub line: usize,
    /// Why.
    pub reason: String,
}

/// What became of everything.
#[derive(Debug, Default)]
pub struct Report {
    /// Objects that were stored, or would be.
    pub taken: usize,
    /// Objects that were there already.
    pub same: usize,
    /// What was not taken.
    pub refused: Vec<Refusal>,
}

/// The home that receives.
#[derive(Debug)]
pub struct Target {
    guid: String,
    home: Option<Arc<Home>>,
    /// Collections that only a dry run made.
    imagined: HashMap<HomePath, CollectionKind>,
    /// UIDs that this run brought into a calendar, with the place of each.
    brought: HashMap<(HomePath, String), HomePath>,
}

impl Target {
    /// Whose home it is.
    pub fn guid(&self) -> &str {
        &self.guid
    }

    /// What lies at `path`, if it is a collection.
    pub fn kind(&self, path: &HomePath) -> Option<CollectionKind> {
        let known = self
            .home
            .as_ref()
            .and_then(|home| home.snapshot().collection(path).map(|collection| collection.kind));
        known.or_else(|| self.imagined.get(path).copied())
    }
}

/// How an object is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming<'a> {
    /// So and not otherwise.
    Exactly(&'a str),
    /// So, unless another object has the name.
    Rather(&'a str),
    /// As its UID says.
    Any,
}

/// One file that is to become a member of a collection.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// Where it comes from, for the report.
    pub source: &'a Path,
    /// Its name.
    pub naming: Naming<'a>,
    /// Its content.
    pub content: Bytes,
    /// Its dead properties.
    pub properties: Vec<(Name, String)>,
}

/// Takes things into one data directory.
pub struct Intake<'a> {
    store: &'a Store,
    options: Options,
    /// What became of everything so far.
    pub report: Report,
    expected: usize,
    progress: &'a mut dyn FnMut(usize, usize),
}

impl<'a> Intake<'a> {
    /// Nothing was taken yet. `progress` hears how many objects were looked at, of how many.
    pub fn new(
        store: &'a Store,
        options: Options,
        progress: &'a mut dyn FnMut(usize, usize),
    ) -> Self {
        Self { store, options, report: Report::default(), expected: 0, progress }
    }

    /// What is asked of this import.
    pub fn options(&self) -> Options {
        self.options
    }

    /// So many more objects were found.
    pub fn expect(&mut self, more: usize) {
        self.expected += more;
    }

    /// Something is not taken.
    pub fn refuse(&mut self, path: &Path, line: usize, reason: impl std::fmt::Display) {
        // Without the dots of directories that were opened as such.
        let (path, reason) = (path.components().collect(), reason.to_string());
        self.report.refused.push(Refusal { path, line, reason });
        self.step();
    }

    /// Something that is no object was taken, or was there already.
    pub fn count(&mut self, new: bool) {
        match new {
            true => self.report.taken += 1,
            false => self.report.same += 1,
        }
        self.step();
    }

    fn step(&mut self) {
        let done = self.report.taken + self.report.same + self.report.refused.len();
        self.expected = self.expected.max(done);
        (self.progress)(done, self.expected);
    }

    /// The home of `guid`, made if there is none.
    pub fn home(&mut self, guid: &str, links: &[(String, String)]) -> Result<Target, StoreError> {
        let home = match self.store.home(guid)? {
            None if !self.options.dry_run => {
                let links = links.to_vec();
                Some(self.store.provision(guid, &Provision { links, ..Provision::default() })?)
            }
            found => found,
        };
        let (imagined, brought) = (HashMap::new(), HashMap::new());
        Ok(Target { guid: guid.to_owned(), home, imagined, brought })
    }

    /// A collection at `path`, made if nothing is there; the properties that one which is there
    /// has are kept, unless everything is to be replaced. False when something else is there.
    pub fn collection(
        &mut self,
        target: &mut Target,
        (path, kind): (&HomePath, CollectionKind),
        source: &Path,
        properties: &[(Name, String)],
    ) -> bool {
        match target.kind(path) {
            Some(there) if there != kind && !path.is_root() => {
                self.refuse(source, 0, format!("{path} is there already and is something else"));
                return false;
            }
            None if self.options.dry_run => {
                target.imagined.insert(path.clone(), kind);
                return true;
            }
            _ if self.options.dry_run => return true,
            _ => {}
        }
        let Some(home) = &target.home else { return true };
        let replace = self.options.replace;
        let stored = home.write_deferred(|tx| -> Result<(), StoreError> {
            let Some(there) = tx.entry(path) else {
                let mut all = PropertyChanges { set: properties.to_vec(), remove: Vec::new() };
                let (name, value) = new_resource_id();
                if !all.set.iter().any(|(other, _)| *other == name) {
                    all.set.push((name, value));
                }
                return tx.make_collection(path, kind, &all);
            };
            let set = missing(there.properties(), properties, replace);
            tx.patch_properties(path, &PropertyChanges { set, remove: Vec::new() })
        });
        match stored {
            Ok(()) => true,
            Err(error) => {
                self.refuse(source, 0, error);
                false
            }
        }
    }

    /// Stores one object, if nothing speaks against it.
    pub fn object(&mut self, target: &mut Target, collection: &HomePath, item: &Item<'_>) {
        let kind = target.kind(collection);
        let uid = match (kind, object_kind(&item.content)) {
            (None, _) => return self.refuse(item.source, 0, "there is no collection for it"),
            (Some(kind), _) if !kind.holds_objects() => None,
            (Some(kind), ObjectKind::Calendar(summary)) => {
                (kind == CollectionKind::Calendar).then(|| summary.uid().to_owned())
            }
            (Some(_), _) if self.options.keep_damaged => None,
            (Some(_), ObjectKind::Damaged(damage)) => {
                return self.refuse(item.source, damage.line as usize, &damage.reason);
            }
            (Some(_), ObjectKind::Plain) => None,
        };
        match self.place(target, collection, item, uid.as_deref()) {
            Err(reason) => self.refuse(item.source, 0, reason),
            Ok(Place { same: true, .. }) => self.count(false),
            Ok(Place { path, .. }) => {
                let changes = PropertyChanges { set: item.properties.clone(), remove: Vec::new() };
                if let Some(home) = target.home.as_ref().filter(|_| !self.options.dry_run) {
                    let stored = home.write_deferred(|tx| -> Result<(), StoreError> {
                        tx.put(&path, &item.content, None, &changes).map(|_| ())
                    });
                    if let Err(error) = stored {
                        return self.refuse(item.source, 0, error);
                    }
                }
                if let Some(uid) = uid {
                    target.brought.insert((collection.clone(), uid), path);
                }
                self.count(true);
            }
        }
    }

    /// Where the object goes, and whether it is there already; or why it goes nowhere.
    fn place(
        &self,
        target: &Target,
        collection: &HomePath,
        item: &Item<'_>,
        uid: Option<&str>,
    ) -> Result<Place, String> {
        let known = uid.and_then(|uid| target.holder(collection, uid));
        let name = match item.naming {
            Naming::Exactly(name) | Naming::Rather(name) => Some(name),
            Naming::Any => None,
        };
        let wanted = match (name, uid) {
            (Some(name), _) => collection.join(name),
            (None, Some(uid)) => collection.join(&name_for(uid)),
            (None, None) => return Err("it has no name".to_owned()),
        };
        let path = match (&known, item.naming, uid) {
            (Some(known), Naming::Exactly(_), Some(uid)) if *known != wanted => {
                return Err(format!("its UID {uid} is that of {known} too"));
            }
            (Some(known), ..) => known.clone(),
            // Another object has the name: the UID gives one that nothing else has.
            (None, Naming::Rather(_), Some(uid)) if target.is_taken(&wanted) => {
                collection.join(&name_for(uid))
            }
            _ => wanted,
        };
        let Some(home) = &target.home else { return Ok(Place { path, same: false }) };
        let Ok(Some((entry, content))) = home.load(&path) else {
            if home.snapshot().entry(&path).is_some() {
                return Err(format!("{path} is there already and cannot be read"));
            }
            return Ok(Place { path, same: false });
        };
        let lacks = !missing(&entry.properties, &item.properties, true).is_empty();
        let exact = matches!(item.naming, Naming::Exactly(_));
        if content == item.content && !(exact && lacks && self.options.replace) {
            return Ok(Place { path, same: true });
        }
        match self.options.replace {
            true => Ok(Place { path, same: false }),
            false => Err(match uid {
                Some(uid) => format!("UID {uid} is there with other content"),
                None => format!("{path} is there with other content"),
            }),
        }
    }

    /// Makes durable what was taken.
    pub fn finish(&mut self) -> Result<(), StoreError> {
        self.store.sync()
    }
}

struct Place {
    path: HomePath,
    same: bool,
}

impl Target {
    /// The object of this UID in the collection.
    fn holder(&self, collection: &HomePath, uid: &str) -> Option<HomePath> {
        let brought = self.brought.get(&(collection.clone(), uid.to_owned())).cloned();
        brought.or_else(|| {
            let snapshot = self.home.as_ref()?.snapshot();
            snapshot.by_uid(uid).into_iter().find(|path| path.parent().as_ref() == Some(collection))
        })
    }

    fn is_taken(&self, path: &HomePath) -> bool {
        let there = self.home.as_ref().is_some_and(|home| home.snapshot().entry(path).is_some());
        there || self.brought.values().any(|brought| brought == path)
    }
}

/// What of `wanted` is not in `there`; or, with `replace`, differs.
fn missing(there: &PropertySet, wanted: &[(Name, String)], replace: bool) -> Vec<(Name, String)> {
    let lacks = |(name, xml): &&(Name, String)| match there.get(name) {
        None => true,
        Some(known) => replace && **known != **xml,
    };
    let mut seen = HashSet::new();
    wanted.iter().filter(lacks).filter(|(name, _)| seen.insert(name.clone())).cloned().collect()
}

/// A file name that the UID always gives.
fn name_for(uid: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '@' | '.');
    if uid.len() <= 100 && uid.chars().all(plain) && !uid.starts_with('.') {
        return format!("{uid}.ics");
    }
    format!("{}.ics", ETag::of(uid.as_bytes()).to_string().trim_matches('"'))
}
