//! The end of a transaction: everything staged becomes durable, then visible, or nothing does.
//!
//! Order: staged files durable, queue entries durable, steps, directories durable, queue entries
//! confirmed. A step that fails undoes the steps before it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::disk::{Dir, DiskError, Replacing, attribute, layout, temporary_name};
use crate::index::{Edit, HomePath, ObjectEntry, Snapshot};

use super::StoreError;
use super::home::disk_path;
use super::store::Durability;
use super::transaction::{Step, Transaction};

/// How a step that was done is undone.
enum Undo {
    /// Renamed from the first to the second; the flag says that the two changed places.
    Renamed { from: PathBuf, to: PathBuf, exchanged: bool },
    /// Attributes were changed.
    Attributes { step: usize },
}

/// What a transaction did.
pub(super) struct Done {
    pub(super) snapshot: Snapshot,
    pub(super) edits: Vec<Edit>,
    pub(super) now_s: i64,
}

impl Transaction<'_> {
    /// Does everything; the state to publish, if anything changed.
    pub(super) fn commit(mut self) -> Result<Option<Done>, StoreError> {
        if self.steps.is_empty() && self.spooled.is_empty() {
            return Ok(None);
        }
        let durable = !self.deferred && self.home.options.durability == Durability::Full;
        if durable {
            self.sync_staged()?;
        }
        let spool = self.home.spool.clone();
        let done = spool.prepare(&self.spooled).and_then(|()| {
            let (undo, trash) = self.run_steps()?;
            if durable && let Err(error) = self.sync_directories() {
                self.undo(undo);
                return Err(error);
            }
            Ok(trash)
        });
        let trash = match done {
            Ok(trash) => trash,
            Err(error) => {
                spool.withdraw(&self.spooled);
                return Err(error);
            }
        };
        self.keep();
        spool.confirm(&self.spooled)?;
        for path in trash {
            if let Err(error) = self.with_parent(&path, |dir, name| dir.remove_all(name)) {
                tracing::warn!(%error, "cannot remove what was replaced");
            }
        }
        self.refresh_stats()?;
        let (snapshot, edits) = (self.work.clone(), std::mem::take(&mut self.edits));
        Ok(Some(Done { snapshot, edits, now_s: self.now_s }))
    }

    fn sync_staged(&self) -> Result<(), StoreError> {
        if self.sync_all
            && let Some(dir) = self.home.tree.dir(&self.home.relative)?
        {
            return Ok(dir.sync_file_system()?);
        }
        for (path, file) in &self.staged {
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

    fn open(&self, path: &Path) -> Result<Option<Dir>, StoreError> {
        Ok(self.home.tree.dir(&self.home.relative.join(path))?)
    }

    /// Runs `f` with the directory of `path` and the name in it.
    fn with_parent<R>(
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
    fn run_steps(&self) -> Result<(Vec<Undo>, Vec<PathBuf>), StoreError> {
        let mut done = Vec::new();
        let mut trash = Vec::new();
        for (number, step) in self.steps.iter().enumerate() {
            if let Err(error) = self.run_step(number, step, &mut done, &mut trash) {
                self.undo(done);
                return Err(error);
            }
        }
        Ok((done, trash))
    }

    fn run_step(
        &self,
        number: usize,
        step: &Step,
        done: &mut Vec<Undo>,
        trash: &mut Vec<PathBuf>,
    ) -> Result<(), StoreError> {
        match step {
            Step::Install { parent, temporary, name, replaces, .. } => {
                let (from, to) = (parent.join(temporary), parent.join(name));
                // The only step needs no way back: one rename happens or does not.
                let exchanged = *replaces && self.steps.len() > 1;
                let how = match (replaces, exchanged) {
                    (false, _) => Replacing::No,
                    (true, false) => Replacing::Yes,
                    (true, true) => Replacing::Exchange,
                };
                self.rename_on_disk(&from, &to, how)?;
                if exchanged {
                    trash.push(from.clone());
                }
                done.push(Undo::Renamed { from, to, exchanged });
            }
            Step::Remove { parent, name } => {
                let (from, to) = (parent.join(name), parent.join(temporary_name()));
                match self.rename_on_disk(&from, &to, Replacing::Yes) {
                    // Somebody else removed it already: it is as it should be.
                    Err(StoreError::Disk(error)) if error.is_absent() => return Ok(()),
                    other => other?,
                }
                trash.push(to.clone());
                done.push(Undo::Renamed { from, to, exchanged: false });
            }
            Step::Rename { from, to } => {
                self.rename_on_disk(from, to, Replacing::No)?;
                let (from, to) = (from.clone(), to.clone());
                done.push(Undo::Renamed { from, to, exchanged: false });
            }
            Step::Attributes { path, changes, .. } => {
                done.push(Undo::Attributes { step: number });
                let set = changes.set.iter().map(|(name, xml)| (name, Some(xml.as_str())));
                let removed = changes.remove.iter().map(|name| (name, None));
                self.change_attributes(path, removed.chain(set))?;
            }
        }
        Ok(())
    }

    fn rename_on_disk(&self, from: &Path, to: &Path, how: Replacing) -> Result<(), StoreError> {
        let missing = |path: &Path| DiskError::new("open", path, std::io::ErrorKind::NotFound);
        let to_parent = to.parent().unwrap_or(Path::new(""));
        let target = self.open(to_parent)?.ok_or_else(|| missing(to_parent))?;
        let new_name = to.file_name().and_then(|name| name.to_str()).ok_or_else(|| missing(to))?;
        match self.with_parent(from, |dir, name| dir.rename(name, &target, new_name, how)) {
            Err(StoreError::Disk(error)) if error.is_taken() => {
                let segments = to.iter().filter_map(|name| name.to_str().and_then(layout::segment));
                Err(StoreError::Changed(HomePath::new(segments)))
            }
            other => other,
        }
    }

    fn change_attributes<'a>(
        &self,
        path: &Path,
        changes: impl Iterator<Item = (&'a crate::dav::Name, Option<&'a str>)>,
    ) -> Result<(), StoreError> {
        let missing = || DiskError::new("open", path, std::io::ErrorKind::NotFound);
        let full = self.home.relative.join(path);
        let fd: std::os::fd::OwnedFd = match self.home.tree.file(&full)? {
            Some(file) => file.into(),
            None => self.home.tree.dir(&full)?.ok_or_else(missing)?.into(),
        };
        for (name, xml) in changes {
            match xml {
                None => attribute::remove(&fd, path, name)?,
                Some(xml) => attribute::set(&fd, path, name, xml).map_err(|error| match error {
                    attribute::SetError::Failed(error) => error,
                    attribute::SetError::NoRoom => {
                        let kind = std::io::ErrorKind::StorageFull;
                        DiskError::new("set attribute of", path, kind)
                    }
                })?,
            }
        }
        Ok(())
    }

    /// Puts everything back, as far as the disk lets us.
    fn undo(&self, done: Vec<Undo>) {
        for undo in done.into_iter().rev() {
            let undone = match undo {
                Undo::Renamed { from, to, exchanged: true } => {
                    self.rename_on_disk(&to, &from, Replacing::Exchange)
                }
                Undo::Renamed { from, to, exchanged: false } => {
                    self.rename_on_disk(&to, &from, Replacing::No)
                }
                Undo::Attributes { step } => self.undo_attributes(step),
            };
            if let Err(error) = undone {
                tracing::error!(%error, "cannot undo a failed write");
            }
        }
    }

    fn undo_attributes(&self, step: usize) -> Result<(), StoreError> {
        let Some(Step::Attributes { path, changes, before }) = self.steps.get(step) else {
            return Ok(());
        };
        let names = changes.set.iter().map(|(name, _)| name).chain(&changes.remove);
        let values = names.map(|name| (name, before.get(name).map(|xml| &**xml)));
        self.change_attributes(path, values)
    }

    fn sync_directories(&self) -> Result<(), StoreError> {
        let mut directories = BTreeSet::new();
        for step in &self.steps {
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

    /// Renames and attributes change what the system says of a file: remember the last of it.
    fn refresh_stats(&mut self) -> Result<(), StoreError> {
        for path in std::mem::take(&mut self.written) {
            let Some(object) = self.work.object(&path) else { continue };
            let found = self.with_parent(&disk_path(&path)?, |dir, name| dir.stat(name))?;
            if let Some((_, stat)) = found {
                let entry = ObjectEntry { stat, ..(**object).clone() };
                self.work.correct_object(&path, entry);
                self.edits.push(Edit::Stat { path, stat });
            }
        }
        Ok(())
    }
}
