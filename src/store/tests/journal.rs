//! What the journal tells to those who come back with a token.

use super::*;

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
