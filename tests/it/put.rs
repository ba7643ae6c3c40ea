//! `daybook put`: the same path as a PUT, through the running server or without one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::harness::{Server, daybook};

fn invitation(uid: &str, summary: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
         DTSTAMP:20260101T000000Z\r\nDTSTART:20260105T100000Z\r\nSUMMARY:{summary}\r\n\
         ORGANIZER:mailto:alice@example.com\r\nATTENDEE:mailto:alice@example.com\r\n\
         ATTENDEE:mailto:bob@example.com\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

fn put(data: &Path, file: &Path, calendar: &str) -> (i32, String) {
    let config = data.join("put.toml");
    fs::write(&config, format!("[data]\nroot = {:?}\n", data.to_str().unwrap())).unwrap();
    let arguments = ["put", "--config", config.to_str().unwrap(), file.to_str().unwrap(), calendar];
    let output = daybook(&arguments).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code().unwrap(), text)
}

/// What bob has in his calendar.
fn bobs(server: &Server) -> String {
    let query = "<C:calendar-query xmlns:C='urn:ietf:params:xml:ns:caldav' xmlns='DAV:'><prop>\
                 <C:calendar-data/></prop><C:filter><C:comp-filter name='VCALENDAR'/></C:filter>\
                 </C:calendar-query>";
    let bob = server.client("bob");
    bob.report("/calendars/users/bob/calendar/", "1", query).expect(207).text()
}

#[test]
fn put_invites_beside_a_server_and_without_one() {
    let mut server = Server::start();
    server.client("alice").propfind("/calendars/users/alice/calendar/", "0", "").expect(207);
    let (data, folder) = (server.data(), tempfile::tempdir().unwrap());
    let file = folder.path().join("lunch.ics");
    fs::write(&file, invitation("lunch", "one")).unwrap();
    let socket = data.join(".control");
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    let (code, text) = put(&data, &file, "alice/calendar");
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("/calendars/users/alice/calendar/lunch.ics: stored, and new"), "{text}");
    assert!(bobs(&server).contains("SUMMARY:one"), "{}", bobs(&server));
    // The same object under another name is replaced where it is.
    let other = folder.path().join("other.ics");
    fs::write(&other, invitation("lunch", "two")).unwrap();
    let (code, text) = put(&data, &other, "/calendars/users/alice/calendar/");
    assert!(code == 0 && text.contains("calendar/lunch.ics: stored\n"), "{text}");
    assert!(bobs(&server).contains("SUMMARY:two"), "{}", bobs(&server));
    fs::write(&file, invitation("x", "y").replace("DTSTART:20260105T100000Z\r\n", "")).unwrap();
    let (code, text) = put(&data, &file, "alice/calendar");
    assert!(code == 1 && text.contains("refused (4"), "{text}");
    for calendar in ["alice/nowhere", "nobody/calendar"] {
        let (code, text) = put(&data, &other, calendar);
        assert!(code == 1 && text.contains("refused (4"), "{calendar}: {text}");
    }
    fs::write(&file, "BEGIN:VCALENDAR\r\nnothing\r\n").unwrap();
    let (code, text) = put(&data, &file, "alice/calendar");
    assert!(code == 2 && text.contains("lunch.ics: 2: "), "{text}");
    server.stop();
    assert!(!socket.exists());
    fs::write(&other, invitation("lunch", "three")).unwrap();
    let (code, text) = put(&data, &other, "alice/calendar");
    assert!(code == 0 && text.contains("calendar/lunch.ics: stored\n"), "{text}");
    server.start_again();
    assert!(bobs(&server).contains("SUMMARY:three"), "{}", bobs(&server));
}

#[test]
fn the_socket_stores_and_does_nothing_else() {
    use std::io::{Read, Write};
    let server = Server::start();
    server.client("alice").propfind("/calendars/users/alice/calendar/", "0", "").expect(207);
    for (method, status) in [("GET", "405"), ("DELETE", "405"), ("PROPFIND", "405")] {
        let mut stream =
            std::os::unix::net::UnixStream::connect(server.data().join(".control")).unwrap();
        let request = format!(
            "{method} /calendars/users/alice/calendar/ HTTP/1.1\r\nHost: localhost\r\n\
             Connection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{method}: {answer}");
    }
}
