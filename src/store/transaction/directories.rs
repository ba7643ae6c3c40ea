//! The directories that one transaction works in, each looked up once.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Dir, Tree};
use crate::store::StoreError;

/// Open directories of one home, by paths of file names below it.
///
/// Others may move a directory meanwhile; what is done in it then goes along, as if they had come a
/// moment later.
#[derive(Debug, Default)]
pub(in crate::store) struct Directories(RefCell<Vec<(PathBuf, Arc<Dir>)>>);

impl Directories {
    /// The directory at `path` of the home at `home`; absent when something on the way is missing
    /// or no directory.
    pub(in crate::store) fn open(
        &self,
        tree: &Tree,
        home: &Path,
        path: &Path,
    ) -> Result<Option<Arc<Dir>>, StoreError> {
        if let Some(known) = self.known(path) {
            return Ok(Some(known));
        }
        let full = if path.as_os_str().is_empty() { home.to_owned() } else { home.join(path) };
        let mut names = path.iter();
        let opened = match (names.next().and_then(|name| name.to_str()), names.next()) {
            // Most are in the home itself.
            (Some(name), None) => match self.open(tree, home, Path::new(""))? {
                Some(home) => tree.kept_member(&home, name, &full)?,
                None => None,
            },
            (None, _) => tree.kept_dir(&full)?,
            _ => tree.dir(&full)?.map(Arc::new),
        };
        if let Some(dir) = &opened {
            self.0.borrow_mut().push((path.to_owned(), dir.clone()));
        }
        Ok(opened)
    }

    fn known(&self, path: &Path) -> Option<Arc<Dir>> {
        let known = self.0.borrow();
        // All paths are made of names alike, so that the same place has the same bytes.
        let same = |at: &PathBuf| at.as_os_str() == path.as_os_str();
        known.iter().find(|(at, _)| same(at)).map(|(_, dir)| dir.clone())
    }

    /// Directories may have other paths from now on.
    pub(in crate::store) fn forget(&self) {
        self.0.borrow_mut().clear();
    }
}
