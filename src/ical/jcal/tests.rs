use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::ical::Property;

const EXAMPLE_1: (&str, &str) = (
    include_str!("../../../fixtures/ical/jcal/rfc7265-b1.ics"),
    include_str!("../../../fixtures/ical/jcal/rfc7265-b1.json"),
);
const EXAMPLE_2: (&str, &str) = (
    include_str!("../../../fixtures/ical/jcal/rfc7265-b2.ics"),
    include_str!("../../../fixtures/ical/jcal/rfc7265-b2.json"),
);

#[test]
fn the_examples_of_the_rfc() {
    for (text, json) in [EXAMPLE_1, EXAMPLE_2] {
        let tree = crate::ical::parse(text.as_bytes()).expect("valid");
        let expected: Value = serde_json::from_str(json).expect("JSON");
        assert_eq!(to_json(&tree), expected);
        let back = parse(json.as_bytes()).expect("jCal");
        assert_eq!(to_json(&back), expected, "and back");
    }
}

/// Rows of a content line, its jCal and, if it is another one, the line that comes back.
#[test]
fn properties_one_by_one() {
    let table = include_str!("../../../fixtures/ical/jcal/properties.tsv");
    for row in table.lines().filter(|row| !row.starts_with('#')) {
        let mut cells = row.split('\t');
        let line = cells.next().expect("a line");
        let expected: Value = serde_json::from_str(cells.next().expect(row)).expect(row);
        let text = format!("BEGIN:VCALENDAR\r\n{line}\r\nEND:VCALENDAR\r\n");
        let tree = crate::ical::parse(text.as_bytes()).expect(line);
        let json = to_json(&tree);
        assert_eq!(json[1][0], expected, "{line}");
        let read = from_json(&json).expect(line);
        let property = read.properties().next().expect("one").to_bytes();
        let found = String::from_utf8(property).expect("UTF-8").replace("\r\n ", "");
        assert_eq!(found.trim_end(), cells.next().unwrap_or(line));
    }
}

#[test]
fn what_is_not_jcal_is_refused() {
    for text in [
        "",
        "{}",
        "[]",
        r#"["vevent",[],[]]"#,
        r#"["vcalendar",[]]"#,
        r#"["vcalendar",[["a"]],[]]"#,
        r#"["vcalendar",[["a",{},"text"]],[]]"#,
        r#"["vcalendar",[["a b",{},"text","x"]],[]]"#,
        r#"["vcalendar",[["end",{},"text","x"]],[]]"#,
        r#"["vcalendar",[["a",{},"text",{}]],[]]"#,
        r#"["vcalendar",[["a",{"b":1},"text","x"]],[]]"#,
        r#"["vcalendar",[],[["vcalendar",[],[]]]]"#,
    ] {
        assert!(parse(text.as_bytes()).is_err(), "{text}");
    }
    let deep = format!(r#"["vcalendar",[],[{}{}]]"#, r#"["x",[],["#.repeat(40), "]]".repeat(40));
    assert!(parse(deep.as_bytes()).is_err());
    let broken_line = r#"["vcalendar",[["x-a",{"b":"c\r\nd"},"unknown","e\r\nEND:VCALENDAR"]],[]]"#;
    let tree = parse(broken_line.as_bytes()).expect("jCal");
    assert_eq!(crate::ical::parse(&tree.to_bytes()).map(|t| t.properties().count()), Ok(1));
}

#[test]
fn a_value_type_that_is_no_name_is_none() {
    for value in ["PE|RIOD", "", "\"a b\""] {
        let text = format!("BEGIN:VCALENDAR\r\nSUMMARY;VALUE={value}:a\r\nEND:VCALENDAR\r\n");
        let json = to_json(&crate::ical::parse(text.as_bytes()).expect("valid"));
        assert_eq!(json[1][0][2], "text", "{value}");
        assert!(from_json(&json).is_ok(), "{value}");
    }
}

/// Lines with values that are not of their type, and with characters that have no place there.
#[test]
fn odd_lines_mean_the_same_after_a_round() {
    for line in [
        "DTSTART;VALUE=DATE-TIME:20260101",
        "DTSTART;VALUE=PERIOD:2026-01-01",
        "SUMMARY;VALUE=UNKNOWN:a\\,b",
        "TZOFFSETFROM:ab:cd",
        "TRIGGER;VALUE=DURATION:20260101",
        "SUMMARY;X-A=\u{7}b\u{7f}\u{85}:c\u{1}\u{85}",
    ] {
        let text = format!("BEGIN:VCALENDAR\r\n{line}\r\nEND:VCALENDAR\r\n");
        let json = to_json(&crate::ical::parse(text.as_bytes()).expect(line));
        let back = from_json(&json).expect(line).to_bytes();
        assert_eq!(to_json(&crate::ical::parse(&back).expect(line)), json, "{line}");
    }
}

#[test]
fn long_names_come_back() {
    let name = "X".repeat(400);
    let text = format!("BEGIN:VCALENDAR\r\n{name};{name}=1:a\r\nEND:VCALENDAR\r\n");
    let tree = crate::ical::parse(text.as_bytes()).expect("valid");
    let back = from_json(&to_json(&tree)).expect("our own");
    assert_eq!(back.properties().next().map(Property::name), Some(name.as_str()));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    /// Whatever a line holds: what comes back means the same in jCal.
    #[test]
    fn there_and_back(
        name in "(SUMMARY|DTSTART|RRULE|GEO|CATEGORIES|X-A|EXDATE|FREEBUSY|REQUEST-STATUS)",
        value in "[ -~é\\\\]{0,30}",
    ) {
        let text = format!("BEGIN:VCALENDAR\r\n{name}:{value}\r\nEND:VCALENDAR\r\n");
        let tree = crate::ical::parse(text.as_bytes()).expect("valid");
        let json = to_json(&tree);
        let back = from_json(&json);
        prop_assert!(back.is_ok(), "{:?}", back);
        let again = crate::ical::parse(&back.expect("checked").to_bytes());
        prop_assert!(again.is_ok(), "{:?}", again);
        prop_assert_eq!(to_json(&again.expect("checked")), json);
    }
}
