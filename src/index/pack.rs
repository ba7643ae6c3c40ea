//! Trees without gaps. A node of the persistent maps holds up to sixteen keys and is cut in half
//! when it overflows, so keys that come in order leave every node half empty behind them. A home
//! that is opened is filled that way; packing it once halves what its maps take.

use imbl::{OrdMap, OrdSet};

use super::Collection;

/// Keys of one node.
const NODE: usize = 16;

/// The order in which sorted keys fill their nodes: first those that begin each node, which are cut
/// off in halves, then those that fill the other halves up.
fn order(count: usize) -> impl Iterator<Item = usize> {
    let first = |index: &usize| index % NODE < NODE / 2;
    (0..count).filter(first).chain((0..count).filter(move |index| !first(index)))
}

/// The same map, packed.
pub(super) fn map<K: Ord + Clone, V: Clone>(map: &OrdMap<K, V>) -> OrdMap<K, V> {
    let pairs: Vec<(&K, &V)> = map.iter().collect();
    order(pairs.len()).map(|index| (pairs[index].0.clone(), pairs[index].1.clone())).collect()
}

/// The same set, packed.
pub(super) fn set<K: Ord + Clone>(set: &OrdSet<K>) -> OrdSet<K> {
    let keys: Vec<&K> = set.iter().collect();
    order(keys.len()).map(|index| keys[index].clone()).collect()
}

/// Packs a collection.
pub(super) fn collection(collection: &mut Collection) {
    collection.objects = map(&collection.objects);
    collection.changes = map(&collection.changes);
    collection.spans = collection.spans.packed();
    collection.mixed = collection.mixed.packed();
}

#[cfg(test)]
mod tests {
    use imbl::{OrdMap, OrdSet};

    #[test]
    fn nothing_is_lost() {
        for count in [0, 1, 7, 8, 9, 16, 17, 255, 1000] {
            let map: OrdMap<usize, usize> = (0..count).map(|key| (key * 3, key)).collect();
            assert_eq!(super::map(&map), map);
            let set: OrdSet<usize> = (0..count).collect();
            assert_eq!(super::set(&set), set);
            let mut order: Vec<usize> = super::order(count).collect();
            order.sort_unstable();
            assert_eq!(order, (0..count).collect::<Vec<_>>());
        }
    }
}
