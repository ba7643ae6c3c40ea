//! Rules made to keep a server busy. Each question about an object costs a bounded number of
//! steps, which are counted here: time says more about the machine than about the server.

use chrono::{DateTime, TimeDelta, Utc};

use crate::caldav::free_busy::{BusyTime, Options};
use crate::caldav::time_range::TimeRange;
use crate::caldav::validate::{Rules, validate};
use crate::caldav::{Period, instances, repair};
use crate::ical::recur::{self, TAKEN};
use crate::ical::timezone::{Zone, Zones};
use crate::ical::{self, Component};
use crate::limits;

fn rules() -> Vec<(&'static str, &'static str)> {
    let text = include_str!("../../../fixtures/ical/hostile/rules.tsv");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once('\t').expect(line)).collect()
}

/// An event with that rule and overrides of instances that may not exist, far from its start.
fn object(start: &str, rule: &str, overrides: usize) -> Component {
    let mut text = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\nBEGIN:VEVENT\r\nUID:1\r\n\
         DTSTAMP:20060101T000000Z\r\nDTSTART:{start}\r\nRRULE:{rule}\r\nEND:VEVENT\r\n"
    );
    let first: DateTime<Utc> = DateTime::from_timestamp(4_000_000_000, 0).unwrap_or_default();
    for number in 0..overrides {
        let id = first + TimeDelta::days(number as i64 * 3);
        text += &format!(
            "BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20060101T000000Z\r\n\
             RECURRENCE-ID:{0}T000000Z\r\nDTSTART:{0}T010000Z\r\nEND:VEVENT\r\n",
            id.format("%Y%m%d")
        );
    }
    ical::parse((text + "END:VCALENDAR\r\n").as_bytes()).unwrap()
}

/// How many steps a question takes.
fn cost<T>(question: impl FnOnce() -> T) -> (T, usize) {
    let before = TAKEN.get();
    let answer = question();
    (answer, TAKEN.get() - before)
}

#[test]
fn every_question_ends_within_its_steps() {
    let period = Period::new(
        DateTime::from_timestamp(2_000_000_000, 0).unwrap(),
        DateTime::from_timestamp(2_010_000_000, 0).unwrap(),
    );
    let endless = TimeRange { start: Some(period.start), end: None };
    for (rule, expected) in rules() {
        for start in ["00010101T000000Z", "20060102T000000Z"] {
            let plain = object(start, rule, 0);
            let zones = Zones::of(&plain, &Zone::utc());
            let answer = validate(&plain, &zones, &Rules::default());
            let found = match &answer {
                Ok(()) => "valid".to_owned(),
                Err(error) => error.precondition.unwrap().name().local.to_string(),
            };
            // Two thousand years from the start an endless rule may be too much.
            let within = |found: &str| found == "number-of-recurrences-within-limits";
            let far = start.starts_with("0001") && within(&found);
            assert!(found == expected || far, "{start} {rule}: {answer:?}");
            let far = start.starts_with("0001");
            for overrides in if far { [0].as_slice() } else { &[0, 300] } {
                let mut object = object(start, rule, *overrides);
                let costs = [
                    cost(|| repair::repair(&mut object, &zones)).1,
                    cost(|| validate(&object, &zones, &Rules::default())).1,
                    cost(|| recur::spans(&object, &zones, period.start)).1,
                    cost(|| instances::any(&object, &zones, endless, |_| false)).1,
                    cost(|| {
                        let mut busy = BusyTime::new(period);
                        let _ = busy.add_object(&object, &zones, &Options::default());
                    })
                    .1,
                ];
                // Storing asks two: how many there are in a year, and which overrides exist.
                for (at, cost) in costs.into_iter().enumerate() {
                    let questions = if at == 1 { 2 } else { 1 };
                    let most = questions * (limits::RECURRENCE_STEPS + 1000);
                    assert!(cost <= most, "{start} {rule} {overrides}: {costs:?}");
                }
            }
        }
    }
}
