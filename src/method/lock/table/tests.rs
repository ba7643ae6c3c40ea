//! Which change needs which token.

use chrono::{Duration, TimeZone, Utc};

use super::{Lock, Locks, Touch};

fn path(text: &str) -> Vec<String> {
    text.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn lock(token: &str, root: &str, deep: bool, exclusive: bool) -> Lock {
    Lock {
        token: token.to_owned(),
        root: path(root),
        deep,
        exclusive,
        owner: None,
        principal: "alice".to_owned(),
        seconds: 60,
        expires: Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap(),
    }
}

#[test]
fn changes_need_the_tokens_of_what_they_touch() {
    let locks = Locks(vec![
        lock("file", "a/x", false, true),
        lock("tree", "b", true, true),
        lock("flat", "c", false, true),
        lock("one", "d/y", false, false),
        lock("two", "d/y", false, false),
    ]);
    for (at, deep, tokens, principal, blocked) in [
        ("a/x", false, vec![], "alice", Some("file")),
        ("a/x", false, vec!["file"], "alice", None),
        ("a/x", false, vec!["file"], "bob", Some("file")),
        ("a/z", false, vec![], "alice", None),
        ("a", false, vec![], "alice", None),
        ("a", true, vec![], "alice", Some("file")),
        ("b/q/r", false, vec![], "alice", Some("tree")),
        ("b/q/r", false, vec!["tree"], "alice", None),
        ("c/q", false, vec![], "alice", None),
        ("c", false, vec![], "alice", Some("flat")),
        ("d/y", false, vec![], "alice", Some("one")),
        ("d/y", false, vec!["two"], "alice", None),
        ("d", true, vec!["one"], "alice", None),
    ] {
        let tokens: Vec<String> = tokens.into_iter().map(str::to_owned).collect();
        let touch = [Touch { path: path(at), deep }];
        let found = locks.blocking(&touch, &tokens, principal).map(|lock| lock.token.as_str());
        assert_eq!(found, blocked, "{at} {deep} {tokens:?} {principal}");
    }
}

#[test]
fn new_locks_meet_old_ones() {
    let locks = Locks(vec![lock("shared", "a/x", false, false), lock("deep", "b", true, true)]);
    for (at, deep, exclusive, conflict) in [
        ("a/x", false, true, true),
        ("a/x", false, false, false),
        ("a", true, true, true),
        ("a", true, false, false),
        ("a", false, true, false),
        ("b/c", false, false, true),
        ("c", true, true, false),
    ] {
        let found = !locks.conflicting(&path(at), deep, exclusive).is_empty();
        assert_eq!(found, conflict, "{at} {deep} {exclusive}");
    }
}

#[test]
fn locks_end_are_kept_and_are_forgotten() {
    let mut locks = Locks(vec![lock("one", "a/x", false, true), lock("two", "ab", true, true)]);
    assert_eq!(Locks::from_text(&locks.to_text()), locks);
    assert_eq!(Locks::from_text("nonsense"), Locks::default());
    let end = locks.0[0].expires;
    assert_eq!(locks.clone().at(end - Duration::seconds(1)), locks);
    assert_eq!(locks.clone().at(end), Locks::default());
    assert!(locks.forget(&path("a")));
    assert_eq!(locks.0.len(), 1);
}
