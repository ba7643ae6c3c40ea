//! The requests that are measured, with the checks their answers must pass: a thorough one for the
//! first answer of a round, a quick one for all others.

use std::collections::BTreeSet;

use memchr::memmem;

use crate::client::Call;
use crate::data;

/// What a row is compared with.
#[derive(Clone, Copy, PartialEq)]
pub enum Limit {
    /// Durable replacements per second by one thread.
    Writes,
    /// Durable replacements per second by eight threads.
    WritesInParallel,
    /// nginx serving the same bytes as a file.
    Static,
    /// The limit of the first row: nginx serving one event to 16 connections.
    Get,
}

/// One measured kind of request.
#[derive(Clone, Copy)]
pub struct Row {
    /// The name in tables of figures.
    pub name: &'static str,
    pub connections: usize,
    pub limit: Limit,
    /// The ratio of docs/performance.md that the row must reach.
    pub budget: f64,
    /// Whether the time per request must not grow with the calendar.
    pub flat: bool,
    pub call: fn(&Setting, u64) -> Call,
    pub statuses: &'static [u16],
    /// Whether an answer to request `number` is plausible: cheap enough for every answer.
    pub check: fn(&Setting, u64, &[u8]) -> bool,
    /// What is wrong with an answer, compared with the data that were generated.
    pub verify: fn(&Setting, u64, &[u8]) -> Result<(), String>,
}

impl Row {
    /// Whether only a server that delivers between its own people can answer.
    pub fn needs_scheduling(&self) -> bool {
        matches!(self.name, "put-invite-10" | "outbox-10")
    }
}

/// Where the objects are, and what right answers hold.
#[derive(Clone, Default)]
pub struct Setting {
    pub calendar: String,
    pub outbox: String,
    pub seed: data::Seed,
    pub objects: u64,
    pub sync_token: String,
    /// Names of the objects in the measured week.
    pub week: BTreeSet<String>,
    /// Busy time in the measured four weeks, joined.
    pub busy: Vec<(i64, i64)>,
    /// The same of everybody who is invited.
    pub attendees_busy: Vec<Vec<(i64, i64)>>,
    pub attendees: Vec<String>,
}

/// The week that every query row asks for.
pub const WEEK: (&str, &str) = ("20260608T000000Z", "20260615T000000Z");
/// The time that every free-busy row asks for.
pub const FOUR_WEEKS: (&str, &str) = ("20260601T000000Z", "20260629T000000Z");

/// Busy intervals cut to `FOUR_WEEKS` and joined where they touch.
pub fn joined(mut busy: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    let (from, to) = (data::instant(FOUR_WEEKS.0), data::instant(FOUR_WEEKS.1));
    busy.retain(|(start, end)| *start < to && *end > from);
    busy.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::new();
    for (start, end) in busy {
        let (start, end) = (start.max(from), end.min(to));
        match joined.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    joined
}

fn dav(kind: &'static str, path: &str, depth: &str, body: &str) -> Call {
    Call::new(kind, path).header("Depth", depth).body("application/xml; charset=utf-8", body)
}

const PROPFIND_TAGS: &str = r#"<?xml version="1.0"?><propfind xmlns="DAV:"><prop><getctag xmlns="http://calendarserver.org/ns/"/><sync-token/></prop></propfind>"#;
const PROPFIND_ETAGS: &str =
    r#"<?xml version="1.0"?><propfind xmlns="DAV:"><prop><getetag/></prop></propfind>"#;

fn count(body: &[u8], needle: &str) -> usize {
    memmem::find_iter(body, needle).count()
}

fn responses(body: &[u8]) -> usize {
    count(body, "response>") / 2
}

/// The text of every element whose end tag has this local name.
fn texts<'a>(body: &'a str, name: &str) -> Vec<&'a str> {
    let end = format!("{name}>");
    let mut found = Vec::new();
    let mut rest = body;
    while let Some(at) = rest.find(&end) {
        let after = &rest[at + end.len()..];
        let close = after.find("</").unwrap_or(after.len());
        found.push(&after[..close]);
        rest = &after[close..];
        rest = &rest[rest.find('>').map_or(rest.len(), |at| at + 1)..];
    }
    found
}

/// Names of the members of the calendar that an answer has.
fn members(setting: &Setting, body: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(body);
    let names = texts(&text, "href");
    names
        .into_iter()
        .filter_map(|href| href.trim().strip_prefix(setting.calendar.as_str()))
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn same(found: &BTreeSet<String>, wanted: &BTreeSet<String>) -> Result<(), String> {
    match (wanted.difference(found).next(), found.difference(wanted).next()) {
        (None, None) => Ok(()),
        (missing, extra) => Err(format!(
            "{} instead of {} members; missing {missing:?}, not wanted {extra:?}",
            found.len(),
            wanted.len()
        )),
    }
}

/// The generated objects are all there; PUT rows may have added others.
fn lists_all(setting: &Setting, _: u64, body: &[u8]) -> Result<(), String> {
    let found = members(setting, body);
    let missing = (0..setting.objects).map(name).find(|name| !found.contains(name));
    if let Some(missing) = missing {
        return Err(format!("{missing} is not listed"));
    }
    let text = String::from_utf8_lossy(body);
    let tags: BTreeSet<&str> = texts(&text, "getetag").into_iter().collect();
    if (tags.len() as u64) < setting.objects {
        return Err(format!("only {} different entity tags", tags.len()));
    }
    Ok(())
}

fn name(number: u64) -> String {
    format!("{number:08}.ics")
}

fn object_path(setting: &Setting, number: u64) -> String {
    format!("{}{}", setting.calendar, name(number % setting.objects))
}

/// The text of an object as it stands in XML, line ends as lines.
fn is_in(body: &[u8], text: &str) -> bool {
    let plain = String::from_utf8_lossy(body).replace("&#13;", "").replace("&#xD;", "");
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace("\r\n", "\n");
    memmem::find(plain.replace('\r', "").as_bytes(), text.trim_end().as_bytes()).is_some()
}

fn multiget_numbers(setting: &Setting, number: u64) -> impl Iterator<Item = u64> {
    let objects = setting.objects;
    (0..50).map(move |step| (number.wrapping_mul(131) + step * 17) % objects)
}

fn multiget(setting: &Setting, number: u64) -> Call {
    let mut body = String::from(
        r#"<?xml version="1.0"?><C:calendar-multiget xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><getetag/><C:calendar-data/></prop>"#,
    );
    for number in multiget_numbers(setting, number) {
        body.push_str(&format!("<href>{}</href>", object_path(setting, number)));
    }
    body.push_str("</C:calendar-multiget>");
    dav("REPORT", &setting.calendar, "1", &body)
}

fn week_query(setting: &Setting, _: u64) -> Call {
    let body = format!(
        r#"<?xml version="1.0"?><C:calendar-query xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><getetag/><C:calendar-data/></prop><C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range start="{}" end="{}"/></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"#,
        WEEK.0, WEEK.1
    );
    dav("REPORT", &setting.calendar, "1", &body)
}

/// What makes an event the one that was stored, for servers that write objects anew: UID, start and
/// summary of its components, in any order and folded in any way.
fn essence(text: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(text).replace("&#13;", "").replace('\r', "");
    let text = text.replace("\n ", "").replace("\n\t", "").replace("&amp;", "&");
    let (mut lines, mut inside) = (BTreeSet::new(), false);
    for line in text.lines() {
        match line.trim() {
            "BEGIN:VEVENT" => inside = true,
            "END:VEVENT" | "BEGIN:VALARM" => inside = false,
            // A time says that it is one, or does not need to.
            line if inside && ["UID", "DTSTART", "SUMMARY"].iter().any(|n| line.starts_with(n)) => {
                lines.insert(line.replace(";VALUE=DATE-TIME", ""));
            }
            _ => {}
        }
    }
    lines
}

/// Whether an answer is the event that was stored, as another server may write it.
pub fn same_event(answer: &[u8], stored: &[u8]) -> bool {
    essence(answer) == essence(stored)
}

/// All of these events are in an answer, as another server may write them.
fn hold_events(
    setting: &Setting,
    body: &[u8],
    numbers: impl Iterator<Item = u64>,
) -> Result<(), String> {
    let found = essence(body);
    let wrong = |number: &u64| {
        !essence(data::object(setting.seed, *number).text.as_bytes()).is_subset(&found)
    };
    match { numbers }.find(wrong) {
        None => Ok(()),
        Some(number) => Err(format!("{number} is not the event that was stored")),
    }
}

/// Other servers may write objects anew: what makes them the stored ones counts, not their bytes.
pub fn forgive_rewriting(row: &mut Row) {
    match row.name {
        "get" => row.verify = |s, n, body| hold_events(s, body, std::iter::once(n % s.objects)),
        "multiget-50" => {
            row.verify = |s, n, body| hold_events(s, body, multiget_numbers(s, n));
        }
        "query-week" => {
            row.verify = |s, _, body| {
                same(&members(s, body), &s.week)?;
                let numbers = s.week.iter().map(|name| name.trim_end_matches(".ics").parse());
                hold_events(s, body, numbers.map_while(Result::ok))
            }
        }
        // A collection without a tag of its own, or one that is listed itself.
        "list-etags" | "sync-initial" => {
            row.check = |s, _, body| responses(body) as u64 >= s.objects;
        }
        _ => {}
    }
}

fn week_is_right(setting: &Setting, _: u64, body: &[u8]) -> Result<(), String> {
    same(&members(setting, body), &setting.week)?;
    for name in &setting.week {
        let number = name.trim_end_matches(".ics").parse().map_err(|_| name.clone())?;
        if !is_in(body, &data::object(setting.seed, number).text) {
            return Err(format!("{name} is not as it was stored"));
        }
    }
    Ok(())
}

fn sync(setting: &Setting, token: &str) -> Call {
    let body = format!(
        r#"<?xml version="1.0"?><sync-collection xmlns="DAV:"><sync-token>{token}</sync-token><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>"#
    );
    dav("REPORT", &setting.calendar, "0", &body)
}

/// What is changed before the row of one change is measured.
pub const CHANGED: &str = "changed.ics";

fn free_busy(setting: &Setting, _: u64) -> Call {
    let body = format!(
        r#"<?xml version="1.0"?><C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav"><C:time-range start="{}" end="{}"/></C:free-busy-query>"#,
        FOUR_WEEKS.0, FOUR_WEEKS.1
    );
    dav("REPORT", &setting.calendar, "1", &body)
}

/// Busy periods of an iCalendar text, joined.
fn busy_of(text: &str) -> Result<Vec<(i64, i64)>, String> {
    let unfolded = text.replace("\r\n ", "").replace("\n ", "").replace("&#13;", "");
    let mut busy = Vec::new();
    for line in unfolded.lines().filter(|line| line.starts_with("FREEBUSY")) {
        let (_, periods) = line.split_once(':').ok_or("a line without a colon")?;
        for period in periods.trim().split(',') {
            let (start, end) = period.split_once('/').ok_or("a period without a slash")?;
            let start = data::instant(start);
            let end = match end.strip_prefix('P') {
                Some(length) => start + duration(length).ok_or(format!("P{length}"))?,
                None => data::instant(end),
            };
            busy.push((start, end));
        }
    }
    Ok(joined(busy))
}

/// `T1H30M` and the like, without weeks.
fn duration(text: &str) -> Option<i64> {
    let (mut total, mut number) = (0, 0);
    for c in text.chars() {
        let unit = match c {
            '0'..='9' => {
                number = number * 10 + i64::from(c.to_digit(10)?);
                continue;
            }
            'T' => 0,
            'D' => 86_400,
            'H' => 3600,
            'M' => 60,
            'S' => 1,
            _ => return None,
        };
        total += number * unit;
        number = 0;
    }
    Some(total)
}

fn busy_is(found: &[(i64, i64)], wanted: &[(i64, i64)]) -> Result<(), String> {
    match found == wanted {
        true => Ok(()),
        false => Err(format!("busy {found:?} instead of {wanted:?}")),
    }
}

fn put_new(setting: &Setting, number: u64) -> Call {
    let object = data::appointment(setting.seed.with(0xBEEF), setting.objects + number);
    Call::new("PUT", format!("{}new-{number}.ics", setting.calendar))
        .body("text/calendar; charset=utf-8", object.text)
}

fn put_invitation(setting: &Setting, number: u64) -> Call {
    let text = data::invitation(number, "bench@example.com", &setting.attendees);
    Call::new("PUT", format!("{}invite-{number}.ics", setting.calendar))
        .body("text/calendar; charset=utf-8", text)
}

fn outbox_free_busy(setting: &Setting, number: u64) -> Call {
    let mut text = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Bench//Data 2//EN\r\nMETHOD:REQUEST\r\n\
         BEGIN:VFREEBUSY\r\nUID:fb-{number}\r\nDTSTAMP:20250101T000000Z\r\n\
         DTSTART:{}\r\nDTEND:{}\r\nORGANIZER:mailto:bench@example.com\r\n",
        FOUR_WEEKS.0, FOUR_WEEKS.1
    );
    let recipients: Vec<String> =
        setting.attendees.iter().map(|attendee| format!("mailto:{attendee}")).collect();
    for recipient in &recipients {
        text.push_str(&format!("ATTENDEE:{recipient}\r\n"));
    }
    text.push_str("END:VFREEBUSY\r\nEND:VCALENDAR\r\n");
    Call::new("POST", setting.outbox.clone())
        .header("Originator", "mailto:bench@example.com")
        .header("Recipient", recipients.join(", "))
        .body("text/calendar; charset=utf-8", text)
}

fn outbox_is_right(setting: &Setting, _: u64, body: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(body);
    let answers = count(body, "BEGIN:VFREEBUSY");
    if answers != setting.attendees.len() {
        return Err(format!("{answers} answers"));
    }
    // In any order.
    for (attendee, wanted) in setting.attendees.iter().zip(&setting.attendees_busy) {
        let at = text.find(&format!("mailto:{attendee}<")).ok_or(format!("no {attendee}"))?;
        let answer = text[at..].split("response>").next().unwrap_or_default();
        busy_is(&busy_of(answer)?, wanted)?;
    }
    Ok(())
}

/// Distinct UIDs named in calendar data, as a check that an answer repeats nothing.
fn distinct_uids(body: &[u8]) -> usize {
    let starts = memmem::find_iter(body, "\nUID:").map(|at| at + 5);
    let uids = starts.map(|start| &body[start..body.len().min(start + 8)]);
    uids.collect::<BTreeSet<_>>().len()
}

fn fine(_: &Setting, _: u64, _: &[u8]) -> Result<(), String> {
    Ok(())
}

/// Every row, in the order of the table in docs/performance.md.
pub fn all() -> Vec<Row> {
    let read = Row {
        name: "",
        connections: 1,
        limit: Limit::Static,
        budget: 0.0,
        flat: false,
        call: |s, n| Call::new("GET", object_path(s, n)),
        statuses: &[207],
        check: |_, _, _| true,
        verify: fine,
    };
    let write = Row { limit: Limit::Writes, statuses: &[201], call: put_new, ..read };
    vec![
        Row {
            name: "get",
            connections: 16,
            budget: 0.5,
            flat: true,
            statuses: &[200],
            check: |_, _, body| body.starts_with(b"BEGIN:VCALENDAR"),
            verify: |s, n, body| match data::object(s.seed, n % s.objects).text.as_bytes() == body {
                true => Ok(()),
                false => Err("not the bytes that were stored".to_owned()),
            },
            ..read
        },
        Row {
            name: "poll",
            connections: 16,
            budget: 0.5,
            flat: true,
            call: |s, _| dav("PROPFIND", &s.calendar, "0", PROPFIND_TAGS),
            check: |_, _, body| count(body, "sync-token>") == 2 && count(body, "getctag>") == 2,
            verify: |_, _, body| {
                let text = String::from_utf8_lossy(body);
                let some = |name| texts(&text, name).first().is_some_and(|tag| !tag.is_empty());
                match some("getctag") && some("sync-token") {
                    true => Ok(()),
                    false => Err("an empty tag".to_owned()),
                }
            },
            ..read
        },
        Row {
            name: "list-etags",
            budget: 0.25,
            call: |s, _| dav("PROPFIND", &s.calendar, "1", PROPFIND_ETAGS),
            check: |s, _, body| responses(body) as u64 > s.objects,
            verify: lists_all,
            ..read
        },
        Row {
            name: "multiget-50",
            budget: 0.4,
            call: multiget,
            check: |_, _, body| distinct_uids(body) == 50,
            verify: |s, n, body| {
                let wrong = |number: &u64| !is_in(body, &data::object(s.seed, *number).text);
                match multiget_numbers(s, n).find(wrong) {
                    None => Ok(()),
                    Some(number) => Err(format!("{number} is not as it was stored")),
                }
            },
            ..read
        },
        Row {
            name: "query-week",
            budget: 0.25,
            flat: true,
            call: week_query,
            check: |s, _, body| responses(body) == s.week.len(),
            verify: week_is_right,
            ..read
        },
        Row {
            name: "sync-one-change",
            budget: 0.5,
            flat: true,
            call: |s, _| sync(s, &s.sync_token),
            check: |_, _, body| responses(body) == 1,
            verify: |s, _, body| same(&members(s, body), &BTreeSet::from([CHANGED.to_owned()])),
            ..read
        },
        Row {
            name: "sync-initial",
            budget: 0.25,
            call: |s, _| sync(s, ""),
            check: |s, _, body| responses(body) as u64 >= s.objects,
            verify: lists_all,
            ..read
        },
        Row {
            name: "free-busy",
            budget: 0.2,
            statuses: &[200],
            call: free_busy,
            check: |_, _, body| count(body, "FREEBUSY") > 2,
            verify: |s, _, body| busy_is(&busy_of(&String::from_utf8_lossy(body))?, &s.busy),
            ..read
        },
        Row { name: "put-new", budget: 0.7, flat: true, ..write },
        Row {
            name: "put-new-16",
            connections: 16,
            limit: Limit::WritesInParallel,
            budget: 0.4,
            ..write
        },
        // 250/s where the raw limit is 1,217/s.
        Row { name: "put-invite-10", budget: 0.205, call: put_invitation, ..write },
        // 1,000/s where the limit of GET is 42,000/s with 16 connections.
        Row {
            name: "outbox-10",
            limit: Limit::Get,
            budget: 0.024,
            statuses: &[200],
            call: outbox_free_busy,
            check: |s, _, body| count(body, "2.0;Success") == s.attendees.len(),
            verify: outbox_is_right,
            ..read
        },
    ]
}
