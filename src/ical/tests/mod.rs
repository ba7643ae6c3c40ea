//! The tree: reading, changing, writing.

mod any_text;
mod fixtures;

use super::*;

/// BOM, lower case, CR and LF ends, a fold inside a UTF-8 sequence, a blank line, no last line end.
const ODD: &[u8] = include_bytes!("../../../fixtures/ical/valid/odd-but-lossless.ics");

#[test]
fn untouched_text_comes_out_byte_for_byte() {
    let tree = parse(ODD).expect("valid");
    assert_eq!(tree.to_bytes(), ODD);
    let event = tree.master().expect("one event");
    assert_eq!(event.text_of("SUMMARY").as_deref(), Some("Grüün, so"));
    let summary = event.property("SUMMARY").expect("there");
    assert_eq!(summary.param_values("x-n").collect::<Vec<_>>(), ["a;b:c,d", "e\n^\"f"]);
    assert_eq!(tree.property("X-A").map(Property::value), Some("d"));
    assert_eq!((tree.uid(), tree.main_kind()), (Some("1"), Some("VEVENT")));
}

#[test]
fn a_change_touches_one_line() {
    let mut tree = parse(ODD).expect("valid");
    let event = tree.master_mut().expect("one event");
    event.property_mut("ATTENDEE").expect("there").set_param("PARTSTAT", "ACCEPTED");
    let old = "ATTENDEE;CN=\"Doe; J\":mailto:j@x";
    let new = "ATTENDEE;CN=\"Doe; J\";PARTSTAT=ACCEPTED:mailto:j@x";
    let at = ODD.windows(old.len()).position(|w| w == old.as_bytes()).expect("there");
    let mut expected = ODD.to_vec();
    expected.splice(at..at + old.len(), new.bytes());
    assert_eq!(tree.to_bytes(), expected);
}

#[test]
fn setting_what_is_there_changes_nothing() {
    let mut tree = parse(ODD).expect("valid");
    let event = tree.master_mut().expect("one event");
    event.set(Property::new("UID", "1"));
    let attendee = event.property_mut("ATTENDEE").expect("there");
    attendee.set_param("CN", "Doe; J");
    attendee.set_value("mailto:j@x");
    assert_eq!(tree.to_bytes(), ODD);
}

#[test]
fn set_replaces_in_place_and_drops_repeats() {
    let mut event = Component::new("vevent");
    for (name, value) in [("A", "1"), ("B", "1"), ("A", "2"), ("C", "1")] {
        event.push(Property::new(name, value));
    }
    event.push_component(Component::new("VALARM"));
    event.set(Property::new("A", "3"));
    event.set(Property::new("D", "1"));
    assert_eq!(
        String::from_utf8(event.to_bytes()).expect("UTF-8"),
        "BEGIN:VEVENT\r\nA:3\r\nB:1\r\nC:1\r\nD:1\r\nBEGIN:VALARM\r\nEND:VALARM\r\nEND:VEVENT\r\n"
    );
}

#[test]
fn new_lines_fold_between_characters() {
    let long = "ü".repeat(200);
    let property = Property::text_value("SUMMARY", &long).with_param("CN", "a \"b\"; c\n^");
    let bytes = property.to_bytes();
    for line in bytes.split(|b| *b == b'\n') {
        assert!(line.len() <= 76, "75 octets and the CR");
        assert!(std::str::from_utf8(line).is_ok());
    }
    let text = [b"BEGIN:VCALENDAR\r\n", &bytes[..], b"END:VCALENDAR\r\n"].concat();
    assert_eq!(parse(&text).expect("valid").property("SUMMARY"), Some(&property));
}

#[test]
fn bad_structure_is_refused_with_its_line() {
    for (text, line) in [
        ("", 1),
        ("\r\n\r\n", 1),
        ("BEGIN:VEVENT\r\nEND:VEVENT\r\n", 1),
        ("VERSION:2.0\r\n", 1),
        ("BEGIN:VCALENDAR\r\nX\r\nEND:VCALENDAR\r\n", 2),
        ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", 2),
        ("BEGIN:VCALENDAR\r\nX:a\r\n b\r\nBEGIN:VEVENT\r\nEND:VCALENDAR\r\n", 5),
        ("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\nEND:VCALENDAR\r\n", 3),
        ("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", 3),
        ("BEGIN:VCALENDAR\r\nX;A:1\r\nEND:VCALENDAR\r\n", 2),
        ("BEGIN:VCALENDAR\r\nX;A=\"b:1\r\nEND:VCALENDAR\r\n", 2),
        ("BEGIN:VCALENDAR\r\nX;A=\"b\"c:1\r\nEND:VCALENDAR\r\n", 2),
        ("BEGIN:VCALENDAR\r\nX Y:1\r\nEND:VCALENDAR\r\n", 2),
        ("BEGIN:VCALENDAR\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR\r\nEND:VCALENDAR\r\n", 2),
    ] {
        assert_eq!(parse(text.as_bytes()).map_err(|e| e.line), Err(line), "{text:?}");
    }
    let nested = "BEGIN:X\r\n".repeat(100_000);
    assert!(parse(format!("BEGIN:VCALENDAR\r\n{nested}").as_bytes()).is_err());
    assert!(parse(b"BEGIN:VCALENDAR\r\nX:\xff\r\nEND:VCALENDAR\r\n").is_err());
}

#[test]
fn streams_hold_several_calendars() {
    let one = "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n\r\n";
    let calendars = parse_stream(one.repeat(3).as_bytes()).expect("valid");
    assert_eq!(calendars.len(), 3);
    assert_eq!(parse_stream(b""), Ok(Vec::new()));
}
