//! `scheduling.external_edits = "schedule"`: an edit of a file past the server is sent to others
//! as a PUT or DELETE of the home's owner would be, once, whatever dies meanwhile.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::harness::dice_of;
use crate::harness::{Client, Server};

const SCHEDULE: &str = "[scheduling]\nexternal_edits = \"schedule\"\n";
/// An edit is sent when the file was left alone for two seconds; this is for a slow machine.
const PATIENCE: Duration = Duration::from_secs(40);
/// Longer than anything may wait before it is sent.
const LONG: Duration = Duration::from_secs(8);

fn invitation(uid: &str, summary: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
         DTSTAMP:20260101T000000Z\r\nDTSTART:20260105T100000Z\r\nDURATION:PT1H\r\n\
         SUMMARY:{summary}\r\nORGANIZER:mailto:alice@example.com\r\n\
         ATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@example.com\r\n\
         ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bob@example.com\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

/// Alice invites bob, and somebody is at the files.
struct Office {
    server: Server,
}

impl Office {
    fn open(configuration: &str) -> Self {
        let server = Server::start_with(configuration);
        for user in ["alice", "bob"] {
            let calendar = format!("/calendars/users/{user}/calendar/");
            server.client(user).propfind(&calendar, "0", "").expect(207);
        }
        Self { server }
    }

    fn folder(&self, user: &str, name: &str) -> PathBuf {
        fs::canonicalize(self.server.data().join("calendars/users").join(user)).unwrap().join(name)
    }

    fn put(&self, uid: &str, summary: &str) -> PathBuf {
        let path = format!("/calendars/users/alice/calendar/{uid}.ics");
        let reply = self.server.client("alice").put(&path, &invitation(uid, summary));
        assert!(matches!(reply.status, 201 | 204), "{}", reply.status);
        self.folder("alice", "calendar").join(format!("{uid}.ics"))
    }

    /// All of a user's files in a collection that speak of the UID, lines unfolded.
    fn texts(&self, user: &str, collection: &str, uid: &str) -> Vec<String> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.folder(user, collection)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "ics") {
                continue;
            }
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let text = text.replace("\r\n ", "");
            if text.contains(&format!("UID:{uid}\r\n")) {
                found.push(text);
            }
        }
        found
    }

    #[track_caller]
    fn expect(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !done(self) {
            assert!(start.elapsed() < PATIENCE, "{what}:\n{}", self.server.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    fn expect_bob(&self, what: &str, uid: &str, part: &str) {
        self.expect(what, |office| {
            office.texts("bob", "calendar", uid).iter().any(|text| text.contains(part))
        });
    }

    #[track_caller]
    fn expect_answer(&self, what: &str, uid: &str, answer: &str) {
        self.expect(what, |office| {
            let texts = office.texts("alice", "calendar", uid);
            texts.iter().any(|text| answer_of_bob(text).is_some_and(|line| line.contains(answer)))
        });
    }
}

fn answer_of_bob(text: &str) -> Option<&str> {
    text.lines().find(|line| line.starts_with("ATTENDEE") && line.contains("bob@example.com"))
}

fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from:?} is not in:\n{text}");
    fs::write(file, text.replace(from, to)).unwrap();
}

fn only_file(folder: &Path) -> PathBuf {
    let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let file = files.next().unwrap();
    assert_eq!(files.next(), None);
    file
}

#[test]
fn an_organizers_edits_are_sent_once() {
    let office = Office::open(SCHEDULE);
    let file = office.put("lunch", "one");
    office.expect_bob("the PUT", "lunch", "SUMMARY:one");
    edit(&file, "SUMMARY:one", "SUMMARY:two");
    office.expect_bob("an edit in place", "lunch", "SUMMARY:two");
    let text = fs::read_to_string(&file).unwrap().replace("T100000Z", "T110000Z");
    fs::write(file.with_extension("ics~"), text).unwrap();
    fs::rename(file.with_extension("ics~"), &file).unwrap();
    office.expect_bob("a save by renaming", "lunch", "DTSTART:20260105T110000Z");
    // A file of somebody else's making.
    let new = office.folder("alice", "calendar").join("new.ics");
    fs::write(&new, invitation("new", "dinner")).unwrap();
    office.expect_bob("a new file", "new", "SUMMARY:dinner");
    // What the server stores of it is what a client's PUT would have left.
    let text = fs::read_to_string(&new).unwrap();
    assert!(text.contains("SCHEDULE-STATUS=1.2") || text.contains("SCHEDULE-STATUS"), "{text}");
    // Neither another calendar nor another name is a change of the event.
    let path = "/calendars/users/alice/other/";
    office.server.client("alice").send("MKCALENDAR", path, &[], b"").expect(201);
    fs::rename(&new, office.folder("alice", "other").join("moved.ics")).unwrap();
    std::thread::sleep(LONG);
    assert_eq!(office.texts("bob", "inbox", "new").len(), 1);
    assert_eq!(office.texts("bob", "inbox", "lunch").len(), 3, "sent more than once");
    fs::remove_file(&file).unwrap();
    office.expect_bob("a removal", "lunch", "STATUS:CANCELLED");
    fs::remove_dir_all(office.folder("alice", "other")).unwrap();
    office.expect_bob("a removed calendar", "new", "STATUS:CANCELLED");
    assert!(!office.server.log().contains("told to nobody"), "{}", office.server.log());
}

#[test]
fn an_attendees_edits_are_answers() {
    let office = Office::open(SCHEDULE);
    office.put("lunch", "one");
    office.expect_bob("the PUT", "lunch", "SUMMARY:one");
    let file = only_file(&office.folder("bob", "calendar"));
    edit(&file, "PARTSTAT=NEEDS-ACTION", "PARTSTAT=TENTATIVE");
    office.expect_answer("an answer", "lunch", "PARTSTAT=TENTATIVE");
    // A client's answer and an editor's do not get in each other's way.
    let text = fs::read_to_string(&file).unwrap();
    let path =
        format!("/calendars/users/bob/calendar/{}", file.file_name().unwrap().to_str().unwrap());
    let accepted = text.replace("PARTSTAT=TENTATIVE", "PARTSTAT=ACCEPTED");
    office.server.client("bob").put(&path, &accepted).expect(204);
    office.expect_answer("a client's answer", "lunch", "bob@example.com");
    office.expect_answer("a client's answer", "lunch", "PARTSTAT=ACCEPTED");
    fs::remove_file(&file).unwrap();
    office.expect_answer("a removal", "lunch", "PARTSTAT=DECLINED");
}

#[test]
fn what_must_not_be_sent_stays_in_the_file() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut office = Office::open(&format!("{SCHEDULE}[metrics]\nlisten = [\"{address}\"]\n"));
    office.put("lunch", "one");
    office.expect_bob("the PUT", "lunch", "SUMMARY:one");
    let file = only_file(&office.folder("bob", "calendar"));
    edit(&file, "T100000Z", "T160000Z");
    office.server.wait_for_log("told to nobody");
    let counts = Client::new(address, None);
    let refused = || counts.get("/metrics").expect(200).text();
    assert!(refused().contains("daybook_refused_edits 1\n"), "{}", refused());
    std::thread::sleep(LONG);
    let log = office.server.log();
    let told = |line: &&str| line.contains("told to nobody");
    assert_eq!(log.lines().filter(told).count(), 1, "{log}");
    assert!(log.contains("allowed-attendee-scheduling-object-change"), "{log}");
    assert!(fs::read_to_string(&file).unwrap().contains("DTSTART:20260105T160000Z"));
    let alices = office.texts("alice", "calendar", "lunch").concat();
    assert!(alices.contains("DTSTART:20260105T100000Z"), "{alices}");
    let (_, text) = office.server.checks();
    let finding =
        format!("{}:0: it was edited past the server, and others were not told", file.display());
    assert!(text.contains(&finding), "{finding}\n{text}");
    // A restart tries once more, and says so once more.
    office.server.stop();
    office.server.start_again();
    office.expect("a restart", |office| office.server.log().lines().filter(told).count() == 2);
    // What the organizer sends next counts.
    office.put("lunch", "two");
    office.expect_bob("an update", "lunch", "SUMMARY:two");
    office.expect_bob("an update", "lunch", "DTSTART:20260105T100000Z");
    assert!(refused().contains("daybook_refused_edits 0\n"), "{}", refused());
    let (_, text) = office.server.checks();
    assert!(!text.contains("others were not told"), "{text}");
}

#[test]
fn edits_while_the_server_is_down_are_sent() {
    let mut office = Office::open(SCHEDULE);
    let file = office.put("lunch", "one");
    let gone = office.put("gone", "one");
    office.server.stop();
    edit(&file, "SUMMARY:one", "SUMMARY:two");
    fs::remove_file(&gone).unwrap();
    let new = office.folder("alice", "calendar").join("new.ics");
    fs::write(&new, invitation("new", "dinner")).unwrap();
    let (_, text) = office.server.checks();
    assert_eq!(text.matches("others were not told").count(), 3, "{text}");
    office.server.start_again();
    // Nobody asks for alice's home.
    office.expect_bob("an edit", "lunch", "SUMMARY:two");
    office.expect_bob("a new file", "new", "SUMMARY:dinner");
    office.expect_bob("a removal", "gone", "STATUS:CANCELLED");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(office.texts("bob", "inbox", "lunch").len(), 2);
    assert_eq!(office.texts("bob", "inbox", "new").len(), 1);
    // Without the copies nobody knows what was sent: nothing is, and the log says so.
    office.server.stop();
    fs::remove_dir_all(office.folder("alice", ".scheduled")).unwrap();
    edit(&file, "SUMMARY:two", "SUMMARY:three");
    office.server.start_again();
    office.server.wait_for_log("is taken for scheduled");
    std::thread::sleep(LONG);
    assert_eq!(office.texts("bob", "inbox", "lunch").len(), 2);
    // The next edit is sent with all that came before.
    edit(&file, "T100000Z", "T120000Z");
    office.expect_bob("an edit", "lunch", "DTSTART:20260105T120000Z");
    office.expect_bob("an edit", "lunch", "SUMMARY:three");
}

#[test]
fn nothing_is_sent_unless_it_is_asked_for() {
    let mut office = Office::open("");
    let file = office.put("lunch", "one");
    edit(&file, "SUMMARY:one", "SUMMARY:two");
    std::thread::sleep(LONG);
    assert_eq!(office.texts("bob", "inbox", "lunch").len(), 1);
    assert!(!office.folder("alice", ".scheduled").exists());
    // Asked for later, it begins with what is there; asked for no more, the copies go.
    fs::write(office.server.config_file(), SCHEDULE).unwrap();
    office.server.stop();
    office.server.start_again();
    office.expect("copies", |office| office.folder("alice", ".scheduled/complete").exists());
    edit(&file, "SUMMARY:two", "SUMMARY:three");
    office.expect_bob("an edit", "lunch", "SUMMARY:three");
    office.server.stop();
    fs::write(office.server.config_file(), "").unwrap();
    office.server.start_again();
    office.put("lunch", "four");
    assert!(!office.folder("alice", ".scheduled").exists());
}

#[test]
fn deaths_lose_and_double_no_edit() {
    let mut office = Office::open(SCHEDULE);
    let mut dice = dice_of(7, 0);
    let file = office.put("lunch", "0");
    for round in 1..=6 {
        let text = invitation("lunch", &round.to_string());
        match round % 2 {
            0 => edit(&file, &format!("SUMMARY:{}", round - 1), &format!("SUMMARY:{round}")),
            _ => fs::write(&file, text).unwrap(),
        }
        // Around the moment at which it is sent.
        std::thread::sleep(Duration::from_millis(1_900 + dice.below(900) as u64));
        office.server.kill();
        office.server.start_again();
        office.expect_bob("the edit", "lunch", &format!("SUMMARY:{round}"));
        std::thread::sleep(Duration::from_secs(3));
        let items = office.texts("bob", "inbox", "lunch");
        let told = items.iter().filter(|text| text.contains(&format!("SUMMARY:{round}\r\n")));
        assert_eq!(told.count(), 1, "round {round}:\n{}", office.server.log());
    }
}
