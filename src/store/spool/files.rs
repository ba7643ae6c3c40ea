//! The files of the slots: found, made, written over, freed.

use std::sync::Arc;

use super::slot::{self, Head};
use super::slots::{Slot, Stage, State, Taken};
use super::{
    KEPT, KEPT_BYTES, OPEN, Spool, SpoolEntry, StoreError, Waiting, Witness, file_name, relative,
};
use crate::disk::{DiskError, InPlace};

impl Spool {
    pub(super) fn free_all(&self, slots: &[u32]) -> Result<(), StoreError> {
        slots.iter().try_for_each(|slot| self.free(*slot).map(drop))
    }

    /// The slot has no entry any more; its file, if it is kept.
    pub(super) fn free(&self, slot: u32) -> Result<Option<Arc<InPlace>>, StoreError> {
        let (size, count) = {
            let slots = self.slots.lock();
            (slots.all.get(&slot).map_or(0, |found| found.size), slots.all.len())
        };
        if size > KEPT_BYTES || count > KEPT {
            self.dir()?.remove_file(&file_name(slot))?;
            self.slots.lock().drop_slot(slot);
            return Ok(None);
        }
        let file = match self.open(slot) {
            Err(StoreError::Disk(error)) if error.is_absent() => {
                self.slots.lock().drop_slot(slot);
                return Ok(None);
            }
            other => other?,
        };
        file.write(slot::FREE, 0)?;
        if let Some(found) = self.slots.lock().all.get_mut(&slot) {
            found.state = if self.durable { State::Freed } else { State::Unused };
        }
        Ok(Some(file))
    }

    /// Writes one entry into a slot; which, and whether it is durable.
    pub(super) fn write_one(
        &self,
        entry: &SpoolEntry,
        witness: Option<&Witness>,
    ) -> Result<(u32, bool), StoreError> {
        let mut taken = Taken {
            id: entry.id.clone(),
            number: 0,
            witness: witness.cloned(),
            stage: Stage::Pending,
            marked: false,
            certain: false,
        };
        loop {
            let mut slots = self.slots.lock();
            slots.entries += 1;
            taken.number = slots.entries;
            let mut content =
                slot::content(&Head::new(&entry.id, taken.number, witness), &entry.body);
            let Some(slot) = slots.unused(content.len() as u64) else {
                let slot = (1..).find(|slot| !slots.all.contains_key(slot)).unwrap_or(u32::MAX);
                let state = State::Taken(taken.clone());
                slots.all.insert(slot, Slot { file: None, size: 0, state });
                drop(slots);
                slot::fill(&mut content, None);
                match self.make(slot, &content) {
                    Ok(true) => return Ok((slot, true)),
                    Ok(false) => continue,
                    Err(error) => {
                        self.slots.lock().drop_slot(slot);
                        return Err(error);
                    }
                }
            };
            if let Some(found) = slots.all.get_mut(&slot) {
                slot::fill(&mut content, Some(found.size));
                found.size = content.len() as u64;
                found.state = State::Taken(taken.clone());
            }
            drop(slots);
            let written = self.open(slot).and_then(|file| {
                let named = file.is_named(&self.tree)?;
                if named {
                    file.write(&content, 0)?;
                }
                Ok(named)
            });
            match written {
                Ok(true) => return Ok((slot, false)),
                // Somebody removed the file.
                Ok(false) => self.slots.lock().drop_slot(slot),
                Err(StoreError::Disk(error)) if error.is_absent() => {
                    self.slots.lock().drop_slot(slot);
                }
                Err(error) => {
                    self.withdraw(Waiting(vec![(slot, false)]));
                    return Err(error);
                }
            }
        }
    }

    /// Makes the file of a new slot; false where there is a file of this name, of which nobody
    /// knows what it is.
    fn make(&self, slot: u32, content: &[u8]) -> Result<bool, StoreError> {
        let made = InPlace::create(&self.dir()?, &relative(slot), content, self.durable);
        let mut slots = self.slots.lock();
        let room = slots.open < OPEN;
        let Some(found) = slots.all.get_mut(&slot) else { return Ok(false) };
        match made {
            Ok(file) => {
                found.size = content.len() as u64;
                if room {
                    found.file = Some(Arc::new(file));
                    slots.open += 1;
                }
                Ok(true)
            }
            Err(error) if error.is_taken() => {
                found.state = State::Unreadable;
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The open file of a slot.
    pub(super) fn open(&self, slot: u32) -> Result<Arc<InPlace>, StoreError> {
        if let Some(file) = self.slots.lock().all.get(&slot).and_then(|found| found.file.clone()) {
            return Ok(file);
        }
        let path = relative(slot);
        let missing = || DiskError::new("open", &path, std::io::ErrorKind::NotFound);
        let file = Arc::new(InPlace::open(&self.tree, &path)?.ok_or_else(missing)?);
        let mut slots = self.slots.lock();
        if slots.open < OPEN
            && let Some(found) = slots.all.get_mut(&slot)
            && found.file.is_none()
        {
            found.file = Some(file.clone());
            slots.open += 1;
        }
        Ok(file)
    }
}
