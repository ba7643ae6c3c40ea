//! What a transaction of several steps is about to do, durable before the first step: when the
//! process dies in between, the rest is done when the home is opened again.
//!
//! Every step names the inode it is about, so that doing it twice, or after somebody else changed
//! something, does nothing.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::dav::Name;
use crate::disk::{Dir, Replacing, Tree, attribute, layout};

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

/// Writes the intent down; durable if asked, otherwise before what is done after it. Half of it is
/// as good as none: no step has begun then.
pub(super) fn write(home: &Dir, steps: &[Intended], durable: bool) -> Result<(), StoreError> {
    let content = serde_json::to_vec(steps).unwrap_or_default();
    home.remove_file(layout::INTENT)?;
    let mut file = home.create(layout::INTENT)?;
    home.write(layout::INTENT, &mut file, &content)?;
    if durable {
        home.sync_file(layout::INTENT, &file)?;
        return Ok(home.sync()?);
    }
    home.begin_sync_file(&file);
    Ok(())
}

/// It is done, or undone.
pub(super) fn remove(home: &Dir) -> Result<(), StoreError> {
    Ok(home.remove_file(layout::INTENT)?)
}

/// Does what a dead process was about to do.
pub(super) fn redo(tree: &Tree, relative: &Path, home: &Dir) -> Result<(), StoreError> {
    let Some(content) = home.read(layout::INTENT, u64::MAX)? else { return Ok(()) };
    let steps: Vec<Intended> = serde_json::from_slice(&content).unwrap_or_default();
    for step in &steps {
        redo_step(tree, relative, step)?;
    }
    redo_overflow(tree, relative, home, &steps)?;
    home.sync()?;
    remove(home)
}

fn redo_step(tree: &Tree, relative: &Path, step: &Intended) -> Result<(), StoreError> {
    match step {
        Intended::Install { from, to, inode } => {
            let (Some((source, name)), Some((target, new_name))) =
                (place(tree, relative, from)?, place(tree, relative, to)?)
            else {
                return Ok(());
            };
            if is(&source, &name, *inode)? {
                source.rename(&name, &target, &new_name, Replacing::Yes)?;
                target.sync()?;
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
                return Ok(());
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
    Ok(())
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
