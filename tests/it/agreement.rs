//! `daybook check --scheduling` over a real server's data: silent while all is well, and naming
//! file, instance and reason when a copy was damaged.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use crate::harness::Server;

const INVITATION: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\nBEGIN:VEVENT\r\n\
    UID:lunch\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260601T120000Z\r\nDURATION:PT1H\r\n\
    RRULE:FREQ=DAILY;COUNT=3\r\nSUMMARY:Lunch\r\nORGANIZER:mailto:alice@example.com\r\n\
    ATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@example.com\r\n\
    ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bob@example.com\r\n\
    ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:boardroom@example.com\r\n\
    END:VEVENT\r\nEND:VCALENDAR\r\n";

fn only_file(server: &Server, folder: &str) -> PathBuf {
    let folder = server.data().join("calendars").join(folder);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|end| end == "ics")).collect();
    assert_eq!(files.len(), 1);
    files.remove(0)
}

#[test]
fn damaged_copies_are_named() {
    let mut server = Server::start();
    let alice = server.client("alice");
    assert_eq!(alice.put("/calendars/users/alice/calendar/a.ics", INVITATION).status, 201);
    // The queue is emptied a moment after the answer.
    let start = Instant::now();
    let (mut good, mut text) = server.checks();
    while text.contains("waiting for messages: 1") && start.elapsed().as_secs() < 20 {
        (good, text) = server.checks();
    }
    assert!(good && text.contains("events: 1, findings: 0, in doubt: 0"), "live: {text}");
    server.stop();
    let (good, text) = server.checks();
    assert!(good && text.contains("events: 1, findings: 0, in doubt: 0"), "{text}");

    let bobs = only_file(&server, "users/bob/calendar");
    let whole = fs::read_to_string(&bobs).unwrap();
    fs::write(&bobs, whole.replace("COUNT=3", "COUNT=2")).unwrap();
    let (good, text) = server.checks();
    assert!(!good && text.contains("findings: 2"), "{text}");
    let name = bobs.file_name().unwrap().to_str().unwrap();
    let line = format!("{name}: 20260603T120000Z: the organizer has it, the copy has not\n");
    assert!(text.contains(&line), "{line} is not in {text}");

    fs::remove_file(&bobs).unwrap();
    let (good, text) = server.checks();
    assert!(good && text.contains("findings: 0, in doubt: 1"), "{text}");
    assert!(text.contains("has no copy: it was removed without a word, or lost (may be"), "{text}");

    fs::write(&bobs, whole).unwrap();
    fs::remove_file(only_file(&server, "users/alice/calendar")).unwrap();
    let (good, text) = server.checks();
    assert!(!good && text.contains("its organizer has no such event"), "{text}");
    server.skip_check();
}
