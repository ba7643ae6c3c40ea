//! Edits: everything that ever happens to a snapshot, as values.
//!
//! Applying the same edits to the same snapshot gives the same snapshot, numbers included: the
//! log keeps the edits of every transaction and is replayed when the home is opened again.

use std::sync::Arc;

use crate::disk::Stat;

use super::{CollectionKind, HomePath, ObjectEntry, PropertySet, Snapshot};

/// One edit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Edit {
    /// A file is new or has new content or properties.
    PutObject { path: HomePath, entry: ObjectEntry },
    /// What the system says of a file, without a change that anybody could see.
    Stat { path: HomePath, stat: Stat },
    /// A collection is new or has new properties.
    PutCollection {
        path: HomePath,
        kind: CollectionKind,
        created_s: i64,
        properties: Arc<PropertySet>,
    },
    /// A file or a collection with everything in it is gone.
    Remove { path: HomePath },
    /// A file or a collection has another place.
    Rename { from: HomePath, to: HomePath },
    /// Numbers are skipped: the home was opened.
    Gap,
}

impl Edit {
    /// Where something changes; with a rename, where it was.
    pub(crate) fn path(&self) -> HomePath {
        match self {
            Edit::PutObject { path, .. }
            | Edit::Stat { path, .. }
            | Edit::PutCollection { path, .. }
            | Edit::Remove { path }
            | Edit::Rename { from: path, .. } => path.clone(),
            Edit::Gap => HomePath::root(),
        }
    }
}

impl Snapshot {
    /// Does one edit.
    pub(crate) fn apply(&mut self, edit: &Edit, now_s: i64) {
        match edit {
            Edit::PutObject { path, entry } => self.put_object(path, entry.clone(), now_s),
            Edit::Stat { path, stat } => {
                if let Some(object) = self.object(path) {
                    let entry = ObjectEntry { stat: *stat, ..(**object).clone() };
                    self.correct_object(path, entry);
                }
            }
            Edit::PutCollection { path, kind, created_s, properties } => {
                self.put_collection(path, *kind, *created_s, properties.clone(), now_s);
            }
            Edit::Remove { path } => self.remove(path, now_s),
            Edit::Rename { from, to } => self.rename(from, to, now_s),
            Edit::Gap => self.skip_numbers(),
        }
    }

    /// Does one edit that nobody needs afterwards: its parts are not copied.
    pub(crate) fn apply_owned(&mut self, edit: Edit, now_s: i64) {
        match edit {
            Edit::PutObject { path, entry } => self.put_object(&path, entry, now_s),
            other => self.apply(&other, now_s),
        }
    }
}
