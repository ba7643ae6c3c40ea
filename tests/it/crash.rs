//! Kills the running server while it carries invitations: what was acknowledged is there
//! afterwards, and it is there once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::harness::{Client, Server};

const WRITERS: usize = 4;

/// Acknowledged invitations in all; `DAYBOOK_CRASH_PUTS` asks for more.
fn wanted() -> usize {
    std::env::var("DAYBOOK_CRASH_PUTS").ok().and_then(|text| text.parse().ok()).unwrap_or(500)
}

fn uid(number: usize) -> String {
    format!("crash-{number}@example.com")
}

fn invitation(number: usize) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\nBEGIN:VEVENT\r\nUID:{}\r\n\
         DTSTAMP:20260101T000000Z\r\nDTSTART:20260601T{:02}0000Z\r\nDURATION:PT1H\r\n\
         SUMMARY:Meeting {number}\r\nORGANIZER:mailto:alice@example.com\r\n\
         ATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@example.com\r\n\
         ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bob@example.com\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        uid(number),
        number % 24
    )
}

/// Writes until the server is gone or `enough` more are acknowledged.
fn write(alice: &Client, next: &AtomicUsize, acknowledged: &Mutex<BTreeSet<usize>>, enough: usize) {
    while acknowledged.lock().unwrap().len() < enough {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let path = format!("/calendars/users/alice/calendar/crash-{number}.ics");
        match alice.try_put(&path, &invitation(number)) {
            Some(reply) if reply.status == 201 => {
                acknowledged.lock().unwrap().insert(number);
            }
            Some(reply) => panic!("{}: {}", reply.status, String::from_utf8_lossy(&reply.body)),
            None => return,
        }
    }
}

/// How many files of a collection hold each UID.
fn uids_in(folder: &Path) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let hidden = path.file_name().unwrap().to_str().unwrap().starts_with('.');
        assert!(!hidden, "left behind: {path:?}");
        if path.extension().is_none_or(|end| end != "ics") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.ends_with("END:VCALENDAR\r\n"), "half a file: {path:?}");
        let uid = text.lines().find_map(|line| line.strip_prefix("UID:")).unwrap();
        *found.entry(uid.to_owned()).or_default() += 1;
    }
    found
}

#[test]
fn acknowledged_invitations_survive_kill_once() {
    let mut server = Server::start();
    let (next, acknowledged) = (AtomicUsize::new(0), Mutex::new(BTreeSet::new()));
    let wanted = wanted();
    let mut kills = 0;
    while acknowledged.lock().unwrap().len() < wanted {
        let alice = server.client("alice");
        // Another distance every time, so that the death meets another step.
        let stop_at = acknowledged.lock().unwrap().len() + 17 + (kills * 31) % 90;
        std::thread::scope(|scope| {
            for _ in 0..WRITERS {
                scope.spawn(|| write(&alice, &next, &acknowledged, wanted + 1000));
            }
            while acknowledged.lock().unwrap().len() < stop_at.min(wanted) {
                std::thread::yield_now();
            }
            server.kill();
        });
        kills += 1;
        server.start_again();
    }
    assert!(kills > 3, "killed only {kills} times");
    // The first request opens the homes and finishes what is left in the spool.
    for user in ["alice", "bob"] {
        let home = format!("/calendars/users/{user}/");
        assert_eq!(server.client(user).propfind(&home, "1", "").status, 207);
    }
    let homes = server.data().join("calendars/users");
    let own = uids_in(&homes.join("alice/calendar"));
    let copies = uids_in(&homes.join("bob/calendar"));
    let messages = uids_in(&homes.join("bob/inbox"));
    for number in acknowledged.into_inner().unwrap() {
        let uid = uid(number);
        assert_eq!(own.get(&uid), Some(&1), "organizer's copy of {uid}");
        assert_eq!(copies.get(&uid), Some(&1), "attendee's copy of {uid}");
        assert_eq!(messages.get(&uid), Some(&1), "message about {uid}");
    }
    // What was not acknowledged may have happened, but then wholly and once.
    for (what, found) in [("copies", &copies), ("messages", &messages)] {
        let differs: Vec<_> =
            own.keys().chain(found.keys()).filter(|uid| own.get(*uid) != found.get(*uid)).collect();
        assert!(differs.is_empty(), "{what} differ from what was stored: {differs:?}");
    }
    // Messages go when what they wrote is durable, a moment after they are delivered.
    let start = std::time::Instant::now();
    loop {
        let spool = fs::read_dir(server.data().join("spool")).unwrap();
        let waits = |path: &PathBuf| !fs::read(path).unwrap().starts_with(b"free ");
        let spool: Vec<_> = spool.map(|file| file.unwrap().path()).filter(waits).collect();
        if spool.is_empty() {
            break;
        }
        assert!(start.elapsed().as_secs() < 20, "left in the spool: {spool:?}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
