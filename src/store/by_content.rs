//! Maps by the hash of a content. Such a key is random already, but whoever writes contents can
//! look for some whose hashes share bits. So it is not used as it is: it is mixed with numbers of
//! this process that nobody outside knows, by two multiplications instead of SipHash's rounds.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

/// A hash of a content (`ObjectEntry::hash`) as a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key([u8; 16]);

impl From<[u8; 16]> for Key {
    fn from(hash: [u8; 16]) -> Self {
        Self(hash)
    }
}

impl std::hash::Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(u128::from_ne_bytes(self.0));
    }
}

/// A map by the hash of a content.
pub(super) type ByContent<V> = HashMap<Key, V, Seeded>;

/// The process's own numbers.
#[derive(Clone, Debug)]
pub(super) struct Seeded([u64; 2]);

impl Default for Seeded {
    fn default() -> Self {
        // The standard library's own seed is the only random number it gives.
        let random = RandomState::new();
        Self([random.hash_one(0u8), random.hash_one(1u8)])
    }
}

impl BuildHasher for Seeded {
    type Hasher = Mixed;

    fn build_hasher(&self) -> Mixed {
        Mixed { seed: self.0, mixed: 0 }
    }
}

/// Mixes one key.
pub(super) struct Mixed {
    seed: [u64; 2],
    mixed: u64,
}

impl Hasher for Mixed {
    fn write_u128(&mut self, key: u128) {
        let one = key as u64 ^ self.seed[0];
        let other = (key >> 64) as u64 ^ self.seed[1] ^ self.mixed;
        // Once is not enough for keys that follow each other.
        self.mixed = folded(folded(one, other) ^ self.seed[1], self.seed[0] | 1);
    }

    /// Keys come by `write_u128`; anything else is taken sixteen bytes at a time.
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(16) {
            let mut key = [0; 16];
            key[..part.len()].copy_from_slice(part);
            self.write_u128(u128::from_ne_bytes(key));
        }
    }

    fn finish(&self) -> u64 {
        self.mixed
    }
}

/// Both halves of a product in one.
fn folded(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::BuildHasher;

    use super::{Key, Seeded};

    /// Keys that share all bits but a few must not meet in the bits that a map looks at: the
    /// lowest and the highest. Nobody can find contents whose hashes are that much alike.
    #[test]
    fn alike_keys_are_spread() {
        let seeded = Seeded([0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344]);
        for shift in [0, 8, 56, 64, 100, 112] {
            let hashes = |bits: fn(u64) -> u64| -> usize {
                let of = |n: u128| bits(seeded.hash_one(Key((n << shift).to_ne_bytes())));
                (0..4096).map(of).collect::<HashSet<u64>>().len()
            };
            assert!(hashes(|hash| hash & 0xffff) > 3600, "{shift}");
            assert!(hashes(|hash| hash >> 57) > 100, "{shift}");
        }
    }

    #[test]
    fn every_process_has_its_own() {
        let of = |seeded: &Seeded| seeded.hash_one(Key([7; 16]));
        let one = Seeded::default();
        assert_eq!(of(&one), of(&one.clone()));
        assert_ne!(of(&one), of(&Seeded::default()));
    }
}
