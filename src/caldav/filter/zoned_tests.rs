//! Series that a change of the clock interrupts, against an evaluator that knows nothing but the
//! two changes of New York in 2026 and counts every instance.

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::tests::on_event;
use crate::caldav::period::utc_text;
use crate::ical::timezone::{Zone, Zones};
use crate::ical::{self, Component};

fn local(month: u32, day: u32, hour: u32) -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, month, day).unwrap().and_hms_opt(hour, 0, 0).unwrap()
}

/// RFC 5545 §3.3.5: of two readings the first, of none the one by the offset before.
fn utc(wall: NaiveDateTime) -> DateTime<Utc> {
    let summer = wall >= local(3, 8, 3) && wall < local(11, 1, 2);
    (wall + Duration::hours(if summer { 4 } else { 5 })).and_utc()
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Zoned,
    Floating,
    AllDay,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    Count,
    /// UNTIL in the form that §3.3.10 asks for.
    Until,
    /// UNTIL as a date where it should be a time, as old clients have it.
    UntilDate,
}

#[derive(Debug)]
struct Series {
    form: Form,
    start: NaiveDateTime,
    every_days: i64,
    count: i64,
    ending: Ending,
    /// Minutes, or days for whole days.
    length: i64,
    without: i64,
    /// From this instance on all are moved (RANGE=THISANDFUTURE).
    moved_from: i64,
    by_hours: i64,
}

impl Series {
    fn at(&self, number: i64) -> NaiveDateTime {
        self.start + TimeDelta::days(self.every_days * number)
    }

    fn value(&self, name: &str, wall: NaiveDateTime) -> String {
        match self.form {
            Form::Zoned => {
                format!("{name};TZID=America/New_York:{}", wall.format("%Y%m%dT%H%M%S"))
            }
            Form::Floating => format!("{name}:{}", wall.format("%Y%m%dT%H%M%S")),
            Form::AllDay => format!("{name};VALUE=DATE:{}", wall.format("%Y%m%d")),
        }
    }

    fn lasts(&self) -> String {
        let unit = if self.form == Form::AllDay { "D" } else { "M" };
        let time = if self.form == Form::AllDay { "" } else { "T" };
        format!("DURATION:P{time}{}{unit}", self.length)
    }

    fn object(&self) -> Component {
        let last = self.at(self.count - 1);
        let end = match (self.ending, self.form) {
            (Ending::Count, _) => format!("COUNT={}", self.count),
            (Ending::UntilDate, _) | (_, Form::AllDay) => {
                format!("UNTIL={}", last.format("%Y%m%d"))
            }
            (_, Form::Zoned) => format!("UNTIL={}", utc_text(utc(last))),
            (_, Form::Floating) => format!("UNTIL={}", last.format("%Y%m%dT%H%M%S")),
        };
        let head = "BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20060101T000000Z";
        let moved = self.at(self.moved_from);
        let id = self.value("RECURRENCE-ID;RANGE=THISANDFUTURE", moved);
        let text = format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{head}\r\n{}\r\n{}\r\n\
             RRULE:FREQ=DAILY;INTERVAL={};{end}\r\n{}\r\nEND:VEVENT\r\n\
             {head}\r\n{id}\r\n{}\r\n{}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
            self.value("DTSTART", self.start),
            self.lasts(),
            self.every_days,
            self.value("EXDATE", self.at(self.without)),
            self.value("DTSTART", moved + TimeDelta::hours(self.by_hours)),
            self.lasts(),
        );
        ical::parse(text.as_bytes()).unwrap()
    }

    /// The table of RFC 4791 §9.9, instance by instance.
    fn overlaps(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> bool {
        (0..self.count).filter(|number| *number != self.without).any(|number| {
            let shift = if number >= self.moved_from { self.by_hours } else { 0 };
            let wall = self.at(number) + TimeDelta::hours(shift);
            let start = utc(wall);
            let end = match self.form {
                Form::AllDay => utc(wall + TimeDelta::days(self.length)),
                _ => start + TimeDelta::minutes(self.length),
            };
            from < end && to > start
        })
    }
}

fn series() -> impl Strategy<Value = Series> {
    let form = prop::sample::select(vec![Form::Zoned, Form::Floating, Form::AllDay]);
    let ending = prop::sample::select(vec![Ending::Count, Ending::Until, Ending::UntilDate]);
    let spring = prop::sample::select(vec![local(3, 4, 0), local(10, 27, 0)]);
    let numbers = (0..6i64, 0..1440i64, 1..4i64, 2..9i64, 1..3000i64);
    (form, ending, spring, numbers, 0..8i64, 0..8i64, -30..30i64).prop_map(
        |(form, ending, base, (day, minute, every_days, count, length), without, moved, hours)| {
            let whole = form == Form::AllDay;
            let start = base.date() + TimeDelta::days(day);
            let start =
                start.and_time(NaiveTime::MIN) + TimeDelta::minutes(if whole { 0 } else { minute });
            let moved_from = moved.min(count - 1);
            let by_hours = if whole { hours / 8 * 24 } else { hours };
            let length = if whole { length % 5 + 1 } else { length };
            Series { form, start, every_days, count, ending, length, without, moved_from, by_hours }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..Default::default()
    })]
    #[test]
    fn time_ranges_over_a_change_of_the_clock(
        series in series(),
        from in -100..700i64,
        length in 1..40i64,
    ) {
        prop_assume!(series.without != series.moved_from);
        let from = utc(series.start) + TimeDelta::hours(from);
        let to = from + TimeDelta::hours(length);
        let range =
            format!("<time-range start=\"{}\" end=\"{}\"/>", utc_text(from), utc_text(to));
        let object = series.object();
        let zones = Zones::of(&object, &Zone::named("America/New_York").unwrap());
        let found = on_event(&range).matches(&object, &zones);
        prop_assert_eq!(found, series.overlaps(from, to), "{:?} {}", series, range);
    }
}
