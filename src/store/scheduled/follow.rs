//! The copies follow what a transaction does, in its own steps.

use std::collections::BTreeSet;
use std::path::Path;

use crate::disk::layout;
use crate::index::{CollectionKind, Edit, HomePath, ObjectEntry, PropertySet, Snapshot};

use super::files::{file_name, hex};
use super::{CopyChanges, LastScheduled, Unscheduled, has_people, key_of};
use crate::store::spool::Witness;
use crate::store::transaction::Step;
use crate::store::{StoreError, Transaction};

/// The object that a copy is to hold; none where there is to be no copy.
type ToCopy = Option<(HomePath, [u8; 16])>;

impl Transaction<'_> {
    /// What was last scheduled under a UID.
    pub fn last_scheduled(&self, uid: &str) -> Result<LastScheduled, StoreError> {
        self.home.copy_of(key_of(uid))
    }

    /// Whether this is still what was edited.
    pub fn is_unscheduled(&self, edit: &Unscheduled, uid: &str) -> bool {
        let copies = self.home.copies.lock();
        key_of(uid) == edit.key
            && copies.edit_of(edit.key, under(&self.work, uid).into_iter()).as_ref() == Some(edit)
    }

    /// What this transaction makes of the UID is told to all whom it concerns, edits past the
    /// server included.
    pub fn settle(&mut self, uid: &str) {
        self.settled.insert(uid.to_owned());
    }

    /// Lets the copies follow what this transaction does. Where an edit past the server would go
    /// under that nobody was told of, it has to wait.
    pub(in crate::store) fn keep_scheduled(&mut self) -> Result<CopyChanges, StoreError> {
        if self.home.copies.lock().known.is_none() {
            return Ok(Vec::new());
        }
        let before = self.home.snapshot();
        let mut changes = Vec::new();
        for uid in self.touched(&before) {
            let (key, settled) = (key_of(&uid), self.settled.contains(&uid));
            let Some(object) = self.object_to_copy(&uid, settled, &before)? else { continue };
            let hash = object.as_ref().map(|(_, hash)| *hash);
            let copy =
                self.home.copies.lock().known.as_ref().and_then(|known| known.get(&key).copied());
            if copy == hash {
                continue;
            }
            if let Some((path, hash)) = object
                && let Some(content) = self.read(&path)?
            {
                let (parent, name) = (Path::new(layout::SCHEDULED), file_name(key, hash));
                self.stage(parent, &name, &content, &PropertySet::default(), None)?;
            }
            if let Some(old) = copy {
                let (parent, name) = (layout::SCHEDULED.into(), file_name(key, old));
                self.steps.push(Step::Remove { parent, name });
            }
            if settled {
                let (guid, path) = (self.home.guid().to_owned(), HomePath::new([hex(key)]));
                self.witness = Some(Witness { guid, path, hash, copy: true });
            }
            changes.push((key, hash));
        }
        Ok(changes)
    }

    /// The UIDs of objects whose content changes, that come or that go.
    fn touched(&self, before: &Snapshot) -> BTreeSet<String> {
        let mut uids = self.settled.clone();
        let uid = |object: &ObjectEntry| Some(object.calendar()?.uid().to_owned());
        for edit in &self.edits {
            let (path, entry) = match edit {
                Edit::PutObject { path, entry } => (path, Some(entry)),
                Edit::Remove { path } | Edit::Rename { from: path, .. } => (path, None),
                _ => continue,
            };
            uids.extend(entry.and_then(uid));
            uids.extend(before.object(path).and_then(|object| uid(object)));
            if before.collection(path).is_some() {
                let calendars = before.calendars().into_iter();
                for (_, calendar) in calendars.filter(|(at, _)| path.contains(at)) {
                    uids.extend(calendar.objects().filter_map(|(_, object)| uid(object)));
                }
            }
        }
        uids
    }

    /// What the copy of a UID is to hold, if anything; none where it stays as it is.
    fn object_to_copy(
        &self,
        uid: &str,
        settled: bool,
        before: &Snapshot,
    ) -> Result<Option<ToCopy>, StoreError> {
        let (old, new) = (under(before, uid), under(&self.work, uid));
        let same = |entry: &ObjectEntry| old.iter().any(|(_, old)| old.hash == entry.hash);
        let changed = match new.is_empty() {
            true => !old.is_empty(),
            false => new.iter().any(|(_, entry)| !same(entry)),
        };
        if !settled && !changed {
            return Ok(None);
        }
        let copies = self.home.copies.lock();
        let edit = copies.edit_of(key_of(uid), old.clone().into_iter());
        if let Some(edit) = edit.filter(|edit| !settled && !copies.is_refused(edit)) {
            return Err(StoreError::Changed(edit.path.unwrap_or_default()));
        }
        // Of several, which only others than the server leave there, the one that is new.
        let chosen = new.iter().find(|(_, entry)| !same(entry)).or(new.first());
        let chosen = chosen.filter(|(_, entry)| has_people(entry.calendar()));
        Ok(Some(chosen.map(|(path, entry)| (path.clone(), entry.hash))))
    }
}

/// The objects of a UID that lie in calendars.
fn under<'a>(snapshot: &'a Snapshot, uid: &str) -> Vec<(HomePath, &'a ObjectEntry)> {
    let mut found: Vec<_> = snapshot
        .by_uid(uid)
        .into_iter()
        .filter(|path| {
            snapshot.holder(path).is_some_and(|holder| holder.kind == CollectionKind::Calendar)
        })
        .filter_map(|path| {
            let entry = &**snapshot.object(&path)?;
            Some((path, entry))
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}
