//! What a start finds in the spool: slots of every state, and files from before there were any.

use std::path::Path;

use super::slot::{self, Content};
use super::slots::{Slot, Stage, State, Taken};
use super::{Spool, SpoolEntry, StoreError, Witness, former};
use crate::disk::{Dir, Tree, layout};

/// The number of a slot's file; none for other files.
fn number(name: &str) -> Option<u32> {
    name.strip_prefix(layout::SLOT)?.parse().ok().filter(|slot| super::file_name(*slot) == name)
}

/// Whether a file of this name is a slot.
pub(in crate::store) fn is_slot(name: &str) -> bool {
    number(name).is_some()
}

impl Spool {
    /// After a crash: confirms the entries whose write was committed and drops the others.
    pub(in crate::store) fn recover(
        &self,
        is_committed: impl Fn(&Witness) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let dir = self.dir()?;
        let mut formers = Vec::new();
        let mut removed = false;
        for listed in dir.list()?.0 {
            if let Some(slot) = number(&listed.name) {
                self.recover_slot(&dir, slot, &listed.name, &is_committed)?;
            } else if listed.name.starts_with(layout::TEMPORARY) {
                dir.remove_file(&listed.name)?;
                removed = true;
            } else if former::is_former(&listed.name) {
                let age = dir.stat(&listed.name)?.map_or(0, |(_, stat)| stat.modified_ns);
                formers.push((age, listed.name));
            }
        }
        formers.sort();
        for (_, name) in formers {
            if let Some(former) = former::read(&dir, &name)? {
                let committed = match (&former.witness, former.pending) {
                    (Some(witness), true) => is_committed(witness)?,
                    (_, pending) => !pending,
                };
                if committed {
                    self.add(&former.entry)?;
                }
            }
            dir.remove_file(&name)?;
            removed = true;
        }
        if removed {
            dir.sync()?;
        }
        Ok(())
    }

    fn recover_slot(
        &self,
        dir: &Dir,
        slot: u32,
        name: &str,
        is_committed: impl Fn(&Witness) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let content = dir.read(name, u64::MAX);
        let read = match &content {
            Ok(Some(content)) => slot::read(content),
            Ok(None) => Content::Unreadable("it is no regular file"),
            Err(_) => Content::Unreadable("it cannot be read"),
        };
        let size = content.ok().flatten().map_or(0, |content| content.len() as u64);
        let mut marked = true;
        let state = match read {
            Content::Free => State::Freed,
            // Taken until it is written down that it is free.
            Content::Torn => State::Unreadable,
            Content::Pending(entry) => {
                marked = false;
                State::Taken(taken(&entry))
            }
            Content::Work(entry) => State::Taken(Taken { stage: Stage::Work, ..taken(&entry) }),
            Content::Unreadable(reason) => {
                let path = dir.path().join(name);
                tracing::error!(path = %path.display(), reason, "undelivered work is left alone");
                self.insert(slot, size, State::Unreadable);
                return Ok(());
            }
        };
        let (is_free, waits) = (matches!(state, State::Freed), !marked);
        let witness = match &state {
            State::Taken(taken) => taken.witness.clone(),
            _ => None,
        };
        let is_torn = matches!(state, State::Unreadable);
        self.insert(slot, size, state);
        let committed = match witness.filter(|_| waits) {
            Some(witness) => is_committed(&witness)?,
            None => false,
        };
        if committed {
            self.confirm(super::Waiting(vec![(slot, true)]))?;
        } else if waits || is_torn || (is_free && !self.durable) {
            self.free(slot)?;
        }
        Ok(())
    }

    fn insert(&self, slot: u32, size: u64, state: State) {
        let mut slots = self.slots.lock();
        if let State::Taken(taken) = &state {
            slots.entries = slots.entries.max(taken.number);
        }
        slots.all.insert(slot, Slot { file: None, size, state });
    }
}

/// A pending entry that was read.
fn taken(entry: &slot::Entry) -> Taken {
    Taken {
        id: entry.head.id.clone(),
        number: entry.head.number,
        witness: entry.head.witness(),
        stage: Stage::Pending,
        marked: true,
        certain: false,
    }
}

/// What is not done yet, and what may be waiting for its commit, as the files are.
pub(in crate::store) fn waiting(tree: &Tree) -> Result<Vec<SpoolEntry>, StoreError> {
    let mut found = Vec::new();
    let Some(dir) = tree.dir(Path::new(layout::SPOOL))? else { return Ok(found) };
    for listed in dir.list()?.0 {
        if is_slot(&listed.name) {
            let content = dir.read(&listed.name, u64::MAX)?.unwrap_or_default();
            if let Content::Pending(entry) | Content::Work(entry) = slot::read(&content) {
                found.push(SpoolEntry { id: entry.head.id, body: entry.body });
            }
        } else if let Some(former) = former::read(&dir, &listed.name)? {
            found.push(former.entry);
        }
    }
    Ok(found)
}

/// What is wrong with a slot; none where nothing is.
pub(in crate::store) fn fault_of(dir: &Dir, name: &str) -> Result<Option<String>, StoreError> {
    let look = || {
        let content = dir.read(name, u64::MAX)?;
        Ok::<_, StoreError>(match content.as_deref().map(slot::read) {
            Some(Content::Unreadable(reason)) => Some(reason.to_owned()),
            None => Some("it is no regular file".to_owned()),
            _ => None,
        })
    };
    // A server may be writing to it: what is damaged stays so.
    Ok(match look()? {
        Some(_) => look()?,
        None => None,
    })
}
