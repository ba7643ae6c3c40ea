//! Rules nobody would write: windows agree with the whole, printing with reading, nothing panics.

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use proptest::prelude::*;

use super::{calendar, zones};
use crate::ical::recur::{Budget, Window, at_most, check, expand, spans};
use crate::ical::value::Recur;

fn any_rule() -> impl Strategy<Value = String> {
    let frequency = prop::sample::select(vec![
        "YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY",
    ]);
    let part = prop_oneof![
        (1u32..60).prop_map(|n| format!("INTERVAL={n}")),
        (1u32..200).prop_map(|n| format!("COUNT={n}")),
        prop::collection::vec(1u32..=12, 1..4).prop_map(|v| format!("BYMONTH={}", join(&v))),
        prop::collection::vec(-31i32..=31, 1..4).prop_map(|v| format!("BYMONTHDAY={}", join(&v))),
        prop::collection::vec(-366i32..=366, 1..4).prop_map(|v| format!("BYYEARDAY={}", join(&v))),
        prop::collection::vec(-53i32..=53, 1..4).prop_map(|v| format!("BYWEEKNO={}", join(&v))),
        prop::collection::vec(-5i32..=5, 1..3).prop_map(|v| format!("BYSETPOS={}", join(&v))),
        prop::collection::vec(0u32..24, 1..4).prop_map(|v| format!("BYHOUR={}", join(&v))),
        prop::collection::vec(0u32..60, 1..4).prop_map(|v| format!("BYMINUTE={}", join(&v))),
        prop::collection::vec(0u32..=60, 1..4).prop_map(|v| format!("BYSECOND={}", join(&v))),
        prop::sample::select(vec!["BYDAY=MO,1TU", "BYDAY=-1FR", "BYDAY=53SU,SA", "WKST=SU"])
            .prop_map(str::to_owned),
        prop::sample::select(vec!["UNTIL=20270101", "SKIP=FORWARD;RSCALE=GREGORIAN", "X=1"])
            .prop_map(str::to_owned),
    ];
    (frequency, prop::collection::vec(part, 0..5))
        .prop_map(|(frequency, parts)| format!("FREQ={frequency};{}", parts.join(";")))
}

fn join<T: ToString>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..Default::default()
    })]

    /// A window in the middle shows what a window over everything shows there.
    #[test]
    fn fast_forward_leaves_nothing_out(
        rule in any_rule(),
        start in 0i64..2_000_000_000,
        days in 0i64..800,
    ) {
        let start = Utc.timestamp_opt(start, 0).single().expect("in range");
        let written = start.format("%Y%m%dT%H%M%S");
        let calendar =
            calendar(&format!("DTSTART;TZID=Europe/London:{written}\nRRULE:{rule}"));
        let (from, to) = (start + TimeDelta::days(days), start + TimeDelta::days(days + 30));
        let expand = |start| {
            let window = Window { start, end: Some(to) };
            let budget = Budget { steps: 50_000, ..Budget::default() };
            expand(&calendar, &zones(&calendar), window, budget)
        };
        if let (Ok(whole), Ok(part)) = (expand(None), expand(Some(from))) {
            let expected = whole.instances.into_iter().filter(|i| i.start >= from);
            prop_assert_eq!(part.instances, expected.collect::<Vec<_>>());
        }
    }

    /// What is told without following a rule is never too little, and its errors are the same.
    #[test]
    fn no_year_has_more_instances_than_it_can_have(
        rule in any_rule(),
        start in 0i64..2_000_000_000,
        more in prop::sample::select(vec![
            "", "DTEND:20400101T000000Z", "DURATION:PT30H", "RDATE:20200101T000000Z",
            "EXRULE:FREQ=DAILY;BYDAY=MO", "RRULE:FREQ=DAILY", "DURATION:P400D", "EXDATE:2020",
        ]),
    ) {
        let start = Utc.timestamp_opt(start, 0).single().expect("in range");
        let written = start.format("%Y%m%dT%H%M%S");
        let lines = format!("DTSTART;TZID=Europe/London:{written}\n{more}\nRRULE:{rule}");
        let calendar = calendar(lines.replace("\n\n", "\n").as_str());
        let zones = zones(&calendar);
        let window = Window { start: Some(start), end: Some(start + TimeDelta::days(366)) };
        let budget = Budget { instances: 3000, ..Budget::default() };
        let followed = expand(&calendar, &zones, window, budget);
        match (at_most(&calendar, &zones, 366), followed) {
            (Ok(Some(most)), Ok(found)) => prop_assert!(found.instances.len() <= most),
            (Ok(Some(most)), Err(error)) => prop_assert!(false, "{most} {error}"),
            (Ok(None), _) => {}
            (Err(error), followed) => prop_assert_eq!(followed, Err(error)),
        }
    }

    /// The spans of an index are the times of the instances.
    #[test]
    fn spans_are_those_of_the_instances(
        rule in any_rule(),
        start in prop::sample::select(vec![
            "DTSTART;TZID=Europe/London:20260310T013000", "DTSTART:20260310T013000",
            "DTSTART;VALUE=DATE:20260310", "DTSTART:20260310T013000Z",
            "DTSTART;TZID=Nowhere:20260310T013000",
        ]),
        end in prop::sample::select(vec![
            "X-NONE:1", "DTEND;TZID=Asia/Tokyo:20260310T123000", "DTEND:20260310T023000",
            "DTEND:20260310T023000Z", "DTEND;VALUE=DATE:20260312", "DURATION:P1DT2H",
            "DURATION:PT90M", "DURATION:P1D", "DTEND;TZID=Nowhere:20260311T000000",
        ]),
    ) {
        let calendar = calendar(&format!("{start}\n{end}\nRRULE:{rule}"));
        let zones = zones(&calendar);
        let horizon = Utc.with_ymd_and_hms(2028, 1, 1, 0, 0, 0).single().expect("in range");
        let window = Window { start: None, end: Some(horizon) };
        let budget = Budget { instances: 1000, truncate: true, ..Budget::default() };
        let instances = expand(&calendar, &zones, window, budget);
        let Ok(spans) = spans(&calendar, &zones, horizon) else { return Ok(()) };
        for instance in instances.expect("what has spans has instances").instances {
            let found = spans.spans.iter().any(|span| {
                (span.start, span.end) == (instance.start.timestamp(), instance.end.timestamp())
                    && span.floating == instance.floating
            });
            prop_assert!(found, "{:?}", instance);
            let float = |value| zones.floats(value);
            let ends = instance.end_value.as_ref().is_some_and(float);
            prop_assert_eq!(instance.floating, float(&instance.start_value) || ends);
        }
    }

    #[test]
    fn rules_print_as_they_were_meant(rule in any_rule()) {
        if let Ok(parsed) = Recur::parse(&rule) {
            prop_assert_eq!(Recur::parse(&parsed.to_string()), Ok(parsed));
        }
    }

    /// Whatever stands in the properties: an answer or an error, no panic.
    #[test]
    fn nothing_panics(
        rule in "[A-Z=;,0-9+-]{0,40}",
        start in "[0-9TZ]{7,16}",
        dates in "[0-9TZP/,]{0,40}",
    ) {
        let lines = format!("DTSTART:{start}\nRRULE:FREQ=DAILY;{rule}\nRDATE:{dates}");
        let calendar = calendar(&lines);
        let _ = check(&calendar, &zones(&calendar), Budget::default());
        let _ = spans(&calendar, &zones(&calendar), DateTime::UNIX_EPOCH);
    }
}
