//! VTIMEZONE text (RFC 5545 §3.6.5) for a zone we know: for the time-zone services (RFC 7808)
//! and to complete objects that name zones by reference (RFC 7809).
//!
//! A whole zone follows the lines of its source: a rule of several years is one observance with an
//! RRULE; single changes of the same kind are one observance with RDATEs, and so are beginnings
//! of eras, even where the clock goes on. A zone that is cut to a range lists its changes.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

use super::eras::{self, Onset, RuleOfEra};
use super::source::{Day, DayOfYear};
use super::zone::{Transition, Zone};
use crate::ical::component::Component;
use crate::ical::property::Property;
use crate::ical::value::recur::weekday_word;
use crate::ical::value::utc_offset;

/// Years whose changes are listed, and how many of them.
const FIRST_YEAR: i32 = 1800;
const LAST_YEAR: i32 = 2097;
const TRANSITIONS: usize = 2000;

/// The VTIMEZONE of a zone under the given TZID: whole, or cut to a range (with TZUNTIL).
pub fn vtimezone(
    tzid: &str,
    zone: &Zone,
    range: Option<(DateTime<Utc>, DateTime<Utc>)>,
) -> Component {
    let mut component = Component::new("VTIMEZONE");
    component.push(Property::text_value("TZID", tzid));
    // What clients that are built on libical go by.
    if zone.iana_name().is_some_and(|name| name == tzid) {
        component.push(Property::text_value("X-LIC-LOCATION", tzid));
    }
    let observances = match (range, zone.iana_name().and_then(eras::onsets)) {
        (None, Some(onsets)) => by_rules(onsets),
        (None, None) => all_listed(zone, year_start(FIRST_YEAR), year_start(LAST_YEAR + 1)),
        (Some((start, end)), _) => {
            let until = end.format("%Y%m%dT%H%M%SZ").to_string();
            component.push(Property::new("TZUNTIL", &until));
            component.push_component(initial(zone, start));
            all_listed(zone, start, end)
        }
    };
    if range.is_none() && observances.is_empty() {
        component.push_component(initial(zone, year_start(1970)));
    }
    observances.into_iter().for_each(|observance| component.push_component(observance));
    component
}

/// The VTIMEZONE of an IANA zone, in the bytes of a whole calendar.
pub fn calendar(
    tzid: &str,
    zone: &Zone,
    range: Option<(DateTime<Utc>, DateTime<Utc>)>,
) -> Component {
    let mut calendar = Component::new("VCALENDAR");
    calendar.push(Property::new("VERSION", "2.0"));
    calendar.push(Property::new("PRODID", "-//Daybook//Time zones//EN"));
    calendar.push_component(vtimezone(tzid, zone, range));
    calendar
}

fn year_start(year: i32) -> DateTime<Utc> {
    let date = NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default();
    date.and_time(NaiveTime::MIN).and_utc()
}

/// What was in force at a moment.
fn initial(zone: &Zone, at: DateTime<Utc>) -> Component {
    let offset = zone.offset_at(at);
    let change = Transition {
        at,
        offset_from: offset,
        offset_to: offset,
        name: zone.abbreviation_at(at),
        daylight: zone.daylight_at(at),
    };
    observance(&change)
}

/// The wall-clock time of a change by the offset before it, as DTSTART and RDATE want it.
fn onset(change: &Transition) -> NaiveDateTime {
    let offset = TimeDelta::seconds(i64::from(change.offset_from));
    let utc = change.at.naive_utc();
    utc.checked_add_signed(offset).unwrap_or(utc)
}

fn written(local: NaiveDateTime) -> String {
    local.format("%Y%m%dT%H%M%S").to_string()
}

fn observance(change: &Transition) -> Component {
    let mut component = Component::new(if change.daylight { "DAYLIGHT" } else { "STANDARD" });
    component.push(Property::new("DTSTART", &written(onset(change))));
    component.push(Property::new("TZOFFSETFROM", &utc_offset::print(change.offset_from)));
    component.push(Property::new("TZOFFSETTO", &utc_offset::print(change.offset_to)));
    if !change.name.is_empty() {
        component.push(Property::text_value("TZNAME", &change.name));
    }
    component
}

/// An observance with the moments at which it begins.
fn listed(kind: &Transition, moments: &[NaiveDateTime]) -> Component {
    let mut component = observance(kind);
    for moment in moments {
        component.push(Property::new("RDATE", &written(*moment)));
    }
    component
}

/// What two changes have in common that one observance can stand for.
type Kind = (i32, i32, bool, String);

fn kind(change: &Transition) -> Kind {
    (change.offset_from, change.offset_to, change.daylight, change.name.clone())
}

/// One observance for each kind of change.
fn all_listed(zone: &Zone, start: DateTime<Utc>, end: DateTime<Utc>) -> Vec<Component> {
    in_order(gathered(zone.transitions(start, end, TRANSITIONS)))
}

/// Single changes, those of a kind together: the first of them and when they are.
fn gathered(changes: Vec<Transition>) -> Vec<(Transition, Component)> {
    let mut kinds: BTreeMap<Kind, (Transition, Vec<NaiveDateTime>)> = BTreeMap::new();
    for change in changes {
        let moment = onset(&change);
        kinds.entry(kind(&change)).or_insert((change, Vec::new())).1.push(moment);
    }
    let listed = |(first, moments): (Transition, Vec<NaiveDateTime>)| {
        let component = listed(&first, &moments);
        (first, component)
    };
    kinds.into_values().map(listed).collect()
}

fn in_order(mut observances: Vec<(Transition, Component)>) -> Vec<Component> {
    observances.sort_by_key(|(first, _)| first.at);
    observances.into_iter().map(|(_, component)| component).collect()
}

/// The observances that the lines of the source make.
fn by_rules(onsets: Vec<Onset>) -> Vec<Component> {
    let mut single = Vec::new();
    let mut runs: Vec<Run> = Vec::new();
    let mut before: Option<Transition> = None;
    for Onset { change, rule } in onsets {
        let idle = before.as_ref().is_some_and(|before| {
            (before.offset_to, before.daylight, &before.name)
                == (change.offset_to, change.daylight, &change.name)
        });
        before = Some(change.clone());
        let Some(rule) = rule else {
            single.push(change);
            continue;
        };
        match runs.iter_mut().rev().find(|run| run.goes_on_with(&change, rule)) {
            Some(run) => run.changes.push(change),
            // A rule that says what is the case already changes nothing.
            None if idle => {}
            None => runs.push(Run { rule, changes: vec![change] }),
        }
    }
    let mut observances = Vec::new();
    for run in runs {
        match (run.observance(), run.changes.as_slice()) {
            (Some(observance), [first, _, ..]) => observances.push((first.clone(), observance)),
            _ => single.extend(run.changes),
        }
    }
    single.sort_by_key(|change| change.at);
    observances.extend(gathered(single));
    in_order(observances)
}

/// Changes that one rule makes in consecutive years, all of one kind and at the same time.
struct Run {
    rule: RuleOfEra,
    changes: Vec<Transition>,
}

impl Run {
    fn goes_on_with(&self, change: &Transition, rule: RuleOfEra) -> bool {
        let Some(last) = self.changes.last() else { return false };
        (self.rule.era, self.rule.number) == (rule.era, rule.number)
            && kind(last) == kind(change)
            && onset(last).time() == onset(change).time()
            && nominal_year(change, rule) == nominal_year(last, rule) + 1
            && self.shift(last) == self.shift(change)
    }

    /// By how many days the wall clock's date differs from the one in the rule (24:00, or UTC).
    fn shift(&self, change: &Transition) -> Option<i64> {
        let date = self.rule.rule.day.in_year(nominal_year(change, self.rule))?;
        Some((onset(change).date() - date).num_days())
    }

    fn observance(&self) -> Option<Component> {
        let (first, last) = (self.changes.first()?, self.changes.last()?);
        let days = days_of_rule(self.rule.rule.day, self.shift(first)?)?;
        let endless = self.rule.endless && nominal_year(last, self.rule) == eras::LAST_YEAR;
        let until = match endless {
            true => String::new(),
            false => format!(";UNTIL={}", last.at.format("%Y%m%dT%H%M%SZ")),
        };
        let mut component = observance(first);
        component.push(Property::new("RRULE", &format!("FREQ=YEARLY{until};{days}")));
        Some(component)
    }
}

/// The year for which the rule made the change; at the turn of the year the clock's may differ.
fn nominal_year(change: &Transition, rule: RuleOfEra) -> i32 {
    let date = onset(change).date();
    let close = |year: &i32| {
        let nominal = rule.rule.day.in_year(*year);
        nominal.is_some_and(|nominal| (nominal - date).num_days().abs() < 30)
    };
    [date.year(), date.year() - 1, date.year() + 1].into_iter().find(close).unwrap_or(date.year())
}

/// The parts of an RRULE that find a day of the source, moved by some days.
fn days_of_rule(day: DayOfYear, shift: i64) -> Option<String> {
    let month = day.month;
    // February is never the month of a rule that counts from its end and is moved.
    let length = i64::from(NaiveDate::from_ymd_opt(2001, month, 1)?.num_days_in_month());
    let (weekday, first) = match day.day {
        Day::Last(weekday) if shift == 0 => {
            return Some(format!("BYDAY=-1{};BYMONTH={month}", weekday_word(weekday)));
        }
        Day::Last(_) if month == 2 => return None,
        Day::Last(weekday) => (Some(weekday), length - 6),
        Day::From(weekday, number) => (Some(weekday), i64::from(number)),
        Day::UpTo(weekday, number) => (Some(weekday), i64::from(number) - 6),
        Day::Number(number) => (None, i64::from(number)),
    };
    let first = first + shift;
    let Some(weekday) = weekday else {
        let inside = (1..=length).contains(&first);
        return inside.then(|| format!("BYMONTHDAY={first};BYMONTH={month}"));
    };
    let weekday = (0..shift.rem_euclid(7)).fold(weekday, |weekday, _| weekday.succ());
    let word = weekday_word(weekday);
    let list = |days: Vec<i64>| days.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
    match first {
        first if first >= 1 && first % 7 == 1 && first + 6 <= length => {
            Some(format!("BYDAY={}{word};BYMONTH={month}", first / 7 + 1))
        }
        first if first + 6 == length && month != 2 => {
            Some(format!("BYDAY=-1{word};BYMONTH={month}"))
        }
        first if first >= 1 && first + 6 <= length => {
            let days = list((first..first + 7).collect());
            Some(format!("BYDAY={word};BYMONTHDAY={days};BYMONTH={month}"))
        }
        // Days of two months, counted from the end of the year because of leap days.
        first => {
            let start = NaiveDate::from_ymd_opt(2001, month, 1)? + TimeDelta::days(first - 1);
            let end = start + TimeDelta::days(6);
            if start.year() != end.year() || start.month() < 3 {
                return None;
            }
            let from_end = i64::from(start.ordinal()) - 366;
            let days = list((from_end..from_end + 7).collect());
            Some(format!("BYDAY={word};BYYEARDAY={days}"))
        }
    }
}
