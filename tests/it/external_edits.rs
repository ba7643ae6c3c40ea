//! Others change the files while clients synchronise: everything done to the files is seen in the
//! ctag, in sync-collection and in queries soon afterwards, and `check` agrees.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::harness::mirror::between;
use crate::harness::{Client, Mirror, Server, daybook, event};

/// What a change may take on a machine that does other things too; a quiet one needs 0.2 s. Where
/// notifications work nothing else finds it within this time: open homes are looked at every
/// fifteen minutes then. That they work is what `Desk::noticed_otherwise` says.
const PATIENCE: Duration = Duration::from_secs(30);
const CALENDAR: &str = "/calendars/users/alice/calendar/";

/// A client that only ever asks what changed, and somebody at the files.
struct Desk {
    server: Server,
    client: Client,
    calendar: PathBuf,
    mirror: Mirror,
    latencies: Vec<(String, Duration)>,
    /// Length of the log when the first change had been seen.
    logged: usize,
    /// Whether changes may be found by looking at everything.
    looks: bool,
}

impl Desk {
    fn open() -> Self {
        Self::at(Server::start())
    }

    fn at(server: Server) -> Self {
        let client = server.client("alice");
        client.propfind(CALENDAR, "0", "").expect(207);
        let home = fs::canonicalize(server.data().join("calendars/users/alice")).unwrap();
        let calendar = home.join("calendar");
        let (mirror, latencies) = Default::default();
        let mut desk =
            Self { server, client, calendar, mirror, latencies, logged: 0, looks: false };
        // The first file that is seen says that notifications are set up.
        let start = Instant::now();
        for n in 0.. {
            fs::write(desk.calendar.join("first.ics"), event("first", &n.to_string())).unwrap();
            std::thread::sleep(Duration::from_millis(300));
            if desk.names(CALENDAR) == ["first.ics"] {
                break;
            }
            assert!(start.elapsed() < PATIENCE, "nothing is seen");
        }
        desk.logged = desk.server.log().len();
        desk
    }

    /// Whether a change was noticed by other means than a notification: the server could not be
    /// told of all, or looked at everything and found something.
    fn noticed_otherwise(&self) -> bool {
        let log = self.server.log();
        log.contains("polling") || log[self.logged..].contains("looked for")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.calendar.join(name)
    }

    fn write(&self, name: &str, uid: &str, summary: &str) {
        fs::write(self.file(name), event(uid, summary)).unwrap();
    }

    /// Asks for changes and follows them.
    fn sync(&mut self, calendar: &str) {
        self.mirror.sync(&self.client, calendar);
    }

    fn names(&mut self, calendar: &str) -> Vec<String> {
        self.sync(calendar);
        self.mirror.names(calendar)
    }

    fn ctag(&self) -> String {
        let body = "<propfind xmlns=\"DAV:\"><prop><getctag \
                    xmlns=\"http://calendarserver.org/ns/\"/></prop></propfind>";
        let text = self.client.propfind(CALENDAR, "0", body).expect(207).text();
        between(&text, "<CS:getctag>", "</CS:getctag>").unwrap().to_owned()
    }

    /// Waits until the calendars have exactly these members.
    #[track_caller]
    fn expect_in(&mut self, what: &str, calendars: &[(&str, &[&str])]) {
        let start = Instant::now();
        for (calendar, names) in calendars {
            loop {
                let found = self.names(calendar);
                if found == *names {
                    break;
                }
                assert!(start.elapsed() < PATIENCE, "{what}: {found:?} instead of {names:?}");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        self.latencies.push((what.to_owned(), start.elapsed()));
    }

    #[track_caller]
    fn expect(&mut self, what: &str, names: &[&str]) {
        let mut all = vec!["first.ics"];
        all.extend(names);
        all.sort_unstable();
        self.expect_in(what, &[(CALENDAR, &all)]);
    }

    /// Waits until a query by text finds exactly these files.
    #[track_caller]
    fn expect_found(&mut self, what: &str, text: &str, names: &[&str]) {
        let body = format!(
            "<C:calendar-query xmlns:C=\"urn:ietf:params:xml:ns:caldav\" xmlns=\"DAV:\"><prop>\
             <getetag/></prop><C:filter><C:comp-filter name=\"VCALENDAR\"><C:comp-filter \
             name=\"VEVENT\"><C:time-range start=\"20260101T000000Z\" end=\"20260201T000000Z\"/>\
             <C:prop-filter name=\"SUMMARY\"><C:text-match>{text}</C:text-match></C:prop-filter>\
             </C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"
        );
        let start = Instant::now();
        loop {
            let reply = self.client.report(CALENDAR, "1", &body).expect(207).text();
            let mut found: Vec<&str> = reply
                .split("<D:response>")
                .skip(1)
                .filter_map(|response| between(response, "<D:href>", "</D:href>"))
                .filter_map(|href| href.rsplit('/').next())
                .collect();
            found.sort_unstable();
            if found == names {
                break;
            }
            assert!(start.elapsed() < PATIENCE, "{what}: {found:?} instead of {names:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
        self.latencies.push((what.to_owned(), start.elapsed()));
    }

    /// `daybook check` beside the server: its exit code and what it says.
    fn check(&self) -> (i32, String) {
        let data = self.server.data();
        // The demo's accounts lie in the data directory.
        let config = data.join("check.toml");
        fs::write(&config, "").unwrap();
        let (config, data) = (config.to_str().unwrap(), data.to_str().unwrap());
        let output = daybook(&["check", "--config", config, "--data", data]).output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code().unwrap(), text)
    }

    /// Server, index and disk agree, before and after a restart; the client's token stays good.
    #[track_caller]
    fn close(mut self, findings: &[&str]) {
        let otherwise = self.noticed_otherwise();
        assert_eq!(otherwise, self.looks, "{}", self.server.log());
        let (code, text) = self.check();
        assert_eq!(code, i32::from(!findings.is_empty()), "{text}");
        for finding in findings {
            assert!(text.contains(finding), "{finding:?} is not in:\n{text}");
        }
        assert!(!text.contains("index differs"), "{text}");
        assert!(text.contains("beside a running server"), "{text}");
        let names = self.names(CALENDAR);
        let mut on_disk: Vec<String> = fs::read_dir(&self.calendar)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned())
            .filter(|name| !name.starts_with(['.', '#']) && !name.ends_with('~'))
            .collect();
        on_disk.sort();
        assert_eq!(names, on_disk);
        self.server.stop();
        self.server.start_again();
        self.client = self.server.client("alice");
        assert_eq!(self.names(CALENDAR), on_disk);
        for (what, latency) in &self.latencies {
            println!("{:>5} ms  {what}", latency.as_millis());
        }
    }
}

#[test]
fn single_files_change() {
    let mut desk = Desk::open();
    let before = desk.ctag();
    desk.write("a.ics", "a", "one");
    desk.expect("a new file", &["a.ics"]);
    assert_ne!(desk.ctag(), before);
    desk.expect_found("a new file in a query", "one", &["a.ics"]);
    desk.write("a.ics", "a", "two");
    desk.expect_found("an edit in place", "two", &["a.ics"]);
    let etag = desk.client.get(&format!("{CALENDAR}a.ics")).expect(200);
    desk.sync(CALENDAR);
    assert_eq!(Some(&*desk.mirror.seen[CALENDAR]["a.ics"]), etag.header("etag"));
    fs::write(desk.file(".a.ics.new"), event("a", "three")).unwrap();
    fs::rename(desk.file(".a.ics.new"), desk.file("a.ics")).unwrap();
    desk.expect_found("a save by renaming", "three", &["a.ics"]);
    fs::rename(desk.file("a.ics"), desk.file("b.ics")).unwrap();
    desk.expect("a rename", &["b.ics"]);
    let text = fs::read_to_string(desk.file("b.ics")).unwrap().replace("UID:a", "UID:other");
    fs::write(desk.file("b.ics"), text).unwrap();
    desk.expect_found("another UID", "three", &["b.ics"]);
    fs::remove_file(desk.file("b.ics")).unwrap();
    desk.expect("a removal", &[]);
    desk.close(&[]);
}

#[test]
fn properties_outlive_an_editor() {
    let mut desk = Desk::open();
    desk.client.put(&format!("{CALENDAR}a.ics"), &event("a", "one")).expect(201);
    let update = "<propertyupdate xmlns=\"DAV:\"><set><prop><note xmlns=\"urn:x\">kept</note>\
                  </prop></set></propertyupdate>";
    let path = format!("{CALENDAR}a.ics");
    desk.client.send("PROPPATCH", &path, &[], update.as_bytes()).expect(207);
    fs::write(desk.file("a.ics~"), event("a", "two")).unwrap();
    fs::rename(desk.file("a.ics~"), desk.file("a.ics")).unwrap();
    desk.expect_found("a save by renaming", "two", &["a.ics"]);
    let body = "<propfind xmlns=\"DAV:\"><prop><note xmlns=\"urn:x\"/></prop></propfind>";
    let text = desk.client.propfind(&path, "0", body).expect(207).text();
    assert!(text.contains("kept"), "{text}");
    desk.close(&[]);
}

#[test]
fn directories_come_and_go() {
    let mut desk = Desk::open();
    let home = desk.calendar.parent().unwrap().to_owned();
    let url = |name: &str| format!("/calendars/users/alice/{name}/");
    for n in 0..5 {
        let name = format!("new{n}");
        fs::create_dir(home.join(&name)).unwrap();
        fs::write(home.join(&name).join("x.ics"), event("x", "x")).unwrap();
        desk.expect_in("a new directory with a file", &[(&url(&name), &["x.ics"])]);
        fs::write(home.join(&name).join("y.ics"), event("y", "y")).unwrap();
        desk.expect_in("a further file in it", &[(&url(&name), &["x.ics", "y.ics"])]);
    }
    fs::rename(home.join("new0/x.ics"), desk.file("moved.ics")).unwrap();
    desk.expect("a move between calendars", &["moved.ics"]);
    desk.expect_in("the calendar it left", &[(&url("new0"), &["y.ics"])]);
    fs::rename(home.join("new1"), home.join("renamed")).unwrap();
    desk.expect_in("a renamed directory", &[(&url("renamed"), &["x.ics", "y.ics"])]);
    desk.expect_in("its old name", &[(&url("new1"), &[])]);
    fs::remove_dir_all(home.join("new2")).unwrap();
    desk.expect_in("a removed directory", &[(&url("new2"), &[])]);
    fs::create_dir(home.join("deep")).unwrap();
    fs::create_dir(home.join("deep/er")).unwrap();
    fs::write(home.join("deep/er/z.ics"), event("z", "z")).unwrap();
    desk.expect_in("a directory in a directory", &[(&url("deep/er"), &["z.ics"])]);
    desk.close(&[]);
}

#[test]
fn many_files_change_at_once() {
    let mut desk = Desk::open();
    // As git does: many files, some replaced, some removed, in one go.
    let write = |desk: &Desk, numbers: std::ops::Range<usize>, text: &str| {
        for n in numbers {
            desk.write(&format!("{n:03}.ics"), &n.to_string(), text);
        }
    };
    let names = |numbers: std::ops::Range<usize>| -> Vec<String> {
        numbers.map(|n| format!("{n:03}.ics")).collect()
    };
    write(&desk, 0..300, "one");
    let all = names(0..300);
    desk.expect("300 files", &all.iter().map(String::as_str).collect::<Vec<_>>());
    for name in names(0..100) {
        fs::remove_file(desk.file(&name)).unwrap();
    }
    for name in names(100..200) {
        fs::remove_file(desk.file(&name)).unwrap();
        let number = name.trim_end_matches(".ics").to_owned();
        desk.write(&name, &number, "checkedout");
    }
    let rest = names(100..300);
    desk.expect("100 removed", &rest.iter().map(String::as_str).collect::<Vec<_>>());
    let changed = names(100..200);
    let changed: Vec<&str> = changed.iter().map(String::as_str).collect();
    desk.expect_found("100 replaced", "checkedout", &changed);
    // As rsync does: a hidden temporary name, times set, then the real name.
    for n in 300..310 {
        let temporary = desk.file(&format!(".{n}.ics.Xy12Ab"));
        fs::write(&temporary, event(&n.to_string(), "rsync")).unwrap();
        let old = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        fs::File::options().write(true).open(&temporary).unwrap().set_modified(old).unwrap();
        fs::rename(&temporary, desk.file(&format!("{n}.ics"))).unwrap();
    }
    let all = names(100..310);
    desk.expect("rsync", &all.iter().map(String::as_str).collect::<Vec<_>>());
    desk.close(&[]);
}

#[test]
fn leftovers_of_editors_are_no_resources() {
    let mut desk = Desk::open();
    for name in [".a.ics.swp", "a.ics~", "#a.ics#", ".#a.ics", "4913~", ".git"] {
        fs::write(desk.file(name), "anything").unwrap();
    }
    desk.write("a.ics", "a", "one");
    desk.expect("an editor at work", &["a.ics"]);
    let before = desk.ctag();
    fs::write(desk.file(".a.ics.swp"), "changed").unwrap();
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(desk.ctag(), before, "a swap file changed the calendar");
    desk.close(&[]);
}

#[test]
fn damage_costs_one_entry() {
    let mut desk = Desk::open();
    desk.write("good.ics", "good", "good");
    fs::write(desk.file("broken.ics"), "BEGIN:VCALENDAR\r\nno colon\r\n").unwrap();
    fs::write(desk.file("empty.ics"), "").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", desk.file("link.ics")).unwrap();
    assert!(
        std::process::Command::new("mkfifo").arg(desk.file("pipe.ics")).status().unwrap().success()
    );
    fs::File::create(desk.file("huge.ics")).unwrap().set_len(70 << 20).unwrap();
    desk.write("two.ics", "good", "the same uid");
    let bad = ["broken.ics", "empty.ics", "huge.ics", "link.ics", "pipe.ics"];
    let mut names = bad.to_vec();
    names.extend(["good.ics", "two.ics"]);
    names.sort_unstable();
    desk.expect("damaged files", &names);
    desk.expect_found("the others in a query", "good", &["good.ics"]);
    for name in bad {
        let reply = desk.client.get(&format!("{CALENDAR}{name}"));
        let text = reply.text();
        assert!(!text.contains("root:"), "{name}: a link was followed: {text}");
        desk.client.propfind(&format!("{CALENDAR}{name}"), "0", "").expect(207);
    }
    desk.client.propfind(CALENDAR, "1", "").expect(207);
    let log = desk.server.log();
    let told = |line: &&str| line.contains("damaged file") && line.contains("broken.ics");
    assert_eq!(log.lines().filter(told).count(), 1, "{log}");
    desk.write("broken.ics", "mended", "mended");
    desk.expect_found("a mended file", "mended", &["broken.ics"]);
    desk.close(&["link.ics:0:", "pipe.ics:0:", "huge.ics:0:", "empty.ics:", "two.ics:0:"]);
}

#[test]
fn the_index_may_go_under_the_server() {
    let mut desk = Desk::open();
    let index = desk.calendar.parent().unwrap().join(".index");
    desk.write("a.ics", "a", "one");
    desk.expect("before", &["a.ics"]);
    fs::remove_file(&index).unwrap();
    desk.write("b.ics", "b", "two");
    desk.expect("after", &["a.ics", "b.ics"]);
    wait_for(&index);
    fs::remove_file(&index).unwrap();
    wait_for(&index);
    desk.client.put(&format!("{CALENDAR}c.ics"), &event("c", "three")).expect(201);
    desk.expect("a PUT", &["a.ics", "b.ics", "c.ics"]);
    desk.close(&[]);
}

fn wait_for(path: &Path) {
    let start = Instant::now();
    while !path.exists() {
        assert!(start.elapsed() < PATIENCE, "{} does not come back", path.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn changes_while_the_server_is_down_are_changes_since_the_old_token() {
    let mut desk = Desk::open();
    desk.write("a.ics", "a", "one");
    desk.write("b.ics", "b", "one");
    desk.expect("before", &["a.ics", "b.ics"]);
    desk.server.stop();
    let times = fs::metadata(desk.file("a.ics")).unwrap().modified().unwrap();
    // Same size, same time: only the content and the time of the inode tell.
    desk.write("a.ics", "a", "two");
    let file = fs::File::options().write(true).open(desk.file("a.ics")).unwrap();
    file.set_modified(times).unwrap();
    fs::remove_file(desk.file("b.ics")).unwrap();
    desk.write("c.ics", "c", "new");
    desk.server.start_again();
    desk.client = desk.server.client("alice");
    let token = desk.mirror.tokens[CALENDAR].clone();
    desk.expect("after", &["a.ics", "c.ics"]);
    assert_ne!(token, desk.mirror.tokens[CALENDAR]);
    desk.expect_found("the same size and time", "two", &["a.ics"]);
    desk.close(&[]);
}

#[test]
fn more_changes_than_the_system_remembers_are_found() {
    let mut desk = Desk::open();
    let home = desk.calendar.parent().unwrap().to_owned();
    desk.write("a.ics", "a", "one");
    desk.expect("before", &["a.ics"]);
    // The queue of notifications holds 16,384 unless somebody chose another number.
    let most = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap_or_default();
    let most = most.trim().parse().unwrap_or(16_384).min(200_000);
    desk.looks = true;
    desk.server.signal("STOP");
    for _ in 0..most / 4 + 1 {
        fs::rename(desk.file("a.ics"), desk.file("b.ics")).unwrap();
        fs::rename(desk.file("b.ics"), desk.file("a.ics")).unwrap();
    }
    desk.write("late.ics", "late", "late");
    desk.write("a.ics", "a", "two");
    fs::create_dir(home.join("new")).unwrap();
    fs::write(home.join("new/x.ics"), event("x", "x")).unwrap();
    desk.server.signal("CONT");
    desk.expect("changes that nobody was told of", &["a.ics", "late.ics"]);
    desk.expect_found("a change that nobody was told of", "two", &["a.ics"]);
    let new = "/calendars/users/alice/new/";
    desk.expect_in("a directory that nobody was told of", &[(new, &["x.ics"])]);
    fs::write(home.join("new/y.ics"), event("y", "y")).unwrap();
    desk.expect_in("a file in it afterwards", &[(new, &["x.ics", "y.ics"])]);
    desk.close(&[]);
}

#[test]
fn more_directories_than_may_be_watched_are_looked_at() {
    let limit = "echo 4 > /proc/sys/user/max_inotify_watches";
    let Some(server) = Server::start_within(limit) else { return };
    let mut desk = Desk::at(server);
    let home = desk.calendar.parent().unwrap().to_owned();
    for n in 0..6 {
        fs::create_dir(home.join(format!("c{n}"))).unwrap();
        fs::write(home.join(format!("c{n}/x.ics")), event("x", "x")).unwrap();
    }
    for n in 0..6 {
        let url = format!("/calendars/users/alice/c{n}/");
        desk.expect_in("a directory too many", &[(&url, &["x.ics"])]);
        fs::write(home.join(format!("c{n}/y.ics")), event("y", "y")).unwrap();
        desk.expect_in("a file in it", &[(&url, &["x.ics", "y.ics"])]);
    }
    assert!(desk.server.log().contains("too many directories"), "{}", desk.server.log());
    desk.server.kill();
}

#[test]
fn files_are_looked_at_where_the_system_tells_nothing() {
    let mut desk = Desk::at(Server::start_with("[data]\npoll_seconds = 1\n"));
    desk.looks = true;
    desk.write("a.ics", "a", "one");
    desk.expect("a new file", &["a.ics"]);
    desk.write("a.ics", "a", "two");
    desk.expect_found("an edit in place", "two", &["a.ics"]);
    fs::remove_file(desk.file("a.ics")).unwrap();
    desk.expect("a removal", &[]);
    desk.close(&[]);
}

/// The tests above would notice a system that tells nothing.
#[test]
fn without_notifications_files_are_looked_at() {
    let limit = "echo 0 > /proc/sys/user/max_inotify_instances";
    let Some(server) = Server::start_within(limit) else { return };
    let mut desk = Desk::at(server);
    desk.write("a.ics", "a", "one");
    desk.expect("a new file", &["a.ics"]);
    assert!(desk.noticed_otherwise(), "{}", desk.server.log());
    assert!(desk.server.log().contains("no notifications of changed files"));
    desk.server.kill();
}

/// A server on an overlay: what is done to the directory behind it is told to nobody who watches
/// the overlay, as with a network file system that another machine writes to.
fn on_an_overlay(poll_seconds: u64) -> Option<(Server, PathBuf)> {
    let setup = format!(
        "behind=\"$DATA/../behind\"; \
         mkdir -p \"$behind/lower\" \"$behind/upper\" \"$behind/work\"; \
         mount -t overlay overlay -o \
         lowerdir=\"$behind/lower\",upperdir=\"$behind/upper\",workdir=\"$behind/work\",userxattr \
         \"$DATA\"; printf '[data]\\npoll_seconds = {poll_seconds}\\n' > \"$DATA/../daybook.toml\""
    );
    let probe = tempfile::tempdir().unwrap();
    fs::create_dir(probe.path().join("data")).unwrap();
    let mut possible = std::process::Command::new("unshare");
    possible.args(["-rm", "sh", "-ec", &setup]).env("DATA", probe.path().join("data"));
    if !possible.output().is_ok_and(|output| output.status.success()) {
        println!("left out: no overlays in name spaces");
        return None;
    }
    let server = Server::start_within(&setup)?;
    server.client("alice").put(&format!("{CALENDAR}a.ics"), &event("a", "one")).expect(201);
    let users = server.data().with_file_name("behind").join("upper/calendars/users");
    let calendar = fs::canonicalize(users.join("alice")).unwrap().join("calendar");
    Some((server, calendar))
}

#[test]
fn what_a_mount_does_not_tell_is_found_by_polling() {
    let Some((mut server, calendar)) = on_an_overlay(0) else { return };
    let get = |server: &Server, name: &str| {
        let body = "<propfind xmlns='DAV:'><prop><getetag/></prop></propfind>";
        server.client("alice").propfind(&format!("{CALENDAR}{name}"), "0", body).text()
    };
    // The notifications do not see it, or the rest would show nothing.
    let before = get(&server, "a.ics");
    std::thread::sleep(Duration::from_secs(1));
    fs::write(calendar.join("a.ics"), event("a", "unseen")).unwrap();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(get(&server, "a.ics"), before, "seen without polling");
    server.kill();
    let Some((mut server, calendar)) = on_an_overlay(1) else { return };
    let expect = |what: &str, done: &dyn Fn() -> bool| {
        let start = Instant::now();
        while !done() {
            // Without the setting it would be twenty seconds.
            assert!(start.elapsed() < Duration::from_secs(10), "{what}\n{}", server.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        println!("{:>5} ms  {what}", start.elapsed().as_millis());
    };
    let before = get(&server, "a.ics");
    fs::write(calendar.join("a.ics"), event("a", "edited")).unwrap();
    expect("an edit in place", &|| get(&server, "a.ics") != before);
    fs::write(calendar.join("b.ics"), event("b", "new")).unwrap();
    expect("a new file", &|| get(&server, "b.ics").contains("200 OK"));
    fs::remove_file(calendar.join("b.ics")).unwrap();
    expect("a removal", &|| !get(&server, "b.ics").contains("200 OK"));
    server.kill();
}

#[test]
fn a_whole_home_is_replaced() {
    let mut desk = Desk::open();
    let home = desk.calendar.parent().unwrap().to_owned();
    let away = home.with_file_name("elsewhere");
    desk.write("a.ics", "a", "one");
    desk.expect("before", &["a.ics"]);
    for round in 0..3 {
        // Restored from a copy: the index that comes with it is an old one.
        let copied = std::process::Command::new("cp").arg("-a").args([&home, &away]).status();
        assert!(copied.unwrap().success());
        let name = format!("r{round}.ics");
        desk.write(&name, "r", "made since");
        desk.expect("a file made since the copy", &["a.ics", &name]);
        fs::remove_dir_all(&home).unwrap();
        fs::rename(&away, &home).unwrap();
        desk.expect("the copy", &["a.ics"]);
        desk.write("a.ics", "a", &format!("after{round}"));
        desk.expect_found("an edit afterwards", &format!("after{round}"), &["a.ics"]);
    }
    desk.close(&[]);
}
