//! Content and properties written beside the place where they belong, before anything is done;
//! removed again when nothing is.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

use crate::dav::Name;
use crate::disk::{DiskError, Replacing, Stat, attribute, file_stat, layout, temporary_name};
use crate::index::PropertySet;
use crate::store::overflow::FILE;
use crate::store::{StoreError, arrival};

use super::step::{Step, is_fresh};
use super::{Staged, Transaction};

/// Staged files beyond this number are made durable together instead of one by one.
const SYNC_SINGLY: usize = 64;

/// Properties that did not fit.
pub(in crate::store) type Rest = Vec<(Name, Arc<str>)>;

impl Transaction<'_> {
    /// Writes content and properties beside the place where they belong.
    pub(in crate::store) fn stage(
        &mut self,
        parent: &Path,
        name: &str,
        content: &[u8],
        properties: &PropertySet,
        replaced: Option<&PropertySet>,
    ) -> Result<(Stat, Rest), StoreError> {
        if let Some(staged) = self.stage_prepared(parent, name, content, properties, replaced) {
            return Ok(staged);
        }
        let (physical, dir) = self.directory(parent)?;
        let temporary = match self.arriving {
            true => arrival::temporary(name),
            false => temporary_name(),
        };
        self.temporaries.push(physical.join(&temporary));
        let single = self.staged.len() < SYNC_SINGLY;
        let fresh = is_fresh(&self.steps, parent);
        // A message that arrives needs a name, by which a later start knows it.
        let may = self.deferred && replaced.is_none() && single && !fresh && !self.arriving;
        let unnamed = if may { dir.create_unnamed()? } else { None };
        let (mut file, unnamed) = match unnamed {
            Some(file) => (file, true),
            None => (dir.create(&temporary)?, false),
        };
        dir.write(&temporary, &mut file, content)?;
        let rest = set_attributes(&file, dir.path(), properties, replaced)?;
        let stat = file_stat(&file).map_err(|error| DiskError::new("stat", dir.path(), error))?;
        if single {
            let (path, unnamed) = (physical.join(&temporary), Cell::new(unnamed));
            self.staged.push(Staged { path, file, inode: stat.inode, unnamed });
        } else {
            self.sync_all = true;
        }
        if fresh {
            dir.rename(&temporary, &dir, name, Replacing::Yes)?;
        } else {
            self.steps.push(Step::Install {
                parent: parent.to_owned(),
                temporary,
                name: name.to_owned(),
                directory: false,
                replaces: replaced.is_some(),
            });
        }
        Ok((stat, rest))
    }

    /// Uses what was written before, if it is what is to be written.
    fn stage_prepared(
        &mut self,
        parent: &Path,
        name: &str,
        content: &[u8],
        properties: &PropertySet,
        replaced: Option<&PropertySet>,
    ) -> Option<(Stat, Rest)> {
        let physical = self.physical(parent);
        let fits = self.prepared.as_ref().is_some_and(|prepared| {
            prepared.parent == physical
                && prepared.content.bytes == content
                && *prepared.properties == *properties
                && prepared.bare == is_bare(properties, replaced)
        });
        if !fits || is_fresh(&self.steps, parent) {
            return None;
        }
        // Another writer may have moved the collection and made a new one in its place.
        let directory = self.open(&physical).ok()??;
        if !Arc::ptr_eq(&directory, &self.prepared.as_ref()?.directory) {
            return None;
        }
        let mut prepared = self.prepared.take()?;
        prepared.used = true;
        let temporary = std::mem::take(&mut prepared.temporary);
        self.temporaries.push(physical.join(&temporary));
        let (parent, name) = (parent.to_owned(), name.to_owned());
        let replaces = replaced.is_some();
        self.steps.push(Step::Install { parent, temporary, name, directory: false, replaces });
        Some((prepared.stat, std::mem::take(&mut prepared.rest)))
    }

    /// Stages the overflow file, if what is to be in it changed.
    pub(in crate::store) fn stage_overflow(&mut self) -> Result<(), StoreError> {
        if self.overflow == self.overflow_before {
            return Ok(());
        }
        let parent = Path::new(layout::OVERFLOW);
        let dir = self.home.tree.make_dirs(&self.home.relative.join(parent))?;
        let none = PropertySet::default();
        let replaced = dir.stat(FILE)?.map(|_| &none);
        let content = self.overflow.content();
        self.stage(parent, FILE, &content, &none, replaced)?;
        Ok(())
    }

    /// Gives staged files without a name that are `chosen` their temporary ones, because they will
    /// be looked for under these.
    pub(in crate::store) fn give_temporary_names(
        &self,
        chosen: impl Fn(&Staged) -> bool,
    ) -> Result<(), StoreError> {
        for staged in self.staged.iter().filter(|it| it.unnamed.get() && chosen(it)) {
            self.with_parent(&staged.path, |dir, name| dir.link(&staged.file, name))?;
            staged.unnamed.set(false);
        }
        Ok(())
    }

    /// Removes what was staged and did not get a name.
    fn clean_up(&mut self) {
        for temporary in std::mem::take(&mut self.temporaries) {
            let Some(name) = temporary.file_name().and_then(|name| name.to_str()) else { continue };
            let parent = temporary.parent().unwrap_or(Path::new(""));
            if let Ok(Some(dir)) = self.open(parent) {
                let _ = dir.remove_all(name);
            }
        }
    }

    /// What was staged has its names now.
    pub(in crate::store) fn keep(&mut self) {
        self.temporaries.clear();
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        self.clean_up();
    }
}

/// Whether a file has no properties because a client took away those of the file it replaces.
pub(in crate::store) fn is_bare(properties: &PropertySet, replaced: Option<&PropertySet>) -> bool {
    properties.is_empty() && replaced.is_some_and(|replaced| !replaced.is_empty())
}

/// Writes properties as attributes; those that did not fit are the answer.
pub(in crate::store) fn set_attributes(
    fd: impl std::os::fd::AsFd,
    path: &Path,
    properties: &PropertySet,
    replaced: Option<&PropertySet>,
) -> Result<Rest, StoreError> {
    let fd = fd.as_fd();
    if is_bare(properties, replaced) {
        match attribute::set_other(fd, path, layout::BARE_ATTRIBUTE, b"1") {
            // Where there is no room for a mark there were no properties in attributes either.
            Ok(()) | Err(attribute::SetError::NoRoom) => {}
            Err(attribute::SetError::Failed(error)) => return Err(error.into()),
        }
    }
    let mut rest = Vec::new();
    for (name, xml) in properties.iter() {
        match attribute::set(fd, path, name, xml) {
            Ok(()) => {}
            Err(attribute::SetError::NoRoom) => rest.push((name.clone(), xml.clone())),
            Err(attribute::SetError::Failed(error)) => return Err(error.into()),
        }
    }
    Ok(rest)
}
