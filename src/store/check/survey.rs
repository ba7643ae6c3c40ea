//! All homes as their files are, for those who compare one with another. Touches nothing and takes
//! no lock, so it may be used beside a running server.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::disk::{self, Tree, layout};
use crate::index::{HomePath, Snapshot};

use super::super::spool;
use super::{SpoolEntry, StoreError, homes_in, rebuild};

/// One home.
pub struct SurveyedHome {
    /// Whose.
    pub guid: String,
    /// What its files are.
    pub snapshot: Snapshot,
    relative: PathBuf,
}

/// What lies in a data directory.
pub struct Survey {
    /// The homes, in order.
    pub homes: Vec<SurveyedHome>,
    /// Work that is not done yet; also what may still be waiting for its commit.
    pub waiting: Vec<SpoolEntry>,
    tree: Tree,
}

impl Survey {
    /// Looks at every file.
    pub fn of(root: &Path) -> Result<Self, StoreError> {
        let tree = Tree::open(&disk::make_root(root)?)?;
        let mut homes = Vec::new();
        for guid in homes_in(&tree)? {
            let Some(relative) = layout::home_shard(&guid).map(|shard| shard.join(&guid)) else {
                continue;
            };
            let Some(dir) = tree.dir(&relative)? else { continue };
            homes.push(SurveyedHome { guid, snapshot: rebuild(&dir)?, relative });
        }
        let waiting = spool::waiting(&tree)?;
        Ok(Self { homes, waiting, tree })
    }

    /// The content of a file of a home; `None` when it is gone.
    pub fn read(&self, home: &SurveyedHome, path: &HomePath) -> Result<Option<Bytes>, StoreError> {
        let Some((parent, name)) = path.split() else { return Ok(None) };
        let folder = parent.segments().iter().fold(home.relative.clone(), |at, s| at.join(s));
        let Some(dir) = self.tree.dir(&folder)? else { return Ok(None) };
        Ok(dir.read(name, u64::MAX)?.map(Bytes::from))
    }

    /// Where a file of a home lies.
    pub fn place(&self, home: &SurveyedHome, path: &HomePath) -> PathBuf {
        let root = self.tree.path().join(&home.relative);
        path.segments().iter().fold(root, |at, segment| at.join(segment))
    }
}
