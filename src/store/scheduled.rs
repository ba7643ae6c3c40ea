//! What was last scheduled: a copy of every object with an organizer or attendees, as the server
//! wrote it, in the home's directory `.scheduled`. Kept only where edits past the server are to be
//! scheduled (`docs/scheduling.md`): what to send is the difference to what others were told.
//!
//! A copy changes in the transaction that changes its object, so that the two differ exactly when
//! somebody edited the file and nobody was told. `UID-CONTENT.ics` is its name, both as hashes: a
//! listing says what the copies hold. The file `complete` says that there is one for every object;
//! without it the objects as they are become the copies. Must not know what is sent to whom.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

use crate::disk::{Dir, layout};
use crate::index::{CalendarSummary, HomePath, ObjectEntry, Snapshot};

use super::spool::Witness;
use super::{Home, StoreError};

mod files;
mod follow;

use files::{adopt, file_name, list, parts};

/// Says that every object has its copy.
const COMPLETE: &str = "complete";

/// The hash of a UID.
type Key = [u8; 16];

/// An edit past the server of which nobody was told yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unscheduled {
    key: Key,
    /// Where the object is; none when it is gone.
    pub path: Option<HomePath>,
    /// The hash of its content now.
    pub hash: Option<[u8; 16]>,
}

/// What is known of the object that was last scheduled under a UID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LastScheduled {
    /// No copies are kept: what is in the file counts.
    NotKept,
    /// Nothing was scheduled yet.
    Nothing,
    /// This.
    Copy(Bytes),
}

/// The copies of one home.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// UID → content; none where no copies are kept.
    known: Option<HashMap<Key, [u8; 16]>>,
    /// Edits that cannot be scheduled, by what the file holds: they are not tried again, and what
    /// the server itself writes may replace them.
    refused: HashMap<Key, Option<[u8; 16]>>,
}

/// What a transaction does to the copies.
pub(super) type CopyChanges = Vec<(Key, Option<[u8; 16]>)>;

impl Copies {
    /// The copies in the home `dir`, whose files are `now`: kept, not kept, or as they were left.
    pub(super) fn open(dir: &Dir, now: &Snapshot, keep: Option<bool>) -> Result<Self, StoreError> {
        if keep == Some(false) {
            if let Some(copies) = dir.open_dir(layout::SCHEDULED)? {
                // What changes from now on is not in the copies: none must be taken for complete.
                copies.remove_file(COMPLETE)?;
                copies.sync()?;
                dir.remove_all(layout::SCHEDULED)?;
            }
            return Ok(Self::default());
        }
        let complete = match dir.open_dir(layout::SCHEDULED)? {
            Some(copies) => copies.stat(COMPLETE)?.is_some(),
            None => false,
        };
        if !complete && keep.is_none() {
            return Ok(Self::default());
        }
        if !complete {
            adopt(dir, now)?;
        }
        let copies = dir.open_dir(layout::SCHEDULED)?;
        let known = copies.map_or(Ok(HashMap::new()), |copies| list(&copies))?;
        Ok(Self { known: Some(known), refused: HashMap::new() })
    }

    /// A transaction was committed.
    pub(super) fn follow(&mut self, changes: CopyChanges) {
        let Some(known) = &mut self.known else { return };
        for (key, hash) in changes {
            self.refused.remove(&key);
            match hash {
                Some(hash) => known.insert(key, hash),
                None => known.remove(&key),
            };
        }
    }

    fn is_refused(&self, edit: &Unscheduled) -> bool {
        self.refused.get(&edit.key) == Some(&edit.hash)
    }

    /// The edit of the object with this key, from what lies under its UID.
    fn edit_of<'a>(
        &self,
        key: Key,
        found: impl Iterator<Item = (HomePath, &'a ObjectEntry)>,
    ) -> Option<Unscheduled> {
        let known = self.known.as_ref()?;
        let copy = known.get(&key);
        let mut edit = copy.map(|_| Unscheduled { key, path: None, hash: None });
        for (path, entry) in found {
            if copy == Some(&entry.hash) || (copy.is_none() && !has_people(entry.calendar())) {
                return None;
            }
            if edit.as_ref().is_none_or(|edit| edit.path.is_none()) {
                edit = Some(Unscheduled { key, path: Some(path), hash: Some(entry.hash) });
            }
        }
        edit
    }

    /// Every edit that nobody was told of.
    fn compare(&self, now: &Snapshot) -> Vec<Unscheduled> {
        let Some(known) = &self.known else { return Vec::new() };
        let mut found: BTreeMap<Key, Vec<(HomePath, &ObjectEntry)>> =
            known.keys().map(|key| (*key, Vec::new())).collect();
        let calendars = now.calendars();
        for (at, calendar) in &calendars {
            for (name, object) in calendar.objects() {
                let Some(summary) = object.calendar() else { continue };
                let key = key_of(summary.uid());
                if has_people(Some(summary)) || known.contains_key(&key) {
                    found.entry(key).or_default().push((at.join(name), object));
                }
            }
        }
        found.into_iter().filter_map(|(key, found)| self.edit_of(key, found.into_iter())).collect()
    }
}

/// Whether an object may be about others than its owner.
fn has_people(summary: Option<&CalendarSummary>) -> bool {
    summary.is_some_and(|summary| summary.has_addresses())
}

fn key_of(uid: &str) -> Key {
    ObjectEntry::hash_of(uid.as_bytes())
}

/// The edits of a home that nobody was told of, as its files alone say; for checking.
pub(super) fn unscheduled_in(dir: &Dir, now: &Snapshot) -> Result<Vec<Unscheduled>, StoreError> {
    let Some(copies) = dir.open_dir(layout::SCHEDULED)? else { return Ok(Vec::new()) };
    if copies.stat(COMPLETE)?.is_none() {
        return Ok(Vec::new());
    }
    let names = copies.list()?.0;
    let known = names.iter().filter_map(|listed| parts(&listed.name)).collect();
    Ok(Copies { known: Some(known), refused: HashMap::new() }.compare(now))
}

impl Unscheduled {
    /// Where the copy of what was last scheduled lies, below the home.
    pub(super) fn copy(&self, dir: &Dir) -> Option<String> {
        let names = dir.open_dir(layout::SCHEDULED).ok()??.list().ok()?.0;
        let mut names = names.into_iter().map(|listed| listed.name);
        names.find(|name| parts(name).is_some_and(|(key, _)| key == self.key))
    }
}

impl Home {
    /// The edits past the server of which nobody was told, but for those that were refused.
    pub fn unscheduled(&self) -> Vec<Unscheduled> {
        let copies = self.copies.lock();
        let mut edits = copies.compare(&self.snapshot());
        edits.retain(|edit| !copies.is_refused(edit));
        edits
    }

    /// This edit cannot be scheduled as it is.
    pub fn refuse(&self, edit: &Unscheduled) {
        self.copies.lock().refused.insert(edit.key, edit.hash);
    }

    /// How many edits are refused at present.
    pub fn refused(&self) -> usize {
        let copies = self.copies.lock();
        if copies.refused.is_empty() {
            return 0;
        }
        copies.compare(&self.snapshot()).iter().filter(|edit| copies.is_refused(edit)).count()
    }

    /// What was last scheduled of an edited object.
    pub fn last_scheduled(&self, edit: &Unscheduled) -> Result<LastScheduled, StoreError> {
        self.copy_of(edit.key)
    }

    fn copy_of(&self, key: Key) -> Result<LastScheduled, StoreError> {
        let content = match &self.copies.lock().known {
            None => return Ok(LastScheduled::NotKept),
            Some(known) => known.get(&key).copied(),
        };
        let Some(content) = content else { return Ok(LastScheduled::Nothing) };
        let path = self.relative.join(layout::SCHEDULED).join(file_name(key, content));
        Ok(match self.tree.file(&path)? {
            Some(file) => LastScheduled::Copy(super::home::read_all(file, &path)?),
            // Somebody removed it.
            None => LastScheduled::Nothing,
        })
    }

    /// Whether the copy that a pending message stands for is there.
    pub(super) fn has_copy(&self, witness: &Witness) -> bool {
        let copies = self.copies.lock();
        let key = witness.path.name().and_then(|name| u128::from_str_radix(name, 16).ok());
        let (Some(known), Some(key)) = (&copies.known, key) else { return false };
        known.get(&key.to_be_bytes()).copied() == witness.hash
    }
}

#[cfg(test)]
mod tests;
