use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::Timetable;
use crate::caldav::free_busy::{BusyTime, Options};
use crate::caldav::period::utc_text;
use crate::caldav::{Filter, Period, TimeRange};
use crate::dav::name::CALDAV;
use crate::ical::timezone::{Zone, Zones};
use crate::ical::{self, Component};
use crate::xml;

fn object(lines: &[&str], override_lines: Option<&str>) -> Component {
    let head = "BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n";
    let mut text = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{head}");
    for line in lines.iter().filter(|line| !line.is_empty()) {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text.push_str("END:VEVENT\r\n");
    if let Some(lines) = override_lines {
        text.push_str(&format!("{head}{lines}\r\nEND:VEVENT\r\n"));
    }
    text.push_str("END:VCALENDAR\r\n");
    ical::parse(text.as_bytes()).unwrap()
}

fn filter(question: Period) -> Filter {
    let text = format!(
        "<filter xmlns=\"{CALDAV}\"><comp-filter name=\"VCALENDAR\"><comp-filter name=\"VEVENT\">\
         <time-range start=\"{}\" end=\"{}\"/></comp-filter></comp-filter></filter>",
        utc_text(question.start),
        utc_text(question.end)
    );
    Filter::read(&xml::parse(text.as_bytes()).unwrap()).unwrap()
}

fn busy_text(busy: &BusyTime) -> String {
    String::from_utf8(busy.to_component(DateTime::UNIX_EPOCH).to_bytes()).unwrap()
}

fn hours(hours: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600, 0).unwrap() + TimeDelta::hours(hours)
}

const STARTS: &[&str] = &[
    "DTSTART:20260101T100000Z",
    "DTSTART:20260101T100000",
    "DTSTART;TZID=Europe/Berlin:20260101T100000",
    "DTSTART;TZID=Nowhere/Known:20260101T100000",
    "DTSTART;VALUE=DATE:20260101",
    "DTSTART:nonsense",
];
const LENGTHS: &[&str] = &["", "DURATION:PT90M", "DURATION:P1D", "DURATION:PT0S"];
const RULES: &[&str] = &[
    "",
    "RRULE:FREQ=DAILY;COUNT=20",
    "RRULE:FREQ=WEEKLY;BYDAY=TU,TH",
    "RRULE:FREQ=HOURLY",
    "RRULE:FREQ=NEVER",
    "RDATE:20260105T100000Z,20260109T120000Z",
];
const EXCEPTIONS: &[&str] = &["", "EXDATE:20260102T100000Z", "EXDATE;VALUE=DATE:20260103"];
const KINDS: &[&str] = &[
    "",
    "TRANSP:TRANSPARENT",
    "STATUS:TENTATIVE",
    "STATUS:CANCELLED",
    "X-APPLE-TRAVEL-DURATION:PT1H",
    "ATTENDEE;PARTSTAT=DECLINED:mailto:a@example.com",
];
const OVERRIDES: &[Option<&str>] = &[
    None,
    Some("RECURRENCE-ID:20260102T100000Z\r\nDTSTART:20260110T100000Z\r\nSTATUS:TENTATIVE"),
    Some(
        "RECURRENCE-ID;TZID=Europe/Berlin:20260106T100000\r\n\
         DTSTART;TZID=Europe/Berlin:20260106T120000\r\nTRANSP:TRANSPARENT",
    ),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn a_timetable_says_what_the_object_says(
        (start, length, rule) in (0..STARTS.len(), 0..LENGTHS.len(), 0..RULES.len()),
        (exception, kind, changed) in (0..EXCEPTIONS.len(), 0..KINDS.len(), 0..OVERRIDES.len()),
        (from, lasting) in (-100..1000i64, 1..300i64),
        (first_from, first_lasting) in (-100..1000i64, 1..300i64),
        zone in prop_oneof![Just("UTC"), Just("America/New_York"), Just("Asia/Tokyo")],
        somebody in any::<bool>(),
    ) {
        let (start, length, rule) = (STARTS[start], LENGTHS[length], RULES[rule]);
        let lines = [start, length, rule, EXCEPTIONS[exception], KINDS[kind]];
        let object = object(&lines, OVERRIDES[changed]);
        let floating = Zone::named(zone).unwrap();
        let zones = Zones::of(&object, &floating);
        let first = Period::new(hours(first_from), hours(first_from + first_lasting));
        let question = Period::new(hours(from), hours(from + lasting));
        let timetable = Timetable::of(&object, &floating, first).unwrap();
        prop_assert!(timetable.covers(&floating, question));
        prop_assert!(!timetable.covers(&Zone::named("Europe/Paris").unwrap(), question));

        let range = TimeRange { start: Some(question.start), end: Some(question.end) };
        if let Some(overlaps) = timetable.overlaps(range) {
            prop_assert_eq!(overlaps, filter(question).matches(&object, &zones), "{:?}", lines);
        }
        let is_owner = |_: &str| true;
        let options = match somebody {
            true => Options { is_owner: Some(&is_owner), ..Options::default() },
            false => Options::default(),
        };
        let mut known = BusyTime::new(question);
        if timetable.add_to(&mut known, &options) {
            let mut opened = BusyTime::new(question);
            opened.add_object(&object, &zones, &options).unwrap();
            prop_assert_eq!(busy_text(&known), busy_text(&opened), "{:?}", lines);
        }
    }
}

#[test]
fn most_objects_need_not_be_asked() {
    let floating = Zone::named("Europe/Berlin").unwrap();
    let question = Period::new(hours(0), hours(200));
    for (lines, decided) in [
        ([STARTS[0], LENGTHS[1], ""], true),
        ([STARTS[4], "", RULES[2]], true),
        ([STARTS[2], LENGTHS[1], KINDS[4]], false),
        ([STARTS[0], "", RULES[4]], false),
        ([STARTS[0], "", "RRULE:FREQ=MINUTELY"], false),
    ] {
        let timetable = Timetable::of(&object(&lines, None), &floating, question).unwrap();
        let mut busy = BusyTime::new(question);
        assert_eq!(timetable.add_to(&mut busy, &Options::default()), decided, "{lines:?}");
    }
    let far = Period::new(hours(9000), hours(9001));
    let timetable = Timetable::of(&object(&[STARTS[0]], None), &floating, question).unwrap();
    assert!(!timetable.covers(&floating, far));
}
