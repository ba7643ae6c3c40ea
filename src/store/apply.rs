//! One step of a commit done on the disk, what is remembered of it in case the process dies, and
//! how it is undone.

use std::path::{Path, PathBuf};

use crate::dav::Name;
use crate::disk::{DiskError, Replacing, attribute, temporary_name};

use super::StoreError;
use super::home::home_path;
use super::intent::{self, Intended};
use super::transaction::{Staged, Step, Transaction, physical_before};

/// How a step that was done is undone.
pub(super) enum Undo {
    /// Renamed from the first to the second; the flag says that the two changed places.
    Renamed { from: PathBuf, to: PathBuf, exchanged: bool },
    /// A staged file or directory got its name, which was free.
    Installed { step: usize },
    /// Attributes were changed.
    Attributes { step: usize },
}

impl Transaction<'_> {
    /// The steps as they are remembered in case the process dies.
    pub(super) fn intended(&self, steps: &[Step]) -> Result<Vec<Intended>, StoreError> {
        let inode = |number: usize, path: &Path| -> Result<u64, StoreError> {
            let physical = physical_before(&steps[..number], path);
            if physical.as_os_str().is_empty() {
                return Ok(0);
            }
            if let Some(staged) = self.staged.iter().find(|staged| staged.path == physical) {
                return Ok(staged.inode);
            }
            let found = self.with_parent(&physical, |dir, name| dir.stat(name))?;
            Ok(found.map_or(0, |(_, stat)| stat.inode))
        };
        let intend = |(number, step): (usize, &Step)| {
            Ok(match step {
                Step::Install { parent, temporary, name, .. } => {
                    let from = parent.join(temporary);
                    let inode = inode(number, &from)?;
                    Intended::Install { from, to: parent.join(name), inode }
                }
                Step::Remove { parent, name } => {
                    let path = parent.join(name);
                    Intended::Remove { inode: inode(number, &path)?, path }
                }
                Step::Rename { from, to } => {
                    let (from, to, inode) = (from.clone(), to.clone(), inode(number, from)?);
                    Intended::Rename { from, to, inode }
                }
                Step::Attributes { at, path, changes, .. } => {
                    let set = changes.set.iter().map(|(n, xml)| (n.to_string(), xml.clone()));
                    Intended::Attributes {
                        at: at.segments().to_vec(),
                        path: path.clone(),
                        inode: inode(number, path)?,
                        set: set.collect(),
                        remove: changes.remove.iter().map(ToString::to_string).collect(),
                    }
                }
            })
        };
        steps.iter().enumerate().map(intend).collect()
    }

    pub(super) fn run_step(
        &mut self,
        number: usize,
        step: &Step,
        done: &mut Vec<Undo>,
        trash: &mut Vec<PathBuf>,
    ) -> Result<(), StoreError> {
        match step {
            Step::Install { parent, temporary, name, replaces, directory } => {
                if !*replaces {
                    self.name_on_disk(parent, temporary, name)?;
                    if *directory {
                        self.forget_directories();
                    }
                    done.push(Undo::Installed { step: number });
                    return Ok(());
                }
                let (from, to) = (parent.join(temporary), parent.join(name));
                // What is replaced is kept until nothing can fail any more.
                match self.rename_on_disk(&from, &to, Replacing::Exchange) {
                    Err(StoreError::Disk(error)) if error.is_unsupported() => {
                        self.rename_on_disk(&from, &to, Replacing::Yes)?;
                    }
                    Err(error) => return Err(error),
                    Ok(()) => {
                        trash.push(from.clone());
                        done.push(Undo::Renamed { from, to, exchanged: true });
                    }
                }
            }
            Step::Remove { parent, name } => {
                let (from, to) = (parent.join(name), parent.join(temporary_name()));
                match self.rename_on_disk(&from, &to, Replacing::Yes) {
                    // Somebody else removed it already: it is as it should be.
                    Err(StoreError::Disk(error)) if error.is_absent() => return Ok(()),
                    other => other?,
                }
                self.forget_directories();
                trash.push(to.clone());
                done.push(Undo::Renamed { from, to, exchanged: false });
            }
            Step::Rename { from, to } => {
                self.rename_on_disk(from, to, Replacing::No)?;
                self.forget_directories();
                let (from, to) = (from.clone(), to.clone());
                done.push(Undo::Renamed { from, to, exchanged: false });
            }
            Step::Attributes { at, path, changes, .. } => {
                done.push(Undo::Attributes { step: number });
                let set = changes.set.iter().map(|(name, xml)| (name, Some(xml.as_str())));
                let removed = changes.remove.iter().map(|name| (name, None));
                let rest = self.change_attributes(path, removed.chain(set))?;
                for name in changes.remove.iter().chain(changes.set.iter().map(|(n, _)| n)) {
                    self.overflow.remove(at, name);
                }
                for (name, xml) in rest {
                    self.overflow.set(at, name, xml);
                }
            }
        }
        Ok(())
    }

    /// What was staged gets its name, which must be free.
    fn name_on_disk(&self, parent: &Path, temporary: &str, name: &str) -> Result<(), StoreError> {
        let missing = || DiskError::new("open", parent, std::io::ErrorKind::NotFound);
        let dir = self.open(parent)?.ok_or_else(missing)?;
        let is_it = |staged: &&Staged| {
            // Temporary names are not given twice.
            let path = staged.path.as_os_str().as_encoded_bytes();
            staged.unnamed.get() && path.ends_with(temporary.as_bytes())
        };
        let named = match self.staged.iter().find(is_it) {
            Some(staged) => dir.link(&staged.file, name).map(|()| staged.unnamed.set(false)),
            None => dir.rename(temporary, &dir, name, Replacing::No),
        };
        match named {
            Err(error) if error.is_taken() => {
                Err(StoreError::Changed(home_path(&parent.join(name))))
            }
            other => Ok(other?),
        }
    }

    fn rename_on_disk(&self, from: &Path, to: &Path, how: Replacing) -> Result<(), StoreError> {
        let missing = |path: &Path| DiskError::new("open", path, std::io::ErrorKind::NotFound);
        let to_parent = to.parent().unwrap_or(Path::new(""));
        let target = self.open(to_parent)?.ok_or_else(|| missing(to_parent))?;
        let new_name = to.file_name().and_then(|name| name.to_str()).ok_or_else(|| missing(to))?;
        let renamed = self.with_parent(from, |dir, name| dir.rename(name, &target, new_name, how));
        match renamed {
            Err(StoreError::Disk(error)) if error.is_taken() => {
                Err(StoreError::Changed(home_path(to)))
            }
            other => other,
        }
    }

    /// Changes attributes; those that did not fit are the answer.
    fn change_attributes<'a>(
        &self,
        path: &Path,
        changes: impl Iterator<Item = (&'a Name, Option<&'a str>)>,
    ) -> Result<Vec<(&'a Name, &'a str)>, StoreError> {
        let missing = || DiskError::new("open", path, std::io::ErrorKind::NotFound);
        let fd = intent::open(&self.home.tree, &self.home.relative.join(path))?;
        let fd = fd.ok_or_else(missing)?;
        let mut rest = Vec::new();
        for (name, xml) in changes {
            let Some(xml) = xml else {
                attribute::remove(&fd, path, name)?;
                continue;
            };
            match attribute::set(&fd, path, name, xml) {
                Ok(()) => {}
                Err(attribute::SetError::NoRoom) => {
                    // An older, smaller value must not hide the one in the overflow file.
                    attribute::remove(&fd, path, name)?;
                    rest.push((name, xml));
                }
                Err(attribute::SetError::Failed(error)) => return Err(error.into()),
            }
        }
        Ok(rest)
    }

    /// Puts everything back, as far as the disk lets us.
    pub(super) fn undo(&self, steps: &[Step], done: Vec<Undo>) {
        for undo in done.into_iter().rev() {
            let undone = match undo {
                Undo::Renamed { from, to, exchanged: true } => {
                    self.rename_on_disk(&to, &from, Replacing::Exchange)
                }
                Undo::Renamed { from, to, exchanged: false } => {
                    self.rename_on_disk(&to, &from, Replacing::No)
                }
                Undo::Installed { step } => self.undo_install(&steps[step]),
                Undo::Attributes { step } => self.undo_attributes(&steps[step]),
            };
            self.forget_directories();
            // What somebody else removed needs not be put back.
            let removed = matches!(&undone, Err(StoreError::Disk(error)) if error.is_absent());
            if let Err(error) = undone
                && !removed
            {
                tracing::error!(%error, "cannot undo a failed write");
            }
        }
    }

    fn undo_install(&self, step: &Step) -> Result<(), StoreError> {
        let Step::Install { parent, temporary, name, .. } = step else { return Ok(()) };
        self.rename_on_disk(&parent.join(name), &parent.join(temporary), Replacing::No)
    }

    fn undo_attributes(&self, step: &Step) -> Result<(), StoreError> {
        let Step::Attributes { path, changes, before, .. } = step else { return Ok(()) };
        let names = changes.set.iter().map(|(name, _)| name).chain(&changes.remove);
        let values = names.map(|name| (name, before.get(name).map(|xml| &**xml)));
        self.change_attributes(path, values).map(|_| ())
    }
}
