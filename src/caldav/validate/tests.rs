use super::{Rules, check_size, validate};
use crate::caldav::repair::repair;
use crate::dav::Error;
use crate::ical::timezone::{Zone, Zones};
use crate::ical::{self, Component};

/// A VCALENDAR around `lines`, which are separated by `|`.
fn calendar(lines: &str) -> Component {
    let text = format!("BEGIN:VCALENDAR|VERSION:2.0|PRODID:-//x//EN|{lines}|END:VCALENDAR|");
    ical::parse(text.replace('|', "\r\n").as_bytes()).unwrap()
}

fn check(calendar: &Component) -> Result<(), Error> {
    let zones = Zones::of(calendar, &Zone::utc());
    validate(calendar, &zones, &Rules { attendees: 2, ..Rules::default() })
}

fn event(lines: &str) -> String {
    format!(
        "BEGIN:VEVENT|UID:1|DTSTAMP:20060101T000000Z|DTSTART:20060102T100000Z|{lines}|END:VEVENT"
    )
}

#[test]
fn refuses_with_the_precondition_of_the_clause() {
    let data = "valid-calendar-data";
    let object = "valid-calendar-object-resource";
    let override_of = |id: &str| event(&format!("RECURRENCE-ID:{id}"));
    for (lines, element) in [
        ("X-A:1".to_owned(), data),
        ("CALSCALE:CHINESE|".to_owned() + &event("X-A:1"), data),
        ("METHOD:REQUEST|".to_owned() + &event("X-A:1"), object),
        ("BEGIN:VEVENT|UID:1|END:VEVENT".to_owned(), data),
        (event("DTSTART:20060103T100000Z"), data),
        (event("DTEND:2006-01-03"), data),
        (event("DURATION:-PT1H"), data),
        (event("DTEND:20060102T095959Z"), data),
        (
            "BEGIN:VTODO|UID:1|DTSTART;VALUE=DATE:20060102|DUE;VALUE=DATE:20060101|END:VTODO"
                .into(),
            data,
        ),
        (event("DTEND:20060102T110000Z|DURATION:PT1H"), data),
        (event("DESCRIPTION:bad \\\"escape\\\""), data),
        (event("RRULE:FREQ=MONTHLY;BYDAY=+1,3MO"), data),
        (event("RRULE:RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=FOOBAR"), data),
        (event("RRULE:RSCALE=FOOBAR;FREQ=YEARLY"), "supported-rscale"),
        (event("EXDATE:yesterday"), data),
        ("BEGIN:VEVENT|DTSTART:20060102|END:VEVENT".to_owned(), object),
        (event("X-A:1") + "|BEGIN:VTODO|UID:1|END:VTODO", object),
        (event("X-A:1") + "|" + &event("X-A:1").replace("UID:1", "UID:2"), object),
        (event("X-A:1") + "|" + &event("X-A:2"), object),
        (event("X-A:1") + "|" + &override_of("20060103T100000Z"), object),
        (
            [
                event("RRULE:FREQ=DAILY"),
                override_of("20060103T100000Z"),
                override_of("20060103T100000Z"),
            ]
            .join("|"),
            object,
        ),
        (event("RRULE:FREQ=DAILY") + "|" + &override_of("20060103T110000Z"), data),
        ("BEGIN:X-THING|UID:1|END:X-THING".to_owned(), "supported-calendar-component"),
        ("BEGIN:VAVAILABILITY|UID:1|END:VAVAILABILITY".to_owned(), "supported-calendar-component"),
        (event("EXDATE;TZID=Bogus:20060103T100000"), "valid-timezone"),
        (event("ATTENDEE:a|ATTENDEE:b|ATTENDEE:A|ATTENDEE:c"), "max-attendees-per-instance"),
        (event("RRULE:FREQ=SECONDLY;COUNT=2000"), "number-of-recurrences-within-limits"),
    ] {
        let error = check(&calendar(&lines)).expect_err(&lines);
        let found = error.precondition.unwrap().name();
        assert_eq!(found.local, element, "{lines}: {error}");
    }
}

#[test]
fn accepts_what_clients_send() {
    for lines in [
        event("DTEND;VALUE=DATE:20060103"),
        event("DTEND:20060102T100000Z"),
        event("DTEND;VALUE=DATE:20060101"),
        event("DTEND;TZID=Europe/Paris:20060102T103000"),
        event("DTEND;TZID=Europe/Paris:20060103T100000"),
        event("RRULE:FREQ=DAILY"),
        event("RRULE:FREQ=DAILY|EXDATE;TZID=Eastern Standard Time:20060105T050000"),
        event("RRULE:FREQ=DAILY;COUNT=500"),
        event("ATTENDEE:a|ATTENDEE:b"),
        event("DURATION:P1DT"),
        event("DESCRIPTION:a\\, b\\n\\;c|X-A;VALUE=URI:http://x/\\y|REQUEST-STATUS:2.0"),
        event("RRULE:FREQ=DAILY") + "|" + &event("RECURRENCE-ID:20060103T100000Z"),
        event("RECURRENCE-ID:20060103T100000Z"),
        "BEGIN:VTODO|UID:1|END:VTODO".to_owned(),
        "BEGIN:VFREEBUSY|UID:1|FREEBUSY:20060102T100000Z/PT1H|END:VFREEBUSY".to_owned(),
    ] {
        assert_eq!(check(&calendar(&lines)), Ok(()), "{lines}");
    }
}

#[test]
fn sizes() {
    assert!(check_size(10, 10).is_ok());
    assert!(check_size(11, 10).is_err());
}

#[test]
fn repairs_known_mistakes() {
    let alarm = "BEGIN:VALARM|ACTION:DISPLAY|TRIGGER:-PT10M|END:VALARM";
    let other = alarm.replace("10M", "5M");
    let master = event(&format!("RRULE:FREQ=DAILY|{alarm}|{other}|{alarm}"));
    let mut object = calendar(&(master + "|" + &event("RECURRENCE-ID:20060104T000000Z")));
    let zones = Zones::of(&object, &Zone::utc());
    assert!(repair(&mut object, &zones));
    let text = String::from_utf8(object.to_bytes()).unwrap();
    assert_eq!(text.matches("BEGIN:VALARM").count(), 2, "{text}");
    assert!(text.contains("RECURRENCE-ID:20060104T100000Z"), "{text}");
    assert_eq!(check(&object), Ok(()));
    assert!(!repair(&mut object, &zones));
}
