//! VTIMEZONE text (RFC 5545 §3.6.5) for a zone we know: for the time-zone services (RFC 7808)
//! and to complete objects that name zones by reference (RFC 7809).
//!
//! Changes that follow a yearly rule for ever become one observance with an RRULE; all others
//! are listed as RDATE, one observance per kind.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc, Weekday};

use super::zone::{Transition, Zone};
use crate::ical::component::Component;
use crate::ical::property::Property;
use crate::ical::value::recur::weekday_word;
use crate::ical::value::utc_offset;

/// Years whose changes are looked at; a rule must hold for the last 28 of them, a full cycle of
/// weekdays and leap years.
const FIRST_YEAR: i32 = 1800;
const LAST_YEAR: i32 = 2097;
const CYCLE_YEARS: i32 = 28;
const TRANSITIONS: usize = 2000;

/// The VTIMEZONE of a zone under the given TZID: whole, or cut to a range (with TZUNTIL).
pub fn vtimezone(
    tzid: &str,
    zone: &Zone,
    range: Option<(DateTime<Utc>, DateTime<Utc>)>,
) -> Component {
    let mut component = Component::new("VTIMEZONE");
    component.push(Property::text_value("TZID", tzid));
    let (start, end) = range.unwrap_or((year_start(FIRST_YEAR), year_start(LAST_YEAR + 1)));
    let mut changes = zone.transitions(start, end, TRANSITIONS);
    let rules = match range {
        None => yearly_rules(&mut changes),
        Some((_, end)) => {
            let until = end.format("%Y%m%dT%H%M%SZ").to_string();
            component.push(Property::new("TZUNTIL", &until));
            Vec::new()
        }
    };
    let first_of_all = changes.first().or(rules.iter().map(|r| &r.first).min_by_key(|t| t.at));
    if range.is_some() || first_of_all.is_none() {
        component.push_component(initial(zone, range.map(|(start, _)| start)));
    }
    for (kind, moments) in grouped(changes) {
        component.push_component(listed(&kind, &moments));
    }
    for rule in rules {
        component.push_component(rule.observance());
    }
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

/// What was in force at the start of a range, or always.
fn initial(zone: &Zone, start: Option<DateTime<Utc>>) -> Component {
    let at = start.unwrap_or(year_start(1970));
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

fn listed(kind: &Transition, moments: &[NaiveDateTime]) -> Component {
    let mut component = observance(kind);
    for moment in moments {
        component.push(Property::new("RDATE", &written(*moment)));
    }
    component
}

fn same_kind(a: &Transition, b: &Transition) -> bool {
    (a.offset_from, a.offset_to, a.daylight, &a.name)
        == (b.offset_from, b.offset_to, b.daylight, &b.name)
}

/// Changes of one kind together: the first, and the onsets of the others.
fn grouped(changes: Vec<Transition>) -> Vec<(Transition, Vec<NaiveDateTime>)> {
    let mut groups: Vec<(Transition, Vec<NaiveDateTime>)> = Vec::new();
    for change in changes {
        match groups.iter_mut().find(|(kind, _)| same_kind(kind, &change)) {
            Some((_, moments)) => moments.push(onset(&change)),
            None => groups.push((change, Vec::new())),
        }
    }
    groups
}

/// A change that happens every year by the same rule.
struct Yearly {
    first: Transition,
    month: u32,
    days: YearlyDay,
    weekday: Weekday,
    time: NaiveTime,
}

enum YearlyDay {
    /// The nth weekday of the month.
    Number(u32),
    /// The last weekday of the month.
    Last,
    /// The weekday that falls on one of the seven days from this one on.
    From(u32),
}

impl Yearly {
    /// The rule that all of these changes follow, one a year.
    fn of(changes: &[&Transition]) -> Option<Self> {
        let first = changes.first()?;
        let onsets: Vec<NaiveDateTime> = changes.iter().map(|change| onset(change)).collect();
        let one = onsets.first()?;
        let alike = |o: &NaiveDateTime| {
            (o.month(), o.weekday(), o.time()) == (one.month(), one.weekday(), one.time())
        };
        let (min, max) =
            (onsets.iter().map(Datelike::day).min()?, onsets.iter().map(Datelike::day).max()?);
        if onsets.len() < CYCLE_YEARS as usize || !onsets.iter().all(alike) || max - min > 6 {
            return None;
        }
        let length = u32::from(one.date().num_days_in_month());
        let days = match min {
            _ if max == length => YearlyDay::Last,
            min if min % 7 == 1 => YearlyDay::Number(min / 7 + 1),
            min => YearlyDay::From(min),
        };
        let (month, weekday, time) = (one.month(), one.weekday(), one.time());
        Some(Self { first: (*first).clone(), month, days, weekday, time })
    }

    fn fits(&self, change: &Transition) -> bool {
        let onset = onset(change);
        let (day, length) = (onset.day(), u32::from(onset.date().num_days_in_month()));
        let day_fits = match self.days {
            YearlyDay::Number(number) => (day - 1) / 7 + 1 == number,
            YearlyDay::Last => day + 7 > length,
            YearlyDay::From(from) => (from..from + 7).contains(&day),
        };
        day_fits
            && (onset.month(), onset.weekday(), onset.time())
                == (self.month, self.weekday, self.time)
            && same_kind(&self.first, change)
    }

    fn observance(&self) -> Component {
        let mut component = observance(&self.first);
        let day = weekday_word(self.weekday);
        let days = match self.days {
            YearlyDay::Number(number) => format!("BYDAY={number}{day}"),
            YearlyDay::Last => format!("BYDAY=-1{day}"),
            YearlyDay::From(from) => {
                let list: Vec<String> = (from..from + 7).map(|day| day.to_string()).collect();
                format!("BYMONTHDAY={};BYDAY={day}", list.join(","))
            }
        };
        let rule = format!("FREQ=YEARLY;BYMONTH={};{days}", self.month);
        component.push(Property::new("RRULE", &rule));
        component
    }
}

/// Takes the changes that follow rules for ever off the end of the list.
fn yearly_rules(changes: &mut Vec<Transition>) -> Vec<Yearly> {
    let from = year_start(LAST_YEAR + 1 - CYCLE_YEARS);
    let cycle: Vec<&Transition> = changes.iter().filter(|change| change.at >= from).collect();
    let mut kinds: Vec<&Transition> = Vec::new();
    for change in &cycle {
        if !kinds.iter().any(|kind| same_kind(kind, change)) {
            kinds.push(change);
        }
    }
    let mut rules = Vec::new();
    for kind in kinds {
        let members: Vec<&Transition> =
            cycle.iter().copied().filter(|change| same_kind(kind, change)).collect();
        match Yearly::of(&members) {
            Some(rule) => rules.push(rule),
            None => return Vec::new(),
        }
    }
    while let Some(last) = changes.last() {
        let Some(rule) = rules.iter_mut().find(|rule| rule.fits(last)) else { break };
        if onset(last).year() + 1 < onset(&rule.first).year() {
            break;
        }
        rule.first = last.clone();
        changes.pop();
    }
    rules
}
