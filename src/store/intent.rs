//! What a transaction of several steps is about to do, durable before the first step: when the
//! process dies in between, the rest is done when the home is opened again.
//!
//! Every step names the inode it is about, so that doing it twice, or after somebody else changed
//! something, does nothing.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::dav::Name;
use crate::disk::{Dir, Replacing, Tree, attribute, begin_sync_file, layout};

use crate::index::HomePath;

use super::StoreError;
use super::overflow::Overflow;

/// One step, in the order of doing. Paths are file names below the home.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Intended {
    /// `from` gets the name `to`, whatever has it now.
    Install { from: PathBuf, to: PathBuf, inode: u64 },
    /// `path` goes away.
    Remove { path: PathBuf, inode: u64 },
    /// `from` moves to `to`, where nothing is.
    Rename { from: PathBuf, to: PathBuf, inode: u64 },
    /// Attributes of `path` change.
    Attributes {
        at: Vec<String>,
        path: PathBuf,
        inode: u64,
        set: Vec<(String, String)>,
        remove: Vec<String>,
    },
}

/// Where an intent stands.
#[derive(Debug)]
#[must_use]
pub(super) struct Written {
    in_file: bool,
    /// It must not be left when it is done. One that only gives names to new files may be: there
    /// never is another file with the name and the inode that it speaks of.
    to_remove: bool,
}

/// Writes the intent down, before what is done after it; durable if asked. Half of it is as good as
/// none: no step has begun then.
///
/// It stands in an attribute of the home, which takes no new file and no removal of one (the
/// dearest call of many file systems), and in a file when the attribute has no room for it.
pub(super) fn write(home: &Dir, steps: &[Intended], durable: bool) -> Result<Written, StoreError> {
    try_write(home, steps, durable).inspect_err(|_| {
        let remove = || {
            attribute::remove_other(home, home.path(), layout::INTENT_ATTRIBUTE)?;
            home.remove_file(layout::INTENT)
        };
        if let Err(error) = remove().or_else(|_| remove()) {
            tracing::warn!(%error, "after a write");
        }
    })
}

fn try_write(home: &Dir, steps: &[Intended], durable: bool) -> Result<Written, StoreError> {
    let content = serde_json::to_vec(steps).unwrap_or_default();
    match attribute::set_other(home, home.path(), layout::INTENT_ATTRIBUTE, &content) {
        // File systems write attributes and names in the order in which they were changed.
        Ok(()) => {
            if durable {
                home.sync()?;
            }
            let is_harmless = |step: &Intended| matches!(step, Intended::Install { .. });
            let to_remove = !steps.iter().all(is_harmless);
            return Ok(Written { in_file: false, to_remove });
        }
        Err(attribute::SetError::NoRoom) => {}
        Err(attribute::SetError::Failed(error)) => return Err(error.into()),
    }
    // What is left of an earlier one, which is done.
    attribute::remove_other(home, home.path(), layout::INTENT_ATTRIBUTE)?;
    home.remove_file(layout::INTENT)?;
    let mut file = home.create(layout::INTENT)?;
    home.write(layout::INTENT, &mut file, &content)?;
    if durable {
        home.sync_file(layout::INTENT, &file)?;
        home.sync()?;
    } else {
        begin_sync_file(&file);
    }
    Ok(Written { in_file: true, to_remove: true })
}

impl Written {
    /// It is done.
    pub(super) fn done(&self, home: &Dir) -> Result<(), StoreError> {
        if self.to_remove { self.undone(home) } else { Ok(()) }
    }

    /// It is undone, and must not be done by a later start.
    pub(super) fn undone(&self, home: &Dir) -> Result<(), StoreError> {
        let remove = || match self.in_file {
            true => home.remove_file(layout::INTENT),
            false => attribute::remove_other(home, home.path(), layout::INTENT_ATTRIBUTE),
        };
        Ok(remove().or_else(|_| remove())?)
    }
}

/// Does what a dead process was about to do.
pub(super) fn redo(tree: &Tree, relative: &Path, home: &Dir) -> Result<(), StoreError> {
    let in_attribute = attribute::read_other(home, home.path(), layout::INTENT_ATTRIBUTE)?;
    let in_file = home.read(layout::INTENT, u64::MAX)?;
    let mut changed = in_file.is_some();
    for content in [in_attribute, in_file].into_iter().flatten() {
        let steps: Vec<Intended> = serde_json::from_slice(&content).unwrap_or_default();
        for step in &steps {
            changed |= redo_step(tree, relative, step)?;
            changed |= !matches!(step, Intended::Install { .. });
        }
        redo_overflow(tree, relative, home, &steps)?;
    }
    if !changed {
        return Ok(());
    }
    home.sync()?;
    attribute::remove_other(home, home.path(), layout::INTENT_ATTRIBUTE)?;
    Ok(home.remove_file(layout::INTENT)?)
}

/// Whether there was something to do.
fn redo_step(tree: &Tree, relative: &Path, step: &Intended) -> Result<bool, StoreError> {
    match step {
        Intended::Install { from, to, inode } => {
            let (Some((source, name)), Some((target, new_name))) =
                (place(tree, relative, from)?, place(tree, relative, to)?)
            else {
                return Ok(false);
            };
            if is(&source, &name, *inode)? {
                source.rename(&name, &target, &new_name, Replacing::Yes)?;
                target.sync()?;
                return Ok(true);
            }
        }
        Intended::Remove { path, inode } => {
            if let Some((dir, name)) = place(tree, relative, path)?
                && is(&dir, &name, *inode)?
            {
                dir.remove_all(&name)?;
                dir.sync()?;
            }
        }
        Intended::Rename { from, to, inode } => {
            let (Some((source, name)), Some((target, new_name))) =
                (place(tree, relative, from)?, place(tree, relative, to)?)
            else {
                return Ok(false);
            };
            if is(&source, &name, *inode)? && target.stat(&new_name)?.is_none() {
                source.rename(&name, &target, &new_name, Replacing::No)?;
                source.sync()?;
                target.sync()?;
            }
        }
        Intended::Attributes { path, inode, set, remove, .. } => {
            let known = match place(tree, relative, path)? {
                Some((dir, name)) => is(&dir, &name, *inode)?,
                None => path.as_os_str().is_empty(),
            };
            if let Some(fd) = open(tree, &relative.join(path))?.filter(|_| known) {
                for name in remove.iter().filter_map(|name| Name::from_clark(name)) {
                    attribute::remove(&fd, path, &name)?;
                }
                for (name, xml) in set {
                    let Some(name) = Name::from_clark(name) else { continue };
                    match attribute::set(&fd, path, &name, xml) {
                        Ok(()) => {}
                        Err(attribute::SetError::NoRoom) => attribute::remove(&fd, path, &name)?,
                        Err(attribute::SetError::Failed(error)) => return Err(error.into()),
                    }
                }
            }
        }
    }
    Ok(false)
}

/// Puts all properties of attribute steps into the overflow file where attributes did not hold
/// them, and out of it where they did.
fn redo_overflow(
    tree: &Tree,
    relative: &Path,
    home: &Dir,
    steps: &[Intended],
) -> Result<(), StoreError> {
    let before = Overflow::load(home)?;
    let mut overflow = before.clone();
    for step in steps {
        let Intended::Attributes { at, path, set, remove, .. } = step else { continue };
        let Some(fd) = open(tree, &relative.join(path))? else { continue };
        let at = HomePath::new(at.iter().map(String::as_str));
        let held = attribute::read_all(&fd, path)?;
        for name in remove.iter().filter_map(|name| Name::from_clark(name)) {
            overflow.remove(&at, &name);
        }
        for (name, xml) in set {
            let Some(name) = Name::from_clark(name) else { continue };
            if held.iter().any(|(held, value)| *held == name && value == xml) {
                overflow.remove(&at, &name);
            } else {
                overflow.set(&at, &name, xml);
            }
        }
    }
    if overflow == before { Ok(()) } else { overflow.save(tree, relative, true) }
}

/// An open file or directory.
pub(super) fn open(tree: &Tree, full: &Path) -> Result<Option<OwnedFd>, StoreError> {
    Ok(match tree.file(full)? {
        Some(file) => Some(file.into()),
        None => tree.dir(full)?.map(OwnedFd::from),
    })
}

fn place(tree: &Tree, relative: &Path, path: &Path) -> Result<Option<(Dir, String)>, StoreError> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Ok(None) };
    let parent = relative.join(path.parent().unwrap_or(Path::new("")));
    Ok(tree.dir(&parent)?.map(|dir| (dir, name.to_owned())))
}

fn is(dir: &Dir, name: &str, inode: u64) -> Result<bool, StoreError> {
    Ok(dir.stat(name)?.is_some_and(|(_, stat)| stat.inode == inode))
}
