//! Splitting a recurring object in two (apple-caldav-recursplit): what lies before a moment gets a
//! UID of its own, what comes later stays. Pure.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use super::object::{Instance, dates, instance_of, remove_dates, sequence, set_sequence, zones_of};
use crate::ical::recur::{LAST_MOMENT, Occurrences, RecurError, Steps, Window, first_instance};
use crate::ical::timezone::Zones;
use crate::ical::value::recur::Recur;
use crate::ical::{Component, DateOrTime, Property};
use crate::limits;

/// The RELTYPE of RELATED-TO that names the set both parts belong to.
const RECURRENCE_SET: &str = "X-CALENDARSERVER-RECURRENCE-SET";

/// Why an object is not split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// The moment is neither a date nor a time.
    #[error("rid is neither a date nor a time")]
    InvalidRid,
    /// The object cannot be split there.
    #[error("{0}")]
    Impossible(&'static str),
}

/// How an object is split.
#[derive(Clone, Copy, Debug)]
pub struct Split<'a> {
    /// The first instance of the newer part.
    pub at: DateTime<Utc>,
    /// The UID of the older part.
    pub older_uid: &'a str,
    /// What RELATED-TO of both parts says, unless they have one.
    pub related: &'a str,
}

/// Both parts; one without instances is absent.
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    /// From the split on; keeps the UID.
    pub newer: Option<Component>,
    /// Before the split.
    pub older: Option<Component>,
}

/// The instance where an object is split that is asked for at `rid`: the next one (draft §3).
pub fn point(calendar: &Component, rid: &str) -> Result<DateTime<Utc>, SplitError> {
    let asked = DateOrTime::parse(rid, None).map_err(|_| SplitError::InvalidRid)?;
    let impossible = |reason| Err(SplitError::Impossible(reason));
    let Some((master, start)) = calendar.master().and_then(|m| Some((m, start_of(m)?))) else {
        return impossible("it has no master with a start");
    };
    let same_form = match (&start, &asked) {
        (DateOrTime::Date(_), asked) => asked.is_date(),
        (DateOrTime::Floating(_), asked) => matches!(asked, DateOrTime::Floating(_)),
        (_, asked) => matches!(asked, DateOrTime::Utc(_)),
    };
    if !same_form {
        return impossible("rid has not the form of DTSTART");
    }
    let ranged =
        |c: &Component| c.property("RECURRENCE-ID").is_some_and(|id| id.param("RANGE").is_some());
    if !(master.has("RRULE") || master.has("RDATE")) {
        return impossible("it does not recur");
    }
    if master.properties_named("RRULE").count() > 1 || master.has("EXRULE") {
        return impossible("it has more than one rule");
    }
    if calendar.main_components().any(ranged) {
        return impossible("an override holds for all later instances");
    }
    let zones = zones_of(calendar);
    let asked = zones.to_utc(&asked);
    if asked < zones.to_utc(&start) {
        return impossible("rid lies before the first instance");
    }
    let first = |window| match first_instance(calendar, &zones, window) {
        Ok(found) => Ok(found),
        Err(_) => Err(SplitError::Impossible("its rule cannot be followed that far")),
    };
    let Some(at) = first(Window { start: Some(asked), end: None })? else {
        return impossible("rid lies after the last instance");
    };
    match first(Window { start: None, end: Some(at) })? {
        Some(_) => Ok(at),
        None => impossible("there is nothing before rid"),
    }
}

/// Splits an object.
pub fn split(calendar: &Component, split: &Split<'_>) -> Parts {
    let newer = part(calendar, split, true);
    let older = part(calendar, split, false).map(|mut older| {
        for component in older.main_components_mut() {
            component.set(Property::text_value("UID", split.older_uid));
        }
        older
    });
    Parts { newer, older }
}

/// Says in every component which set it belongs to.
pub fn relate(calendar: &mut Component, related: &str) {
    for component in calendar.main_components_mut() {
        if related_to(component).is_none() {
            let property = Property::text_value("RELATED-TO", related);
            component.push(property.with_param("RELTYPE", RECURRENCE_SET));
        }
    }
}

/// The set that an object says it belongs to.
pub fn relation(calendar: &Component) -> Option<String> {
    calendar.main_components().find_map(related_to).map(Property::text)
}

/// A split is a new version of every component.
pub fn bump(calendar: &mut Component) {
    for component in calendar.main_components_mut() {
        let next = sequence(component) + 1;
        set_sequence(component, next);
    }
}

fn related_to(component: &Component) -> Option<&Property> {
    let mut related = component.properties_named("RELATED-TO");
    related.find(|p| p.param("RELTYPE").is_some_and(|t| t.eq_ignore_ascii_case(RECURRENCE_SET)))
}

fn start_of(master: &Component) -> Option<DateOrTime> {
    DateOrTime::from_property(master.property("DTSTART")?).ok()
}

fn part(calendar: &Component, split: &Split<'_>, newer: bool) -> Option<Component> {
    let zones = zones_of(calendar);
    let mut out = calendar.clone();
    let belongs = |component: &Component| match instance_of(component, &zones) {
        Instance::Master => true,
        Instance::At(at) => (at >= split.at) == newer,
    };
    out.retain_components(|component| component.is_timezone() || belongs(component));
    let stays = out.master_mut().is_none_or(|master| match newer {
        true => continue_from(master, split.at, &zones),
        false => end_before(master, split.at, &zones),
    });
    if !stays {
        let is_master = |c: &Component| instance_of(c, &zones) == Instance::Master;
        out.retain_components(|component| component.is_timezone() || !is_master(component));
    }
    out.main_components().next()?;
    relate(&mut out, split.related);
    Some(out)
}

/// Makes the master begin at its first instance from `at` on; false when there is none.
fn continue_from(master: &mut Component, at: DateTime<Utc>, zones: &Zones) -> bool {
    let Some(start) = start_of(master) else { return false };
    let before = |name, master: &Component| -> BTreeSet<DateTime<Utc>> {
        dates(master, name, zones).into_iter().filter(|date| *date < at).collect()
    };
    for name in ["RDATE", "EXDATE"] {
        let gone = before(name, master);
        remove_dates(master, name, &gone, zones);
    }
    let rule = master.value_of("RRULE").and_then(|text| Recur::parse(text).ok());
    let run = rule.as_ref().and_then(|rule| run(rule, &start, at, zones).ok());
    let next = match run {
        Some(Run { before, next: Some(next) }) => {
            if let (Some(count), Some(property)) =
                (rule.and_then(|rule| rule.count), master.property_mut("RRULE"))
            {
                let left = format!("COUNT={}", count.saturating_sub(before));
                let text = with_end(property.value(), &left);
                property.set_value(&text);
            }
            Some(next)
        }
        _ => {
            master.remove_properties("RRULE");
            let extra = dates(master, "RDATE", zones).into_iter().next();
            extra.map(|extra| zones.from_utc(extra, &start).local())
        }
    };
    let Some(next) = next else { return false };
    let delta = next - start.local();
    for name in ["DTSTART", "DTEND", "DUE"] {
        if let Some(property) = master.property_mut(name)
            && let Ok(value) = DateOrTime::from_property(property)
        {
            value.with_local(value.local() + delta).write_to(property);
        }
    }
    true
}

/// Makes the rule end before `at`.
fn end_before(master: &mut Component, at: DateTime<Utc>, zones: &Zones) -> bool {
    let Some(start) = start_of(master) else { return false };
    for name in ["RDATE", "EXDATE"] {
        let later = dates(master, name, zones).into_iter().filter(|date| *date >= at).collect();
        remove_dates(master, name, &later, zones);
    }
    let rule = master.value_of("RRULE").and_then(|text| Recur::parse(text).ok());
    let goes_on =
        rule.is_some_and(|rule| run(&rule, &start, at, zones).is_ok_and(|r| r.next.is_some()));
    if let (true, Some(property)) = (goes_on, master.property_mut("RRULE")) {
        let second = TimeDelta::seconds(1);
        let until = match &start {
            DateOrTime::Date(_) => (at.naive_utc() - TimeDelta::days(1)).format("%Y%m%d"),
            DateOrTime::Floating(_) => (at.naive_utc() - second).format("%Y%m%dT%H%M%S"),
            _ => (at.naive_utc() - second).format("%Y%m%dT%H%M%SZ"),
        };
        let text = with_end(property.value(), &format!("UNTIL={until}"));
        property.set_value(&text);
    }
    zones.to_utc(&start) < at
}

/// A rule up to a moment.
struct Run {
    before: u32,
    next: Option<NaiveDateTime>,
}

fn run(
    rule: &Recur,
    start: &DateOrTime,
    at: DateTime<Utc>,
    zones: &Zones,
) -> Result<Run, RecurError> {
    let mut steps = Steps::new(limits::RECURRENCE_STEPS);
    // A zone's offset never exceeds a day.
    let from = zones.local_like(at, start) - TimeDelta::days(1);
    let mut occurrences =
        Occurrences::new(rule, start.local(), start.is_date(), Some(from), LAST_MOMENT)?;
    let ended = |local: NaiveDateTime, moment: DateTime<Utc>| match &rule.until {
        None => false,
        Some(DateOrTime::Date(date)) => local.date() > *date,
        Some(until) => moment > zones.to_utc(until),
    };
    let mut before = 0;
    while let Some(local) = occurrences.next(&mut steps)? {
        let moment = zones.to_utc(&start.with_local(local));
        if ended(local, moment) {
            break;
        }
        if moment >= at {
            return Ok(Run { before, next: Some(local) });
        }
        before += 1;
    }
    Ok(Run { before, next: None })
}

/// A rule with another end.
fn with_end(rule: &str, end: &str) -> String {
    let is_end = |part: &&str| {
        let name = part.split('=').next().unwrap_or_default().trim();
        name.eq_ignore_ascii_case("COUNT") || name.eq_ignore_ascii_case("UNTIL")
    };
    let mut parts: Vec<&str> =
        rule.split(';').filter(|part| !part.trim().is_empty() && !is_end(part)).collect();
    parts.push(end);
    parts.join(";")
}

#[cfg(test)]
mod tests;
