//! `daybook export` and `daybook import`: what goes out comes back in, originals stay as they are,
//! and what is not taken is named.

use std::fs;
use std::path::Path;

use crate::harness::{Server, daybook};

fn event(uid: &str, extra: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
         DTSTAMP:20260101T000000Z\r\nDTSTART:20260105T100000Z\r\nSUMMARY:{uid}\r\n{extra}\
         END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

fn run(config: &Path, arguments: &[&str]) -> (i32, String) {
    let (command, rest) = arguments.split_first().unwrap();
    let mut all = vec![*command, "--config", config.to_str().unwrap()];
    all.extend(rest);
    let output = daybook(&all).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code().unwrap(), text)
}

#[test]
fn calendars_go_out_and_come_back() {
    let mut server = Server::start();
    let alice = server.client("alice");
    server.client("bob").propfind("/calendars/users/bob/calendar/", "0", "").expect(207);
    for uid in ["one", "two"] {
        let path = format!("/calendars/users/alice/calendar/{uid}.ics");
        alice.put(&path, &event(uid, "X-ODD:kept\r\n")).expect(201);
    }
    let data = server.data();
    let config = data.join("transfer.toml");
    fs::write(&config, format!("[data]\nroot = {:?}\n", data.to_str().unwrap())).unwrap();
    let out = tempfile::tempdir().unwrap();
    let to = out.path().to_str().unwrap();
    let (code, text) = run(&config, &["export", "alice", to]);
    assert!(code != 0 && text.contains("another process"), "beside a server: {text}");
    server.stop();
    let (code, text) = run(&config, &["export", "alice", to]);
    assert_eq!(code, 0, "{text}");
    let exported = out.path().join("calendar.ics");
    let content = fs::read_to_string(&exported).unwrap();
    assert_eq!(content.matches("BEGIN:VEVENT").count(), 2, "{content}");
    assert_eq!(content.matches("BEGIN:VCALENDAR").count(), 1, "{content}");
    let file = exported.to_str().unwrap();
    let (code, text) = run(&config, &["import", "bob", "calendar", file, "--dry-run"]);
    assert!(code == 0 && text.contains("2 would be taken"), "{text}");
    // A directory as vdir and Radicale have them, with what cannot be taken.
    let folder = out.path().join("vdir");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("three.ics"), event("three", "")).unwrap();
    fs::write(folder.join("bad.ics"), "nothing").unwrap();
    fs::write(folder.join(".props"), "{}").unwrap();
    let folder = folder.to_str().unwrap();
    let (code, text) = run(&config, &["import", "bob", "calendar", file, folder]);
    assert!(code == 1 && text.contains("3 taken, 0 there already, 1 not taken"), "{text}");
    assert!(text.contains("bad.ics: line"), "{text}");
    let (code, text) = run(&config, &["import", "bob", "calendar", file, folder]);
    assert!(code == 1 && text.contains("0 taken, 3 there already, 1 not taken"), "{text}");
    assert_eq!(fs::read_to_string(&exported).unwrap(), content);
    let (code, text) = run(&config, &["import", "bob", "nowhere", file]);
    assert!(code == 2 && text.contains("no calendar"), "{text}");
    server.start_again();
    let bob = server.client("bob");
    let one = bob.get("/calendars/users/bob/calendar/one.ics").expect(200).text();
    assert!(one.contains("UID:one") && one.contains("X-ODD:kept"), "{one}");
    let three = bob.get("/calendars/users/bob/calendar/three.ics").expect(200).text();
    assert_eq!(three, event("three", ""));
}
