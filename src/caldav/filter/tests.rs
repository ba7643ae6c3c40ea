use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::{Candidates, Filter};
use crate::caldav::TimeRange;
use crate::caldav::period::utc_text;
use crate::dav::name::CALDAV;
use crate::ical::timezone::{Zone, Zones};
use crate::ical::{self, Component};
use crate::xml;

fn read(inside: &str) -> Result<Filter, crate::dav::Error> {
    let text = format!("<filter xmlns=\"{CALDAV}\">{inside}</filter>");
    Filter::read(&xml::parse(text.as_bytes()).unwrap())
}

/// `comp-filter` around what is said of VEVENT.
pub(super) fn on_event(inside: &str) -> Filter {
    let event = format!("<comp-filter name=\"VEVENT\">{inside}</comp-filter>");
    read(&format!("<comp-filter name=\"VCALENDAR\">{event}</comp-filter>")).unwrap()
}

fn matches(filter: &Filter, object: &Component) -> bool {
    filter.matches(object, &Zones::of(object, &Zone::utc()))
}

fn object() -> Component {
    ical::parse(include_bytes!("../../../fixtures/caldav/filter/event.ics")).unwrap()
}

#[test]
fn conditions_on_one_event() {
    let range = |start: &str, end: &str| {
        format!("<time-range start=\"{start}T000000Z\" end=\"{end}T000000Z\"/>")
    };
    let text = |text: &str| format!("<text-match>{text}</text-match>");
    let not = |text: &str| format!("<text-match negate-condition=\"yes\">{text}</text-match>");
    let prop =
        |name: &str, inside: &str| format!("<prop-filter name=\"{name}\">{inside}</prop-filter>");
    let param =
        |name: &str, inside: &str| format!("<param-filter name=\"{name}\">{inside}</param-filter>");
    let alarm = |inside: &str| format!("<comp-filter name=\"VALARM\">{inside}</comp-filter>");
    let absent = "<is-not-defined/>";
    for (filter, expected) in [
        (String::new(), true),
        (prop("summary", &text("LUNCH")), true),
        (prop("SUMMARY", &text("dinner")), false),
        // The override has its own summary and its own time.
        (prop("SUMMARY", &text("moved")) + &range("20060104", "20060105"), true),
        (prop("SUMMARY", &text("moved")) + &range("20060102", "20060103"), false),
        (range("20060102", "20060103"), true),
        (range("20060106", "20060107"), false),
        (prop("SUMMARY", &text("a\\, b")), false),
        (prop("DESCRIPTION", &text("bread, butter; jam")), true),
        (prop("LOCATION", absent), true),
        (prop("SUMMARY", absent), false),
        (prop("CATEGORIES", &text("food")), true),
        (prop("CATEGORIES", &not("food")), false),
        (prop("CATEGORIES", &not("drink")), true),
        (prop("CATEGORIES", "<text-match match-type=\"equals\">work</text-match>"), true),
        (prop("ATTENDEE", &(text("bob") + &param("PARTSTAT", &text("DECLINED")))), true),
        (prop("ATTENDEE", &(text("alice") + &param("PARTSTAT", &text("DECLINED")))), false),
        (prop("ATTENDEE", &not("carol")), true),
        (prop("ATTENDEE", &not("bob")), false),
        (prop("ATTENDEE", &param("ROLE", absent)), true),
        (prop("DTSTART", &range("20060104", "20060105")), true),
        (prop("DTEND", &range("20060104", "20060105")), true),
        (prop("DTSTAMP", &range("20060101", "20060102")), true),
        (prop("DTSTAMP", &range("20060102", "20060103")), false),
        (alarm(""), true),
        (alarm(absent), false),
        (alarm(&range("20060101", "20060102")), true),
        (alarm(&range("20060107", "20060108")), false),
        (alarm(&prop("ACTION", &text("email"))), false),
    ] {
        assert_eq!(matches(&on_event(&filter), &object()), expected, "{filter}");
    }
}

#[test]
fn one_of_several_conditions() {
    let both = "<comp-filter name=\"VEVENT\"/><comp-filter name=\"VTODO\"/>";
    for (test, expected) in [("allof", false), ("anyof", true)] {
        let text = format!("<comp-filter name=\"VCALENDAR\" test=\"{test}\">{both}</comp-filter>");
        assert_eq!(matches(&read(&text).unwrap(), &object()), expected, "{test}");
    }
    let inside = "<prop-filter name=\"SUMMARY\"><text-match>dinner</text-match></prop-filter>\
        <prop-filter name=\"DTSTART\"/>";
    let event = format!("<comp-filter name=\"VEVENT\" test=\"anyof\">{inside}</comp-filter>");
    let filter = read(&format!("<comp-filter name=\"VCALENDAR\">{event}</comp-filter>")).unwrap();
    assert!(matches(&filter, &object()));
}

#[test]
fn refuses_filters_that_make_no_sense() {
    let range = "<time-range start=\"20060102T000000Z\" end=\"20060103T000000Z\"/>";
    let comp =
        |name: &str, inside: &str| format!("<comp-filter name=\"{name}\">{inside}</comp-filter>");
    let prop =
        |name: &str, inside: &str| format!("<prop-filter name=\"{name}\">{inside}</prop-filter>");
    let event = |inside: &str| comp("VCALENDAR", &comp("VEVENT", inside));
    for (filter, element) in [
        (String::new(), "valid-filter"),
        (comp("VEVENT", ""), "valid-filter"),
        (comp("VCALENDAR", range), "valid-filter"),
        (comp("VCALENDAR", &comp("VALARM", "")), "valid-filter"),
        (comp("VCALENDAR", &comp("VTIMEZONE", range)), "valid-filter"),
        (event(&comp("VEVENT", "")), "valid-filter"),
        (event(&comp("VALARM", &comp("X-COMP", range))), "valid-filter"),
        (event(&prop("SUMMARY", range)), "valid-filter"),
        (event("<time-range start=\"20060102\" end=\"20060103\"/>"), "valid-filter"),
        (event(&format!("{range}{range}")), "valid-filter"),
        (event(&format!("<is-not-defined/>{range}")), "valid-filter"),
        (event("<prop-filter/>"), "valid-filter"),
        (
            event(&prop("SUMMARY", "<text-match collation=\"i;basic\">x</text-match>")),
            "supported-collation",
        ),
    ] {
        let error = read(&filter).expect_err(&filter);
        assert_eq!(error.precondition.unwrap().name().local, element, "{filter}");
    }
    assert_eq!(read(&event("<time-range/>")).unwrap_err().status, 400);
}

#[test]
fn the_index_is_asked_what_it_knows() {
    let range = "<time-range start=\"20060102T000000Z\" end=\"20060103T000000Z\"/>";
    let period = TimeRange::parse(Some("20060102T000000Z"), Some("20060103T000000Z")).unwrap();
    let uid = "<prop-filter name=\"UID\"><text-match collation=\"i;octet\" match-type=\"equals\">\
        a</text-match></prop-filter>";
    let kinds = |kinds: &[&str]| Some(kinds.iter().map(|kind| (*kind).to_owned()).collect());
    for (inside, expected) in [
        (String::new(), Candidates { complete: true, ..Candidates::default() }),
        (
            format!("<comp-filter name=\"VEVENT\">{range}</comp-filter>"),
            Candidates {
                kinds: kinds(&["VEVENT"]),
                time_range: Some(period),
                complete: true,
                ..Candidates::default()
            },
        ),
        (
            format!("<comp-filter name=\"VEVENT\">{range}{uid}</comp-filter>"),
            Candidates {
                kinds: kinds(&["VEVENT"]),
                time_range: Some(period),
                uid: Some("a".to_owned()),
                complete: false,
            },
        ),
        (
            "<comp-filter name=\"VEVENT\"/><comp-filter name=\"VTODO\"/>".to_owned(),
            Candidates { kinds: kinds(&[]), complete: true, ..Candidates::default() },
        ),
        (
            "<comp-filter name=\"VTODO\"><is-not-defined/></comp-filter>".to_owned(),
            Candidates::default(),
        ),
    ] {
        let text = format!("<comp-filter name=\"VCALENDAR\">{inside}</comp-filter>");
        assert_eq!(read(&text).unwrap().candidates(), expected, "{inside}");
    }
}

/// An event that takes place every few days, one instance left out, one moved.
#[derive(Debug)]
struct Series {
    start: DateTime<Utc>,
    minutes: i64,
    every_days: i64,
    count: i64,
    without: i64,
    moved: i64,
    by_hours: i64,
}

impl Series {
    fn object(&self) -> Component {
        let at = |number: i64| self.start + TimeDelta::days(self.every_days * number);
        let length = format!("DURATION:PT{}M", self.minutes);
        let head = "BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20060101T000000Z";
        let text = format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{head}\r\nDTSTART:{}\r\n{length}\r\n\
             RRULE:FREQ=DAILY;INTERVAL={};COUNT={}\r\nEXDATE:{}\r\nEND:VEVENT\r\n\
             {head}\r\nRECURRENCE-ID:{}\r\nDTSTART:{}\r\n{length}\r\nEND:VEVENT\r\n\
             END:VCALENDAR\r\n",
            utc_text(self.start),
            self.every_days,
            self.count,
            utc_text(at(self.without)),
            utc_text(at(self.moved)),
            utc_text(at(self.moved) + TimeDelta::hours(self.by_hours)),
        );
        ical::parse(text.as_bytes()).unwrap()
    }

    /// The table of RFC 4791 §9.9, instance by instance.
    fn overlaps(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> bool {
        (0..self.count).filter(|n| *n != self.without || *n == self.moved).any(|n| {
            let shift = if n == self.moved { self.by_hours } else { 0 };
            let start = self.start + TimeDelta::days(self.every_days * n) + TimeDelta::hours(shift);
            let end = start + TimeDelta::minutes(self.minutes);
            let after = if self.minutes == 0 { from <= start } else { from < end };
            after && to > start
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn time_ranges_equal_a_brute_force_evaluator(
        minutes in prop_oneof![Just(0i64), 1..4000i64],
        every_days in 1..6i64,
        count in 1..8i64,
        (without, moved) in (0..8i64, 0..8i64),
        by_hours in -50..50i64,
        from in 0..1200i64,
        length in 1..60i64,
    ) {
        let start = DateTime::from_timestamp(1_136_000_000 - 1_136_000_000 % 3600, 0).unwrap();
        let moved = moved.min(count - 1);
        prop_assume!(without != moved);
        let series = Series { start, minutes, every_days, count, without, moved, by_hours };
        let from = start - TimeDelta::days(5) + TimeDelta::hours(from);
        let to = from + TimeDelta::hours(length);
        let range = format!(
            "<time-range start=\"{}\" end=\"{}\"/>", utc_text(from), utc_text(to));
        let found = matches(&on_event(&range), &series.object());
        prop_assert_eq!(found, series.overlaps(from, to), "{:?} {}", series, range);
    }
}
