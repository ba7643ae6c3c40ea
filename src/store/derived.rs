//! What others computed from the content of files, remembered while there is room. The key is the
//! hash of the content, so nothing here can be out of date; all of it may be lost at any time.

use std::any::{Any, TypeId};
use std::sync::Arc;

use parking_lot::Mutex;

use super::by_content::ByContent;
use crate::limits;

type Hash = [u8; 16];
type Value = Arc<dyn Any + Send + Sync>;

/// For each type of value two generations: what is asked for moves to the young one, the old one
/// goes when that is full.
#[derive(Debug, Default)]
pub struct Derived(Mutex<Vec<(TypeId, Generations)>>);

#[derive(Debug, Default)]
struct Generations {
    young: ByContent<(Value, usize)>,
    old: ByContent<(Value, usize)>,
    young_bytes: usize,
}

impl Derived {
    /// What was remembered for that content.
    pub fn get<T: Any + Send + Sync>(&self, content: &Hash) -> Option<Arc<T>> {
        let mut kinds = self.0.lock();
        let (_, generations) = kinds.iter_mut().find(|(kind, _)| *kind == TypeId::of::<T>())?;
        let value = match generations.young.get(&(*content).into()) {
            Some((value, _)) => value.clone(),
            None => {
                let (value, bytes) = generations.old.remove(&(*content).into())?;
                generations.keep(*content, value.clone(), bytes);
                value
            }
        };
        value.downcast().ok()
    }

    /// Remembers a value that takes about so many bytes.
    pub fn put<T: Any + Send + Sync>(&self, content: Hash, value: Arc<T>, bytes: usize) {
        let mut kinds = self.0.lock();
        let known = kinds.iter().position(|(kind, _)| *kind == TypeId::of::<T>());
        let at = known.unwrap_or_else(|| {
            kinds.push((TypeId::of::<T>(), Generations::default()));
            kinds.len() - 1
        });
        kinds[at].1.keep(content, value, bytes);
    }
}

/// What an entry costs beside its value.
const ENTRY_BYTES: usize = 64;

impl Generations {
    fn keep(&mut self, content: Hash, value: Value, bytes: usize) {
        let bytes = bytes + ENTRY_BYTES;
        if self.young_bytes + bytes > limits::DERIVED_BYTES / 2 {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += bytes;
        if let Some((_, before)) = self.young.insert(content.into(), (value, bytes - ENTRY_BYTES)) {
            self.young_bytes -= (before + ENTRY_BYTES).min(self.young_bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Derived;
    use crate::limits;

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let derived = Derived::default();
        let key = |number: u32| {
            let mut key = [0; 16];
            key[..4].copy_from_slice(&number.to_le_bytes());
            key
        };
        let bytes = limits::DERIVED_BYTES / 100;
        for number in 0..1000 {
            derived.put(key(number), Arc::new(number), bytes);
            assert_eq!(derived.get::<u32>(&key(0)).as_deref(), Some(&0), "after {number}");
        }
        let kept = (0..1000).filter(|number| derived.get::<u32>(&key(*number)).is_some()).count();
        assert!((20..=100).contains(&kept), "{kept}");
        assert!(derived.get::<u32>(&key(500)).is_none());
        assert!(derived.get::<String>(&key(0)).is_none(), "another type");
    }
}
