//! The names of members that are gone, so that clients can be told of them (RFC 6578 §3.5.2):
//! packed behind each other, in the order in which they went, some dozens to a block.
//!
//! A name that went twice, or that is there again, is in here more than once: who tells clients
//! looks at what is there, and counts the latest removal of a name only.

use std::sync::Arc;

use super::codec::{Reader, Writer};

/// Removals in one block: what one more costs is a copy of the last block.
const BLOCK: usize = 64;

/// What is remembered of one collection. Clones share what they have.
#[derive(Clone, Debug, Default)]
pub(super) struct Removals {
    /// Full ones, the oldest first.
    full: Arc<Vec<Arc<Block>>>,
    last: Arc<Block>,
}

/// Some removals.
#[derive(Clone, Debug, Default)]
struct Block {
    count: usize,
    /// The number of the latest one.
    last: u64,
    bytes: Vec<u8>,
}

/// One removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Removal<'a> {
    /// Its number in the home's journal.
    pub number: u64,
    /// What is gone.
    pub name: &'a str,
    /// Whether it was a collection: its URL ended with a slash.
    pub collection: bool,
}

impl Removals {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.full.len() * BLOCK + self.last.count
    }

    /// Bytes of memory that they take.
    pub(super) fn bytes(&self) -> usize {
        let blocks = self.full.iter().chain([&self.last]);
        blocks.map(|block| block.bytes.capacity() + size_of::<Block>() + size_of::<usize>()).sum()
    }

    /// One more; its number is greater than all others.
    pub(super) fn push(&mut self, removal: &Removal<'_>) {
        let last = Arc::make_mut(&mut self.last);
        let mut bytes = Writer(std::mem::take(&mut last.bytes));
        bytes.number(removal.number.saturating_sub(last.last));
        bytes.text(removal.name);
        bytes.0.push(u8::from(removal.collection));
        last.bytes = bytes.0;
        last.last = last.last.max(removal.number);
        last.count += 1;
        if last.count == BLOCK {
            let mut block = std::mem::take(last);
            block.bytes.shrink_to_fit();
            Arc::make_mut(&mut self.full).push(Arc::new(block));
        }
    }

    /// Forgets the oldest ones, so that not many more than `most` are left; the number of the
    /// latest one that was forgotten now.
    pub(super) fn forget_old(&mut self, most: usize) -> Option<u64> {
        let surplus = self.len().saturating_sub(most) / BLOCK;
        let latest = self.full.get(..surplus)?.last()?.last;
        Arc::make_mut(&mut self.full).drain(..surplus);
        Some(latest)
    }

    /// Those after the number `since`, in order.
    pub(super) fn since(&self, since: u64) -> impl Iterator<Item = Removal<'_>> {
        let from = self.full.partition_point(|block| block.last <= since);
        let blocks = self.full[from..].iter().chain([&self.last]);
        blocks.flat_map(|block| block.all()).filter(move |removal| removal.number > since)
    }
}

impl Block {
    fn all(&self) -> impl Iterator<Item = Removal<'_>> {
        let mut reader = Reader(&self.bytes);
        let mut number = 0;
        std::iter::from_fn(move || {
            number += reader.number()?;
            Some(Removal { number, name: reader.text()?, collection: reader.byte()? != 0 })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, Removal, Removals};

    fn filled(count: u64) -> Removals {
        let mut removals = Removals::default();
        for n in 0..count {
            let name = format!("{n}.ics");
            removals.push(&Removal { number: n * 3 + 1, name: &name, collection: n % 5 == 0 });
        }
        removals
    }

    #[test]
    fn all_come_back_in_order() {
        for count in [0, 1, 63, 64, 65, 200] {
            let removals = filled(count);
            assert_eq!(removals.len() as u64, count);
            for since in [0, 1, 2, 190, 191, 192, 193, 600] {
                let told: Vec<_> = removals.since(since).collect();
                let expected = (0..count).filter(|n| n * 3 + 1 > since);
                let expected: Vec<_> =
                    expected.map(|n| (n * 3 + 1, format!("{n}.ics"), n % 5 == 0)).collect();
                let told: Vec<_> =
                    told.iter().map(|r| (r.number, r.name.to_owned(), r.collection)).collect();
                assert_eq!(told, expected, "{count} since {since}");
            }
        }
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut removals = filled(300);
        let clone = removals.clone();
        assert_eq!(removals.forget_old(300), None);
        assert_eq!(removals.forget_old(300 - BLOCK + 1), None);
        assert_eq!(removals.forget_old(100), Some(191 * 3 + 1));
        assert_eq!(removals.len(), 300 - 3 * BLOCK);
        assert_eq!(removals.since(0).next().map(|removal| removal.number), Some(192 * 3 + 1));
        assert_eq!(clone.since(0).count(), 300);
    }

    #[test]
    fn a_name_costs_little_more_than_its_letters() {
        let mut removals = Removals::default();
        for n in 0..4096_u64 {
            let name = format!("{:08X}-1234-1234-1234-{n:012X}.ics", n * 7919);
            removals.push(&Removal { number: (1 << 40) + n * 12, name: &name, collection: false });
        }
        assert!(removals.bytes() < 4096 * 45, "{}", removals.bytes());
    }
}
