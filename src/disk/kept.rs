//! Directories that stay open, a bounded number of them: opening one from the root costs more than
//! most of what is done in it.
//!
//! Others may move or remove a directory at any time. So each use asks what has the name now, and
//! only the very directory that was opened under it counts.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Dir, Result, Tree};

/// So many are kept open.
const KEPT: usize = 128;

/// Open directories, by their paths below the root.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<Directories>);

#[derive(Debug, Default)]
struct Directories {
    /// By the bytes of the path: all of them are made of names alike.
    open: HashMap<OsString, (Arc<Dir>, u64)>,
    /// How many times one was asked for.
    asked: u64,
}

impl Kept {
    /// The directory that was opened under this path.
    fn known(&self, path: &Path) -> Option<Arc<Dir>> {
        let mut kept = self.0.lock();
        kept.asked += 1;
        let asked = kept.asked;
        let (dir, last) = kept.open.get_mut(path.as_os_str())?;
        *last = asked;
        Some(dir.clone())
    }

    fn forget(&self, path: &Path) {
        self.0.lock().open.remove(path.as_os_str());
    }

    fn keep(&self, path: &Path, dir: Arc<Dir>) {
        let mut kept = self.0.lock();
        if kept.open.len() >= KEPT {
            // Half of them go at once, so that not every further one looks for the oldest.
            let mut ages: Vec<u64> = kept.open.values().map(|(_, last)| *last).collect();
            let (_, middle, _) = ages.select_nth_unstable(KEPT / 2);
            let middle = *middle;
            kept.open.retain(|_, (_, last)| *last > middle);
        }
        let asked = kept.asked;
        kept.open.insert(path.as_os_str().to_owned(), (dir, asked));
    }
}

impl Tree {
    /// The same as [`Tree::dir`], from those that are kept open if it is still the one there.
    pub fn kept_dir(&self, relative: &Path) -> Result<Option<Arc<Dir>>> {
        if let Some(known) = self.kept.known(relative)
            && self.identity_of(relative)? == Some(known.identity()?)
        {
            return Ok(Some(known));
        }
        self.keep(relative, self.dir(relative)?)
    }

    /// The same for the member `name` of a directory, which is at `relative` then.
    pub fn kept_member(
        &self,
        parent: &Dir,
        name: &str,
        relative: &Path,
    ) -> Result<Option<Arc<Dir>>> {
        if let Some(known) = self.kept.known(relative)
            && parent.identity_of(name)? == Some(known.identity()?)
        {
            return Ok(Some(known));
        }
        self.keep(relative, parent.open_dir(name)?)
    }

    /// Keeps a directory open, but for those of other mounts: nobody could take these away as long
    /// as the server runs.
    fn keep(&self, relative: &Path, dir: Option<Dir>) -> Result<Option<Arc<Dir>>> {
        let Some(dir) = dir.map(Arc::new) else {
            self.kept.forget(relative);
            return Ok(None);
        };
        let root = self.identity_of(Path::new("."))?;
        match root.is_some_and(|root| dir.identity().is_ok_and(|own| own.mount == root.mount)) {
            true => self.kept.keep(relative, dir.clone()),
            false => self.kept.forget(relative),
        }
        Ok(Some(dir))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::KEPT;
    use crate::disk::Tree;

    #[test]
    fn only_what_has_the_name_now_counts() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        let tree = Tree::open(root.path()).unwrap();
        let list = |path: &str| {
            let dir = tree.kept_dir(Path::new(path)).unwrap()?;
            let mut names: Vec<_> = dir.list().unwrap().0.into_iter().map(|l| l.name).collect();
            names.sort();
            let (parent, name) = Path::new(path).parent().zip(Path::new(path).file_name())?;
            let parent = tree.dir(&Path::new(".").join(parent)).unwrap()?;
            let member = tree.kept_member(&parent, name.to_str()?, &Path::new("m").join(path));
            assert_eq!(member.unwrap()?.list().unwrap().0.len(), names.len());
            Some(names.join(" "))
        };
        assert_eq!(list("a/b"), None);
        fs::create_dir_all(at("a/b/one")).unwrap();
        assert_eq!(list("a/b").as_deref(), Some("one"));
        fs::create_dir(at("a/b/two")).unwrap();
        assert_eq!(list("a/b").as_deref(), Some("one two"));
        fs::rename(at("a/b"), at("a/c")).unwrap();
        assert_eq!(list("a/b"), None);
        assert_eq!(list("a/c").as_deref(), Some("one two"));
        fs::create_dir(at("a/b")).unwrap();
        assert_eq!(list("a/b").as_deref(), Some(""));
        // The whole branch, and a link to where it was.
        fs::rename(at("a"), at("d")).unwrap();
        assert_eq!(list("a/b"), None);
        std::os::unix::fs::symlink("c", at("d/link")).unwrap();
        assert_eq!(list("d/link"), None);
        fs::remove_dir(at("d/b")).unwrap();
        std::os::unix::fs::symlink("c", at("d/b")).unwrap();
        assert_eq!(list("d/b"), None);
        fs::remove_dir_all(at("d/c")).unwrap();
        fs::write(at("d/c"), "a file").unwrap();
        assert_eq!(list("d/c"), None);
    }

    #[test]
    fn no_more_are_kept_open_than_may_be() {
        let root = tempfile::tempdir().unwrap();
        let tree = Tree::open(root.path()).unwrap();
        for number in 0..KEPT * 3 {
            let name = number.to_string();
            fs::create_dir(root.path().join(&name)).unwrap();
            assert!(tree.kept_dir(Path::new(&name)).unwrap().is_some());
            assert!(tree.kept_dir(Path::new("0")).unwrap().is_some());
            let kept = tree.kept.0.lock();
            assert!(kept.open.len() <= KEPT && kept.open.contains_key(std::ffi::OsStr::new("0")));
        }
    }
}
