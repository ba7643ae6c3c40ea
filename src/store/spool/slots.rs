//! What is known of the slots of the queue. Touches no disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Witness;
use crate::disk::InPlace;

#[derive(Debug, Default)]
pub(super) struct Slots {
    pub(super) all: BTreeMap<u32, Slot>,
    /// The number of the last entry.
    pub(super) entries: u64,
    /// How many are open.
    pub(super) open: usize,
}

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) file: Option<Arc<InPlace>>,
    /// Bytes of the file.
    pub(super) size: u64,
    pub(super) state: State,
}

#[derive(Debug)]
pub(super) enum State {
    /// Durably without an entry.
    Unused,
    /// Without an entry, but a power failure may bring back the last one.
    Freed,
    /// With an entry.
    Taken(Taken),
    /// Nobody knows what it holds.
    Unreadable,
}

#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) id: String,
    pub(super) number: u64,
    pub(super) witness: Option<Witness>,
    pub(super) stage: Stage,
    /// It is written down that the entry is confirmed,
    pub(super) marked: bool,
    /// and durable.
    pub(super) certain: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stage {
    /// Waits for its commit.
    Pending,
    /// Is to be done.
    Work,
    /// Is done, and waits for its effects to be durable.
    Done,
}

impl Slots {
    pub(super) fn taken(&self) -> impl Iterator<Item = (u32, &Taken)> {
        self.all.iter().filter_map(|(slot, found)| match &found.state {
            State::Taken(taken) => Some((*slot, taken)),
            _ => None,
        })
    }

    pub(super) fn taken_mut(&mut self, slot: u32) -> Option<&mut Taken> {
        match &mut self.all.get_mut(&slot)?.state {
            State::Taken(taken) => Some(taken),
            _ => None,
        }
    }

    /// The unused slot that `bytes` fit into best: the smallest of those that are large enough, or
    /// the largest.
    pub(super) fn unused(&self, bytes: u64) -> Option<u32> {
        let unused = self.all.iter().filter(|(_, found)| matches!(found.state, State::Unused));
        let (slot, _) = unused.min_by_key(|(_, found)| match found.size.checked_sub(bytes) {
            Some(rest) => (false, rest),
            None => (true, bytes - found.size),
        })?;
        Some(*slot)
    }

    pub(super) fn drop_slot(&mut self, slot: u32) {
        if self.all.remove(&slot).is_some_and(|found| found.file.is_some()) {
            self.open -= 1;
        }
    }
}
