//! What a home that is opened finds: damaged files, a damaged index or none, files that changed
//! meanwhile; and when it is closed again.

use std::sync::Arc;

use super::*;
use crate::index::Edit;
use crate::store::home::trusted_until_ns;
use crate::store::reconcile::Reconciler;

#[test]
fn damaged_files_are_entries() {
    let root = tempfile::tempdir().unwrap();
    let calendar = {
        let store = open(root.path());
        store.provision(ALICE, &initial()).unwrap();
        root.path().join("calendars/__uids__/10/00").join(ALICE).join("calendar")
    };
    std::fs::write(calendar.join("good.ics"), event("good")).unwrap();
    std::fs::write(calendar.join("bad.ics"), "BEGIN:VCALENDAR\r\n???").unwrap();
    std::fs::write(calendar.join("left.ics~"), event("good")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", calendar.join("link.ics")).unwrap();
    let store = open(root.path());
    let home = store.home(ALICE).unwrap().unwrap();
    let snapshot = home.snapshot();
    let kinds: Vec<_> = snapshot
        .children(&path("calendar"))
        .map(|(name, entry)| (name.to_string(), entry.object().unwrap().calendar().is_some()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("bad.ics".to_owned(), false),
            ("good.ics".to_owned(), true),
            ("link.ics".to_owned(), false),
        ]
    );
    assert!(home.read(&path("calendar/link.ics")).unwrap().is_none());
}

#[test]
fn the_index_may_be_deleted_or_damaged_at_any_time() {
    let root = tempfile::tempdir().unwrap();
    let index = home_dir(root.path()).join(".index");
    let token = {
        let store = open(root.path());
        let home = store.provision(ALICE, &initial()).unwrap();
        put(&home, "calendar/a.ics", &event("a")).unwrap();
        std::fs::remove_file(&index).unwrap();
        put(&home, "calendar/b.ics", &event("b")).unwrap();
        assert!(index.exists());
        put(&home, "calendar/c.ics", &event("c")).unwrap();
        home.snapshot().sync_token(&path("calendar")).unwrap()
    };
    let whole = std::fs::read(&index).unwrap();
    // Any tail may be missing and any byte may be wrong.
    for cut in (0..whole.len()).step_by(37) {
        let mut content = whole.clone();
        if cut % 2 == 0 {
            content.truncate(cut);
        } else {
            content[cut] ^= 0x55;
        }
        std::fs::write(&index, content).unwrap();
        let store = open(root.path());
        let home = store.home(ALICE).unwrap().unwrap();
        assert_true(&home);
        let snapshot = home.snapshot();
        let changed = snapshot.changes_since(&path("calendar"), Some(token), Depth::One);
        assert!(changed.is_err() || snapshot.sync_token(&path("calendar")) == Some(token));
    }
    std::fs::write(&index, &whole).unwrap();
    let store = open(root.path());
    let home = store.home(ALICE).unwrap().unwrap();
    assert_eq!(changes(&home, token), Vec::<String>::new());
}

#[test]
fn after_a_power_failure_more_is_read_than_the_times_say() {
    const S: i64 = 1_000_000_000;
    // The index was written 1,000 s after 1970; the system was started before or after that.
    assert_eq!(trusted_until_ns(1000 * S, Some(100 * S)), 998 * S);
    assert_eq!(trusted_until_ns(1000 * S, Some(2000 * S)), 960 * S);
    assert_eq!(trusted_until_ns(1000 * S, Some(990 * S)), 960 * S);
    assert_eq!(trusted_until_ns(1000 * S, None), 998 * S);
    // A file of the same times and size with other content than the index saw, 10 s before.
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let home = store.provision(ALICE, &initial()).unwrap();
    let at = path("calendar/a.ics");
    home.write(|tx| tx.put(&at, &event("a"), None, &PropertyChanges::none())).unwrap();
    let mut known = (*home.snapshot()).clone();
    let mut entry = (**known.object(&at).unwrap()).clone();
    let (content, written_ns) = (entry.hash, entry.stat.changed_ns + 10 * S);
    entry.hash = [7; 16];
    known.apply(&Edit::PutObject { path: at.clone(), entry }, 0);
    let dir = store.tree.dir(&home.relative).unwrap().unwrap();
    for (booted_ns, found) in [(0, [7; 16]), (written_ns + 1, content)] {
        let until = trusted_until_ns(written_ns, Some(booted_ns));
        let mut reconciler = Reconciler::new(&dir, known.clone(), 0, until).unwrap();
        reconciler.home(&dir).unwrap();
        assert_eq!(reconciler.work.object(&at).unwrap().hash, found);
    }
}

/// A store whose homes have to make do with little memory.
fn with_little_memory(root: &std::path::Path) -> Arc<Store> {
    let options = StoreOptions {
        durability: Durability::None,
        index_memory_bytes: Some(60_000),
        ..StoreOptions::default()
    };
    Store::open(root, options).unwrap()
}

fn guid(n: usize) -> String {
    format!("1000{n:04}-0000-0000-0000-000000000001")
}

#[test]
fn homes_nobody_uses_are_closed_when_memory_is_short() {
    let root = tempfile::tempdir().unwrap();
    let store = with_little_memory(root.path());
    let used = store.provision(&guid(0), &initial()).unwrap();
    for n in 1..20 {
        let home = store.provision(&guid(n), &initial()).unwrap();
        let file = path("calendar/x.ics");
        home.write(|tx| tx.put(&file, &event("x"), None, &PropertyChanges::none())).unwrap();
        assert!(store.opened().len() <= 5, "{} homes are open", store.opened().len());
    }
    assert!(Arc::ptr_eq(&used, &store.home(&guid(0)).unwrap().unwrap()), "it was in use");
    for n in 1..20 {
        let home = store.home(&guid(n)).unwrap().unwrap();
        assert!(home.snapshot().object(&path("calendar/x.ics")).is_some());
        assert_true(&home);
    }
}

#[test]
fn homes_that_grow_while_they_are_open_make_others_go() {
    let root = tempfile::tempdir().unwrap();
    let store = with_little_memory(root.path());
    let open = || {
        let mut guids: Vec<_> = store.opened().iter().map(|home| home.guid().to_owned()).collect();
        guids.sort();
        guids
    };
    for n in 0..3 {
        store.provision(&guid(n), &initial()).unwrap();
    }
    store.close_unused();
    assert_eq!(open(), [guid(0), guid(1), guid(2)], "there is room for all");
    let grow = |from: usize, to: usize| {
        let home = store.home(&guid(1)).unwrap().unwrap();
        for n in from..to {
            put(&home, &format!("calendar/{n}.ics"), &event(&n.to_string())).unwrap();
        }
    };
    grow(0, 40);
    assert_eq!(open().len(), 3);
    store.close_unused();
    assert_eq!(open(), [guid(1), guid(2)], "the one used last stays, and as many as there is room");
    // One that is too large by itself stays while it is asked for, and goes when it is not.
    grow(40, 200);
    store.close_unused();
    assert_eq!(open(), [guid(1)]);
    store.close_unused();
    assert_eq!(open(), [""; 0]);
    let home = store.home(&guid(1)).unwrap().unwrap();
    assert_eq!(home.snapshot().collection(&path("calendar")).unwrap().object_count(), 200);
    assert_true(&home);
}
