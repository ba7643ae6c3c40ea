//! Kills the server again and again under every kind of write: what was acknowledged is there,
//! what was not is there wholly or not at all, and every invitation arrives once.
//!
//! `tests/slow restarts --restarts N --seed S` asks for a night's worth.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::harness::{Client, Mirror, Server};
use crate::harness::{Dice, asked, dice_of};

/// Every writer has two calendars and one that comes and goes.
const WRITERS: [&str; 3] = ["alice", "bob", "carol"];
/// After so many deaths everything begins anew, so that all stays small.
const LIFE: u64 = 25;

/// File → version, below the writer's home.
type Files = BTreeMap<String, u64>;

struct Writer {
    user: &'static str,
    dice: Dice,
    version: u64,
    files: Files,
    /// What there will be if the write that got no answer happened.
    pending: Option<Files>,
    acknowledged: u64,
    mirror: Mirror,
}

fn event(uid: &str, version: u64, guest: Option<&str>) -> String {
    let people = guest.map_or(String::new(), |guest| {
        format!(
            "ORGANIZER:mailto:alice@example.com\r\n\
             ATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@example.com\r\n\
             ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:{guest}@example.com\r\n"
        )
    });
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
         DTSTAMP:20260101T000000Z\r\nDTSTART:20260601T100000Z\r\nDURATION:PT1H\r\n\
         SUMMARY:{version}\r\n{people}END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

/// The version in a file's text.
fn version_of(text: &str) -> Option<u64> {
    assert!(text.ends_with("END:VCALENDAR\r\n"), "half a file: {text:?}");
    text.lines().find_map(|line| line.strip_prefix("SUMMARY:")?.parse().ok())
}

impl Writer {
    fn new(user: &'static str, seed: u64, actor: u64) -> Self {
        let dice = dice_of(seed, actor);
        let (files, pending, mirror) = Default::default();
        Self { user, dice, version: 0, files, pending, acknowledged: 0, mirror }
    }

    fn url(&self, file: &str) -> String {
        format!("/calendars/users/{}/{file}", self.user)
    }

    /// One write of some kind; false when the server is gone.
    fn step(&mut self, client: &Client) -> bool {
        self.version += 1;
        let version = self.version;
        let present: Vec<String> = self.files.keys().cloned().collect();
        let plain: Vec<&String> =
            present.iter().filter(|file| file.starts_with(['a', 'b'])).collect();
        let mut after = self.files.clone();
        let type_header = ("Content-Type", "text/calendar");
        let reply = match self.dice.below(12) {
            0..4 => {
                let file = format!("{}/{version}.ics", self.dice.pick(&["a", "b"]));
                after.insert(file.clone(), version);
                let text = event(&format!("{}-{version}", self.user), version, None);
                client.try_send("PUT", &self.url(&file), &[type_header], text.as_bytes())
            }
            4..6 if self.user == "alice" => {
                let file = format!("calendar/i{version}.ics");
                after.insert(file.clone(), version);
                let text = event(&format!("invitation-{version}"), version, Some("bob"));
                client.try_send("PUT", &self.url(&file), &[type_header], text.as_bytes())
            }
            6 | 7 if !plain.is_empty() => {
                let file = (*self.dice.pick(&plain)).clone();
                let uid = uid_of(self.user, &file);
                after.insert(file.clone(), version);
                let text = event(&uid, version, None);
                client.try_send("PUT", &self.url(&file), &[type_header], text.as_bytes())
            }
            8 if !plain.is_empty() => {
                let file = (*self.dice.pick(&plain)).clone();
                after.remove(&file);
                client.try_send("DELETE", &self.url(&file), &[], b"")
            }
            9 | 10 if !plain.is_empty() => {
                let file = (*self.dice.pick(&plain)).clone();
                let (folder, name) = file.split_once('/').unwrap();
                let to = format!("{}/{name}", if folder == "a" { "b" } else { "a" });
                let moved = after.remove(&file).unwrap();
                after.insert(to.clone(), moved);
                let to = self.url(&to);
                client.try_send("MOVE", &self.url(&file), &[("Destination", &to)], b"")
            }
            _ => self.calendar(client, &mut after),
        };
        self.settle(reply.map(|reply| (reply.status, reply.text())), after)
    }

    /// Makes or removes the calendar that comes and goes, which holds one event.
    fn calendar(&mut self, client: &Client, after: &mut Files) -> Option<crate::harness::Reply> {
        let version = self.version;
        if !self.files.contains_key("x/") {
            after.insert("x/".to_owned(), 0);
            return client.try_send("MKCALENDAR", &self.url("x/"), &[], b"");
        }
        if !self.files.contains_key("x/x.ics") {
            after.insert("x/x.ics".to_owned(), version);
            let text = event(&format!("{}-x-{version}", self.user), version, None);
            let headers = [("Content-Type", "text/calendar")];
            return client.try_send("PUT", &self.url("x/x.ics"), &headers, text.as_bytes());
        }
        after.retain(|file, _| !file.starts_with("x/"));
        client.try_send("DELETE", &self.url("x/"), &[], b"")
    }

    fn settle(&mut self, reply: Option<(u16, String)>, after: Files) -> bool {
        match reply {
            Some((200..=299, _)) => {
                self.files = after;
                self.acknowledged += 1;
                true
            }
            Some((status, text)) => panic!("{}: {status} {text}", self.user),
            None => {
                self.pending = Some(after);
                false
            }
        }
    }

    /// Compares the disk with what was acknowledged, and learns what became of the last write.
    fn compare(&mut self, home: &Path, context: &str) {
        let found = files_in(home, self.user);
        let pending = self.pending.take();
        assert!(
            found == self.files || pending.as_ref() == Some(&found),
            "{context}, {}: found {found:#?}, acknowledged {:#?}, unanswered {pending:#?}",
            self.user,
            self.files,
        );
        self.files = found;
    }

    /// A client that only asks what changed holds what there is.
    fn synchronise(&mut self, client: &Client, context: &str) {
        for folder in ["a", "b", "calendar", "x"] {
            let there = self.mirror.sync(client, &self.url(&format!("{folder}/")));
            assert!(there || folder == "x", "{context}: {folder} is gone");
            let mut expected: Vec<String> =
                self.files.keys().filter_map(|file| in_folder(file, folder)).collect();
            let mut held = self.mirror.names(&self.url(&format!("{folder}/")));
            // Copies of invitations have names of the server's choice.
            held.retain(|name| self.user == "alice" || folder != "calendar" || name.len() < 12);
            expected.sort();
            assert_eq!(held, expected, "{context}: {}'s {folder}", self.user);
        }
    }
}

fn in_folder(file: &str, folder: &str) -> Option<String> {
    let name = file.strip_prefix(folder)?.strip_prefix('/')?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// The UID of the event that was first stored under this name.
fn uid_of(user: &str, file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or_default().trim_end_matches(".ics");
    format!("{user}-{name}")
}

/// Everything the writer stored that is on the disk; nothing half done is left there.
fn files_in(home: &Path, user: &str) -> Files {
    let mut found = Files::new();
    for folder in ["a", "b", "x", "calendar"] {
        let Ok(entries) = fs::read_dir(home.join(folder)) else { continue };
        if folder == "x" {
            found.insert("x/".to_owned(), 0);
        }
        for entry in entries {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(!name.starts_with('.'), "left behind: {folder}/{name}");
            if folder == "calendar" && user != "alice" {
                continue;
            }
            let text = fs::read_to_string(home.join(folder).join(&name)).unwrap();
            found.insert(format!("{folder}/{name}"), version_of(&text).unwrap());
        }
    }
    found
}

/// How many files of a collection tell of each invitation.
fn invitations_in(folder: &Path) -> BTreeMap<u64, usize> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        if let Some(version) = version_of(&text).filter(|_| text.contains("UID:invitation-")) {
            *found.entry(version).or_default() += 1;
        }
    }
    found
}

struct Life {
    server: Server,
    writers: Vec<Writer>,
}

impl Life {
    fn begin(seed: u64) -> Self {
        let server = Server::start();
        let mut writers = Vec::new();
        for (actor, user) in WRITERS.into_iter().enumerate() {
            let client = server.client(user);
            for folder in ["a", "b"] {
                let path = format!("/calendars/users/{user}/{folder}/");
                client.send("MKCALENDAR", &path, &[], b"").expect(201);
            }
            writers.push(Writer::new(user, seed, actor as u64));
        }
        Self { server, writers }
    }

    /// Writes until so many writes are acknowledged, and a moment longer, and dies. Time alone
    /// would say little: on a busy machine nothing may have begun yet. How many writes were under
    /// way.
    fn die(&mut self, writes: usize, moment: Duration) -> usize {
        let (over, done) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for writer in &mut self.writers {
                let (client, over, done) = (self.server.client(writer.user), &over, &done);
                scope.spawn(move || {
                    while !over.load(Ordering::Relaxed) && writer.step(&client) {
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            let start = Instant::now();
            while done.load(Ordering::Relaxed) < writes {
                assert!(start.elapsed() < Duration::from_secs(60), "writes are not acknowledged");
                std::thread::sleep(Duration::from_micros(50));
            }
            std::thread::sleep(moment);
            over.store(true, Ordering::Relaxed);
            self.server.kill();
        });
        self.writers.iter().filter(|writer| writer.pending.is_some()).count()
    }

    fn compare(&mut self, context: &str) {
        self.server.start_again();
        let users = self.server.data().join("calendars/users");
        for writer in &mut self.writers {
            let client = self.server.client(writer.user);
            // Opens the home, which finishes what the dead process began.
            client.propfind(&format!("/calendars/users/{}/", writer.user), "0", "").expect(207);
            writer.compare(&users.join(writer.user), context);
            writer.synchronise(&client, context);
        }
        // What waited in the queue was delivered before the server listened.
        let sent: BTreeMap<u64, usize> = self.writers[0]
            .files
            .iter()
            .filter(|(file, _)| file.starts_with("calendar/"))
            .map(|(_, version)| (*version, 1))
            .collect();
        for folder in ["bob/calendar", "bob/inbox"] {
            assert_eq!(invitations_in(&users.join(folder)), sent, "{context}: {folder}");
        }
    }
}

fn run(restarts: u64, seed: u64) {
    let start = Instant::now();
    let (mut done, mut acknowledged, mut invitations, mut resets) = (0, 0, 0, 0);
    let (mut busy, mut under_way) = (0, 0);
    let mut moments = dice_of(seed, 99);
    while done < restarts {
        let mut life = Life::begin(seed.wrapping_add(done));
        for _ in 0..LIFE.min(restarts - done) {
            // From the first request's arrival to some way into the load.
            let (writes, moment) = (moments.below(25), moments.below(3_000) as u64);
            let struck = life.die(writes, Duration::from_micros(moment));
            busy += u64::from(struck > 0);
            under_way += struck;
            done += 1;
            life.compare(&format!("seed {seed}, restart {done}"));
        }
        let files = &life.writers[0].files;
        invitations += files.keys().filter(|file| file.starts_with("calendar/")).count();
        acknowledged += life.writers.iter().map(|writer| writer.acknowledged).sum::<u64>();
        resets += life.writers.iter().map(|writer| writer.mirror.resets).sum::<usize>();
        if done % 500 == 0 || done == restarts {
            println!(
                "seed {seed}: {done} restarts, {busy} of them with writes under way ({under_way}), \
                 {acknowledged} acknowledged writes, {invitations} invitations, {resets} refused \
                 tokens, {} s",
                start.elapsed().as_secs()
            );
        }
    }
    assert!(acknowledged > 0 || restarts < 5, "nothing was ever acknowledged");
}

#[test]
fn a_few_deaths_lose_and_double_nothing() {
    run(12, 1);
}

#[test]
#[ignore = "takes hours: tests/slow restarts"]
fn many_deaths_lose_and_double_nothing() {
    run(asked("DAYBOOK_RESTARTS", 10_000), asked("DAYBOOK_SEED", 1));
}
