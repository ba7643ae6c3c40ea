use super::*;

#[test]
fn durations_read_and_print() {
    for (text, days, seconds, printed) in [
        ("P15DT5H0M20S", 15, 18_020, "P15DT5H20S"),
        ("P7W", 49, 0, "P7W"),
        ("-PT15M", 0, -900, "-PT15M"),
        ("+PT0S", 0, 0, "PT0S"),
        ("P0D", 0, 0, "PT0S"),
        ("P1DT12H", 1, 43_200, "P1DT12H"),
        ("P1W2D", 9, 0, "P9D"),
        ("pt1h", 0, 3600, "PT1H"),
    ] {
        let duration: IcalDuration = text.parse().expect(text);
        assert_eq!((duration.days(), duration.seconds()), (days, seconds), "{text}");
        assert_eq!(duration.to_string(), printed, "{text}");
    }
    for text in ["", "P", "PT", "-P", "P1", "PT1D", "P1H", "1D", "P99999999999999999999D", "PTT1H"]
    {
        assert!(text.parse::<IcalDuration>().is_err(), "{text}");
    }
}

#[test]
fn dates_and_times_read_and_print() {
    for (text, tzid, printed) in [
        ("20260102", None, "20260102"),
        ("20260102", Some("Europe/Berlin"), "20260102"),
        ("20260102T030405", None, "20260102T030405"),
        ("20260102T030405", Some("Europe/Berlin"), "20260102T030405"),
        ("20260102T030405Z", Some("Europe/Berlin"), "20260102T030405Z"),
        ("20160101T235960Z", None, "20160101T235959Z"),
        ("00010101T000000", None, "00010101T000000"),
    ] {
        let value = DateOrTime::parse(text, tzid).expect(text);
        assert_eq!(value.to_string(), printed);
        let property = value.to_property("DTSTART");
        assert_eq!(DateOrTime::from_property(&property), Ok(value));
    }
    for text in [
        "",
        "2026",
        "20261301",
        "20260102T",
        "20260102T0304",
        "20260102T240000",
        "é2345678",
        "20260102T030405ZZ",
        "20260102 030405",
        "-0260102",
    ] {
        assert!(DateOrTime::parse(text, None).is_err(), "{text}");
    }
}

#[test]
fn offsets_read_and_print() {
    for (text, seconds) in [("+0100", 3600), ("-0500", -18_000), ("-013015", -5415), ("0000", 0)] {
        assert_eq!(utc_offset::parse(text), Ok(seconds));
    }
    assert_eq!(utc_offset::print(-5415), "-013015");
    for text in ["", "+1", "+01:00", "+9900", "Z", "+0é00"] {
        assert!(utc_offset::parse(text).is_err(), "{text}");
    }
}

#[test]
fn periods_read_and_print() {
    for text in ["19970101T180000Z/19970102T070000Z", "19970101T180000Z/PT5H30M"] {
        assert_eq!(Period::parse(text, None).expect(text).to_string(), text);
    }
    for text in ["", "19970101T180000Z", "19970101/19970102", "19970101T180000Z/x"] {
        assert!(Period::parse(text, None).is_err(), "{text}");
    }
}

#[test]
fn text_escapes() {
    assert_eq!(text::unescape(r"a\, b\; c\\ d\n\N e\x\"), "a, b; c\\ d\n\n ex\\");
    assert_eq!(text::escape("a, b; c\\ d\r\ne\nf\0"), r"a\, b\; c\\ d\ne\nf");
    let controls = "a\u{1}\u{7f}\u{85}\tb";
    assert_eq!(text::escape(controls), controls, "what is read is written");
    let pieces: Vec<&str> = text::split(r"a\,b,c\\,d", ',').collect();
    assert_eq!(pieces, [r"a\,b", r"c\\", "d"]);
}
