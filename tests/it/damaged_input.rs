//! Whatever lies in a home: the rest of the calendar works, the log says it once, metrics count
//! it, and `daybook check` names file, line and reason.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{Server, daybook};

const CALENDAR: &str = "/calendars/users/alice/calendar/";

fn component(kind: &str, uid: &str) -> String {
    format!(
        "BEGIN:{kind}\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260105T100000Z\r\n\
         SUMMARY:{uid}\r\nEND:{kind}\r\n"
    )
}

fn calendar(components: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\n{components}END:VCALENDAR\r\n")
}

fn event(uid: &str) -> String {
    calendar(&component("VEVENT", uid))
}

/// The exit code of `daybook check` and what it says.
fn check(data: &Path, more: &[&str], user: Option<u32>) -> (i32, String) {
    let config = data.join("check.toml");
    fs::write(&config, "").unwrap();
    let (config, data) = (config.to_str().unwrap(), data.to_str().unwrap());
    let mut command = daybook(&[&["check", "--config", config, "--data", data], more].concat());
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code().unwrap(), text)
}

/// Files that are no calendar objects, by name, with the line and part of the reason.
fn spoil(calendar_dir: &Path) -> Vec<(&'static str, u32, &'static str)> {
    let write = |name: &str, content: &[u8]| fs::write(calendar_dir.join(name), content).unwrap();
    let two = [component("VEVENT", "a"), component("VEVENT", "b")].concat();
    write("several.ics", calendar(&two).as_bytes());
    let mixed = [component("VEVENT", "c"), component("VTODO", "c")].concat();
    write("mixed.ics", calendar(&mixed).as_bytes());
    let latin: Vec<u8> = event("latin")
        .replace("SUMMARY:latin", "SUMMARY:caf\u{e9}")
        .chars()
        .map(|c| c as u8)
        .collect();
    write("latin.ics", &latin);
    write("cut.ics", event("cut").split_once("END:").unwrap().0.as_bytes());
    write("noise.ics", b"\x00\x00\x00\x00");
    write("notes.txt", b"milk\neggs\n");
    write("empty.ics", b"");
    write("without.ics", event("x").replace("UID:x\r\n", "").as_bytes());
    let _socket = UnixListener::bind(calendar_dir.join("socket.ics")).unwrap();
    std::os::unix::fs::symlink(calendar_dir, calendar_dir.join("loop.ics")).unwrap();
    fs::File::create(calendar_dir.join("huge.ics")).unwrap().set_len(65 << 20).unwrap();
    vec![
        ("several.ics", 0, "different UIDs"),
        ("mixed.ics", 0, "different kinds"),
        ("latin.ics", 8, "UTF-8"),
        ("cut.ics", 8, "never ended"),
        ("noise.ics", 1, ""),
        ("notes.txt", 1, ""),
        ("empty.ics", 1, "no VCALENDAR"),
        ("without.ics", 0, "UID"),
        ("socket.ics", 0, "no regular file"),
        ("loop.ics", 0, "no regular file"),
        ("huge.ics", 0, "too large"),
    ]
}

fn waits(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_rest_of_the_calendar_works() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut server = Server::start_with(&format!("[metrics]\nlisten = [\"{address}\"]\n"));
    let alice = server.client("alice");
    alice.put(&format!("{CALENDAR}good.ics"), &event("good")).expect(201);
    let home = fs::canonicalize(server.data().join("calendars/users/alice")).unwrap();
    let (dir, tasks) = (home.join("calendar"), home.join("tasks"));
    let damaged = spoil(&dir);
    fs::write(dir.join("twin.ics"), event("good")).unwrap();
    fs::write(tasks.join("event.ics"), event("wrong")).unwrap();
    fs::create_dir(dir.join("folder.ics")).unwrap();
    fs::write(dir.join("folder.ics/inner.ics"), event("inner")).unwrap();
    for name in ["CASE.ics", "case.ics", "caf\u{e9}.ics", "cafe\u{301}.ics"] {
        fs::write(dir.join(name), event(&format!("uid {name}"))).unwrap();
    }
    // A name without .ics is as good as any.
    fs::write(dir.join("nameless"), event("nameless")).unwrap();
    let query = "<C:calendar-query xmlns:C='urn:ietf:params:xml:ns:caldav' xmlns='DAV:'><prop>\
                 <C:calendar-data/></prop><C:filter><C:comp-filter name='VCALENDAR'>\
                 <C:comp-filter name='VEVENT'><C:time-range start='20260105T000000Z' \
                 end='20260106T000000Z'/></C:comp-filter></C:comp-filter></C:filter>\
                 </C:calendar-query>";
    let found = || alice.report(CALENDAR, "1", query).expect(207).text();
    waits("what is good is found", || {
        let text = found();
        [
            "UID:good",
            "UID:nameless",
            "UID:uid case.ics",
            "UID:uid CASE.ics",
            "UID:uid caf\u{e9}.ics",
        ]
        .iter()
        .all(|uid| text.contains(uid))
    });
    let text = found();
    for uid in ["UID:a\r", "UID:c\r", "UID:latin", "UID:cut", "UID:inner"] {
        assert!(!text.contains(uid), "{uid}: {text}");
    }
    let sync = "<sync-collection xmlns='DAV:'><sync-token/><sync-level>1</sync-level><prop>\
                <getetag/></prop></sync-collection>";
    let listed = alice.report(CALENDAR, "1", sync).expect(207).text();
    assert!(listed.contains("good.ics") && listed.contains("nameless"), "{listed}");
    alice.propfind(CALENDAR, "1", "").expect(207);
    alice.put(&format!("{CALENDAR}new.ics"), &event("new")).expect(201);
    alice.delete(&format!("{CALENDAR}new.ics")).expect(204);
    for (name, ..) in &damaged {
        let status = alice.get(&format!("{CALENDAR}{name}")).status;
        assert!(matches!(status, 200 | 404), "{name}: {status}");
    }
    // Eleven files, the twin, the event among tasks, the folder, two pairs of names.
    let counts = crate::harness::Client::new(address, None);
    let text = counts.get("/metrics").expect(200).text();
    assert!(text.contains("daybook_damaged_files 16\n"), "{text}");
    expect_told(&server, &dir, &tasks, &damaged);
    server.stop();
    server.start_again();
    server.client("alice").propfind(CALENDAR, "1", "").expect(207);
    let log = server.log();
    for (name, ..) in damaged.iter().chain([&("twin.ics", 0, "")]) {
        let told = |line: &&str| line.contains("damaged file") && line.contains(name);
        assert_eq!(log.lines().filter(told).count(), 1, "{name}\n{log}");
    }
    for name in ["/tasks/event.ics", "/folder.ics", "/case.ics", "/caf\u{e9}.ics"] {
        let told = |line: &&str| line.contains("misplaced file") && line.contains(name);
        assert_eq!(log.lines().filter(told).count(), 1, "{name}\n{log}");
    }
}

#[test]
fn what_lies_in_a_home_without_an_index_is_told() {
    let mut server = Server::start();
    let alice = server.client("alice");
    alice.put(&format!("{CALENDAR}good.ics"), &event("good")).expect(201);
    let home = fs::canonicalize(server.data().join("calendars/users/alice")).unwrap();
    server.stop();
    let damaged = spoil(&home.join("calendar"));
    fs::write(home.join("tasks/event.ics"), event("wrong")).unwrap();
    fs::remove_file(home.join(".index")).unwrap();
    server.start_again();
    server.client("alice").propfind(CALENDAR, "1", "").expect(207);
    let log = server.log();
    for (name, ..) in &damaged {
        let told = |line: &&str| line.contains("damaged file") && line.contains(name);
        assert_eq!(log.lines().filter(told).count(), 1, "{name}\n{log}");
    }
    assert!(log.contains("misplaced file"), "{log}");
}

/// `daybook check` beside the server names everything.
fn expect_told(server: &Server, dir: &Path, tasks: &Path, damaged: &[(&str, u32, &str)]) {
    let (code, text) = check(&server.data(), &[], None);
    assert_eq!(code, 1, "{text}");
    for (name, line, reason) in damaged {
        let begin = format!("{}:{line}: ", dir.join(name).display());
        let told = text.lines().find(|told| told.starts_with(&begin));
        assert!(told.is_some_and(|told| told.contains(reason)), "{begin}{reason}\n{text}");
    }
    for (path, reason) in [
        (dir.join("twin.ics"), "the UID good is that of calendar/good.ics too"),
        (tasks.join("event.ics"), "it is a VEVENT, and its calendar takes VTODO"),
        (dir.join("folder.ics"), "a calendar holds no directories"),
        (dir.join("case.ics"), "its name is that of CASE.ics but for capital letters"),
        (dir.join("caf\u{e9}.ics"), "how accents are written"),
    ] {
        let told = format!("{}:0: ", path.display());
        let found = text.lines().any(|line| line.starts_with(&told) && line.contains(reason));
        assert!(found, "{told}{reason}\n{text}");
    }
}

/// A user without rights; none of the tests' own, so that root can see what others may not.
const NOBODY: u32 = 65534;

#[test]
fn what_the_server_may_not_read_is_named_and_given_back() {
    if !is_root() {
        println!("this needs root: chown");
        return;
    }
    let mut server = Server::start();
    let alice = server.client("alice");
    for uid in ["one", "two"] {
        alice.put(&format!("{CALENDAR}{uid}.ics"), &event(uid)).expect(201);
    }
    let data = server.data();
    let home = fs::canonicalize(data.join("calendars/users/alice")).unwrap();
    server.stop();
    // Everything belongs to the user that the server runs as, but for what root left behind.
    fs::set_permissions(data.parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
    let owned = Command::new("chown").arg("-R").arg(NOBODY.to_string()).arg(&data).status();
    assert!(owned.unwrap().success());
    let closed = fs::Permissions::from_mode(0o600);
    let (file, folder) = (home.join("calendar/one.ics"), home.join("tasks"));
    chown(&file, Some(0), Some(0)).unwrap();
    fs::set_permissions(&file, closed.clone()).unwrap();
    chown(&folder, Some(0), Some(0)).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    let (code, text) = check(&data, &[], Some(NOBODY));
    assert_eq!(code, 1, "{text}");
    for path in [&file, &folder] {
        let told = format!("{}:0: it belongs to user 0", path.display());
        assert!(text.contains(&told), "{told}\n{text}");
    }
    assert!(text.contains(&format!("{}:0: it cannot be read", file.display())), "{text}");
    assert!(!text.contains("two.ics"), "{text}");
    let (_, text) = check(&data, &["--repair"], None);
    assert!(
        text.contains("one.ics:0: it belongs to user 0") && text.contains("(repaired)"),
        "{text}"
    );
    let (code, text) = check(&data, &[], Some(NOBODY));
    assert_eq!(code, 0, "{text}");
}

#[test]
fn a_data_directory_that_everybody_may_read_is_named_and_closed() {
    let mut server = Server::start();
    let data = fs::canonicalize(server.data()).unwrap();
    assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    let finding = format!("{}:0: every user of this host may look into it", data.display());
    let (code, text) = check(&data, &[], None);
    assert!(code == 1 && text.contains(&finding), "{text}");
    server.stop();
    let (code, text) = check(&data, &["--repair"], None);
    assert!(code == 0 && text.contains(&finding) && text.contains("(repaired)"), "{text}");
    assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o750);
    let (code, text) = check(&data, &[], None);
    assert_eq!(code, 0, "{text}");
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

#[test]
fn attributes_that_hold_no_property_are_named() {
    let server = Server::start();
    server.client("alice").put(&format!("{CALENDAR}one.ics"), &event("one")).expect(201);
    let home = fs::canonicalize(server.data().join("calendars/users/alice")).unwrap();
    xattr::set(home.join("calendar"), "user.{urn:x}odd", b"no element").unwrap();
    xattr::set(home.join("calendar/one.ics"), "user.{urn:x}other", b"<a xmlns='urn:x'/>").unwrap();
    xattr::set(home.join("calendar"), "user.mime_type", b"somebody else's").unwrap();
    let (code, text) = check(&server.data(), &[], None);
    assert_eq!(code, 1, "{text}");
    for (path, name) in [("calendar", "odd"), ("calendar/one.ics", "other")] {
        let told = format!(
            "{}:0: the attribute of the property {{urn:x}}{name} does not hold it",
            home.join(path).display()
        );
        assert!(text.contains(&told), "{told}\n{text}");
    }
    assert!(text.contains("findings: 2"), "{text}");
}

#[test]
#[ignore = "takes minutes: tests/slow files; one with DAYBOOK=target/release/daybook"]
fn a_hundred_thousand_files_are_served() {
    let mut server = Server::start();
    server.client("alice").propfind(CALENDAR, "0", "").expect(207);
    let home = fs::canonicalize(server.data().join("calendars/users/alice")).unwrap();
    server.stop();
    for n in 0..100_000 {
        fs::write(home.join(format!("calendar/{n}.ics")), event(&format!("u{n}"))).unwrap();
    }
    server.start_again();
    let alice = server.client("alice");
    let start = Instant::now();
    // A server that is not optimized reads longer than a client waits; who asks again is answered.
    let text = loop {
        match alice.try_send("PROPFIND", CALENDAR, &[("Depth", "0")], b"") {
            Some(reply) => break reply.expect(207).text(),
            None => assert!(start.elapsed() < Duration::from_secs(900), "{}", server.log()),
        }
    };
    println!("first PROPFIND: {:?}, {} bytes", start.elapsed(), text.len());
    alice.get(&format!("{CALENDAR}77777.ics")).expect(200);
    alice.put(&format!("{CALENDAR}new.ics"), &event("new")).expect(201);
    let start = Instant::now();
    alice.put(&format!("{CALENDAR}new2.ics"), &event("new2")).expect(201);
    println!("a PUT: {:?}", start.elapsed());
}
