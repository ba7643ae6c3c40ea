//! The language of transcripts, one step a line, what it leads to in lines that begin with `<`:
//!
//! ```text
//! PUT alice work/standup.ics          followed by indented property lines; `--` starts the next
//! MERGE alice work/standup.ics        component. MERGE = PUT with a matching If-Schedule-Tag-Match
//! POST bob METHOD:REFRESH             to the outbox; the status of each recipient follows
//! EDIT bob work/standup.ics           with an editor: nothing is checked; no lines = damaged
//! DELETE bob calendar/x.ics [quiet]   quiet = Schedule-Reply: F
//! SHOW bob                            all objects in the calendars of bob
//! INBOX bob                           what lies in the inbox, which is emptied then
//! ACCOUNT room auto_schedule = "none" this line is in the account of the room from now on
//! LOOK-AHEAD 30                       days that automatic answers look ahead
//! ATTENDEES 3                         attendees that an object may have (`[limits] attendees`)
//! REFUSE orphans                      `orphans = refuse`; damaged: `damaged_copies = refuse`
//! ```
//!
//! A bare name stands for the user's address; `$` as a file for the only object in the calendars.
//! `METHOD:…` behind PUT, MERGE and POST is the METHOD of what is sent; a component that is no
//! VEVENT begins with a line that is its name.

use std::fmt::Write as _;

use super::world::World;
use crate::ical::{self, Component, Property};
use crate::store::inbox_message::{InboxMessage, SCHEDULE_CHANGES};
use crate::store::{Home, HomePath, PropertyChanges};

/// Plays a transcript; returns it with what really happened.
pub fn play(text: &str) -> String {
    let mut world = World::new();
    let mut out = String::new();
    let mut lines = text.lines().filter(|line| !line.starts_with('<')).peekable();
    while let Some(line) = lines.next() {
        let _ = writeln!(out, "{line}");
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        let mut body = Vec::new();
        while let Some(next) = lines.next_if(|next| next.starts_with("  ")) {
            let _ = writeln!(out, "{next}");
            body.push(next.trim());
        }
        let mut words = line.split_whitespace();
        let (step, who) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let rest: Vec<&str> = words.collect();
        for result in run(&mut world, step, who, &rest, &body) {
            let _ = writeln!(out, "< {result}");
        }
    }
    out
}

fn run(world: &mut World, step: &str, who: &str, rest: &[&str], body: &[&str]) -> Vec<String> {
    match step {
        "PUT" | "MERGE" => {
            let path = path_of(&world.home(who), rest[0]);
            vec![world.put(who, &path, &message(rest, body), step == "MERGE")]
        }
        "POST" => match world.post(who, &message(rest, body)) {
            Ok(document) => document.split("<response>").skip(1).flat_map(response).collect(),
            Err(refused) => vec![refused],
        },
        "DELETE" => {
            let path = path_of(&world.home(who), rest[0]);
            vec![world.delete(who, &path, !rest.contains(&"quiet"))]
        }
        "EDIT" => {
            let home = world.home(who);
            let path = path_of(&home, rest[0]);
            let text = match body.is_empty() {
                true => b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n".to_vec(),
                false => object(body).to_bytes(),
            };
            let none = PropertyChanges::none();
            home.write(|tx| tx.put(&path, &text.into(), None, &none)).unwrap();
            Vec::new()
        }
        "ACCOUNT" => {
            world.set_account(who, &rest.join(" "));
            Vec::new()
        }
        "LOOK-AHEAD" => {
            world.look_ahead(who.parse().unwrap());
            Vec::new()
        }
        "ATTENDEES" => {
            world.max_attendees(who.parse().unwrap());
            Vec::new()
        }
        "REFUSE" => {
            world.refuse(who);
            Vec::new()
        }
        "SHOW" => show(&world.home(who)),
        "INBOX" => inbox(&world.home(who)),
        other => vec![format!("unknown step {other}")],
    }
}

fn path_of(home: &Home, text: &str) -> HomePath {
    if text != "$" {
        return HomePath::new(text.split('/'));
    }
    let snapshot = home.snapshot();
    let calendars = snapshot.calendars();
    let mut all = calendars.iter().flat_map(|(path, calendar)| {
        calendar.objects().map(move |(name, _)| path.join(name)).collect::<Vec<_>>()
    });
    all.next().unwrap_or_else(|| HomePath::new(["calendar", "none.ics"]))
}

/// What one element of a schedule-response says.
fn response(xml: &str) -> Vec<String> {
    let inside = |start: &str, end: &str| {
        let text = xml.split_once(start)?.1.split_once(end)?.0;
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
        Some(text.replace("&amp;", "&"))
    };
    let recipient = inside("<href xmlns='DAV:'>", "</href>").unwrap_or_default();
    let status = inside("<request-status>", "</request-status>").unwrap_or_default();
    let mut out = vec![format!("{recipient} {status}")];
    if let Some(data) = inside("<calendar-data>", "</calendar-data>") {
        let calendar = ical::parse(data.as_bytes()).unwrap();
        out.push(calendar.value_of("METHOD").unwrap_or_default().to_owned());
        out.extend(lines(&calendar));
    }
    out
}

/// An object out of property lines, with the METHOD that the step names.
fn message(rest: &[&str], body: &[&str]) -> Component {
    let mut calendar = object(body);
    if let Some(method) = rest.iter().find_map(|word| word.strip_prefix("METHOD:")) {
        calendar.push(Property::new("METHOD", method));
    }
    calendar
}

/// An object out of property lines.
fn object(body: &[&str]) -> Component {
    let mut calendar = Component::new("VCALENDAR");
    calendar.push(Property::new("VERSION", "2.0"));
    calendar.push(Property::new("PRODID", "-//client//EN"));
    for lines in body.split(|line| *line == "--") {
        let kind = lines.first().filter(|line| line.starts_with('V') && !line.contains(':'));
        let kind = kind.copied().unwrap_or("VEVENT");
        let mut text = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:{kind}\r\n");
        if kind != "VTIMEZONE" {
            text.push_str("DTSTAMP:20260101T000000Z\r\n");
        }
        if kind != "VTIMEZONE" && !lines.iter().any(|line| line.starts_with("UID")) {
            text.push_str("UID:u1\r\n");
        }
        for line in lines.iter().filter(|line| **line != kind) {
            text.push_str(&with_address(line));
            text.push_str("\r\n");
        }
        let _ = write!(text, "END:{kind}\r\nEND:VCALENDAR\r\n");
        let parsed = ical::parse(text.as_bytes()).unwrap();
        calendar.push_component(parsed.components().next().unwrap().clone());
    }
    calendar
}

/// `ATTENDEE:bob` means the address of bob.
fn with_address(line: &str) -> String {
    let people = line.starts_with("ATTENDEE") || line.starts_with("ORGANIZER");
    match line.rsplit_once(':') {
        Some((head, name)) if people && !name.contains('@') && !head.contains("mailto") => {
            format!("{head}:mailto:{name}@example.com")
        }
        _ => line.to_owned(),
    }
}

fn show(home: &Home) -> Vec<String> {
    let snapshot = home.snapshot();
    let mut out = Vec::new();
    for (path, calendar) in snapshot.calendars() {
        for (name, _) in calendar.objects() {
            let bytes = home.read(&path.join(name)).unwrap().unwrap();
            out.push(format!("{path}"));
            match ical::parse(&bytes) {
                Ok(calendar) => out.extend(lines(&calendar)),
                Err(_) => out.push("  damaged".to_owned()),
            }
        }
    }
    if out.is_empty() {
        out.push("nothing".to_owned());
    }
    out
}

fn inbox(home: &Home) -> Vec<String> {
    let inbox = HomePath::new(["inbox"]);
    let snapshot = home.snapshot();
    let mut messages = Vec::new();
    for (name, _) in snapshot.collection(&inbox).unwrap().objects() {
        let path = inbox.join(name);
        let bytes = home.read(&path).unwrap().unwrap();
        let calendar = ical::parse(&bytes).unwrap();
        let changes = changes_at(home, &path);
        let method = calendar.value_of("METHOD").unwrap_or_default().to_owned();
        let told = format!("{method} {}", changes.map_or(String::new(), |c| brief(&c)));
        let mut text = vec![told.trim_end().to_owned()];
        text.extend(lines(&calendar));
        messages.push(text);
        home.write(|tx| tx.delete(&path)).unwrap();
    }
    messages.sort();
    let mut out: Vec<String> = messages.concat();
    if out.is_empty() {
        out.push("nothing".to_owned());
    }
    out
}

/// What a message says of the changes that were made for it.
pub(super) fn changes_at(home: &Home, path: &HomePath) -> Option<String> {
    let stored = home.properties(path).unwrap();
    if let Some(stored) = stored.get(&SCHEDULE_CHANGES) {
        return Some(stored.to_string());
    }
    let snapshot = home.snapshot();
    let message = InboxMessage::of_summary(snapshot.object(path)?.calendar()?)?;
    message.property(&SCHEDULE_CHANGES, home.guid())
}

/// The schedule-changes element without its tags' noise.
fn brief(xml: &str) -> String {
    let action = xml.split("<CS:action>").nth(1).unwrap_or_default();
    let action = action.split("</CS:action>").next().unwrap_or_default();
    let mut out = String::new();
    for piece in action.split('<').map(|piece| piece.trim_start_matches("CS:")) {
        let (tag, text) = piece.split_once('>').unwrap_or((piece, ""));
        let tag = tag.trim_end_matches('/');
        let name = tag.split('"').nth(1);
        match tag.split(' ').next().unwrap_or_default() {
            "" | "recurrence" | "changes" | "attendee" => {}
            end if end.starts_with('/') => {}
            "changed-property" => drop(write!(out, " {}", name.unwrap_or_default())),
            "changed-parameter" => drop(write!(out, ";{}", name.unwrap_or_default())),
            "recurrenceid" => drop(write!(out, " [{text}]")),
            other => drop(write!(out, " {other}")),
        }
        if tag == "attendee" {
            let _ = write!(out, " {}", text.replace("urn:x-uid:", "").replace("-guid", ""));
        }
    }
    out.trim().to_owned()
}

/// An object in one canonical form, without what always differs.
fn lines(calendar: &Component) -> Vec<String> {
    let mut components: Vec<Vec<String>> = calendar.main_components().map(component).collect();
    components.sort_by_key(|lines| {
        let id = lines.iter().find(|line| line.starts_with("    RECURRENCE-ID")).cloned();
        (id, lines.clone())
    });
    components.concat()
}

fn component(component: &Component) -> Vec<String> {
    const HIDDEN: &[&str] = &["DTSTAMP", "UID", "PRODID", "VERSION"];
    const PARAMS: &[&str] = &["EMAIL", "CN", "X-CALENDARSERVER-DTSTAMP"];
    let mut lines: Vec<String> = Vec::new();
    for property in component.properties().filter(|p| !HIDDEN.contains(&p.name())) {
        let mut params: Vec<String> = property
            .params()
            .iter()
            .filter(|p| !PARAMS.contains(&p.name.as_str()))
            .map(|p| format!(";{}={}", p.name, p.values.join(",")))
            .collect();
        params.sort();
        let value = property.value().replace("urn:x-uid:", "").replace("-guid", "");
        lines.push(format!("    {}{}:{value}", property.name(), params.concat()));
    }
    lines.extend(component.components().map(|inner| format!("    {}", inner.name())));
    lines.sort();
    lines.insert(0, format!("  {}", component.name()));
    lines
}

/// Lines that only one side has, with where they are.
pub fn difference(written: &str, played: &str) -> String {
    let (left, right): (Vec<&str>, Vec<&str>) =
        (written.lines().collect(), played.lines().collect());
    let same = left.iter().zip(&right).take_while(|(a, b)| a == b).count();
    let mut out = format!("  from line {}:\n", same + 1);
    for line in left.iter().skip(same).take(12) {
        let _ = writeln!(out, "  - {line}");
    }
    for line in right.iter().skip(same).take(12) {
        let _ = writeln!(out, "  + {line}");
    }
    out
}
