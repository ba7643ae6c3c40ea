use super::{Split, SplitError, point, split};
use crate::ical::{self, Component};

fn event(lines: &str, more: &str) -> Component {
    let text = format!(
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:u\n{lines}\nEND:VEVENT\n{more}\
         END:VCALENDAR\n"
    );
    ical::parse(text.replace('\n', "\r\n").as_bytes()).unwrap()
}

/// The properties of the components of a part that matter here, one component a line.
fn short(part: Option<Component>) -> String {
    let names = ["UID", "RECURRENCE-ID", "DTSTART", "DTEND", "RRULE", "RDATE", "EXDATE"];
    let Some(part) = part else { return "-".to_owned() };
    let lines = part.main_components().map(|component| {
        let wanted = component.properties().filter(|p| names.contains(&p.name()));
        let texts: Vec<String> = wanted.map(|p| p.value().to_owned()).collect();
        texts.join(" ")
    });
    lines.collect::<Vec<_>>().join("|")
}

#[test]
fn both_parts_together_are_the_whole() {
    for (lines, rid, newer, older) in [
        (
            "DTSTART:20260101T120000Z\nRRULE:FREQ=DAILY",
            "20260110T000000Z",
            "u 20260110T120000Z FREQ=DAILY",
            "o 20260101T120000Z FREQ=DAILY;UNTIL=20260110T115959Z",
        ),
        (
            "DTSTART:20260101T120000Z\nRRULE:FREQ=DAILY;COUNT=20",
            "20260110T120000Z",
            "u 20260110T120000Z FREQ=DAILY;COUNT=11",
            "o 20260101T120000Z FREQ=DAILY;UNTIL=20260110T115959Z",
        ),
        (
            "DTSTART;VALUE=DATE:20260101\nDTEND;VALUE=DATE:20260103\nRRULE:FREQ=WEEKLY",
            "20260110",
            "u 20260115 20260117 FREQ=WEEKLY",
            "o 20260101 20260103 FREQ=WEEKLY;UNTIL=20260114",
        ),
        (
            "DTSTART:20260101T120000\nRRULE:FREQ=DAILY;UNTIL=20260104T120000",
            "20260103T000000",
            "u 20260103T120000 FREQ=DAILY;UNTIL=20260104T120000",
            "o 20260101T120000 FREQ=DAILY;UNTIL=20260103T115959",
        ),
        (
            "DTSTART;TZID=America/New_York:20260301T090000\n\
             DTEND;TZID=America/New_York:20260301T100000\n\
             RRULE:FREQ=WEEKLY;COUNT=4",
            "20260310T000000Z",
            "u 20260315T090000 20260315T100000 FREQ=WEEKLY;COUNT=2",
            "o 20260301T090000 20260301T100000 FREQ=WEEKLY;UNTIL=20260315T125959Z",
        ),
        (
            "DTSTART:20260101T120000Z\nRDATE:20260102T120000Z,20260105T120000Z\n\
             EXDATE:20260101T120000Z",
            "20260103T000000Z",
            "u 20260105T120000Z 20260105T120000Z",
            "o 20260101T120000Z 20260102T120000Z 20260101T120000Z",
        ),
        (
            "DTSTART:20260101T120000Z\nRRULE:FREQ=DAILY;COUNT=3\nRDATE:20260201T120000Z",
            "20260120T000000Z",
            "u 20260201T120000Z 20260201T120000Z",
            "o 20260101T120000Z FREQ=DAILY;COUNT=3",
        ),
        (
            "DTSTART:20260101T120000Z\nRRULE:FREQ=DAILY;COUNT=9\n\
             EXDATE:20260102T120000Z,20260105T120000Z",
            "20260105T120000Z",
            "u 20260106T120000Z FREQ=DAILY;COUNT=4",
            "o 20260101T120000Z FREQ=DAILY;UNTIL=20260106T115959Z \
             20260102T120000Z,20260105T120000Z",
        ),
    ] {
        let calendar = event(lines, "");
        let at = point(&calendar, rid).unwrap();
        let parts = split(&calendar, &Split { at, older_uid: "o", related: "r" });
        assert_eq!((short(parts.newer).as_str(), short(parts.older).as_str()), (newer, older));
    }
}

#[test]
fn overrides_go_with_their_instance() {
    let over = |day| {
        format!(
            "BEGIN:VEVENT\nUID:u\nRECURRENCE-ID:202601{day}T120000Z\n\
             DTSTART:202601{day}T130000Z\nEND:VEVENT\n"
        )
    };
    let more = format!("{}{}", over("02"), over("10"));
    let calendar = event("DTSTART:20260101T120000Z\nRRULE:FREQ=DAILY", &more);
    let at = point(&calendar, "20260110T120000Z").unwrap();
    let parts = split(&calendar, &Split { at, older_uid: "o", related: "r" });
    let newer = parts.newer.unwrap();
    assert_eq!(super::relation(&newer).as_deref(), Some("r"));
    assert_eq!(
        short(Some(newer)),
        "u 20260110T120000Z FREQ=DAILY|u 20260110T120000Z 20260110T130000Z"
    );
    assert_eq!(
        short(parts.older),
        "o 20260101T120000Z FREQ=DAILY;UNTIL=20260110T115959Z|o 20260102T120000Z 20260102T130000Z"
    );
    let guest = ical::parse(
        format!("BEGIN:VCALENDAR\nVERSION:2.0\n{}END:VCALENDAR\n", over("02")).as_bytes(),
    );
    let parts = split(&guest.unwrap(), &Split { at, older_uid: "o", related: "r" });
    assert_eq!(short(parts.newer), "-");
    assert_eq!(short(parts.older), "o 20260102T120000Z 20260102T130000Z");
}

#[test]
fn what_cannot_be_split_is_refused() {
    let daily = "DTSTART:20260101T120000Z\nRRULE:FREQ=DAILY;COUNT=10";
    let exrule = "DTSTART:20260101T120000Z\nRRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY";
    for (lines, rid, bad_rid) in [
        (daily, "FOOBAR", true),
        (daily, "", true),
        (daily, "20260105T000000", false),
        (daily, "20260105", false),
        (daily, "20251231T000000Z", false),
        (daily, "20260101T120000Z", false),
        (daily, "20260111T000000Z", false),
        ("DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY", "20260105T000000Z", false),
        ("DTSTART:20260101T120000\nRRULE:FREQ=DAILY", "20260105T000000Z", false),
        ("DTSTART:20260101T120000Z", "20260101T120000Z", false),
        ("SUMMARY:no start", "20260101T120000Z", false),
        (exrule, "20260105T000000Z", false),
    ] {
        let error = point(&event(lines, ""), rid).unwrap_err();
        assert_eq!(error == SplitError::InvalidRid, bad_rid, "{lines} {rid}");
    }
}
