//! Copies of the data directory of a running server, restored elsewhere, as docs/operations.md
//! says: what was answered before the copy is there, and no sync token lies.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::harness::mirror::Mirror;
use crate::harness::{Server, daybook, event};

const CALENDAR: &str = "/calendars/users/alice/calendar/";

/// Copies while a client writes, and serves the copy.
fn copied(copy: impl Fn(&Path, &Path)) -> (Server, Mirror, Mirror) {
    let server = Server::start();
    let alice = server.client("alice");
    for n in 0..20 {
        alice.put(&format!("{CALENDAR}{n}.ics"), &event(&n.to_string(), "before")).expect(201);
    }
    let colour = "<propertyupdate xmlns='DAV:'><set><prop><displayname>Alice &amp; all\
                  </displayname></prop></set></propertyupdate>";
    alice.send("PROPPATCH", CALENDAR, &[], colour.as_bytes()).expect(207);
    let mut before = Mirror::default();
    assert!(before.sync(&alice, CALENDAR));
    let mut other = Server::start();
    other.stop();
    fs::remove_dir_all(other.data()).unwrap();
    let (stop, written) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let path = format!("{CALENDAR}{}.ics", n % 30);
                match n % 7 {
                    6 => drop(alice.delete(&path)),
                    _ => drop(alice.put(&path, &event(&(n % 30).to_string(), &n.to_string()))),
                }
                written.fetch_add(1, Ordering::Relaxed);
            }
        });
        while written.load(Ordering::Relaxed) < 10 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        copy(&server.data(), &other.data());
        stop.store(true, Ordering::Relaxed);
    });
    // The original goes on after the copy: such a token is from a future that never was.
    for n in 0..50 {
        alice.put(&format!("{CALENDAR}later-{n}.ics"), &event(&format!("l{n}"), "x")).expect(201);
    }
    let mut after = Mirror::default();
    assert!(after.sync(&alice, CALENDAR));
    other.start_again();
    (other, before, after)
}

/// No token that a client may have makes it believe something that is not so: it gives the changes,
/// or is refused.
fn is_honest(server: &Server, mirrors: [Mirror; 2]) {
    let alice = server.client("alice");
    alice.put(&format!("{CALENDAR}fresh.ics"), &event("fresh", "here")).expect(201);
    let mut truth = Mirror::default();
    assert!(truth.sync(&alice, CALENDAR));
    for mut mirror in mirrors {
        assert!(mirror.sync(&alice, CALENDAR));
        assert_eq!(mirror.seen, truth.seen);
    }
    let names = truth.names(CALENDAR);
    let home = fs::canonicalize(server.data().join("calendars/users/alice")).unwrap();
    let files = fs::read_dir(home.join("calendar")).unwrap();
    let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<_> = files.filter(|name| !name.starts_with('.')).collect();
    files.sort_unstable();
    assert_eq!(names, files);
}

/// The exit code of `daybook check` and what it says.
fn check(server: &Server, more: &[&str]) -> (i32, String) {
    let data = server.data();
    let config = data.join("check.toml");
    fs::write(&config, "").unwrap();
    let (config, data) = (config.to_str().unwrap(), data.to_str().unwrap());
    let arguments = [&["check", "--config", config, "--data", data], more].concat();
    let output = daybook(&arguments).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code().unwrap(), text)
}

fn displayname(server: &Server) -> String {
    let body = "<propfind xmlns='DAV:'><prop><displayname/></prop></propfind>";
    server.client("alice").propfind(CALENDAR, "0", body).expect(207).text()
}

#[test]
fn a_copy_with_attributes_is_served() {
    let (server, before, after) = copied(|from, to| {
        // Files that vanish meanwhile are complained about; nothing of them is wanted.
        let _ = Command::new("cp").arg("-a").args([from, to]).output().unwrap();
    });
    assert!(displayname(&server).contains("Alice &amp; all"));
    is_honest(&server, [before, after]);
    let (code, text) = check(&server, &[]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn a_copy_without_attributes_is_served_and_says_what_is_lost() {
    let (mut server, before, after) = copied(|from, to| {
        let plain = "--preserve=mode,ownership,timestamps,links";
        let _ = Command::new("cp").args(["-r", plain]).args([from, to]).output().unwrap();
    });
    is_honest(&server, [before, after]);
    let (code, text) = check(&server, &[]);
    assert_eq!(code, 1, "{text}");
    for name in ["inbox", "outbox"] {
        let told = format!("/{name}:0: it has no attributes");
        assert!(text.contains(&told) && text.contains("rsync without -X"), "{told}\n{text}");
    }
    server.stop();
    let (code, text) = check(&server, &["--repair"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("(repaired)"), "{text}");
    let (code, text) = check(&server, &[]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn an_archive_without_what_is_derived_is_served() {
    let (server, before, after) = copied(|from, to| {
        // What changes or vanishes while it is read makes the exit code 1.
        let pack = "tar --xattrs --exclude=.index --exclude=.control -C \"$0\" -cf - . | \
                    { mkdir -m 700 \"$1\"; tar --xattrs --xattrs-include='*' -C \"$1\" -xf -; }";
        let status = Command::new("sh").args(["-c", pack]).args([from, to]).status().unwrap();
        assert!(status.success());
    });
    assert!(displayname(&server).contains("Alice &amp; all"));
    is_honest(&server, [before, after]);
    let (code, text) = check(&server, &[]);
    assert_eq!(code, 0, "{text}");
}

#[test]
#[ignore = "needs rsync: .ci/run installs it and runs this"]
fn rsync_of_a_running_server_is_a_backup() {
    let (server, before, after) = copied(|from, to| {
        let mut from = from.as_os_str().to_owned();
        from.push("/");
        for _ in 0..2 {
            let rsync = Command::new("rsync").args(["-aX", "--delete"]).arg(&from).arg(to).output();
            let output = rsync.expect("rsync is missing: apt-get install rsync");
            let error = String::from_utf8_lossy(&output.stderr);
            // 24: files vanished, as temporary ones do.
            assert!(matches!(output.status.code(), Some(0 | 24)), "{error}");
        }
    });
    assert!(displayname(&server).contains("Alice &amp; all"));
    is_honest(&server, [before, after]);
    let (code, text) = check(&server, &[]);
    assert_eq!(code, 0, "{text}");
}
