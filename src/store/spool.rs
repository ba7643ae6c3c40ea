//! Work that is committed but not yet done (messages to deliver), in slots: files that are written
//! over again and again, because making, renaming and removing files takes a file system longer
//! than all else.
//!
//! An entry is durable before the write it belongs to becomes visible and is confirmed after it,
//! so that after a crash there is never a message without its write nor a write without its
//! message. Neither the confirmation nor the end of work is made durable: after a power failure an
//! entry that waits is judged by its witness, and work that is done is done again, which must be
//! harmless. Three rules make that enough:
//!
//! * A slot gets another entry only when its being free is durable, which a sync of the file
//!   system tells (`clear`). So half an entry is never taken for work that was to be done.
//! * The confirmation is durable before another write changes the witness (`make_certain`).
//! * What cannot be read is left alone and told.
//!
//! Must not know what the work is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::{Dir, Tree, layout};
use crate::index::HomePath;

use super::StoreError;

mod files;
mod former;
mod recover;
mod slot;
mod slots;

pub(super) use recover::{fault_of, is_slot, waiting};

use slots::{Slots, Stage, State, Taken};

/// So many slots are kept,
const KEPT: usize = 256;
/// of those whose entries were not longer than this.
const KEPT_BYTES: u64 = 64 * 1024;
/// So many of them are kept open.
const OPEN: usize = 64;

/// Work to be remembered.
#[derive(Clone, Debug, PartialEq)]
pub struct SpoolEntry {
    /// Identifies the work. A later entry with the same id takes the place of an earlier one.
    pub id: String,
    /// What to do, opaque to the store.
    pub body: Vec<u8>,
}

/// By what one sees later whether the write that work belongs to was committed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Witness {
    /// The home.
    pub(super) guid: String,
    /// A file of it.
    pub(super) path: HomePath,
    /// The hash of its content afterwards; none when it is gone.
    pub(super) hash: Option<[u8; 16]>,
    /// Whether this is about the copy of what was last scheduled, by the hash of the UID: after an
    /// edit past the server the file itself is the same before and afterwards.
    pub(super) copy: bool,
}

/// Entries that were written and wait for their commit: the number of the slot, and whether it is
/// durable already.
#[derive(Debug, Default)]
#[must_use]
pub(super) struct Waiting(Vec<(u32, bool)>);

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// All remembered work of a store.
#[derive(Debug)]
pub struct Spool {
    tree: Arc<Tree>,
    /// Whether anything is made durable.
    durable: bool,
    slots: Mutex<Slots>,
}

impl Spool {
    pub(super) fn new(tree: Arc<Tree>, durable: bool) -> Self {
        Self { tree, durable, slots: Mutex::default() }
    }

    fn dir(&self) -> Result<Dir, StoreError> {
        let path = Path::new(layout::SPOOL);
        match self.tree.dir(path)? {
            Some(dir) => Ok(dir),
            None => Ok(self.tree.make_dirs(path)?),
        }
    }

    /// Writes entries that wait for their commit. They are not durable yet, so that other files
    /// can be on their way to the disk at the same time.
    pub(super) fn write(
        &self,
        entries: &[SpoolEntry],
        witness: Option<&Witness>,
    ) -> Result<Waiting, StoreError> {
        let mut waiting = Waiting::default();
        for entry in entries {
            match self.write_one(entry, witness) {
                Ok(written) => waiting.0.push(written),
                Err(error) => {
                    self.withdraw(waiting);
                    return Err(error);
                }
            }
        }
        Ok(waiting)
    }

    /// Makes them durable.
    pub(super) fn sync(&self, waiting: &Waiting) -> Result<(), StoreError> {
        for (slot, _) in waiting.0.iter().filter(|(_, durable)| !durable && self.durable) {
            self.open(*slot)?.sync()?;
        }
        Ok(())
    }

    /// Their write is committed.
    pub(super) fn confirm(&self, waiting: Waiting) -> Result<(), StoreError> {
        let mut result = Ok(());
        for (slot, _) in waiting.0 {
            let marked = self.open(slot).and_then(|file| Ok(file.write(slot::WORK, 0)?));
            let mut slots = self.slots.lock();
            let Some(taken) = slots.taken_mut(slot) else { continue };
            (taken.stage, taken.marked) = (Stage::Work, marked.is_ok());
            let (id, number) = (taken.id.clone(), taken.number);
            let older: Vec<u32> = slots
                .taken()
                .filter(|(_, other)| other.stage == Stage::Work && other.id == id)
                .filter(|(_, other)| other.number < number)
                .map(|(slot, _)| slot)
                .collect();
            drop(slots);
            result = result.and(marked).and_then(|()| self.free_all(&older));
        }
        result
    }

    /// Their write did not happen.
    pub(super) fn withdraw(&self, waiting: Waiting) {
        for (slot, _) in waiting.0 {
            // Durable at once: a later write may leave what the witness waits for.
            let withdrawn = self.free(slot).and_then(|file| match file {
                Some(file) if self.durable => Ok(file.sync()?),
                None if self.durable => Ok(self.dir()?.sync()?),
                _ => Ok(()),
            });
            if let Err(error) = withdrawn {
                tracing::warn!(%error, slot, "cannot withdraw undelivered work");
            }
        }
    }

    /// What is about to change must not be what work is judged by: where `changes` says that it is,
    /// it becomes durable that the work is confirmed.
    pub(super) fn make_certain(
        &self,
        changes: impl Fn(&Witness) -> bool,
    ) -> Result<(), StoreError> {
        let of_concern = |taken: &Taken| {
            taken.stage != Stage::Pending
                && !taken.certain
                && taken.witness.as_ref().is_some_and(&changes)
        };
        let found: Vec<(u32, u64)> = self
            .slots
            .lock()
            .taken()
            .filter(|(_, taken)| of_concern(taken))
            .map(|(slot, taken)| (slot, taken.number))
            .collect();
        for (slot, number) in found {
            // It may have been freed meanwhile, but is not used again before a sync.
            let still = |taken: &&mut Taken| taken.number == number;
            let marked = match self.slots.lock().taken_mut(slot).filter(still) {
                Some(taken) => taken.marked,
                None => continue,
            };
            let file = self.open(slot)?;
            if !marked {
                file.write(slot::WORK, 0)?;
            }
            if self.durable {
                file.sync()?;
            }
            if let Some(taken) = self.slots.lock().taken_mut(slot).filter(still) {
                (taken.marked, taken.certain) = (true, true);
            }
        }
        Ok(())
    }

    /// Remembers work that belongs to no write; durable when this returns.
    pub fn add(&self, entry: &SpoolEntry) -> Result<(), StoreError> {
        let waiting = self.write(std::slice::from_ref(entry), None)?;
        if let Err(error) = self.sync(&waiting) {
            self.withdraw(waiting);
            return Err(error);
        }
        let (slot, _) = waiting.0[0];
        self.confirm(waiting)?;
        if self.durable {
            self.open(slot)?.sync()?;
        }
        Ok(())
    }

    /// All work that is committed and not done, oldest first.
    pub fn list(&self) -> Result<Vec<SpoolEntry>, StoreError> {
        let mut wanted: Vec<(u64, u32)> = self
            .slots
            .lock()
            .taken()
            .filter(|(_, taken)| taken.stage == Stage::Work)
            .map(|(slot, taken)| (taken.number, slot))
            .collect();
        wanted.sort_unstable();
        let mut found = Vec::with_capacity(wanted.len());
        for (number, slot) in wanted {
            let content = match self.open(slot) {
                Ok(file) => file.read()?,
                // Done meanwhile, or somebody removed it.
                Err(StoreError::Disk(error)) if error.is_absent() => continue,
                Err(error) => return Err(error),
            };
            match slot::read(&content) {
                slot::Content::Work(slot::Entry { head, body }) if head.number == number => {
                    found.push(SpoolEntry { id: head.id, body });
                }
                slot::Content::Unreadable(reason) => {
                    tracing::error!(slot, reason, "undelivered work that cannot be read");
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// How much work is committed and not done.
    pub fn len(&self) -> usize {
        self.slots.lock().taken().filter(|(_, taken)| taken.stage == Stage::Work).count()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether work is committed and not done.
    pub fn holds(&self, id: &str) -> bool {
        let is_wanted = |taken: &Taken| taken.stage == Stage::Work && taken.id == id;
        self.slots.lock().taken().any(|(_, taken)| is_wanted(taken))
    }

    /// The work is done, and will be removed when its effects are durable; the slots it is in, for
    /// `clear`.
    pub(super) fn hide(&self, id: &str) -> Vec<u32> {
        let mut slots = self.slots.lock();
        let is_wanted = |taken: &Taken| taken.stage == Stage::Work && taken.id == id;
        let found = slots.taken().filter(|(_, taken)| is_wanted(taken)).map(|(slot, _)| slot);
        let found: Vec<u32> = found.collect();
        for slot in &found {
            if let Some(taken) = slots.taken_mut(*slot) {
                taken.stage = Stage::Done;
            }
        }
        found
    }

    /// The work is done.
    pub fn remove(&self, id: &str) -> Result<(), StoreError> {
        self.free_all(&self.hide(id))
    }

    /// Runs `sync`, which makes the whole file system durable, and then frees the slots of work
    /// that is `done`. Those that were free before it may be written to again.
    pub(super) fn clear(
        &self,
        done: &[u32],
        sync: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let (freed, marked) = {
            let slots = self.slots.lock();
            let freed = slots.all.iter().filter(|(_, found)| matches!(found.state, State::Freed));
            let freed: Vec<u32> = freed.map(|(slot, _)| *slot).collect();
            let marked = slots.taken().filter(|(_, taken)| taken.marked);
            (freed, marked.map(|(slot, taken)| (slot, taken.number)).collect::<Vec<_>>())
        };
        sync()?;
        let mut slots = self.slots.lock();
        for slot in freed {
            if let Some(found) = slots.all.get_mut(&slot)
                && matches!(found.state, State::Freed)
            {
                found.state = State::Unused;
            }
        }
        for (slot, number) in marked {
            if let Some(taken) = slots.taken_mut(slot).filter(|taken| taken.number == number) {
                taken.certain = true;
            }
        }
        drop(slots);
        self.free_all(done)
    }
}

fn file_name(slot: u32) -> String {
    format!("{}{slot:04}", layout::SLOT)
}

fn relative(slot: u32) -> PathBuf {
    Path::new(layout::SPOOL).join(file_name(slot))
}

#[cfg(test)]
mod tests;
