//! The requests that are measured, with the check each answer must pass.

use std::collections::HashSet;

use crate::client::Call;
use crate::data;

/// What a row is compared with.
#[derive(Clone, Copy, PartialEq)]
pub enum Limit {
    /// Durable replacements per second by one thread.
    Writes,
    /// Durable replacements per second by eight threads.
    WritesInParallel,
    /// nginx (or the stand-in) serving the same bytes.
    Static,
}

/// One measured kind of request.
pub struct Row {
    pub name: &'static str,
    pub connections: usize,
    pub limit: Limit,
    /// The ratio of docs/performance.md that the row must reach.
    pub budget: f64,
    pub call: fn(&Setting, u64) -> Call,
    pub statuses: &'static [u16],
    /// Whether an answer is right.
    pub check: fn(&Setting, &[u8]) -> bool,
}

/// Where the objects are.
pub struct Setting {
    pub calendar: String,
    pub home: String,
    pub seed: u64,
    pub objects: u64,
    pub sync_token: String,
    /// How many objects a one-week query must answer.
    pub week_matches: usize,
    pub attendees: Vec<String>,
}

fn dav(kind: &'static str, path: &str, depth: &str, body: &str) -> Call {
    Call::new(kind, path).header("Depth", depth).body("application/xml; charset=utf-8", body)
}

const PROPFIND_TAGS: &str = r#"<?xml version="1.0"?><propfind xmlns="DAV:"><prop><getctag xmlns="http://calendarserver.org/ns/"/><sync-token/></prop></propfind>"#;
const PROPFIND_ETAGS: &str =
    r#"<?xml version="1.0"?><propfind xmlns="DAV:"><prop><getetag/></prop></propfind>"#;

fn count(body: &[u8], needle: &str) -> usize {
    memchr::memmem::find_iter(body, needle).count()
}

fn responses(body: &[u8]) -> usize {
    count(body, "response>") / 2
}

fn object_path(setting: &Setting, number: u64) -> String {
    format!("{}{}", setting.calendar, data::object(setting.seed, number % setting.objects).0)
}

fn multiget(setting: &Setting, number: u64) -> Call {
    let mut body = String::from(
        r#"<?xml version="1.0"?><C:calendar-multiget xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><getetag/><C:calendar-data/></prop>"#,
    );
    for step in 0..50 {
        let path = object_path(setting, number.wrapping_mul(131) + step * 17);
        body.push_str(&format!("<href>{path}</href>"));
    }
    body.push_str("</C:calendar-multiget>");
    dav("REPORT", &setting.calendar, "1", &body)
}

/// The week that every query row asks for.
pub const WEEK: (&str, &str) = ("20260608T000000Z", "20260615T000000Z");

fn week_query(setting: &Setting, _: u64) -> Call {
    let body = format!(
        r#"<?xml version="1.0"?><C:calendar-query xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><getetag/><C:calendar-data/></prop><C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range start="{}" end="{}"/></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"#,
        WEEK.0, WEEK.1
    );
    dav("REPORT", &setting.calendar, "1", &body)
}

fn sync(setting: &Setting, token: &str) -> Call {
    let body = format!(
        r#"<?xml version="1.0"?><sync-collection xmlns="DAV:"><sync-token>{token}</sync-token><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>"#
    );
    dav("REPORT", &setting.calendar, "0", &body)
}

fn free_busy(setting: &Setting, _: u64) -> Call {
    let body = r#"<?xml version="1.0"?><C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav"><C:time-range start="20260601T000000Z" end="20260629T000000Z"/></C:free-busy-query>"#;
    dav("REPORT", &setting.calendar, "1", body)
}

fn put_new(setting: &Setting, number: u64) -> Call {
    let (_, text) = data::object(setting.seed ^ 0xBEEF, setting.objects + number);
    Call::new("PUT", format!("{}new-{number}.ics", setting.calendar))
        .body("text/calendar; charset=utf-8", text)
}

fn put_invitation(setting: &Setting, number: u64) -> Call {
    let text = data::invitation(number, "bench@example.com", &setting.attendees);
    Call::new("PUT", format!("{}invite-{number}.ics", setting.calendar))
        .body("text/calendar; charset=utf-8", text)
}

fn outbox_free_busy(setting: &Setting, number: u64) -> Call {
    let mut text = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Bench//Data 1//EN\r\nMETHOD:REQUEST\r\n\
         BEGIN:VFREEBUSY\r\nUID:fb-{number}\r\nDTSTAMP:20250101T000000Z\r\n\
         DTSTART:20260601T000000Z\r\nDTEND:20260629T000000Z\r\nORGANIZER:mailto:bench@example.com\r\n"
    );
    for attendee in &setting.attendees {
        text.push_str(&format!("ATTENDEE:mailto:{attendee}\r\n"));
    }
    text.push_str("END:VFREEBUSY\r\nEND:VCALENDAR\r\n");
    Call::new("POST", format!("{}outbox/", setting.home))
        .header("Originator", "mailto:bench@example.com")
        .header(
            "Recipient",
            setting.attendees.iter().map(|a| format!("mailto:{a}")).collect::<Vec<_>>().join(", "),
        )
        .body("text/calendar; charset=utf-8", text)
}

/// Distinct UIDs named in calendar data, as a check that an answer repeats nothing.
fn distinct_uids(body: &[u8]) -> usize {
    let text = String::from_utf8_lossy(body);
    text.lines().filter(|line| line.starts_with("UID:")).collect::<HashSet<_>>().len()
}

/// Every row, in the order of the table in docs/performance.md.
pub fn all() -> Vec<Row> {
    vec![
        Row {
            name: "GET one event",
            connections: 16,
            limit: Limit::Static,
            budget: 0.5,
            call: |s, n| Call::new("GET", object_path(s, n)),
            statuses: &[200],
            check: |_, body| body.starts_with(b"BEGIN:VCALENDAR"),
        },
        Row {
            name: "ctag and sync-token, Depth 0",
            connections: 16,
            limit: Limit::Static,
            budget: 0.5,
            statuses: &[207],
            call: |s, _| dav("PROPFIND", &s.calendar, "0", PROPFIND_TAGS),
            check: |_, body| count(body, "sync-token>") == 2 && count(body, "getctag>") == 2,
        },
        Row {
            name: "ETags, Depth 1",
            connections: 1,
            limit: Limit::Static,
            budget: 0.25,
            statuses: &[207],
            call: |s, _| dav("PROPFIND", &s.calendar, "1", PROPFIND_ETAGS),
            check: |s, body| responses(body) as u64 > s.objects,
        },
        Row {
            name: "multiget of 50",
            connections: 1,
            limit: Limit::Static,
            budget: 0.4,
            statuses: &[207],
            call: multiget,
            check: |_, body| distinct_uids(body) == 50,
        },
        Row {
            name: "one-week query with data",
            connections: 1,
            limit: Limit::Static,
            budget: 0.25,
            statuses: &[207],
            call: week_query,
            check: |s, body| responses(body) == s.week_matches,
        },
        Row {
            name: "sync, one change",
            connections: 1,
            limit: Limit::Static,
            budget: 0.5,
            statuses: &[207],
            call: |s, _| sync(s, &s.sync_token),
            check: |_, body| responses(body) == 1,
        },
        Row {
            name: "sync, initial",
            connections: 1,
            limit: Limit::Static,
            budget: 0.25,
            statuses: &[207],
            call: |s, _| sync(s, ""),
            check: |s, body| responses(body) as u64 >= s.objects,
        },
        Row {
            name: "free-busy, four weeks",
            connections: 1,
            limit: Limit::Static,
            budget: 0.2,
            statuses: &[200],
            call: free_busy,
            check: |_, body| count(body, "FREEBUSY") > 2,
        },
        Row {
            name: "PUT new",
            connections: 1,
            limit: Limit::Writes,
            budget: 0.7,
            statuses: &[201],
            call: put_new,
            check: |_, _| true,
        },
        Row {
            name: "PUT new, 16 connections",
            connections: 16,
            limit: Limit::WritesInParallel,
            budget: 0.4,
            statuses: &[201],
            call: |s, n| put_new(s, n + 10_000_000),
            check: |_, _| true,
        },
        Row {
            name: "PUT with 10 attendees",
            connections: 1,
            limit: Limit::Writes,
            budget: 0.205,
            statuses: &[201],
            call: put_invitation,
            check: |_, _| true,
        },
        Row {
            name: "outbox free-busy of 10",
            connections: 1,
            limit: Limit::Static,
            budget: 0.024,
            statuses: &[200],
            call: outbox_free_busy,
            check: |s, body| count(body, "2.0;Success") == s.attendees.len(),
        },
    ]
}
