//! Everybody invited to a large meeting answers at the same moment: every answer is in the
//! organizer's copy and in everybody else's, and showing them round stays bounded.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use crate::harness::{Client, Server};

const PATIENCE: Duration = Duration::from_secs(120);
/// Answers that are not shown at once wait for this long at least (`deliver_later`).
const PAUSE: f64 = 2.0;
const ANSWERS: [&str; 3] = ["ACCEPTED", "DECLINED", "TENTATIVE"];

fn answer(number: usize) -> &'static str {
    ANSWERS[number % ANSWERS.len()]
}

/// The meeting; `answered` is one guest and what that guest says.
fn meeting(guests: usize, answered: Option<(usize, &str)>) -> String {
    let mut text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\nBEGIN:VEVENT\r\n\
                    UID:assembly@example.com\r\nDTSTAMP:20260101T000000Z\r\n\
                    DTSTART:20260601T100000Z\r\nDURATION:PT1H\r\nSUMMARY:Assembly\r\n\
                    ORGANIZER:mailto:alice@example.com\r\n\
                    ATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@example.com\r\n"
        .to_owned();
    for number in 1..=guests {
        let said = answered.filter(|(who, _)| *who == number);
        let said = said.map_or("NEEDS-ACTION", |(_, answer)| answer);
        let _ = write!(text, "ATTENDEE;PARTSTAT={said}:mailto:guest{number}@example.com\r\n");
    }
    text + "END:VEVENT\r\nEND:VCALENDAR\r\n"
}

/// A demo server with so many guests more.
fn server_with(guests: usize) -> Server {
    let server = Server::start_with("[limits]\nattendees = 300\n");
    server.add_guests(guests);
    server
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|end| end == "ics")).collect()
}

/// How often each answer stands in a file, or who is missing in it.
fn answers_in(file: &Path, guests: usize) -> Result<(), String> {
    let text = fs::read_to_string(file).unwrap().replace("\r\n ", "");
    let said: BTreeMap<&str, &str> = text
        .lines()
        .filter(|line| line.starts_with("ATTENDEE"))
        .filter_map(|line| {
            let (_, rest) = line.split_once("EMAIL=")?;
            let partstat = line.split_once("PARTSTAT=").map_or("NEEDS-ACTION", |(_, rest)| rest);
            let word = |text: &'_ str| text.find([';', ':']).unwrap_or(text.len());
            Some((&rest[..word(rest)], &partstat[..word(partstat)]))
        })
        .collect();
    for number in 1..=guests {
        let found = said.get(format!("guest{number}@example.com").as_str());
        if found != Some(&answer(number)) {
            return Err(format!("{}: guest{number} {found:?}", file.display()));
        }
    }
    Ok(())
}

/// The number of the calendar's latest change.
fn changes(client: &Client, user: &str) -> u64 {
    let body = "<propfind xmlns='DAV:'><prop>\
                <getctag xmlns='http://calendarserver.org/ns/'/></prop></propfind>";
    let path = format!("/calendars/users/{user}/calendar/");
    let text = client.propfind(&path, "0", body).expect(207).text();
    let tag = text.split("getctag>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    tag.rsplit('-').next().unwrap().parse().unwrap()
}

/// Somebody invited, with the copy of the event.
struct Guest {
    number: usize,
    client: Client,
    file: PathBuf,
    path: String,
    /// The calendar's latest change before the answer.
    before: u64,
}

impl Guest {
    fn new(server: &Server, number: usize) -> Self {
        let name = format!("guest{number}");
        let client = server.client(&name);
        let files = files_in(&server.data().join(format!("calendars/users/{name}/calendar")));
        assert_eq!(files.len(), 1, "copies of {name}");
        let file = files.into_iter().next().unwrap();
        let path = file.file_name().unwrap().to_str().unwrap();
        let path = format!("/calendars/users/{name}/calendar/{path}");
        let before = changes(&client, &name);
        Self { number, client, file, path, before }
    }

    /// How often the copy was changed besides the guest's own answer.
    fn refreshed(&self) -> u64 {
        changes(&self.client, &format!("guest{}", self.number)) - self.before - 1
    }
}

/// Everybody answers; how long each had to wait, in order.
fn answer_together(guests: &[Guest]) -> Vec<Duration> {
    let together = Barrier::new(guests.len());
    let mut times: Vec<Duration> = std::thread::scope(|scope| {
        let threads: Vec<_> = guests
            .iter()
            .map(|guest| {
                let (together, number) = (&together, guest.number);
                let text = meeting(guests.len(), Some((number, answer(number))));
                scope.spawn(move || {
                    together.wait();
                    let start = Instant::now();
                    guest.client.put(&guest.path, &text).expect(204);
                    start.elapsed()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    times.sort();
    times
}

fn run(count: usize) {
    let server = server_with(count);
    let start = Instant::now();
    let alice = server.client("alice");
    alice.put("/calendars/users/alice/calendar/a.ics", &meeting(count, None)).expect(201);
    let invited = start.elapsed();
    let guests: Vec<Guest> = (1..=count).map(|number| Guest::new(&server, number)).collect();
    let start = Instant::now();
    let times = answer_together(&guests);

    // What is acknowledged is in the organizer's copy already.
    let own = server.data().join("calendars/users/alice");
    answers_in(&own.join("calendar/a.ics"), count).unwrap();
    assert_eq!(files_in(&own.join("inbox")).len(), count, "replies in the inbox");
    for guest in &guests {
        while let Err(missing) = answers_in(&guest.file, count) {
            assert!(start.elapsed() < PATIENCE, "{missing}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    let shown = start.elapsed();
    let refreshed: Vec<u64> = guests.iter().map(Guest::refreshed).collect();
    let most = refreshed.iter().copied().max().unwrap_or_default();
    println!(
        "{count} guests: invited in {:.2} s; answers took {:.2} s (median) to {:.2} s; everybody \
         knows after {:.2} s; {} copies refreshed, none more than {most} times (one for each \
         answer would be {})",
        invited.as_secs_f64(),
        times[count / 2].as_secs_f64(),
        times[count - 1].as_secs_f64(),
        shown.as_secs_f64(),
        refreshed.iter().sum::<u64>(),
        count * (count - 1),
    );
    let bound = (shown.as_secs_f64() / PAUSE) as u64 + 2;
    assert!(most <= bound, "a copy was refreshed {most} times, not {bound}");
    let (_, text) = server.checks();
    assert!(text.contains("findings: 0, in doubt: 0"), "{text}");
}

#[test]
fn answers_to_a_large_meeting_are_shown_together() {
    run(32);
}

#[test]
#[ignore = "takes a minute: tests/slow meeting"]
fn two_hundred_guests_answer_at_once() {
    run(200);
}
