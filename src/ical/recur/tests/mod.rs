//! Recurrence against tables, objects with their expansion beside them, and hostile input.

use std::collections::BTreeSet;

use chrono::NaiveDateTime;

mod properties;

use super::*;
use crate::ical::timezone::{Zone, Zones};
use crate::ical::{Component, parse};

fn utc(text: &str) -> DateTime<Utc> {
    NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ").expect(text).and_utc()
}

fn calendar(lines: &str) -> Component {
    let text = format!(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\n{}\nEND:VEVENT\nEND:VCALENDAR\n",
        lines.trim()
    );
    parse(text.as_bytes()).expect("valid")
}

fn zones(calendar: &Component) -> Zones {
    Zones::of(calendar, &Zone::utc())
}

fn starts(calendar: &Component, window: Window, budget: Budget) -> Result<Vec<String>, RecurError> {
    let expansion = expand(calendar, &zones(calendar), window, budget)?;
    Ok(expansion.instances.iter().map(|i| i.start_value.to_string()).collect())
}

/// Rows of start, rule, EXDATE, `whole` or `begins`, instances; see the heads of the files.
fn check_table(table: &str) {
    let mut rows = 0;
    for row in table.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = row.split('\t').collect();
        let [start, rule, excluded, extent, expected] = cells[..] else { panic!("{row}") };
        let mut lines = format!("DTSTART;TZID=America/New_York:{start}\nRRULE:{rule}");
        for date in excluded.split(',').filter(|date| *date != "-") {
            let parameter = match date {
                date if date.ends_with('Z') => "",
                date if date.len() == 8 => ";VALUE=DATE",
                _ => ";TZID=America/New_York",
            };
            lines += &format!("\nEXDATE{parameter}:{date}");
        }
        let calendar = calendar(&lines);
        let mut expected: Vec<&str> = expected.split(' ').collect();
        let budget = Budget { instances: expected.len() + 10, truncate: true, ..Budget::default() };
        let mut found = starts(&calendar, Window::default(), budget).expect(rule);
        if extent == "begins" {
            assert!(found.len() > expected.len(), "{rule}");
            found.truncate(expected.len());
        }
        expected.sort_unstable();
        assert_eq!(found, expected, "{start} {rule}");
        rows += 1;
    }
    assert!(rows > 10);
}

#[test]
fn rules_of_the_rfc() {
    check_table(include_str!("../../../../fixtures/ical/recurrence/rfc5545-examples.tsv"));
}

#[test]
fn rules_in_other_calendars() {
    check_table(include_str!("../../../../fixtures/ical/recurrence/rfc7529.tsv"));
}

#[test]
fn rules_with_traps() {
    check_table(include_str!("../../../../fixtures/ical/recurrence/more-rules.tsv"));
}

/// `name.ics` beside `name.txt`: the window, then an instance per line. UPDATE=1 rewrites.
#[test]
fn objects_expand_as_written_beside_them() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/ical/recurrence");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).expect("fixtures") {
        let path = entry.expect("entry").path();
        if path.extension().is_none_or(|end| end != "ics") {
            continue;
        }
        let calendar = parse(&std::fs::read(&path).expect("readable")).expect("valid");
        let beside = path.with_extension("txt");
        let text = std::fs::read_to_string(&beside).expect("expected output");
        let head = text.lines().next().expect("window");
        let (from, to) = head.split_once('/').expect("window");
        let window = Window::between(utc(from), utc(to));
        let floating = Zone::named("Europe/Berlin").expect("known");
        let zones = Zones::of(&calendar, &floating);
        let found = expand(&calendar, &zones, window, Budget::default()).expect("expands");
        let lines: Vec<String> = found.instances.iter().map(line).collect();
        let found = format!("{head}\n{}\n", lines.join("\n"));
        let updated = std::env::var_os("UPDATE").is_some();
        if updated {
            std::fs::write(&beside, &found).expect("writable");
        }
        assert!(updated || found == text, "{}\n{found}", path.display());
        seen += 1;
    }
    assert!(seen >= 5, "{seen}");
}

fn line(i: &Instance) -> String {
    let format = "%Y%m%dT%H%M%SZ";
    let end = i.end_value.as_ref().map_or("-".to_owned(), DateOrTime::to_string);
    format!(
        "{}/{} id={} as={}/{} component={}{}",
        i.start.format(format),
        i.end.format(format),
        i.recurrence_id,
        i.start_value,
        end,
        i.component,
        if i.overridden { " overridden" } else { "" }
    )
}

#[test]
fn instances_in_a_gap_move_and_in_an_overlap_are_the_first() {
    let lines =
        "DTSTART;TZID=America/New_York:20260307T023000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2";
    let calendar_ = calendar(lines);
    let gap = expand(&calendar_, &zones(&calendar_), Window::default(), Budget::default());
    assert_eq!(gap.expect("valid").instances[1].start, utc("20260308T073000Z"));
    let lines = "DTSTART;TZID=America/New_York:20261031T013000\nRRULE:FREQ=DAILY;COUNT=2";
    let calendar_ = calendar(lines);
    let overlap = expand(&calendar_, &zones(&calendar_), Window::default(), Budget::default());
    assert_eq!(overlap.expect("valid").instances[1].start, utc("20261101T053000Z"));
}

#[test]
fn an_instant_met_twice_in_a_gap_is_one_instance() {
    // 02:30 is 03:30 (RFC 5545 §3.3.5); at the limit of instances too.
    let hourly = calendar("DTSTART;TZID=America/New_York:20260308T003000\nRRULE:FREQ=HOURLY");
    let four = Budget { instances: 4, truncate: true, ..Budget::default() };
    let found = starts(&hourly, Window::default(), four).expect("valid");
    let times = ["003000", "013000", "033000", "043000"].map(|time| format!("20260308T{time}"));
    assert_eq!(found, times);
    // COUNT has counted both.
    let counted =
        calendar("DTSTART;TZID=America/New_York:20260308T003000\nRRULE:FREQ=HOURLY;COUNT=4");
    let found = starts(&counted, Window::default(), Budget::default()).expect("valid");
    assert_eq!(found, times[..3]);
}

#[test]
fn instants_after_a_gap_come_after_those_in_it_that_are_later() {
    // 02:03, 02:11, … 02:59 are 03:03, 03:11, … 03:59; then comes 03:07.
    let calendar = calendar(
        "DTSTART;TZID=America/New_York:20260308T015500\nRRULE:FREQ=MINUTELY;INTERVAL=8;\
         UNTIL=20260308T071500Z",
    );
    let zones = zones(&calendar);
    let times = ["015500", "030300", "030700", "031100", "031500"];
    let times = times.map(|time| format!("20260308T{time}"));
    for instances in [2, 3, 4, 5] {
        let budget = Budget { instances, truncate: true, ..Budget::default() };
        let found = starts(&calendar, Window::default(), budget).expect("valid");
        // The start is written as the rule names it.
        let as_gap = |time: &String| time.replace("T0303", "T0203").replace("T0311", "T0211");
        let expected: Vec<String> = times[..instances].iter().map(as_gap).collect();
        assert_eq!(found, expected, "{instances}");
    }
    for (id, exists) in [("20260308T070700Z", true), ("20260308T070900Z", false)] {
        let id = DateOrTime::parse(id, None).expect("valid");
        let wanted = BTreeSet::from([zones.to_utc(&id)]);
        let found = existing_instances(&calendar, &zones, &wanted).expect("valid");
        assert_eq!(!found.is_empty(), exists, "{id}");
    }
}

#[test]
fn endless_rules_are_fast_far_from_their_start() {
    for rule in [
        "FREQ=DAILY",
        "FREQ=WEEKLY;BYDAY=MO,WE,FR",
        "FREQ=MONTHLY;BYDAY=-1FR",
        "FREQ=YEARLY",
        "FREQ=HOURLY;INTERVAL=5",
        "FREQ=MINUTELY;INTERVAL=37",
        "FREQ=SECONDLY;INTERVAL=3001",
    ] {
        let calendar = calendar(&format!("DTSTART:19010101T100000Z\nRRULE:{rule}"));
        let window = Window::between(utc("20260601T000000Z"), utc("20260608T000000Z"));
        let all = Budget { steps: 2_000, ..Budget::default() };
        assert!(starts(&calendar, window, all).is_ok(), "{rule}");
    }
}

#[test]
fn a_rule_per_second_has_too_many_instances() {
    let seconds = calendar("DTSTART:20260101T000000Z\nRRULE:FREQ=SECONDLY");
    assert_eq!(
        starts(&seconds, Window::default(), Budget::default()),
        Err(RecurError::TooManyInstances(limits::INSTANCES))
    );
}

#[test]
fn usual_rules_need_not_be_followed_to_bound_them() {
    for (rule, most) in [
        ("RRULE:FREQ=DAILY", Some(1..400)),
        ("RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;COUNT=3", Some(1..400)),
        ("RRULE:FREQ=YEARLY\nRRULE:FREQ=DAILY\nRDATE:20260101T000000Z", Some(366..800)),
        ("RDATE:20260101T000000Z,20270101T000000Z", Some(2..5)),
        ("RRULE:FREQ=HOURLY", None),
        ("RRULE:FREQ=DAILY;BYHOUR=1,2", None),
        ("RRULE:RSCALE=CHINESE;FREQ=YEARLY", None),
        ("RRULE:FREQ=DAILY\nEXRULE:FREQ=DAILY;INTERVAL=2", None),
    ] {
        let calendar = calendar(&format!("DTSTART:20250101T000000Z\n{rule}"));
        let found = at_most(&calendar, &zones(&calendar), 366).expect(rule);
        assert_eq!(found.is_some(), most.is_some(), "{rule}");
        assert!(most.zip(found).is_none_or(|(range, most)| range.contains(&most)), "{rule}");
    }
}

#[test]
fn unusable_rules_are_told_apart() {
    for (rule, scale) in [
        ("FREQ=DAILY;INTERVAL=0", None),
        ("FREQ=SOMETIMES", None),
        ("COUNT=1", None),
        ("FREQ=DAILY;BYEASTER=1", None),
        ("FREQ=DAILY;COUNT=1;COUNT=2", None),
        ("FREQ=DAILY;BYMONTH=13", None),
        ("FREQ=DAILY;BYDAY=XX", None),
        ("FREQ=DAILY;UNTIL=never", None),
        ("FREQ=DAILY;SKIP=FORWARD", None),
        ("RSCALE=KLINGON;FREQ=YEARLY", Some("KLINGON")),
    ] {
        let calendar = calendar(&format!("DTSTART:20260101T000000Z\nRRULE:{rule}"));
        match (check(&calendar, &zones(&calendar), Budget::default()), scale) {
            (Err(RecurError::InvalidRule(_)), None) => {}
            (Err(RecurError::UnsupportedScale(found)), Some(scale)) => assert_eq!(found, scale),
            (other, _) => panic!("{rule}: {other:?}"),
        }
    }
    let lenient = calendar("DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY;X-NOTE=1;COUNT=1;");
    assert_eq!(check(&lenient, &zones(&lenient), Budget::default()), Ok(()));
}

#[test]
fn spans_say_where_they_end() {
    let horizon = utc("20260110T000000Z");
    let covered = |lines: &str| {
        let calendar = calendar(lines);
        let spans = spans(&calendar, &zones(&calendar), horizon).expect("valid");
        (spans.spans.len(), spans.covered_until.is_some())
    };
    assert_eq!(covered("DTSTART:20300101T000000Z"), (1, false));
    assert_eq!(covered("DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY;COUNT=3"), (3, false));
    assert_eq!(
        covered("DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY;UNTIL=20260103T000000Z"),
        (3, false)
    );
    let (few, more) = covered("DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY;COUNT=30");
    assert!(few >= 10 && more);
    assert!(covered("DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY").1);
    let (one, more) = covered("DTSTART:20260101T000000Z\nRDATE:20400101T000000Z");
    assert!(one == 1 && more);
    let calendar = calendar("DTSTART:19900101T000000Z\nRRULE:FREQ=DAILY");
    let cut = spans(&calendar, &zones(&calendar), horizon).expect("valid");
    assert_eq!(cut.spans.len(), limits::INDEXED_SPANS);
    let last = cut.spans.last().expect("many").start;
    assert_eq!(cut.covered_until, Some(last + 86_400));
}

#[test]
fn todos_and_journals_lie_where_rfc_4791_says() {
    let extent = |kind: &str, lines: &str| {
        let text =
            format!("BEGIN:VCALENDAR\nBEGIN:{kind}\nUID:1\n{lines}\nEND:{kind}\nEND:VCALENDAR\n");
        let calendar = parse(text.as_bytes()).expect("valid");
        let all = expand(&calendar, &zones(&calendar), Window::default(), Budget::default());
        let all = all.expect("valid").instances;
        all.first().map(|i| (i.start.to_rfc3339(), i.end.to_rfc3339()))
    };
    let (first, last) = (FIRST_MOMENT.and_utc().to_rfc3339(), LAST_MOMENT.and_utc().to_rfc3339());
    let at = |text| utc(text).to_rfc3339();
    let (ten, noon) = (at("20260101T100000Z"), at("20260101T120000Z"));
    for (kind, lines, expected) in [
        ("VTODO", "", Some((&first, &last))),
        ("VTODO", "DUE:20260101T120000Z", Some((&noon, &noon))),
        ("VTODO", "DTSTART:20260101T100000Z\nDUE:20260101T120000Z", Some((&ten, &noon))),
        ("VTODO", "DTSTART:20260101T100000Z\nDURATION:PT2H", Some((&ten, &noon))),
        ("VTODO", "DTSTART:20260101T100000Z", Some((&ten, &ten))),
        ("VTODO", "CREATED:20260101T100000Z", Some((&ten, &last))),
        ("VTODO", "COMPLETED:20260101T120000Z", Some((&noon, &noon))),
        ("VTODO", "CREATED:20260101T100000Z\nCOMPLETED:20260101T120000Z", Some((&ten, &noon))),
        ("VJOURNAL", "", None),
        ("VJOURNAL", "DTSTART:20260101T100000Z", Some((&ten, &ten))),
        ("VFREEBUSY", "FREEBUSY:20260101T100000Z/PT1H,20260101T110000Z/PT1H", Some((&ten, &noon))),
        ("VFREEBUSY", "DTSTART:20260101T100000Z\nDTEND:20260101T120000Z", Some((&ten, &noon))),
        ("VAVAILABILITY", "DTSTART:20260101T100000Z", Some((&ten, &last))),
        ("VEVENT", "DTSTART:20260101T100000Z\nDTEND:20260101T090000Z", Some((&ten, &ten))),
    ] {
        let expected = expected.map(|(start, end)| (start.clone(), end.clone()));
        assert_eq!(extent(kind, lines), expected, "{kind} {lines}");
    }
}

#[test]
fn derived_overrides_keep_the_rest_of_the_master() {
    let calendar = calendar(
        "DTSTART;TZID=Europe/Berlin:20260326T100000\nDTEND;TZID=Europe/Berlin:20260326T113000\n\
         RRULE:FREQ=DAILY;COUNT=10\nEXDATE;TZID=Europe/Berlin:20260328T100000\nX-ODD;a=b:c",
    );
    let zones = zones(&calendar);
    let id = DateOrTime::parse("20260330T080000Z", None).expect("valid");
    let derived = derive_instance(&calendar, &zones, &id).expect("exists");
    assert_eq!(
        String::from_utf8(derived.to_bytes()).expect("UTF-8").replace("\r\n", "\n"),
        "BEGIN:VEVENT\nUID:1\nRECURRENCE-ID;TZID=Europe/Berlin:20260330T100000\n\
         DTSTART;TZID=Europe/Berlin:20260330T100000\nDTEND;TZID=Europe/Berlin:20260330T113000\n\
         X-ODD;a=b:c\nEND:VEVENT\n"
    );
    for (id, exists) in
        [("20260330T080000Z", true), ("20260328T090000Z", false), ("20260330T090000Z", false)]
    {
        let id = DateOrTime::parse(id, None).expect("valid");
        let wanted = BTreeSet::from([zones.to_utc(&id)]);
        let found = existing_instances(&calendar, &zones, &wanted).expect("valid");
        assert_eq!(!found.is_empty(), exists, "{id}");
        assert_eq!(derive_instance(&calendar, &zones, &id).is_some(), exists);
    }
}

#[test]
fn check_finds_overrides_of_nothing() {
    let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20260101T100000Z\n\
        RRULE:FREQ=WEEKLY\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\nRECURRENCE-ID:20260109T100000Z\n\
        DTSTART:20260109T110000Z\nEND:VEVENT\nEND:VCALENDAR\n";
    let calendar = parse(text.as_bytes()).expect("valid");
    let result = check(&calendar, &zones(&calendar), Budget::default());
    assert_eq!(result, Err(RecurError::InvalidOverride("20260109T100000Z".to_owned())));
    let mended = text.replace("RECURRENCE-ID:20260109", "RECURRENCE-ID:20260108");
    let calendar = parse(mended.as_bytes()).expect("valid");
    assert_eq!(check(&calendar, &zones(&calendar), Budget::default()), Ok(()));
}
