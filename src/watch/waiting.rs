//! What is to be looked at because something was told of it. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::store::HomePath;

/// By home: its GUID.
type ByHome<T> = BTreeMap<Arc<str>, BTreeSet<T>>;

/// What is to be looked at.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Waiting {
    /// All that is open: notifications were lost, or it is time to.
    pub(super) everything: bool,
    /// Homes to be looked at as a whole.
    pub(super) homes: BTreeSet<Arc<str>>,
    /// Homes in which directories came or went.
    pub(super) directories: BTreeSet<Arc<str>>,
    /// Homes whose index file is gone.
    pub(super) indexes: BTreeSet<Arc<str>>,
    /// What may be new, different or gone.
    pub(super) paths: ByHome<HomePath>,
    /// Whose attributes, owner or mode may be others.
    pub(super) attributes: ByHome<HomePath>,
}

impl Waiting {
    /// A file came, went or changed, or only the attributes of what is there.
    pub(super) fn file(&mut self, guid: &Arc<str>, path: HomePath, only_attributes: bool) {
        let all = if only_attributes { &mut self.attributes } else { &mut self.paths };
        all.entry(guid.clone()).or_default().insert(path);
    }

    /// A directory came, went or has another name.
    pub(super) fn directory(&mut self, guid: &Arc<str>, path: HomePath) {
        self.directories.insert(guid.clone());
        self.file(guid, path, false);
    }

    /// Whether there is nothing to look at.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
