//! What the journal remembers, and for how long.

use std::sync::Arc;

use crate::disk::{Stat, Tree};
use crate::limits;

use super::{
    Change, ChangeKind, CollectionKind, Depth, HomePath, Log, ObjectEntry, ObjectKind, PropertySet,
    Snapshot, SyncPoint, TokenError,
};

fn inbox() -> HomePath {
    HomePath::new(["inbox"])
}

/// A home with an inbox.
fn home() -> Snapshot {
    let mut home = Snapshot::new(7, 0, PropertySet::empty());
    home.put_collection(&inbox(), CollectionKind::Inbox, 0, PropertySet::empty(), 0);
    home
}

fn put(home: &mut Snapshot, name: &str) {
    let stat = Stat { inode: 1, size: 1, modified_ns: 0, changed_ns: 0 };
    let (properties, kind) = (PropertySet::empty(), ObjectKind::Plain);
    let entry = ObjectEntry { hash: [0; 16], stat, created_s: 0, number: 0, properties, kind };
    home.put_object(&inbox().join(name), entry, 0);
}

fn take(home: &mut Snapshot, name: &str) {
    home.remove(&inbox().join(name), 0);
}

fn point(home: &Snapshot) -> SyncPoint {
    home.sync_token(&inbox()).unwrap()
}

fn changes(home: &Snapshot, since: SyncPoint) -> Result<Vec<String>, TokenError> {
    let told = |change: &Change| match change.kind {
        ChangeKind::Changed(_) => format!("+{}", change.path),
        ChangeKind::Removed { collection: false } => format!("-{}", change.path),
        ChangeKind::Removed { collection: true } => format!("-{}/", change.path),
    };
    let changes = home.changes_since(&inbox(), Some(since), Depth::One)?;
    assert!(changes.is_sorted_by_key(|change| change.number));
    Ok(changes.iter().map(told).collect())
}

/// A message is put and taken away; the point before it went.
fn come_and_go(home: &mut Snapshot, count: usize) -> Vec<SyncPoint> {
    let once = |n: usize| {
        let name = format!("{n:08X}-0000-4000-8000-0123456789AB.ics");
        put(home, &name);
        let before = point(home);
        take(home, &name);
        before
    };
    (0..count).map(once).collect()
}

#[test]
fn what_comes_and_goes_takes_no_more_memory_in_the_end() {
    let mut home = home();
    come_and_go(&mut home, limits::REMOVALS_LEAST + 100);
    let filled = home.memory_bytes();
    come_and_go(&mut home, 20_000);
    let later = home.memory_bytes();
    assert!(later < filled + 5_000, "{filled} {later}");
    assert!(later < 65_000, "{later}");
}

#[test]
fn the_latest_removals_are_told_and_older_tokens_refused() {
    let mut home = home();
    let points = come_and_go(&mut home, 3 * limits::REMOVALS_LEAST);
    for told in [0, 1, 500, limits::REMOVALS_LEAST] {
        let since = points.get(points.len() - told).copied().unwrap_or(point(&home));
        assert_eq!(changes(&home, since).map(|changes| changes.len()), Ok(told));
    }
    assert_eq!(changes(&home, points[0]), Err(TokenError::Invalid));
    assert_eq!(changes(&home, points[points.len() / 2]), Err(TokenError::Invalid));
}

#[test]
fn a_collection_with_many_files_remembers_more() {
    let mut home = home();
    (0..2 * limits::REMOVALS).for_each(|n| put(&mut home, &format!("{n}.ics")));
    let before = point(&home);
    (0..limits::REMOVALS).for_each(|n| take(&mut home, &format!("{n}.ics")));
    assert_eq!(changes(&home, before).map(|changes| changes.len()), Ok(limits::REMOVALS));
    // With the files goes the use of remembering more removals than there are files.
    let few = limits::REMOVALS_LEAST;
    (limits::REMOVALS..2 * limits::REMOVALS - 10)
        .for_each(|n| take(&mut home, &format!("{n}.ics")));
    assert_eq!(changes(&home, before), Err(TokenError::Invalid));
    let collection = home.collection(&inbox()).unwrap();
    assert!((few..few + 64).contains(&collection.removals.len()));
}

#[test]
fn a_name_is_told_once_and_as_it_is_now() {
    let mut home = home();
    let start = point(&home);
    for _ in 0..3 {
        put(&mut home, "a.ics");
        take(&mut home, "a.ics");
        put(&mut home, "b.ics");
    }
    assert_eq!(changes(&home, start), Ok(vec!["-inbox/a.ics".into(), "+inbox/b.ics".into()]));
    put(&mut home, "a.ics");
    take(&mut home, "b.ics");
    assert_eq!(changes(&home, start), Ok(vec!["+inbox/a.ics".into(), "-inbox/b.ics".into()]));
    let at = inbox().join("b.ics");
    home.put_collection(&at, CollectionKind::Plain, 0, PropertySet::empty(), 0);
    assert_eq!(changes(&home, start), Ok(vec!["+inbox/a.ics".into(), "+inbox/b.ics".into()]));
    let there = point(&home);
    home.remove(&at, 0);
    assert_eq!(changes(&home, there), Ok(vec!["-inbox/b.ics/".into()]));
    let shared = Arc::clone(home.collection(&inbox()).unwrap());
    assert_eq!(shared.changes.len(), shared.object_count());
}

#[test]
fn removals_come_back_from_the_log() {
    let root = tempfile::tempdir().unwrap();
    let tree = Tree::open(root.path()).unwrap();
    let dir = tree.dir(std::path::Path::new(".")).unwrap().unwrap();
    let mut home = home();
    let points = come_and_go(&mut home, 200);
    Log::default().dump(&dir, &home).unwrap();
    let mut loaded = Log::peek(&dir).unwrap().unwrap();
    for _ in 0..2 {
        for point in &points {
            assert_eq!(changes(&loaded, *point), changes(&home, *point));
        }
        come_and_go(&mut loaded, limits::REMOVALS_LEAST - 100);
        come_and_go(&mut home, limits::REMOVALS_LEAST - 100);
    }
}

/// Every file is found by its name and by its number, and is the same both ways.
#[test]
fn what_is_corrected_is_corrected_everywhere() {
    let mut home = home();
    for name in ["b.ics", "a.ics", "c.ics", "a.ics"] {
        put(&mut home, name);
    }
    take(&mut home, "c.ics");
    let earlier = home.clone();
    let at = inbox().join("a.ics");
    let known = home.object(&at).unwrap().clone();
    let stat = Stat { size: 5, ..known.stat };
    // Whoever corrects need not know under which number it changed.
    home.correct_object(&at, ObjectEntry { stat, number: 0, ..(*known).clone() });
    for (home, size) in [(&home, 5), (&earlier, 1)] {
        let collection = home.collection(&inbox()).unwrap();
        let files: Vec<_> =
            collection.files().map(|file| (&*file.name, file.entry.size())).collect();
        assert_eq!(files, [("b.ics", 1), ("a.ics", size)]);
        for file in collection.files() {
            assert!(Arc::ptr_eq(&file.entry, collection.object(&file.name).unwrap()));
        }
        assert_eq!(home.used_bytes(), 1 + size);
    }
}
