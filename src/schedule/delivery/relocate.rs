//! COPY and MOVE as scheduling operations (RFC 6638 §3.2.3.3, §3.2.3.4).

use super::env::Env;
use super::unique::{self, is_scheduling};
use crate::dav::Result;
use crate::store::{CollectionKind, HomePath, Snapshot};

/// What a COPY or MOVE of one object amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relocation {
    /// Nobody hears of it.
    Silent,
    /// The target is stored as if by PUT.
    AsPut,
    /// The source goes as if by DELETE.
    AsDelete,
}

/// Judges a COPY between two places of one home.
pub fn on_copy(
    env: &Env<'_>,
    snapshot: &Snapshot,
    owner: &str,
    source: &HomePath,
    target: &HomePath,
) -> Result<Relocation> {
    match (in_calendar(snapshot, source), in_calendar(snapshot, target)) {
        (true, true) => {
            let taken = scheduling_at(env, snapshot, owner, source);
            if taken || scheduling_at(env, snapshot, owner, target) {
                return Err(unique::refused(owner, if taken { source } else { target }));
            }
            Ok(Relocation::Silent)
        }
        (false, true) => Ok(Relocation::AsPut),
        (_, false) => Ok(Relocation::Silent),
    }
}

/// Judges a MOVE between two places of one home.
pub fn on_move(
    env: &Env<'_>,
    snapshot: &Snapshot,
    owner: &str,
    source: &HomePath,
    target: &HomePath,
) -> Result<Relocation> {
    match (in_calendar(snapshot, source), in_calendar(snapshot, target)) {
        (true, true) => {
            let target_exists = snapshot.object(target).is_some();
            let both = target_exists && scheduling_at(env, snapshot, owner, source);
            if both || scheduling_at(env, snapshot, owner, target) {
                return Err(unique::refused(owner, target));
            }
            Ok(Relocation::Silent)
        }
        (false, true) => Ok(Relocation::AsPut),
        (true, false) => Ok(Relocation::AsDelete),
        (false, false) => Ok(Relocation::Silent),
    }
}

fn in_calendar(snapshot: &Snapshot, path: &HomePath) -> bool {
    let parent = path.parent().and_then(|parent| snapshot.collection(&parent).cloned());
    parent.is_some_and(|parent| parent.kind == CollectionKind::Calendar)
}

fn scheduling_at(env: &Env<'_>, snapshot: &Snapshot, owner: &str, path: &HomePath) -> bool {
    let object = snapshot.object(path);
    let summary = object.and_then(|object| object.calendar());
    summary.is_some_and(|summary| is_scheduling(env, owner, summary))
}
