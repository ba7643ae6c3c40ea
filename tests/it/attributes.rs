//! How few attributes the files of scheduling carry: one that does not fit beside the inode costs
//! an ext4 file system a block of the disk, and most of the time of a delivery.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::Server;

/// What 256 bytes of an ext4 inode hold: names without their prefix, values, 16 bytes for each.
const BESIDE_THE_INODE: usize = 88;

/// The only calendar data in a folder.
fn only(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files = files.filter(|path| path.extension().is_some_and(|ending| ending == "ics"));
    let file = files.next().unwrap();
    assert_eq!(files.next(), None, "{}", folder.display());
    file
}

/// Name and value of the attributes of a file.
fn attributes(file: &Path) -> Vec<(String, String)> {
    let names = xattr::list(file).unwrap().filter_map(|name| name.into_string().ok());
    let ours = names.filter(|name| name.starts_with("user."));
    let value = |name: &String| xattr::get(file, name).unwrap().unwrap_or_default();
    ours.map(|name| (String::from_utf8_lossy(&value(&name)).into_owned(), name))
        .map(|(value, name)| (name, value))
        .collect()
}

fn event(summary: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:few\r\n\
         DTSTAMP:20260101T000000Z\r\nDTSTART:20360601T100000Z\r\nSUMMARY:{summary}\r\n\
         ORGANIZER:mailto:alice@example.com\r\nATTENDEE:mailto:alice@example.com\r\n\
         ATTENDEE:mailto:bob@example.com\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

#[test]
fn a_new_invitation_carries_one_small_attribute() {
    let server = Server::start();
    let alice = server.client("alice");
    alice.put("/calendars/users/alice/calendar/few.ics", &event("One")).expect(201);
    let home = |name: &str| server.data().join("calendars/users").join(name);
    let (organizers, copy) = (home("alice").join("calendar"), home("bob").join("calendar"));
    let inbox = home("bob").join("inbox");
    assert_eq!(attributes(&only(&organizers)), []);
    let message = only(&inbox);
    assert_eq!(attributes(&message), []);
    let of_copy = attributes(&only(&copy));
    let [(name, value)] = &of_copy[..] else { panic!("{of_copy:?}") };
    assert_eq!(name, "user.daybook.delivered");
    let id = message.file_stem().unwrap().to_str().unwrap().replace('-', "");
    assert!(id.starts_with(value.as_str()) && value.len() == 16, "{id}: {value}");
    let takes = name.len() - "user.".len() + value.len() + 16;
    assert!(takes <= BESIDE_THE_INODE, "{takes}");
    // An update: two marks still fit, and the message says what changed.
    fs::remove_file(&message).unwrap();
    alice.put("/calendars/users/alice/calendar/few.ics", &event("Two")).expect(204);
    assert_eq!(attributes(&only(&organizers)), []);
    let of_copy = attributes(&only(&copy));
    let [(name, value)] = &of_copy[..] else { panic!("{of_copy:?}") };
    let takes = name.len() - "user.".len() + value.len() + 16;
    assert!(takes <= BESIDE_THE_INODE, "{takes}");
    let of_message = attributes(&only(&inbox));
    let names: Vec<&str> = of_message.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["user.{http:%2F%2Fcalendarserver.org%2Fns%2F}schedule-changes"]);
}

/// What a copy without attributes and without `.index` leaves of an update: a message that asks
/// again. It has to be some kind of message, and a client that shows it as new hides nothing.
#[test]
fn an_update_in_the_inbox_that_lost_its_attributes_reads_as_a_new_invitation() {
    let mut server = Server::start();
    let alice = server.client("alice");
    let kept = server.data().join("calendars/users/bob");
    let inbox = kept.join("inbox");
    alice.put("/calendars/users/alice/calendar/few.ics", &event("One")).expect(201);
    fs::remove_file(only(&inbox)).unwrap();
    alice.put("/calendars/users/alice/calendar/few.ics", &event("Two")).expect(204);
    let message = only(&inbox);
    let path = format!("/calendars/users/bob/inbox/{}", message.file_name().unwrap().display());
    let changes = |server: &Server| {
        let body = "<propfind xmlns='DAV:' xmlns:C='urn:ietf:params:xml:ns:caldav' \
                    xmlns:CS='http://calendarserver.org/ns/'><prop><CS:schedule-changes/>\
                    <C:schedule-state/></prop></propfind>";
        let text = server.client("bob").propfind(&path, "0", body).expect(207).text();
        assert!(text.contains("schedule-processed"), "{text}");
        ["create", "update"].map(|action| text.contains(&format!(":{action}")))
    };
    assert_eq!(changes(&server), [false, true]);
    let copy = fs::read(only(&kept.join("calendar"))).unwrap();
    server.stop();
    // Another file in its place, as a program for copies makes it. (One that is made when the old
    // one is gone may get its inode, and so looks as if somebody had taken its attributes away.)
    let restore = || {
        let new = message.with_extension("new");
        fs::copy(&message, &new).unwrap();
        assert_eq!(attributes(&new), []);
        fs::rename(&new, &message).unwrap();
    };
    restore();
    server.start_again();
    assert_eq!(changes(&server), [false, true], "the index remembers it");
    assert_eq!(attributes(&message).len(), 1, "and puts it back");
    server.stop();
    restore();
    fs::remove_file(kept.join(".index")).unwrap();
    server.start_again();
    assert_eq!(changes(&server), [true, false]);
    assert_eq!(fs::read(only(&kept.join("calendar"))).unwrap(), copy, "nothing is done again");
}
