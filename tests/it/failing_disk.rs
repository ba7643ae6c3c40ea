//! A disk that is full, a directory that became read-only, too many open files: clear answers,
//! nothing lost, and no restart needed when it is over.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{Reply, Server};

const CALENDAR: &str = "/calendars/users/alice/calendar/";

fn event(uid: &str, bytes: usize) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
         DTSTAMP:20260101T000000Z\r\nDTSTART:20260105T100000Z\r\nDURATION:PT1H\r\n{}\
         END:VEVENT\r\nEND:VCALENDAR\r\n",
        "DESCRIPTION:0123456789 0123456789 0123456789 0123456789\r\n".repeat(bytes / 57)
    )
}

/// Stores events until one is refused; the names of those that were not.
fn fill(server: &Server, from: usize, bytes: usize) -> Vec<String> {
    let alice = server.client("alice");
    let mut stored = Vec::new();
    for n in from.. {
        let path = format!("{CALENDAR}{n}.ics");
        let reply = alice.put(&path, &event(&format!("{bytes}-{n}"), bytes));
        match reply.status {
            201 => stored.push(path),
            _ => {
                let text = reply.expect(507).text();
                // RFC 4331 §6 says which precondition.
                assert!(text.contains("sufficient-disk-space"), "{text}");
                return stored;
            }
        }
        assert!(n < from + 2000, "the disk is never full");
    }
    stored
}

#[test]
fn a_full_disk_is_told_and_passes() {
    let setup = "mount -t tmpfs -o size=2m tmpfs \"$DATA\"";
    let Some(mut server) = Server::start_within(setup) else { return };
    let alice = server.client("alice");
    let mut stored = fill(&server, 0, 60_000);
    // Smaller ones until nothing at all fits any more.
    stored.extend(fill(&server, 10_000, 6_000));
    stored.extend(fill(&server, 20_000, 100));
    assert!(stored.len() > 20, "{stored:?}");
    for path in &stored {
        alice.get(path).expect(200);
    }
    let note = "<propertyupdate xmlns=\"DAV:\"><set><prop><n xmlns=\"urn:x\">1</n></prop></set>\
                </propertyupdate>";
    for (method, path, body) in [
        ("MKCALENDAR", "/calendars/users/alice/new/", ""),
        ("PUT", "/calendars/users/alice/calendar/z.ics", &event("z", 9000)),
        ("PROPPATCH", CALENDAR, note),
    ] {
        let reply = alice.send(method, path, &[], body.as_bytes());
        // What needs no room may succeed.
        assert!([507, 201, 207].contains(&reply.status), "{method}: {}", reply.status);
    }
    let listed = alice.propfind(CALENDAR, "1", "").expect(207).text();
    assert!(stored.iter().all(|path| listed.contains(path.as_str())));
    // Room again, without a restart.
    for path in stored.drain(..8) {
        alice.delete(&path).expect(204);
    }
    stored.push(format!("{CALENDAR}after.ics"));
    alice.put(&stored[stored.len() - 1], &event("after", 100)).expect(201);
    // Ended by hand: `stop` would take the file system away.
    let listed = alice.propfind(CALENDAR, "1", "").expect(207).text();
    assert!(stored.iter().all(|path| listed.contains(path.as_str())));
    assert!(server.within("test -z \"$(find \"$DATA\" -name '.tmp-*')\""), "files left behind");
    server.kill();
}

#[test]
fn a_home_that_became_read_only_is_told_and_passes() {
    let Some(mut server) = Server::start_within(":") else { return };
    let alice = server.client("alice");
    let path = format!("{CALENDAR}a.ics");
    alice.put(&path, &event("a", 100)).expect(201);
    let home = "home=$(readlink -f \"$DATA/calendars/users/alice\"); ";
    let lock = "mount --bind \"$home\" \"$home\"; mount -o remount,bind,ro \"$home\"";
    assert!(server.within(&format!("{home}{lock}")));
    let text = event("a", 200);
    for (method, path, body) in [
        ("PUT", path.as_str(), text.as_str()),
        ("PUT", "/calendars/users/alice/calendar/b.ics", &event("b", 100)),
        ("DELETE", &path, ""),
        ("MKCALENDAR", "/calendars/users/alice/new/", ""),
    ] {
        let reply = alice.send(method, path, &[], body.as_bytes()).expect(503);
        assert!(reply.header("retry-after").is_some());
    }
    assert_eq!(alice.get(&path).expect(200).text(), event("a", 100));
    assert!(server.within(&format!("{home}umount \"$home\"")));
    alice.put(&path, &text).expect(204);
    assert_eq!(alice.get(&path).expect(200).text(), text);
    server.kill();
}

/// One request on a connection that is open already.
fn ask(stream: &mut TcpStream, text: &str) -> Reply {
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    Reply::parse(&answer).unwrap()
}

#[test]
fn too_many_open_files_are_told_and_pass() {
    let server = Server::start();
    let alice = server.client("alice");
    let path = format!("{CALENDAR}a.ics");
    alice.put(&path, &event("a", 100)).expect(201);
    let limit = |soft: usize| {
        let arguments = ["--pid", &server.pid().to_string(), &format!("--nofile={soft}:")];
        Command::new("prlimit").args(arguments).status().is_ok_and(|status| status.success())
    };
    let mut streams: Vec<TcpStream> = (0..3).map(|_| alice.connect()).collect();
    std::thread::sleep(Duration::from_millis(300));
    // Fewer than any server has open: what is open stays, and nothing new can be.
    if !limit(4) {
        println!("left out: no prlimit");
        return;
    }
    let text = event("b", 100);
    let head = "Host: x\r\nAuthorization: Basic YWxpY2U6YWxpY2U=\r\nConnection: close\r\n";
    for (stream, method) in streams.iter_mut().zip(["PUT", "PROPFIND", "DELETE"]) {
        let (name, body) = if method == "PUT" { ("b.ics", text.as_str()) } else { ("a.ics", "") };
        let request = format!(
            "{method} {CALENDAR}{name} HTTP/1.1\r\n{head}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let reply = ask(stream, &request);
        // A listing of what is known opens nothing, nor does removing a name where a directory is
        // open already.
        let possible = match method {
            "PUT" => vec![503],
            "PROPFIND" => vec![503, 207],
            _ => vec![503, 204],
        };
        assert!(possible.contains(&reply.status), "{method}: {}", reply.status);
    }
    assert!(limit(1024));
    let start = Instant::now();
    loop {
        // The listener, too, takes a moment to try again.
        if alice.try_put(&format!("{CALENDAR}c.ics"), &event("c", 100)).is_some() {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(20));
    }
    alice.get(&format!("{CALENDAR}b.ics")).expect(404);
    alice.put(&format!("{CALENDAR}b.ics"), &text).expect(201);
}
