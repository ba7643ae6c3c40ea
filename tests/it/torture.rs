//! A swarm of editors, git, rsync and rm works on the files of a live server while clients write
//! and synchronise. Afterwards server, index and disk agree, and a client that only ever asked
//! for changes holds exactly what is on the disk.
//!
//! `tests/slow torture --seconds N --seed S` lets it last; programs that are not installed are
//! left out and named.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::harness::mirror::between;
use crate::harness::{Client, Mirror, Server, daybook};
use crate::harness::{Dice, asked, dice_of, event};

const USERS: [&str; 2] = ["alice", "carol"];
/// What everything may take to be seen after the last change.
const SETTLING: Duration = Duration::from_secs(20);

struct Field {
    server: Server,
    seed: u64,
    over: AtomicBool,
    changes: AtomicUsize,
    syncs: AtomicUsize,
}

type Actor = fn(&Field, &Path, &str, &mut Dice);

/// Who is at work in every home.
const ACTORS: &[(&str, Actor)] = &[
    ("an editor", edit),
    ("another editor", edit),
    ("rm", remove),
    ("mkdir, mv and rm -r", rearrange),
    ("git", check_out),
    ("rsync", mirror),
    ("a client", write),
    ("another client", write),
];

impl Field {
    fn goes_on(&self) -> bool {
        self.changes.fetch_add(1, Ordering::Relaxed);
        !self.over.load(Ordering::Relaxed)
    }
}

/// Saves as editors do: in place, over a new file, with a backup, slowly, with litter.
fn edit(field: &Field, home: &Path, _: &str, dice: &mut Dice) {
    let folder = home.join("calendar");
    for round in 0.. {
        if !field.goes_on() {
            return;
        }
        let name = format!("e{}.ics", dice.below(25));
        let file = folder.join(&name);
        let text = event(&format!("uid-{name}"), &format!("edit {round}"));
        // Others rename and remove under an editor; what fails, fails.
        let _ = match dice.below(7) {
            0 => fs::write(&file, text),
            1 => fs::write(folder.join(format!(".{name}.swp")), &text)
                .and_then(|()| fs::rename(folder.join(format!(".{name}.swp")), &file)),
            2 => fs::rename(&file, folder.join(format!("{name}~")))
                .and_then(|()| fs::write(&file, text)),
            3 => fs::write(&file, &text[..text.len() / 2]).and_then(|()| {
                std::thread::sleep(Duration::from_millis(dice.below(200) as u64));
                fs::write(&file, &text)
            }),
            4 => fs::write(folder.join(format!("#{name}#")), &text)
                .and_then(|()| fs::remove_file(folder.join(format!("#{name}#"))))
                .and_then(|()| fs::write(folder.join(format!(".#{name}")), "x")),
            5 => fs::rename(&file, folder.join(format!("e{}.ics", dice.below(25)))),
            _ => fs::File::options().append(true).open(&file).map(|file| {
                let past = Duration::from_secs(1_000_000_000 + dice.below(9) as u64);
                let _ = file.set_modified(std::time::UNIX_EPOCH + past);
            }),
        };
        std::thread::sleep(Duration::from_millis(dice.below(12) as u64));
    }
}

fn remove(field: &Field, home: &Path, _: &str, dice: &mut Dice) {
    while field.goes_on() {
        let folder = home.join(dice.pick(&["calendar", "git", "rsync", "d0", "d1"]));
        let names: Vec<PathBuf> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|end| end == "ics"))
            .collect();
        if !names.is_empty() {
            let _ = fs::remove_file(dice.pick(&names));
        }
        if dice.below(40) == 0 {
            let _ = fs::remove_file(home.join(".index"));
        }
        std::thread::sleep(Duration::from_millis(dice.below(30) as u64));
    }
}

/// Directories come, change names, take each other's place and go.
fn rearrange(field: &Field, home: &Path, _: &str, dice: &mut Dice) {
    while field.goes_on() {
        let folder = |n: usize| home.join(format!("d{n}"));
        let (one, two) = (folder(dice.below(4)), folder(dice.below(4)));
        match dice.below(6) {
            0 | 1 => {
                let _ = fs::create_dir(&one);
                for _ in 0..dice.below(8) {
                    let n = dice.below(1000);
                    let text = event(&format!("uid-{n}"), "new");
                    let _ = fs::write(one.join(format!("n{n}.ics")), text);
                }
            }
            2 => drop(fs::remove_dir_all(&one)),
            3 => drop(fs::rename(&one, &two)),
            4 => {
                // Gone and there again at once, with other members.
                let _ = fs::remove_dir_all(&one);
                let _ = fs::create_dir_all(one.join("deep"));
                let _ = fs::write(one.join("deep/z.ics"), event("z", "z"));
                let _ = fs::write(one.join("again.ics"), event("again", "again"));
            }
            _ => {
                let calendar = home.join("calendar").join(format!("e{}.ics", dice.below(25)));
                let _ = fs::rename(calendar, one.join(format!("m{}.ics", dice.below(9))));
            }
        }
        std::thread::sleep(Duration::from_millis(dice.below(60) as u64));
    }
}

fn program(name: &str, folder: &Path, arguments: &[&str]) -> bool {
    let mut command = Command::new(name);
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    for (key, value) in [
        ("GIT_AUTHOR_NAME", "a"),
        ("GIT_AUTHOR_EMAIL", "a@example.com"),
        ("GIT_COMMITTER_NAME", "a"),
        ("GIT_COMMITTER_EMAIL", "a@example.com"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
    ] {
        command.env(key, value);
    }
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A work tree of git is a calendar: branches with other files and other content.
fn check_out(field: &Field, home: &Path, _: &str, dice: &mut Dice) {
    let folder = home.join("git");
    let _ = fs::create_dir(&folder);
    if !program("git", &folder, &["init", "-q", "-b", "b0"]) {
        println!("left out: git");
        return;
    }
    for branch in 0..4 {
        let name = format!("b{branch}");
        program("git", &folder, &["checkout", "-q", "-B", &name]);
        for n in 0..40 {
            let file = folder.join(format!("g{n}.ics"));
            let _ = match (n + branch) % 4 {
                0 => fs::remove_file(file),
                1 => Ok(()),
                _ => fs::write(file, event(&format!("g{n}"), &format!("branch {branch}"))),
            };
        }
        program("git", &folder, &["add", "-A"]);
        program("git", &folder, &["commit", "-q", "-m", &name]);
    }
    while field.goes_on() {
        let branch = format!("b{}", dice.below(4));
        match dice.below(6) {
            0 => program("git", &folder, &["stash", "-u", "-q"]),
            1 => program("git", &folder, &["stash", "pop", "-q"]),
            2 => program("git", &folder, &["clean", "-f", "-d", "-q"]),
            3 => program("git", &folder, &["reset", "-q", "--hard", &branch]),
            _ => program("git", &folder, &["checkout", "-q", "-f", &branch]),
        };
        std::thread::sleep(Duration::from_millis(dice.below(80) as u64));
    }
}

/// rsync brings a changing tree from elsewhere.
fn mirror(field: &Field, home: &Path, user: &str, dice: &mut Dice) {
    let elsewhere = field.server.data().parent().unwrap().join(format!("elsewhere-{user}"));
    fs::create_dir_all(&elsewhere).unwrap();
    let from = format!("{}/", elsewhere.display());
    let to = format!("{}/", home.join("rsync").display());
    for round in 0.. {
        if !field.goes_on() {
            return;
        }
        for _ in 0..dice.below(12) {
            let n = dice.below(60);
            let file = elsewhere.join(format!("r{n}.ics"));
            let text = event(&format!("r{n}"), &format!("round {}", round % 10));
            let _ = match dice.below(3) {
                0 => fs::remove_file(file),
                _ => fs::write(file, text),
            };
        }
        let how = dice.pick(&["-a", "-aX", "-rc", "-a --inplace", "-a --delay-updates"]);
        let mut arguments: Vec<&str> = how.split(' ').collect();
        arguments.extend(["--delete", &from, &to]);
        if !program("rsync", &elsewhere, &arguments) && round == 0 {
            println!("left out: rsync");
            return;
        }
        std::thread::sleep(Duration::from_millis(dice.below(60) as u64));
    }
}

/// Clients write where the others do. They may be told to try again; they may not meet an error.
fn write(field: &Field, _: &Path, user: &str, dice: &mut Dice) {
    let client = field.server.client(user);
    let url = |file: &str| format!("/calendars/users/{user}/{file}");
    for round in 0.. {
        if !field.goes_on() {
            return;
        }
        let name = format!("e{}.ics", dice.below(25));
        let (file, folder) = (url(&format!("calendar/{name}")), format!("d{}/", dice.below(4)));
        let to = url(&format!("{folder}c{}.ics", dice.below(9)));
        let text = event(&format!("uid-{name}"), &format!("put {round}"));
        let content = ("Content-Type", "text/calendar");
        let reply = match dice.below(9) {
            0..4 => client.send("PUT", &file, &[content], text.as_bytes()),
            4 => client.send("PUT", &file, &[content, ("If-None-Match", "*")], text.as_bytes()),
            5 => client.send("DELETE", &file, &[], b""),
            6 => client.send("MOVE", &file, &[("Destination", &to)], b""),
            7 => client.send("MKCALENDAR", &url(&folder), &[], b""),
            _ => {
                let set = "<propertyupdate xmlns=\"DAV:\"><set><prop><note xmlns=\"urn:x\">n\
                           </note></prop></set></propertyupdate>";
                client.send("PROPPATCH", &file, &[], set.as_bytes())
            }
        };
        let known = [201, 204, 207, 403, 404, 405, 409, 412, 503];
        assert!(known.contains(&reply.status), "{}: {}", reply.status, reply.text());
        std::thread::sleep(Duration::from_millis(dice.below(15) as u64));
    }
}

/// Paths of the user's calendars, as the server tells them.
fn calendars(client: &Client, user: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![format!("/calendars/users/{user}/")];
    let body = "<propfind xmlns=\"DAV:\"><prop><resourcetype/></prop></propfind>";
    while let Some(path) = waiting.pop() {
        let reply = client.propfind(&path, "1", body);
        if reply.status == 404 {
            continue;
        }
        for response in reply.expect(207).text().split("<D:response>").skip(1) {
            let href = between(response, "<D:href>", "</D:href>").unwrap().to_owned();
            let hidden = ["inbox/", "outbox/", "dropbox/", "notification/", "freebusy"];
            if hidden.iter().any(|name| href.ends_with(name)) {
                continue;
            }
            if response.contains("calendar/>") || response.contains("calendar ") {
                found.insert(href.clone());
            }
            if response.contains("collection/>") && href != path && href.ends_with('/') {
                waiting.push(href);
            }
        }
    }
    found
}

/// Follows all calendars until the swarm is done.
fn synchronise(field: &Field, user: &str) -> Mirror {
    let client = field.server.client(user);
    let mut mirror = Mirror::default();
    while !field.over.load(Ordering::Relaxed) {
        all_at_once(&mut mirror, &client, user);
        field.syncs.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(20));
    }
    mirror
}

fn all_at_once(mirror: &mut Mirror, client: &Client, user: &str) {
    let found = calendars(client, user);
    mirror.seen.retain(|calendar, _| found.contains(calendar));
    mirror.tokens.retain(|calendar, _| found.contains(calendar));
    for calendar in &found {
        mirror.sync(client, calendar);
    }
}

/// Calendar → its files with their content, read from the disk. Directories that hold nothing
/// that ends in .ics, and never did, are no calendars; they are left out on both sides.
fn on_disk(folder: &Path, url: &str, found: &mut BTreeMap<String, BTreeMap<String, Vec<u8>>>) {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.starts_with(['.', '#']) || name.ends_with('~') {
            continue;
        }
        if path.is_dir() {
            if !["inbox", "outbox"].contains(&name.as_str()) {
                on_disk(&path, &format!("{url}{name}/"), found);
            }
        } else {
            files.insert(name, fs::read(&path).unwrap());
        }
    }
    if !files.is_empty() {
        found.insert(url.to_owned(), files);
    }
}

/// What the client holds, without empty calendars: names and entity tags.
fn held(mirror: &Mirror) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut held = mirror.seen.clone();
    held.retain(|_, members| !members.is_empty());
    held
}

fn names<T>(calendars: &BTreeMap<String, BTreeMap<String, T>>) -> Vec<String> {
    let all = calendars.iter();
    all.flat_map(|(url, files)| files.keys().map(move |name| format!("{url}{name}"))).collect()
}

/// Waits until the client holds what is on the disk, content included.
fn settle(mirror: &mut Mirror, client: &Client, home: &Path, user: &str) -> Duration {
    let start = Instant::now();
    let mut disk = BTreeMap::new();
    on_disk(home, &format!("/calendars/users/{user}/"), &mut disk);
    loop {
        all_at_once(mirror, client, user);
        let wrong = difference(&held(mirror), &disk, client);
        if wrong.is_empty() {
            return start.elapsed();
        }
        assert!(start.elapsed() < SETTLING, "{user}: {wrong:#?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn difference(
    held: &BTreeMap<String, BTreeMap<String, String>>,
    disk: &BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    client: &Client,
) -> Vec<String> {
    let (ours, theirs) = (names(held), names(disk));
    let (ours, theirs): (BTreeSet<_>, BTreeSet<_>) =
        (ours.into_iter().collect(), theirs.into_iter().collect());
    let mut wrong: Vec<String> = ours
        .difference(&theirs)
        .map(|name| format!("only the client has {name}"))
        .chain(theirs.difference(&ours).map(|name| format!("only the disk has {name}")))
        .collect();
    for (url, files) in disk {
        for (name, content) in files {
            let Some(tag) = held.get(url).and_then(|members| members.get(name)) else { continue };
            let reply = client.get(&format!("{url}{name}"));
            if reply.header("etag") != Some(tag) {
                wrong.push(format!("{url}{name}: {tag} held, {:?}", reply.header("etag")));
            } else if reply.body != *content {
                wrong.push(format!("{url}{name}: another content"));
            }
        }
    }
    wrong
}

/// A query finds every event that can be read, by its UID too.
fn query(client: &Client, home: &Path, user: &str) {
    let mut disk = BTreeMap::new();
    on_disk(home, &format!("/calendars/users/{user}/"), &mut disk);
    for (url, files) in &disk {
        let good: Vec<String> = files
            .iter()
            .filter(|(_, content)| content.ends_with(b"END:VCALENDAR\r\n"))
            .map(|(name, _)| name.clone())
            .collect();
        for filter in [
            "<C:time-range start=\"20260105T000000Z\" end=\"20260106T000000Z\"/>",
            "<C:prop-filter name=\"UID\"/>",
        ] {
            let body = format!(
                "<C:calendar-query xmlns:C=\"urn:ietf:params:xml:ns:caldav\" xmlns=\"DAV:\"><prop>\
                 <getetag/></prop><C:filter><C:comp-filter name=\"VCALENDAR\"><C:comp-filter \
                 name=\"VEVENT\">{filter}</C:comp-filter></C:comp-filter></C:filter>\
                 </C:calendar-query>"
            );
            let reply = client.report(url, "1", &body).expect(207).text();
            let mut found: Vec<String> = reply
                .split("<D:response>")
                .filter_map(|response| between(response, "<D:href>", "</D:href>"))
                .filter_map(|href| Some(href.rsplit('/').next()?.to_owned()))
                .collect();
            found.sort();
            assert_eq!(found, good, "{url} by {filter}");
        }
    }
}

/// `daybook check` beside the server says that the index is what the files say.
fn check(server: &Server) {
    let data = server.data();
    fs::write(data.join("check.toml"), "").unwrap();
    let (config, data) = (data.join("check.toml"), data);
    let arguments =
        ["check", "--config", config.to_str().unwrap(), "--data", data.to_str().unwrap()];
    let output = daybook(&arguments).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(!text.contains("index differs"), "{text}");
    assert!([0, 1].contains(&output.status.code().unwrap()), "{text}");
}

fn run(seconds: u64, seed: u64) {
    let server = Server::start();
    let mut homes = Vec::new();
    for user in USERS {
        server.client(user).propfind(&format!("/calendars/users/{user}/"), "0", "").expect(207);
        let home = fs::canonicalize(server.data().join("calendars/users").join(user)).unwrap();
        homes.push((user, home));
    }
    let (over, changes, syncs) = Default::default();
    let mut field = Field { server, seed, over, changes, syncs };
    let mut mirrors = swarm(&field, &homes, Duration::from_secs(seconds));
    for (user, home) in &homes {
        let mirror = mirrors.get_mut(user).unwrap();
        let client = field.server.client(user);
        let took = settle(mirror, &client, home, user);
        query(&client, home, user);
        println!("{user}: settled after {} ms, {} resets", took.as_millis(), mirror.resets);
    }
    check(&field.server);
    field.server.stop();
    field.server.start_again();
    for (user, home) in &homes {
        let mirror = mirrors.get_mut(user).unwrap();
        let before = (held(mirror), mirror.resets);
        settle(mirror, &field.server.client(user), home, user);
        assert_eq!((held(mirror), mirror.resets), before, "{user} after a restart");
    }
    println!(
        "seed {seed}, {seconds} s: {} rounds of changes, {} of syncs",
        field.changes.load(Ordering::Relaxed),
        field.syncs.load(Ordering::Relaxed)
    );
}

/// Lets everybody work for a while; what the synchronising clients hold then.
fn swarm<'a>(
    field: &Field,
    homes: &[(&'a str, PathBuf)],
    time: Duration,
) -> BTreeMap<&'a str, Mirror> {
    std::thread::scope(|scope| {
        let mut followers = Vec::new();
        for (number, (user, home)) in homes.iter().enumerate() {
            for (actor, (_, work)) in ACTORS.iter().enumerate() {
                let mut dice = dice_of(field.seed, (number * 100 + actor) as u64);
                scope.spawn(move || work(field, home, user, &mut dice));
            }
            followers.push((*user, scope.spawn(move || synchronise(field, user))));
        }
        std::thread::sleep(time);
        field.over.store(true, Ordering::Relaxed);
        followers.into_iter().map(|(user, follower)| (user, follower.join().unwrap())).collect()
    })
}

#[test]
fn a_swarm_leaves_server_index_and_disk_in_agreement() {
    run(4, 1);
}

#[test]
#[ignore = "takes minutes: tests/slow torture"]
fn a_long_swarm_leaves_server_index_and_disk_in_agreement() {
    let seed = asked("DAYBOOK_SEED", 1);
    for round in 0..asked("DAYBOOK_ROUNDS", 5) {
        run(asked("DAYBOOK_SECONDS", 60), seed + round);
    }
}
