use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

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

/// A property line, its jCal, and the line that comes back.
#[test]
fn properties_one_by_one() {
    for (line, expected, back) in [
        ("GEO:37.386013;-122.082932", json!(["geo", {}, "float", [37.386013, -122.082932]]), None),
        (
            "REQUEST-STATUS:2.0;Success",
            json!(["request-status", {}, "text", ["2.0", "Success"]]),
            None,
        ),
        (
            "REQUEST-STATUS:3.7;Invalid\\; user;x",
            json!(["request-status", {}, "text", ["3.7", "Invalid; user", "x"]]),
            None,
        ),
        ("CATEGORIES:A\\,B,C", json!(["categories", {}, "text", "A,B", "C"]), None),
        (
            "ATTENDEE;DELEGATED-TO=\"mailto:a@b\",\"mailto:c@d\":mailto:e@f",
            json!([
                "attendee",
                {"delegated-to": ["mailto:a@b", "mailto:c@d"]},
                "cal-address",
                "mailto:e@f"
            ]),
            None,
        ),
        (
            "ATTACH;ENCODING=BASE64;VALUE=BINARY:SGVsbG8=",
            json!(["attach", {"encoding": "BASE64"}, "binary", "SGVsbG8="]),
            Some("ATTACH;VALUE=BINARY;ENCODING=BASE64:SGVsbG8="),
        ),
        (
            "DTSTART;X-SLACK=30.3;VALUE=DATE:20110512",
            json!(["dtstart", {"x-slack": "30.3"}, "date", "2011-05-12"]),
            Some("DTSTART;VALUE=DATE;X-SLACK=30.3:20110512"),
        ),
        (
            "FREEBUSY;FBTYPE=FREE:19970308T160000Z/P1D,19970309T160000Z/19970309T170000Z",
            json!(["freebusy", {"fbtype": "FREE"}, "period", ["1997-03-08T16:00:00Z", "P1D"],
                ["1997-03-09T16:00:00Z", "1997-03-09T17:00:00Z"]]),
            None,
        ),
        (
            "X-COFFEE-DATA:Stenophylla;Guinea\\,Africa",
            json!(["x-coffee-data", {}, "unknown", "Stenophylla;Guinea\\,Africa"]),
            None,
        ),
        ("PERCENT-COMPLETE:95", json!(["percent-complete", {}, "integer", 95]), None),
        ("X-SMOKE;VALUE=BOOLEAN:TRUE", json!(["x-smoke", {}, "boolean", true]), None),
        ("TZOFFSETFROM:-013015", json!(["tzoffsetfrom", {}, "utc-offset", "-01:30:15"]), None),
        (
            "RRULE:FREQ=MONTHLY;UNTIL=20131001;INTERVAL=2;BYMONTHDAY=1,15,-1",
            json!(["rrule", {}, "recur", {"freq": "MONTHLY", "interval": 2,
                "bymonthday": [1, 15, -1],
                "until": "2013-10-01"}]),
            None,
        ),
        (
            "TRIGGER;VALUE=DATE-TIME:20260101T000000Z",
            json!(["trigger", {}, "date-time", "2026-01-01T00:00:00Z"]),
            None,
        ),
        (
            "TRIGGER;RELATED=END:-PT5M",
            json!(["trigger", {"related": "END"}, "duration", "-PT5M"]),
            None,
        ),
        ("DTSTART:nonsense", json!(["dtstart", {}, "date-time", "nonsense"]), None),
        ("SEQUENCE:many", json!(["sequence", {}, "integer", "many"]), None),
        (
            "EXDATE:20260101T000000Z,20260102T000000Z",
            json!(["exdate", {}, "date-time", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]),
            None,
        ),
    ] {
        let text = format!("BEGIN:VCALENDAR\r\n{line}\r\nEND:VCALENDAR\r\n");
        let tree = crate::ical::parse(text.as_bytes()).expect(line);
        let json = to_json(&tree);
        assert_eq!(json[1][0], expected, "{line}");
        let read = from_json(&json).expect(line);
        let property = read.properties().next().expect("one").to_bytes();
        let found = String::from_utf8(property).expect("UTF-8").replace("\r\n ", "");
        assert_eq!(found.trim_end(), back.unwrap_or(line));
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
        prop_assert!(again.is_ok());
    }
}
