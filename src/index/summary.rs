//! What the index keeps of a calendar object, taken from its tree once when it is written.

use chrono::DateTime;

use crate::ical::timezone::{Zone, Zones};
use crate::ical::{self, AccessLevel, Component, DateOrTime, Property, recur};

use super::calendar_summary::{CalendarSummary, Message, Parts};
use super::entry::ObjectKind;
use super::time_span::Times;

/// 2040-01-01T00:00:00Z.
const HORIZON_S: i64 = 2_208_988_800;

/// The text inside an XML element, with the predefined entities resolved.
pub fn element_text(xml: &str) -> String {
    let mut text = String::new();
    let mut rest = xml;
    while let Some(open) = rest.find('<') {
        text.push_str(&rest[..open]);
        match rest[open..].find('>') {
            Some(close) => rest = &rest[open + close + 1..],
            None => return text,
        }
    }
    text.push_str(rest);
    unescaped(&text)
}

/// Resolves the five predefined entities and character references; all else stays as it is.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find(';');
        match end.and_then(|end| Some((reference(&rest[1..end])?, end))) {
            Some((character, end)) => {
                out.push(character);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn reference(name: &str) -> Option<char> {
    let number = match name {
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        "amp" => return Some('&'),
        _ => name.strip_prefix('#')?,
    };
    let code = match number.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => number.parse(),
    };
    char::from_u32(code.ok()?)
}

/// The kind of a file in a calendar, from its bytes.
pub fn of_bytes(bytes: &[u8]) -> ObjectKind {
    match ical::parse(bytes) {
        Ok(tree) => of_tree(&tree),
        Err(error) => {
            ObjectKind::damaged(u32::try_from(error.line).unwrap_or(0), error.reason.to_string())
        }
    }
}

/// The kind of a file in a calendar, from its tree.
pub fn of_tree(tree: &Component) -> ObjectKind {
    let damaged = |reason: &str| ObjectKind::damaged(0, reason);
    let Some(uid) = tree.uid() else { return damaged("it has no component with a UID") };
    let Some(component) = tree.main_kind() else { return damaged("it has no component") };
    if tree.main_components().any(|main| main.value_of("UID") != Some(uid)) {
        return damaged("it has components with different UIDs");
    }
    if tree.main_components().any(|main| main.name() != component) {
        return damaged("it has components of different kinds");
    }
    // Whom this server is to serve comes first, and once.
    let mut attendees: Vec<(&str, bool)> = tree
        .main_components()
        .flat_map(|main| main.properties_named("ATTENDEE"))
        .map(|attendee| (attendee.value(), is_elsewhere(attendee)))
        .collect();
    attendees.sort_unstable();
    attendees.dedup_by_key(|(address, _)| *address);
    attendees.sort_by_key(|(_, elsewhere)| *elsewhere);
    let attendees_elsewhere = attendees.iter().filter(|(_, elsewhere)| *elsewhere).count();
    let attendees: Vec<&str> = attendees.into_iter().map(|(address, _)| address).collect();
    let mut organizers = tree.main_components().filter_map(|main| main.property("ORGANIZER"));
    let organizer_elsewhere = organizers.any(is_elsewhere);
    let organizer = tree.main_components().find_map(|main| main.value_of("ORGANIZER"));
    let recurring = tree
        .main_components()
        .any(|main| ["RRULE", "RDATE", "RECURRENCE-ID"].iter().any(|name| main.has(name)));
    let (times, exact) = times(tree, component);
    ObjectKind::Calendar(CalendarSummary::new(&Parts {
        access: AccessLevel::of(tree),
        recurring,
        component,
        uid,
        organizer,
        organizer_elsewhere,
        attendees: &attendees,
        attendees_elsewhere,
        times: &times,
        exact: exact && !recurring,
        message: message(tree),
    }))
}

/// Whether somebody else than the server handles messages to or from its user (RFC 6638 §7.1).
fn is_elsewhere(property: &Property) -> bool {
    property.param("SCHEDULE-AGENT").is_some_and(|agent| !agent.eq_ignore_ascii_case("SERVER"))
}

/// What makes it a scheduling message, if it is one.
pub(crate) fn message(tree: &Component) -> Option<Message<'_>> {
    let method = Message::known(tree.value_of("METHOD")?);
    let stamp = tree.main_components().find_map(|main| main.property("DTSTAMP"));
    let stamped = stamp.and_then(|stamp| DateOrTime::from_property(stamp).ok());
    let stamped_s = match stamped {
        Some(DateOrTime::Utc(at)) => Some(at.and_utc().timestamp()),
        _ => None,
    };
    Some(Message { method, stamped_s })
}

/// When the object's instances are: exact up to 2040, from then on "perhaps". The bound is fixed,
/// so that the same file always has the same summary. Also whether it is an event with one instance
/// at just this time.
fn times(tree: &Component, component: &str) -> (Times, bool) {
    if !matches!(component, "VEVENT" | "VTODO" | "VJOURNAL") {
        return (Times::always(), false);
    }
    let horizon = DateTime::from_timestamp(HORIZON_S, 0).unwrap_or_default();
    let zones = Zones::of(tree, &Zone::utc());
    match recur::spans(tree, &zones, horizon) {
        // A task without dates is in every window; what cannot be expanded may be.
        Ok(found) if found.spans.is_empty() && component != "VEVENT" => (Times::always(), false),
        Ok(found) => {
            let once = found.spans.len() == 1 && found.spans.iter().all(|span| !span.floating);
            let exact = once && found.covered_until.is_none() && component == "VEVENT";
            let spans = found.spans.iter().map(|span| (span.start, span.end, span.floating));
            (Times::joined(spans, found.covered_until), exact)
        }
        Err(_) => (Times::always(), false),
    }
}

#[cfg(test)]
mod tests {
    use super::{element_text, of_bytes};
    use crate::index::ObjectKind;

    fn event(lines: &str) -> Vec<u8> {
        let text = format!(
            "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:u\n{lines}\n\
             END:VEVENT\nEND:VCALENDAR\n"
        );
        text.replace('\n', "\r\n").into_bytes()
    }

    #[test]
    fn times_hide_no_instance() {
        const DAY: i64 = 86_400;
        // 2026-01-01T10:00:00Z
        let start = 1_767_261_600;
        for (lines, inside, outside) in [
            ("DTSTART:20260101T100000Z\nDURATION:PT1H", vec![0, 3600], vec![-DAY, DAY]),
            ("DTSTART:20260101T100000Z\nRRULE:FREQ=YEARLY", vec![0, 365 * DAY], vec![30 * DAY]),
            ("DTSTART:20260101T100000Z\nRRULE:FREQ=DAILY", vec![0, 90_000 * DAY], vec![-DAY]),
            ("DTSTART:20260101T100000\nDURATION:PT1H", vec![-13 * 3600, 13 * 3600], vec![DAY]),
            ("DTSTART;VALUE=DATE:20260101", vec![0, 20 * 3600, -20 * 3600], vec![3 * DAY]),
            ("DTSTART:20260101T100000Z\nRRULE:FREQ=NEVER", vec![0, DAY], vec![]),
            // Read in whatever zone the reader has.
            ("DTSTART;TZID=Nowhere:20260101T100000", vec![-12 * 3600, 12 * 3600], vec![DAY]),
            (
                "DTSTART:20260101T100000Z\nDTEND;TZID=Nowhere:20260101T110000",
                vec![-3600, 12 * 3600],
                vec![2 * DAY],
            ),
        ] {
            let ObjectKind::Calendar(summary) = of_bytes(&event(lines)) else { panic!("{lines}") };
            for at in inside {
                assert!(summary.times().may_touch(start + at, start + at), "{lines} at {at}");
            }
            for at in outside {
                assert!(!summary.times().may_touch(start + at, start + at), "{lines} not at {at}");
            }
        }
    }

    #[test]
    fn one_instance_is_known_exactly() {
        let start = 1_767_261_600;
        for (lines, exact) in [
            ("DTSTART:20260101T100000Z\nDURATION:PT1H", Some((start, start + 3600))),
            ("DTSTART;TZID=Europe/Berlin:20260101T110000", Some((start, start))),
            ("DTSTART:20260101T100000Z\nRRULE:FREQ=DAILY;COUNT=1", None),
            ("DTSTART:20260101T100000Z\nDTEND:20260101T110000", None),
            ("DTSTART;TZID=Nowhere:20260101T100000", None),
            ("DTSTART:20260101T100000", None),
            ("DTSTART;VALUE=DATE:20260101", None),
            ("SUMMARY:whenever", None),
        ] {
            let ObjectKind::Calendar(summary) = of_bytes(&event(lines)) else { panic!("{lines}") };
            let only = summary.is_one_instance().then(|| summary.times().spans[0]);
            assert_eq!(only, exact, "{lines}");
        }
    }

    #[test]
    fn damage_has_a_reason() {
        for (bytes, part) in
            [(&b"nothing"[..], "colon"), (b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "no component")]
        {
            match of_bytes(bytes) {
                ObjectKind::Damaged(damage) => {
                    assert!(damage.reason.contains(part), "{}", damage.reason);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn elements_have_text() {
        for (xml, text) in [
            ("<a x=\"1\">1 &lt; <b/>2 &amp;amp; 3</a>", "1 < 2 &amp; 3"),
            ("<a>&#34;&#x41;&#10;&apos;&gt;</a>", "\"A\n'>"),
            ("<a>&unknown; &#xD800; &#; & &lt</a>", "&unknown; &#xD800; &#; & &lt"),
        ] {
            assert_eq!(element_text(xml), text);
        }
    }
}
