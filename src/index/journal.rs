//! The journal of a home (RFC 6578): what changed since a token, as far as it is remembered.

use std::collections::HashSet;

use super::change::{Change, ChangeKind, Depth, SyncPoint, TokenError};
use super::collection::Collection;
use super::entry::Entry;
use super::home_path::HomePath;
use super::removals::Removal;
use super::snapshot::Snapshot;

/// Numbers skipped when a home is opened: those that a crash may have taken from the log.
const GAP: u64 = 1 << 20;
/// Gaps that are remembered; sync tokens older than the first one are forgotten.
const GAPS: usize = 64;

impl Snapshot {
    /// The present point of a collection: it moves when something in it or below it changes.
    pub fn sync_token(&self, path: &HomePath) -> Option<SyncPoint> {
        self.collection(path).map(|c| SyncPoint { epoch: self.epoch, number: c.tag })
    }

    /// Everything that changed since `point`, in the order of the journal; without a point, all
    /// that is there. An answer may be cut off anywhere: `Change::number` is the token then.
    pub fn changes_since(
        &self,
        path: &HomePath,
        point: Option<SyncPoint>,
        depth: Depth,
    ) -> Result<Vec<Change>, TokenError> {
        let collection = self.collection(path).ok_or(TokenError::NoCollection)?;
        if point.is_some_and(|point| point.epoch != self.epoch || !self.has_number(point.number)) {
            return Err(TokenError::Invalid);
        }
        let mut changes = Vec::new();
        let since = point.map(|point| point.number);
        collect_changes(path, collection, since, depth, &mut changes)?;
        changes.sort_by_key(|change| change.number);
        Ok(changes)
    }

    /// Numbers that may have been given to changes the log lost are never used again, and a
    /// token with one of them is refused.
    pub(super) fn skip_numbers(&mut self) {
        let end = self.number.saturating_add(GAP);
        let mut gaps = self.gaps.to_vec();
        match gaps.last_mut() {
            // Nothing happened since the last one.
            Some(last) if last.1 == self.number => last.1 = end,
            _ => gaps.push((self.number, end)),
        }
        if gaps.len() > GAPS {
            gaps.remove(0);
        }
        self.gaps = gaps.into();
        self.number = end;
    }

    /// Whether a token may have this number.
    fn has_number(&self, number: u64) -> bool {
        let lost = self.gaps.iter().any(|(last, end)| number > *last && number <= *end);
        let forgotten = self.gaps.len() == GAPS && self.gaps.first().is_some_and(|g| number < g.0);
        number <= self.number && !lost && !forgotten
    }
}

/// Changes of one collection (and below it) after the journal number `since`.
fn collect_changes(
    path: &HomePath,
    collection: &Collection,
    since: Option<u64>,
    depth: Depth,
    changes: &mut Vec<Change>,
) -> Result<(), TokenError> {
    if since.is_some_and(|since| since < collection.floor) {
        return Err(TokenError::Invalid);
    }
    let from = since.map_or(0, |since| since.saturating_add(1));
    for (number, file) in collection.changes.range(from..) {
        let kind = ChangeKind::Changed(Entry::Object(file.entry.clone()));
        changes.push(Change { path: path.join(&file.name), number: *number, kind });
    }
    if let Some(since) = since {
        let gone = latest_removals(collection, since).into_iter().map(|removal| Change {
            path: path.join(removal.name),
            number: removal.number,
            kind: ChangeKind::Removed { collection: removal.collection },
        });
        changes.extend(gone);
    }
    for (name, child) in &collection.collections {
        if since.is_some_and(|since| child.tag <= since) {
            continue;
        }
        let path = path.join(name);
        if depth == Depth::Infinity {
            // A collection that is new in its place is reported with all it has.
            let since = since.filter(|since| child.placed <= *since);
            collect_changes(&path, child, since, depth, changes)?;
        }
        let kind = ChangeKind::Changed(Entry::Collection(child.clone()));
        changes.push(Change { path, number: child.tag, kind });
    }
    Ok(())
}

/// The removals after `since` that still hold: nothing has the name, and each name once.
fn latest_removals(collection: &Collection, since: u64) -> Vec<Removal<'_>> {
    let mut removals: Vec<Removal<'_>> = collection.removals.since(since).collect();
    let mut seen = HashSet::new();
    let mut latest = Vec::new();
    while let Some(removal) = removals.pop() {
        let there = collection.objects.contains_key(removal.name)
            || collection.collections.contains_key(removal.name);
        if !there && seen.insert(removal.name) {
            latest.push(removal);
        }
    }
    latest
}
