//! The store on a real directory.

use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::dav::Name;

mod properties;

const EVENT: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\n\
                     DTSTAMP:20260101T000000Z\r\nDTSTART:20260101T100000Z\r\nEND:VEVENT\r\n\
                     END:VCALENDAR\r\n";
pub(super) const ALICE: &str = "10000000-0000-0000-0000-000000000001";

pub(super) fn path(text: &str) -> HomePath {
    HomePath::new(text.split('/').filter(|segment| !segment.is_empty()))
}

pub(super) fn event(uid: &str) -> Bytes {
    Bytes::from(EVENT.replace("UID:1", &format!("UID:{uid}")))
}

pub(super) fn initial() -> Provision {
    let collection = |name: &str, kind, always| ProvisionedCollection {
        name: name.to_owned(),
        kind,
        properties: PropertyChanges::none(),
        always,
    };
    Provision {
        collections: vec![
            collection("calendar", CollectionKind::Calendar, false),
            collection("inbox", CollectionKind::Inbox, true),
            collection("outbox", CollectionKind::Outbox, true),
        ],
        links: vec![("users".to_owned(), "alice".to_owned())],
        ..Provision::default()
    }
}

fn open(root: &std::path::Path) -> Arc<Store> {
    Store::open(root, StoreOptions { durability: Durability::None, ..StoreOptions::default() })
        .unwrap()
}

fn home_dir(root: &std::path::Path) -> std::path::PathBuf {
    root.join("calendars/__uids__/10/00").join(ALICE)
}

/// The index tells what the files tell (invariant 9).
pub(super) fn assert_true(home: &Home) {
    let findings = check::check_home(home).unwrap();
    assert_eq!(findings, []);
}

fn changes(home: &Home, since: SyncPoint) -> Vec<String> {
    let snapshot = home.snapshot();
    let changes = snapshot.changes_since(&path("calendar"), Some(since), Depth::One).unwrap();
    changes
        .iter()
        .map(|change| match change.kind {
            ChangeKind::Changed(_) => format!("+{}", change.path.name().unwrap()),
            ChangeKind::Removed { .. } => format!("-{}", change.path.name().unwrap()),
        })
        .collect()
}

fn put(home: &Home, at: &str, content: &Bytes) -> Result<(), StoreError> {
    home.write(|tx| tx.put(&path(at), content, None, &PropertyChanges::none()).map(|_| ()))
}

#[test]
fn a_home_is_made_once_and_found_again() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    assert!(store.home(ALICE).unwrap().is_none());
    let home = store.provision(ALICE, &initial()).unwrap();
    assert_eq!(store.homes().unwrap(), [ALICE]);
    let kinds: Vec<_> = home
        .snapshot()
        .children(&HomePath::root())
        .map(|(name, entry)| (name.to_string(), entry.collection().unwrap().kind))
        .collect();
    assert_eq!(
        kinds,
        [
            ("calendar".to_owned(), CollectionKind::Calendar),
            ("inbox".to_owned(), CollectionKind::Inbox),
            ("outbox".to_owned(), CollectionKind::Outbox),
        ]
    );
    assert!(root.path().join("calendars/users/alice/inbox").is_dir());
    assert!(matches!(Store::open(root.path(), StoreOptions::default()), Err(StoreError::InUse(_))));
    home.write(|tx| tx.delete(&path("calendar")).and_then(|()| tx.delete(&path("inbox")))).unwrap();
    let home = store.provision(ALICE, &initial()).unwrap();
    assert!(home.snapshot().entry(&path("inbox")).is_some());
    assert!(home.snapshot().entry(&path("calendar")).is_none());
}

#[test]
fn files_keep_bytes_and_properties() {
    let root = tempfile::tempdir().unwrap();
    let note = Name::owned("urn:x", "note");
    let xml = "<note xmlns=\"urn:x\">hello</note>";
    {
        let store = open(root.path());
        let home = store.provision(ALICE, &initial()).unwrap();
        put(&home, "calendar/a.ics", &event("a")).unwrap();
        let changes = PropertyChanges::none().with(note.clone(), xml);
        home.write(|tx| tx.patch_properties(&path("calendar/a.ics"), &changes)).unwrap();
        put(&home, "calendar/a.ics", &event("b")).unwrap();
        home.write(|tx| tx.copy(&path("calendar"), &path("copy"))).unwrap();
        home.write(|tx| tx.rename(&path("calendar/a.ics"), &path("calendar/.hidden"))).unwrap();
    }
    let store = open(root.path());
    let home = store.home(ALICE).unwrap().unwrap();
    for at in ["calendar/.hidden", "copy/a.ics"] {
        let (entry, content) = home.load(&path(at)).unwrap().unwrap();
        assert_eq!(content, event("b"), "{at}");
        assert_eq!(entry.calendar().unwrap().uid(), "b");
        assert_eq!(entry.etag(), crate::dav::ETag::of(&content));
        assert_eq!(home.properties(&path(at)).unwrap().get(&note).map(|x| &**x), Some(xml));
    }
    assert!(home.read(&path("calendar/a.ics")).unwrap().is_none());
    assert_eq!(home.snapshot().by_uid("b"), [path("calendar/.hidden"), path("copy/a.ics")]);
    assert_eq!(home.snapshot().used_bytes(), 2 * event("b").len() as u64);
}

#[test]
fn an_error_rolls_everything_back() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let home = store.provision(ALICE, &initial()).unwrap();
    put(&home, "calendar/a.ics", &event("a")).unwrap();
    let before = home.snapshot();
    let result: Result<(), StoreError> = home.write(|tx| {
        tx.put(&path("calendar/a.ics"), &event("b"), None, &PropertyChanges::none())?;
        assert_eq!(tx.read(&path("calendar/a.ics"))?.unwrap(), event("b"));
        tx.make_collection(&path("new"), CollectionKind::Calendar, &PropertyChanges::none())?;
        tx.put(&path("new/x.ics"), &event("x"), None, &PropertyChanges::none())?;
        assert_eq!(tx.read(&path("new/x.ics"))?.unwrap(), event("x"));
        tx.rename(&path("new"), &path("newer"))?;
        assert_eq!(tx.read(&path("newer/x.ics"))?.unwrap(), event("x"));
        tx.delete(&path("calendar"))?;
        Err(StoreError::UidBusy("x".to_owned()))
    });
    assert!(result.is_err());
    assert_eq!(home.snapshot().number(), before.number());
    assert_eq!(home.read(&path("calendar/a.ics")).unwrap().unwrap(), event("a"));
    let names = |dir: &str| -> Vec<_> {
        let dir = root.path().join("calendars/__uids__/10/00").join(ALICE).join(dir);
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    };
    assert_eq!(names("calendar"), ["a.ics"]);
    assert_eq!(names("").len(), 4); // with .index
}

#[test]
fn the_journal_tells_changes_and_removals() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let home = store.provision(ALICE, &initial()).unwrap();
    let calendar = path("calendar");
    put(&home, "calendar/a.ics", &event("a")).unwrap();
    put(&home, "calendar/b.ics", &event("b")).unwrap();
    let token = home.snapshot().sync_token(&calendar).unwrap();
    put(&home, "inbox/m.ics", &event("m")).unwrap();
    assert_eq!(home.snapshot().sync_token(&calendar), Some(token));
    put(&home, "calendar/c.ics", &event("c")).unwrap();
    home.write(|tx| tx.delete(&path("calendar/a.ics"))).unwrap();
    put(&home, "calendar/c.ics", &event("d")).unwrap();
    let told = |at: &HomePath, point, depth| -> Vec<String> {
        let changes = home.snapshot().changes_since(at, point, depth).unwrap();
        changes
            .iter()
            .map(|change| match change.kind {
                ChangeKind::Changed(_) => format!("+{}", change.path),
                ChangeKind::Removed { .. } => format!("-{}", change.path),
            })
            .collect()
    };
    assert_eq!(told(&calendar, Some(token), Depth::One), ["-calendar/a.ics", "+calendar/c.ics"]);
    assert_eq!(told(&calendar, None, Depth::One), ["+calendar/b.ics", "+calendar/c.ics"]);
    assert_eq!(
        told(&HomePath::root(), Some(token), Depth::Infinity),
        ["+inbox/m.ics", "+inbox", "-calendar/a.ics", "+calendar/c.ics", "+calendar"]
    );
    let wrong = SyncPoint { epoch: token.epoch + 1, ..token };
    let snapshot = home.snapshot();
    assert_eq!(
        snapshot.changes_since(&calendar, Some(wrong), Depth::One).err(),
        Some(TokenError::Invalid)
    );
    let far = SyncPoint { number: u64::MAX, ..token };
    assert!(snapshot.changes_since(&calendar, Some(far), Depth::One).is_err());
    home.write(|tx| {
        tx.delete(&calendar)?;
        tx.make_collection(&calendar, CollectionKind::Calendar, &PropertyChanges::none())
    })
    .unwrap();
    assert!(home.snapshot().changes_since(&calendar, Some(token), Depth::One).is_err());
}

#[test]
fn work_is_spooled_with_its_write_and_only_then() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let home = store.provision(ALICE, &initial()).unwrap();
    let entry = SpoolEntry { id: "m-1".to_owned(), body: b"hello".to_vec() };
    let result: Result<(), StoreError> = home.write(|tx| {
        tx.enqueue(entry.clone());
        Err(StoreError::UidBusy(String::new()))
    });
    assert!(result.is_err());
    assert_eq!(store.spool().list().unwrap(), []);
    home.write(|tx| {
        tx.enqueue(entry.clone());
        tx.put(&path("calendar/a.ics"), &event("a"), None, &PropertyChanges::none())
    })
    .unwrap();
    assert_eq!(store.spool().list().unwrap(), [entry]);
    store.spool().remove("m-1").unwrap();
    assert_eq!(store.spool().list().unwrap(), []);
}

#[test]
fn a_home_holds_no_more_than_its_quota() {
    let root = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        durability: Durability::None,
        quota_bytes: Some(200),
        ..StoreOptions::default()
    };
    let store = Store::open(root.path(), options).unwrap();
    let home = store.provision(ALICE, &initial()).unwrap();
    put(&home, "calendar/a.ics", &event("a")).unwrap();
    let result = put(&home, "calendar/b.ics", &event("b"));
    assert!(matches!(result, Err(StoreError::QuotaExceeded { quota: 200, .. })), "{result:?}");
    put(&home, "calendar/a.ics", &event("c")).unwrap();
}

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
fn tokens_survive_restarts_and_tell_what_happened_meanwhile() {
    let root = tempfile::tempdir().unwrap();
    let calendar = home_dir(root.path()).join("calendar");
    let token = {
        let store = open(root.path());
        let home = store.provision(ALICE, &initial()).unwrap();
        for name in ["a.ics", "b.ics", "c.ics", "d.ics"] {
            put(&home, &format!("calendar/{name}"), &event(name)).unwrap();
        }
        home.write(|tx| tx.delete(&path("calendar/d.ics"))).unwrap();
        home.write(|tx| tx.rename(&path("calendar/c.ics"), &path("calendar/e.ics"))).unwrap();
        assert_true(&home);
        home.snapshot().sync_token(&path("calendar")).unwrap()
    };
    {
        let store = open(root.path());
        let home = store.home(ALICE).unwrap().unwrap();
        assert_true(&home);
        assert_eq!(home.snapshot().sync_token(&path("calendar")), Some(token));
        assert_eq!(changes(&home, token), Vec::<String>::new());
        let never = SyncPoint { number: token.number + 1, ..token };
        let snapshot = home.snapshot();
        assert!(snapshot.changes_since(&path("calendar"), Some(never), Depth::One).is_err());
    }
    std::fs::write(calendar.join("a.ics"), event("new-a")).unwrap();
    std::fs::remove_file(calendar.join("b.ics")).unwrap();
    std::fs::write(calendar.join("f.ics"), event("f")).unwrap();
    let store = open(root.path());
    let home = store.home(ALICE).unwrap().unwrap();
    assert_true(&home);
    let mut told = changes(&home, token);
    told.sort();
    assert_eq!(told, ["+a.ics", "+f.ics", "-b.ics"]);
    assert_eq!(home.snapshot().by_uid("new-a"), [path("calendar/a.ics")]);
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
fn changes_past_the_server_are_not_overwritten_unseen() {
    let root = tempfile::tempdir().unwrap();
    let calendar = home_dir(root.path()).join("calendar");
    let store = open(root.path());
    let home = store.provision(ALICE, &initial()).unwrap();
    put(&home, "calendar/a.ics", &event("a")).unwrap();
    std::fs::write(calendar.join("a.ics"), event("other")).unwrap();
    std::fs::write(calendar.join("b.ics"), event("b")).unwrap();
    for (name, uid) in [("calendar/a.ics", "other"), ("calendar/b.ics", "b")] {
        let refused = put(&home, name, &event("c"));
        assert!(matches!(refused, Err(StoreError::Changed(_))), "{refused:?}");
        let (entry, content) = home.load(&path(name)).unwrap().unwrap();
        assert_eq!(content, event(uid));
        assert_eq!(entry.calendar().unwrap().uid(), uid);
        put(&home, name, &event(&format!("new-{uid}"))).unwrap();
    }
    assert_true(&home);
}

#[test]
fn one_of_two_racing_writers_wins() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let home = store.provision(ALICE, &initial()).unwrap();
    put(&home, "calendar/a.ics", &event("0")).unwrap();
    for round in 0..20 {
        let at = path("calendar/a.ics");
        let etag = home.snapshot().object(&at).unwrap().etag();
        let winners = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..4)
                .map(|writer| {
                    let (home, at, etag) = (&home, &at, &etag);
                    scope.spawn(move || {
                        home.write(|tx| {
                            if tx.object(at).is_none_or(|object| object.etag() != *etag) {
                                return Err(StoreError::NotFound(at.clone()));
                            }
                            let content = event(&format!("{round}-{writer}"));
                            tx.put(at, &content, None, &PropertyChanges::none()).map(|_| ())
                        })
                        .is_ok()
                    })
                })
                .collect();
            writers.into_iter().map(|writer| usize::from(writer.join().unwrap())).sum::<usize>()
        });
        assert_eq!(winners, 1);
    }
    assert_true(&home);
}

#[test]
fn homes_nobody_uses_are_closed_when_memory_is_short() {
    let root = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        durability: Durability::None,
        index_memory_bytes: Some(60_000),
        ..StoreOptions::default()
    };
    let store = Store::open(root.path(), options).unwrap();
    let guid = |n: usize| format!("1000{n:04}-0000-0000-0000-000000000001");
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
fn after_a_power_failure_more_is_read_than_the_times_say() {
    use super::home::trusted_until_ns;
    use super::reconcile::Reconciler;
    use crate::index::Edit;
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

#[test]
fn tokens_from_before_the_remembered_openings_are_refused_and_never_wrong() {
    let root = tempfile::tempdir().unwrap();
    let (calendar, mut tokens) = (path("calendar"), Vec::new());
    let name = |n: usize| path(&format!("calendar/{n:03}.ics"));
    const OPENINGS: usize = 150;
    for n in 0..OPENINGS {
        let store = open(root.path());
        let home = store.provision(ALICE, &initial()).unwrap();
        home.write(|tx| tx.put(&name(n), &event(&format!("u{n}")), None, &PropertyChanges::none()))
            .unwrap();
        tokens.push(home.snapshot().sync_token(&calendar).unwrap());
    }
    let store = open(root.path());
    let home = store.provision(ALICE, &initial()).unwrap();
    let snapshot = home.snapshot();
    let mut refused = 0;
    for (n, token) in tokens.iter().enumerate() {
        match snapshot.changes_since(&calendar, Some(*token), Depth::One) {
            Ok(changes) => {
                let found: Vec<_> = changes.iter().map(|change| change.path.clone()).collect();
                let expected: Vec<_> = (n + 1..OPENINGS).map(&name).collect();
                assert_eq!(found, expected, "since opening {n}");
            }
            Err(error) => {
                assert_eq!(error, TokenError::Invalid, "since opening {n}");
                refused = n + 1;
            }
        }
        // Numbers that were never given, or were lost.
        for lost in [1, 1000, (1 << 20) - 1] {
            let number = token.number + lost;
            let point = SyncPoint { number, ..*token };
            assert!(snapshot.changes_since(&calendar, Some(point), Depth::One).is_err());
        }
    }
    // The last 64 openings are remembered, none before.
    assert!((OPENINGS - 65..=OPENINGS - 63).contains(&refused), "{refused}");
}
