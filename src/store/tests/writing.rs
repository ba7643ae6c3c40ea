//! What a transaction does and refuses.

use super::*;

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
fn a_prepared_file_does_not_go_along_with_a_collection_that_moves() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path(), StoreOptions::default()).unwrap();
    let home = store.provision(ALICE, &initial()).unwrap();
    let at = path("calendar/n.ics");
    let prepare = || home.prepare(&at, &event("n"), None, &PropertyChanges::none()).unwrap();
    let (used, unused) = (prepare(), prepare());
    assert!(used.is_some());
    home.write(|tx| {
        tx.rename(&path("calendar"), &path("moved"))?;
        tx.make_collection(&path("calendar"), CollectionKind::Calendar, &PropertyChanges::none())
    })
    .unwrap();
    let put = |tx: &mut Transaction<'_>| {
        tx.put(&at, &event("n"), None, &PropertyChanges::none()).map(|_| ())
    };
    home.write_prepared(used, put).unwrap();
    drop(unused);
    assert_eq!(home.read(&at).unwrap(), Some(event("n")));
    assert_true(&home);
    // Nothing is left of what was prepared.
    let moved = std::fs::read_dir(home_dir(root.path()).join("moved")).unwrap();
    assert_eq!(moved.count(), 0);
}
