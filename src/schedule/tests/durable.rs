//! Crashes and races: nothing lost, nothing twice.

use std::collections::BTreeMap;

use super::transcript::changes_at;
use super::world::{World, guid};
use crate::disk::fault::{Fault, arm, disarm};
use crate::ical::{self, Component};
use crate::schedule::{self, attendees};
use crate::store::{Home, HomePath};

fn event(uid: &str, summary: &str, answers: &[(&str, &str)]) -> Component {
    let mut text = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
         DTSTAMP:20260101T000000Z\r\nDTSTART:20260601T100000Z\r\nDURATION:PT1H\r\n\
         SUMMARY:{summary}\r\n\
         ORGANIZER:mailto:alice@example.com\r\n"
    );
    for (who, answer) in answers {
        text.push_str(&format!("ATTENDEE;PARTSTAT={answer}:mailto:{who}@example.com\r\n"));
    }
    text.push_str("END:VEVENT\r\nEND:VCALENDAR\r\n");
    ical::parse(text.as_bytes()).unwrap()
}

fn only_object(home: &Home) -> (HomePath, Component) {
    let snapshot = home.snapshot();
    let calendars = snapshot.calendars();
    let (path, calendar) = calendars.iter().find(|(_, c)| c.object_count() > 0).unwrap();
    assert_eq!(calendar.object_count(), 1);
    let path = path.join(calendar.objects().next().unwrap().0);
    let bytes = home.read(&path).unwrap().unwrap();
    (path.clone(), ical::parse(&bytes).unwrap())
}

fn inbox_count(home: &Home) -> usize {
    let snapshot = home.snapshot();
    snapshot.collection(&HomePath::new(["inbox"])).unwrap().object_count()
}

#[test]
fn a_crash_after_the_commit_delivers_once() {
    let world = World::new();
    let path = HomePath::new(["calendar", "a.ics"]);
    let sent = event("u1", "x", &[("bob", "NEEDS-ACTION"), ("room", "NEEDS-ACTION")]);
    let committed = world.put_without_delivery("alice", &path, &sent);
    assert!(!committed.works.is_empty());
    assert_eq!(world.home("bob").snapshot().calendars()[0].1.object_count(), 0);
    let entries = world.store.spool().list().unwrap();
    assert!(world.with(|env| schedule::replay(env, |_| false).unwrap()).len() == 1);
    assert!(world.with(|env| schedule::replay(env, |_| true).unwrap()).is_empty());
    assert_eq!(inbox_count(&world.home("bob")), 1);
    let answer = world.with(|env| {
        let (_, calendar) = only_object(&world.home("alice"));
        attendees::partstat_of(calendar.master().unwrap(), "urn:x-uid:room-guid", env)
    });
    assert_eq!(answer.as_deref(), Some("ACCEPTED"));
    assert!(world.store.spool().list().unwrap().is_empty());
    // The entry comes back, as if its removal had been lost: nothing happens twice.
    for entry in &entries {
        world.store.spool().add(entry).unwrap();
    }
    let before = only_object(&world.home("bob")).1.to_bytes();
    world.with(|env| schedule::replay(env, |_| true).unwrap());
    assert_eq!(inbox_count(&world.home("bob")), 1);
    assert_eq!(inbox_count(&world.home("alice")), 1);
    assert_eq!(only_object(&world.home("bob")).1.to_bytes(), before);
}

/// What is delivered, and what came of it: everybody's answers to the only event, its summary, and
/// how many messages lie in the inbox.
fn seen(world: &World, who: &str) -> (Vec<(String, String)>, String, usize) {
    let home = world.home(who);
    let (_, calendar) = only_object(&home);
    let master = calendar.master().unwrap();
    let answers = ["bob", "carol"].map(|attendee| {
        let identity = format!("urn:x-uid:{}", guid(attendee));
        let answer = world.with(|env| attendees::partstat_of(master, &identity, env));
        (attendee.to_owned(), answer.unwrap_or_default())
    });
    (answers.to_vec(), master.text_of("SUMMARY").unwrap_or_default(), inbox_count(&home))
}

#[test]
fn a_death_anywhere_in_a_delivery_delivers_once() {
    const OPEN: &str = "NEEDS-ACTION";
    let path = HomePath::new(["calendar", "a.ics"]);
    let new = event("u1", "1", &[("bob", OPEN), ("carol", OPEN)]);
    let changed = event("u1", "2", &[("bob", OPEN), ("carol", OPEN)]);
    let answered = event("u1", "1", &[("bob", "ACCEPTED"), ("carol", OPEN)]);
    for (what, summary, answer, messages) in [
        ("an invitation", "1", OPEN, [0, 1, 1]),
        ("an update", "2", OPEN, [0, 2, 2]),
        ("an answer", "1", "ACCEPTED", [1, 1, 1]),
    ] {
        for n in 0.. {
            let world = World::new();
            match what {
                "an invitation" => drop(world.put_without_delivery("alice", &path, &new)),
                "an update" => {
                    assert_eq!(world.put("alice", &path, &new, false), "201");
                    world.put_without_delivery("alice", &path, &changed);
                }
                _ => {
                    assert_eq!(world.put("alice", &path, &new, false), "201");
                    let copy = only_object(&world.home("bob")).0;
                    world.put_without_delivery("bob", &copy, &answered);
                }
            }
            // The homes are open: what dies is the delivery.
            for who in ["alice", "bob", "carol"] {
                world.home(who);
            }
            arm(n, Fault::Die);
            let _ = world.with(|env| schedule::replay(env, |_| true));
            let met = disarm();
            let world = world.restart();
            assert!(world.with(|env| schedule::replay(env, |_| true).unwrap()).is_empty());
            for (who, messages) in ["alice", "bob", "carol"].iter().zip(messages) {
                let answers = vec![
                    ("bob".to_owned(), answer.to_owned()),
                    ("carol".to_owned(), OPEN.to_owned()),
                ];
                let expected = (answers, summary.to_owned(), messages);
                assert_eq!(seen(&world, who), expected, "{what}, call {n}, {who}");
            }
            if !met {
                assert!(n > 10, "{what}: {n} calls");
                break;
            }
        }
    }
}

#[test]
fn what_a_power_failure_left_without_content_is_delivered_again() {
    for lost in [&["inbox"][..], &["calendar"], &["inbox", "calendar"]] {
        let world = World::new();
        let path = HomePath::new(["calendar", "a.ics"]);
        let sent = event("u1", "x", &[("bob", "NEEDS-ACTION")]);
        world.put_without_delivery("alice", &path, &sent);
        let entries = world.store.spool().list().unwrap();
        world.with(|env| schedule::replay(env, |_| true).unwrap());
        let bob = world.home("bob");
        let before = only_object(&bob);
        // The names were on the disk, their content and the end of the work were not.
        for collection in lost {
            for file in std::fs::read_dir(bob.directory().join(collection)).unwrap() {
                let file = file.unwrap();
                let zeros = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
                std::fs::write(file.path(), zeros).unwrap();
            }
        }
        assert_eq!(bob.reconcile().unwrap(), lost.len());
        for entry in &entries {
            world.store.spool().add(entry).unwrap();
        }
        world.with(|env| schedule::replay(env, |_| true).unwrap());
        let after = only_object(&bob);
        assert_eq!((after.0, after.1.to_bytes()), (before.0, before.1.to_bytes()), "{lost:?}");
        let snapshot = bob.snapshot();
        let items = snapshot.collection(&HomePath::new(["inbox"])).unwrap();
        let whole = items.objects().filter(|(_, item)| item.calendar().is_some());
        assert_eq!((items.object_count(), whole.count()), (1, 1), "{lost:?}");
        let name = items.objects().next().unwrap().0;
        let told = changes_at(&bob, &HomePath::new(["inbox"]).join(name));
        assert!(told.as_ref().is_some_and(|told| told.contains(":create/")), "{lost:?}: {told:?}");
    }
}

#[test]
fn answers_and_changes_at_once_lose_nothing() {
    for round in 0..8 {
        let world = World::new();
        let path = HomePath::new(["calendar", "a.ics"]);
        let everybody = ["bob", "carol", "dave"];
        let open: Vec<(&str, &str)> = everybody.iter().map(|who| (*who, "NEEDS-ACTION")).collect();
        assert_eq!(world.put("alice", &path, &event("u1", "0", &open), false), "201");
        std::thread::scope(|scope| {
            for who in everybody {
                let (world, open) = (&world, &open);
                scope.spawn(move || {
                    let (own, stored) = only_object(&world.home(who));
                    let mut answers: BTreeMap<&str, &str> = open.iter().copied().collect();
                    answers.insert(who, "ACCEPTED");
                    let answers: Vec<_> = answers.into_iter().collect();
                    let summary = stored.master().unwrap().text_of("SUMMARY").unwrap();
                    let sent = event("u1", &summary, &answers);
                    assert_eq!(world.put(who, &own, &sent, false), "204", "round {round}");
                });
            }
            let (world, path, open) = (&world, &path, &open);
            scope.spawn(move || {
                for step in 1..4 {
                    let sent = event("u1", &step.to_string(), open);
                    assert_eq!(world.put("alice", path, &sent, true), "204");
                }
            });
        });
        for who in ["alice", "bob", "carol", "dave"] {
            let (_, calendar) = only_object(&world.home(who));
            let master = calendar.master().unwrap();
            assert_eq!(master.text_of("SUMMARY").as_deref(), Some("3"), "{who}, round {round}");
            for attendee in everybody {
                let identity = format!("urn:x-uid:{}", guid(attendee));
                let answer = world.with(|env| attendees::partstat_of(master, &identity, env));
                assert_eq!(answer.as_deref(), Some("ACCEPTED"), "{attendee} at {who}, {round}");
            }
        }
        assert!(world.store.spool().list().unwrap().is_empty());
    }
}

#[test]
fn a_room_is_never_booked_twice() {
    for _ in 0..4 {
        let world = World::new();
        std::thread::scope(|scope| {
            for who in ["alice", "bob", "carol", "dave"] {
                let world = &world;
                scope.spawn(move || {
                    let sent = event(who, "x", &[("room", "NEEDS-ACTION")]);
                    let text = String::from_utf8(sent.to_bytes()).unwrap();
                    let text = text.replace("mailto:alice@", &format!("mailto:{who}@"));
                    let sent = ical::parse(text.as_bytes()).unwrap();
                    let path = HomePath::new(["calendar", "a.ics"]);
                    assert_eq!(world.put(who, &path, &sent, false), "201");
                });
            }
        });
        let mut accepted = 0;
        for who in ["alice", "bob", "carol", "dave"] {
            let (_, calendar) = only_object(&world.home(who));
            let answer = world.with(|env| {
                attendees::partstat_of(calendar.master().unwrap(), "urn:x-uid:room-guid", env)
            });
            accepted += usize::from(answer.as_deref() == Some("ACCEPTED"));
        }
        assert_eq!(accepted, 1);
    }
}
