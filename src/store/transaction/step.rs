//! The steps of a commit, as values: what they are about, and where things are before they are
//! done. Touches no disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::index::{HomePath, PropertySet};
use crate::store::PropertyChanges;

/// One step of a commit. Paths are file names below the home, valid when the steps before it
/// are done.
#[derive(Debug)]
pub(in crate::store) enum Step {
    /// A staged file or directory gets its name.
    Install { parent: PathBuf, temporary: String, name: String, directory: bool, replaces: bool },
    /// A file or directory goes away.
    Remove { parent: PathBuf, name: String },
    /// A file or directory changes its place.
    Rename { from: PathBuf, to: PathBuf },
    /// Attributes of something that stays where it is.
    Attributes { at: HomePath, path: PathBuf, changes: PropertyChanges, before: Arc<PropertySet> },
}

impl Step {
    /// Whether the step is several calls of the system.
    pub(in crate::store) fn is_several(&self) -> bool {
        match self {
            Step::Attributes { changes, .. } => changes.set.len() + changes.remove.len() > 1,
            _ => false,
        }
    }
}

/// Where something is before the steps are done that has this path when they are.
pub(in crate::store) fn physical_before(steps: &[Step], path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for step in steps.iter().rev() {
        let (from, rest) = match step {
            Step::Install { parent, temporary, name, .. } => {
                let below = path.strip_prefix(parent).ok();
                let rest = below.and_then(|below| below.strip_prefix(name).ok());
                (rest.map(|_| parent.join(temporary)), rest)
            }
            Step::Rename { from, to } => {
                let rest = path.strip_prefix(to).ok();
                (rest.map(|_| from.clone()), rest)
            }
            Step::Remove { .. } | Step::Attributes { .. } => continue,
        };
        if let (Some(from), Some(rest)) = (from, rest) {
            path = if rest.as_os_str().is_empty() { from } else { from.join(rest) };
        }
    }
    path
}

/// Whether `parent` is in a directory that these steps make and nothing else was done
/// to since: its members need no steps of their own.
pub(super) fn is_fresh(steps: &[Step], parent: &Path) -> bool {
    for step in steps.iter().rev() {
        match step {
            Step::Install { parent: at, name, directory: true, .. }
                if parent.starts_with(at.join(name)) =>
            {
                return true;
            }
            Step::Install { .. } => {}
            _ => return false,
        }
    }
    false
}
