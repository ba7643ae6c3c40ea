//! The end of a transaction: everything staged becomes durable, then visible, or nothing does.
//!
//! Order: staged files and queue entries durable, the intent durable where there are several
//! steps (but for deliveries, `arrival`), the steps, directories durable, queue entries confirmed.
//! A step that fails undoes those before it; a process that dies leaves the rest to the next one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Dir, DiskError, begin_sync_file, file_stat};
use crate::index::{Edit, HomePath, ObjectEntry, Snapshot};

use super::StoreError;
use super::apply::Undo;
use super::arrival;
use super::home::disk_path;
use super::intent::{self, Written};
use super::overflow::Overflow;
use super::spool::{Waiting, Witness};
use super::store::Durability;
use super::transaction::{Staged, Step, Transaction};

fn tell(result: Result<(), StoreError>) {
    if let Err(error) = result {
        tracing::warn!(%error, "after a write");
    }
}

/// What a transaction did.
pub(super) struct Done {
    pub(super) snapshot: Snapshot,
    pub(super) edits: Vec<Edit>,
    pub(super) overflow: Overflow,
    pub(super) now_s: i64,
    /// The home's directory, if it was needed.
    pub(super) directory: Option<Arc<Dir>>,
    pub(super) late: Option<Late>,
}

/// What is left to do when others may write again: the directory of the one file that was
/// written becomes durable, together with what others wrote there.
pub(super) struct Late {
    /// The collection's directory.
    pub(super) directory: Arc<Dir>,
    pub(super) path: HomePath,
    pub(super) name: String,
    /// The inode of the file that was written.
    pub(super) inode: u64,
    /// The file that was replaced, under its temporary name.
    pub(super) replaced: Option<String>,
}

impl Transaction<'_> {
    /// Does everything; the state to publish, if anything changed.
    pub(super) fn commit(mut self) -> Result<Option<Done>, StoreError> {
        if self.steps.is_empty() && self.spooled.is_empty() {
            return Ok(None);
        }
        self.stage_overflow()?;
        let durable = !self.deferred && self.home.options.durability == Durability::Full;
        let late = durable && self.spooled.is_empty() && self.is_single_file();
        let spool = self.home.spool.clone();
        let waiting = spool.write(&self.spooled, self.witness().as_ref())?;
        let done =
            self.make_durable(&waiting, durable).and_then(|()| self.run_steps(durable, late));
        let trash = match done {
            Ok(trash) => trash,
            Err(error) => {
                spool.withdraw(waiting);
                return Err(self.vanished(error));
            }
        };
        self.keep();
        // From here on it is done: whatever fails now is only told.
        tell(spool.confirm(waiting));
        tell(self.refresh_stats());
        let late = match late.then(|| self.late(&trash)) {
            Some(None) => {
                tell(self.sync_directories(&self.steps));
                None
            }
            late => late.flatten(),
        };
        for path in trash.into_iter().filter(|_| late.is_none()) {
            tell(self.with_parent(&path, |dir, name| dir.remove_all(name)));
        }
        let (snapshot, edits) = (self.work.clone(), std::mem::take(&mut self.edits));
        let overflow = std::mem::take(&mut self.overflow);
        let directory = self.open(Path::new("")).ok().flatten();
        Ok(Some(Done { snapshot, edits, overflow, now_s: self.now_s, directory, late }))
    }

    /// That something is not there any more says that somebody else removed it.
    fn vanished(&self, error: StoreError) -> StoreError {
        match (error, self.edits.last()) {
            (StoreError::Disk(error), Some(edit)) if error.is_absent() => {
                StoreError::Changed(edit.path())
            }
            (error, _) => error,
        }
    }

    /// Whether all that happens is that one file gets its name.
    fn is_single_file(&self) -> bool {
        matches!(self.steps.as_slice(), [Step::Install { directory: false, .. }])
    }

    /// What is to be done when the writer is free again.
    fn late(&self, trash: &[PathBuf]) -> Option<Late> {
        let [Step::Install { parent, name, .. }] = self.steps.as_slice() else { return None };
        let path = self.edits.iter().find_map(|edit| match edit {
            Edit::PutObject { path, .. } => Some(path.clone()),
            _ => None,
        })?;
        let inode = self.work.object(&path)?.stat.inode;
        let replaced = trash.first().and_then(|path| path.file_name()?.to_str());
        let replaced = replaced.map(str::to_owned);
        let directory = self.open(parent).ok()??;
        Some(Late { directory, path, name: name.clone(), inode, replaced })
    }

    /// By what a later start sees that this transaction was committed.
    fn witness(&self) -> Option<Witness> {
        if self.witness.is_some() {
            return self.witness.clone();
        }
        let (guid, copy) = (self.home.guid().to_owned(), false);
        self.edits.iter().rev().find_map(|edit| match edit {
            Edit::PutObject { path, entry } => Some(Witness {
                guid: guid.clone(),
                path: path.clone(),
                hash: Some(entry.hash),
                copy,
            }),
            Edit::Remove { path } => {
                Some(Witness { guid: guid.clone(), path: path.clone(), hash: None, copy })
            }
            Edit::Rename { from, .. } => {
                Some(Witness { guid: guid.clone(), path: from.clone(), hash: None, copy })
            }
            _ => None,
        })
    }

    /// What gets its name with this commit, and what is to be done after it, is durable.
    fn make_durable(&self, waiting: &Waiting, durable: bool) -> Result<(), StoreError> {
        if durable && !waiting.is_empty() {
            // The files are on their way while the entries are waited for.
            self.staged.iter().for_each(|staged| begin_sync_file(&staged.file));
        }
        self.home.spool.sync(waiting)?;
        if durable {
            self.sync_staged()?;
        } else if self.home.options.durability == Durability::Full {
            self.sync_replacing()?;
        }
        let guid = self.home.guid();
        self.home.spool.make_certain(|witness| witness.guid == guid && self.changes(witness))
    }

    /// Whether this changes by what one would see that an earlier transaction was committed.
    fn changes(&self, witness: &Witness) -> bool {
        let path = &witness.path;
        witness.copy
            || self.edits.iter().any(|edit| match edit {
                Edit::PutObject { path: at, entry } => {
                    at == path && Some(entry.hash) != witness.hash
                }
                Edit::Remove { path: at } => at.contains(path),
                Edit::Rename { from, to } => from.contains(path) || to.contains(path),
                Edit::PutCollection { path: at, .. } => at == path,
                Edit::Stat { .. } | Edit::Gap => false,
            })
    }

    fn sync_staged(&self) -> Result<(), StoreError> {
        if self.sync_all
            && let Some(dir) = self.home.tree.dir(&self.home.relative)?
        {
            return Ok(dir.sync_file_system()?);
        }
        for Staged { path, file, .. } in &self.staged {
            self.with_parent(path, |dir, name| dir.sync_file(name, file))?;
        }
        for step in &self.steps {
            if let Step::Install { parent, temporary, directory: true, .. } = step
                && let Some(dir) = self.open(&parent.join(temporary))?
            {
                dir.sync()?;
            }
        }
        Ok(())
    }

    /// What takes the place of something is durable before, also where the rest waits for
    /// `Store::sync`: one of the two is there after a power failure. New files may have their names
    /// without their content then; whoever writes so must know how to write them again.
    fn sync_replacing(&self) -> Result<(), StoreError> {
        for Staged { path, file, .. } in &self.staged {
            let replaces = self.steps.iter().any(|step| match step {
                Step::Install { temporary, replaces: true, .. } => path.ends_with(temporary),
                _ => false,
            });
            if replaces {
                self.with_parent(path, |dir, name| dir.sync_file(name, file))?;
            }
        }
        Ok(())
    }

    /// The directory at a path below the home.
    pub(super) fn open(&self, path: &Path) -> Result<Option<Arc<Dir>>, StoreError> {
        self.directories.open(&self.home.tree, &self.home.relative, path)
    }

    /// Runs `f` with the directory of `path` and the name in it.
    pub(super) fn with_parent<R>(
        &self,
        path: &Path,
        f: impl FnOnce(&Dir, &str) -> Result<R, DiskError>,
    ) -> Result<R, StoreError> {
        let missing = || DiskError::new("open", path, std::io::ErrorKind::NotFound);
        let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(missing)?;
        let dir = self.open(path.parent().unwrap_or(Path::new("")))?.ok_or_else(missing)?;
        Ok(f(&dir, name)?)
    }

    /// Does all steps; what they left to be removed. Undoes them when one fails.
    fn run_steps(&mut self, durable: bool, late: bool) -> Result<Vec<PathBuf>, StoreError> {
        let steps = std::mem::take(&mut self.steps);
        let (mut done, mut intent) = (Vec::new(), None);
        let result = self.try_steps(&steps, durable && !late, &mut intent, &mut done);
        if result.is_err() {
            self.undo(&steps, done);
            if self.overflow_late {
                let _ = self.overflow_before.save(&self.home.tree, &self.home.relative, durable);
            }
        }
        if let Some(intent) = intent
            && let Ok(Some(home)) = self.open(Path::new(""))
        {
            tell(if result.is_ok() { intent.done(&home) } else { intent.undone(&home) });
        }
        self.steps = steps;
        result
    }

    fn try_steps(
        &mut self,
        steps: &[Step],
        durable: bool,
        intent: &mut Option<Written>,
        done: &mut Vec<Undo>,
    ) -> Result<Vec<PathBuf>, StoreError> {
        let several = steps.len() > 1 || steps.iter().any(Step::is_several);
        if several
            && !self.is_delivery(steps)
            && let Some(home) = self.open(Path::new(""))?
        {
            // An intent speaks of files by their names.
            self.give_temporary_names(|_| true)?;
            *intent = Some(intent::write(&home, &self.intended(steps)?, durable)?);
        }
        let saved = self.overflow.clone();
        let mut trash = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            self.run_step(number, step, done, &mut trash)?;
        }
        if self.overflow != saved {
            self.overflow_late = true;
            self.overflow.save(&self.home.tree, &self.home.relative, durable)?;
        }
        if durable {
            self.sync_directories(steps)?;
        }
        Ok(trash)
    }

    /// Whether a later start sees by the files how far the steps came. What is to be delivered next
    /// is not seen by them.
    fn is_delivery(&self, steps: &[Step]) -> bool {
        let first = self.edits.iter().find_map(|edit| match edit {
            Edit::PutObject { entry, .. } => Some(entry),
            _ => None,
        });
        self.deferred
            && self.spooled.is_empty()
            && first.is_some_and(|object| arrival::is_delivery(steps, &object.properties))
    }

    fn sync_directories(&self, steps: &[Step]) -> Result<(), StoreError> {
        let mut directories = BTreeSet::new();
        for step in steps {
            match step {
                Step::Install { parent, .. } | Step::Remove { parent, .. } => {
                    directories.insert(parent.clone());
                }
                Step::Rename { from, to } => {
                    directories.extend(
                        [from, to]
                            .map(|path| path.parent().map(Path::to_owned).unwrap_or_default()),
                    );
                }
                Step::Attributes { path, .. } => {
                    let full = self.home.relative.join(path);
                    if let Some(file) = self.home.tree.file(&full)? {
                        self.with_parent(path, |dir, name| dir.sync_file(name, &file))?;
                    } else {
                        directories.insert(path.clone());
                    }
                }
            }
        }
        for directory in directories {
            if let Some(dir) = self.open(&directory)? {
                dir.sync()?;
            }
        }
        Ok(())
    }

    /// Renames and attributes change what the system says of a file: remember the last of it. What
    /// somebody else wrote meanwhile is not known, and must be seen to be different later.
    fn refresh_stats(&mut self) -> Result<(), StoreError> {
        for path in std::mem::take(&mut self.written) {
            let Some(object) = self.work.object(&path) else { continue };
            // The file that was written is open; what else has its name by now is seen later.
            let found = match self.staged.iter().find(|it| it.inode == object.stat.inode) {
                Some(staged) => file_stat(&staged.file).ok(),
                None => self
                    .with_parent(&disk_path(&path)?, |dir, name| dir.stat(name))?
                    .map(|(_, stat)| stat),
            };
            if let Some(stat) = found.filter(|stat| stat.same_content(&object.stat)) {
                let entry = ObjectEntry { stat, ..(**object).clone() };
                self.work.correct_object(&path, entry);
                let put = self.edits.iter_mut().rev().find_map(|edit| match edit {
                    Edit::PutObject { path: at, entry } if *at == path => Some(entry),
                    _ => None,
                });
                match put {
                    Some(entry) => entry.stat = stat,
                    None => self.edits.push(Edit::Stat { path, stat }),
                }
            }
        }
        Ok(())
    }
}
