//! Instances of an object in time: whether one fulfils a condition, and what alarms, to-dos and
//! free-busy objects say about time (RFC 4791 §9.9). Expansion itself is `ical::recur`.

use chrono::{DateTime, TimeDelta, Utc};

use super::time_range::TodoTimes;
use super::{Period, TimeRange};
use crate::ical::recur::{self, Budget, Expansion, Instance, RecurError, Steps, Window};
use crate::ical::timezone::Zones;
use crate::ical::value::period::PeriodEnd;
use crate::ical::{self, Component, DateOrTime, IcalDuration};
use crate::limits;

/// Start or end of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Its start.
    Start,
    /// Its end.
    End,
}

/// How far ahead an endless range is searched: longer than any rule needs to come round (a leap
/// day on a given weekday in a given week, 400 years at most).
const HORIZON_DAYS: i64 = 401 * 366;
/// The first stretch that is expanded; each following one is four times as long.
const FIRST_STRETCH_DAYS: i64 = 366;

/// The instances that overlap the period.
pub fn within(
    calendar: &Component,
    zones: &Zones,
    period: Period,
) -> Result<Expansion, RecurError> {
    let window = Window { start: Some(period.start), end: Some(period.end) };
    recur::expand(calendar, zones, window, Budget::default())
}

/// Whether an instance near the range fulfils the condition. Stretch by stretch, so that the first
/// hit ends the search and an endless rule costs no more than a finite one. An object with more
/// instances than can be looked at is taken to have one that fits.
pub fn any(
    calendar: &Component,
    zones: &Zones,
    range: TimeRange,
    mut holds: impl FnMut(&Instance) -> bool,
) -> bool {
    let Some(first) = first_start(calendar, zones) else { return false };
    let second = TimeDelta::seconds(1);
    let mut from = range.start.map_or(first, |start| start.max(first)) - second;
    let horizon = from + TimeDelta::days(HORIZON_DAYS);
    let end = range.end.map_or(horizon, |end| end.min(horizon)) + second;
    let mut stretch = TimeDelta::days(FIRST_STRETCH_DAYS);
    let mut steps = Steps::new(limits::RECURRENCE_STEPS);
    while from < end {
        let to = end.min(from + stretch);
        let window = Window { start: Some(from), end: Some(to) };
        match recur::expand_with(calendar, zones, window, Budget::default(), &mut steps) {
            Ok(expansion) if expansion.instances.iter().any(&mut holds) => return true,
            Ok(_) => {}
            Err(RecurError::TooManyInstances(_) | RecurError::TooManySteps) => return true,
            Err(_) => return false,
        }
        from = to;
        stretch = stretch * 4;
    }
    false
}

/// The earliest start that the object names; instances lie nowhere before it.
pub fn first_start(calendar: &Component, zones: &Zones) -> Option<DateTime<Utc>> {
    let mut starts: Vec<DateTime<Utc>> = Vec::new();
    for component in calendar.main_components() {
        starts.extend(moment_of(component, "DTSTART", zones));
        starts.extend(moment_of(component, "RECURRENCE-ID", zones));
        for property in component.properties_named("RDATE") {
            let dates = property.value().split(',');
            starts.extend(dates.filter_map(|date| {
                let start = date.split('/').next().unwrap_or_default();
                let value = DateOrTime::parse(start, property.param("TZID")).ok()?;
                Some(zones.to_utc(&value))
            }));
        }
    }
    starts.into_iter().min()
}

/// The instant a property names.
pub fn moment_of(component: &Component, name: &str, zones: &Zones) -> Option<DateTime<Utc>> {
    let value = DateOrTime::from_property(component.property(name)?).ok()?;
    Some(zones.to_utc(&value))
}

/// The range a second wider at its start, so that what ends there is found.
pub fn widened(range: TimeRange) -> TimeRange {
    TimeRange { start: range.start.map(|start| start - TimeDelta::seconds(1)), ..range }
}

/// Whether an instance of the component overlaps the range (§9.9).
pub fn overlaps(component: &Component, instance: &Instance, range: TimeRange) -> bool {
    match component.name() {
        "VTODO" => range.overlaps_todo(todo_times(component, instance)),
        _ => range.overlaps(Period::new(instance.start, instance.end)),
    }
}

/// The row of the to-do table for an instance of a to-do with DTSTART.
pub fn todo_times(component: &Component, instance: &Instance) -> TodoTimes {
    let (start, end) = (instance.start, instance.end);
    if component.has("DURATION") {
        TodoTimes::StartAndDuration { start, end }
    } else if component.has("DUE") {
        TodoTimes::StartAndDue { start, due: end }
    } else {
        TodoTimes::Start(start)
    }
}

/// The row of the to-do table for a to-do without DTSTART.
pub fn todo_without_start(component: &Component, zones: &Zones) -> TodoTimes {
    let moment = |name| moment_of(component, name, zones);
    match (moment("DUE"), moment("COMPLETED"), moment("CREATED")) {
        (Some(due), _, _) => TodoTimes::Due(due),
        (_, Some(completed), Some(created)) => {
            TodoTimes::CreatedAndCompleted { created, completed }
        }
        (_, Some(completed), None) => TodoTimes::Completed(completed),
        (_, None, Some(created)) => TodoTimes::Created(created),
        _ => TodoTimes::Timeless,
    }
}

/// A to-do that recurs without DTSTART, which some clients write: its DUE recurs.
pub fn recurring_due_overlaps(component: &Component, zones: &Zones, range: TimeRange) -> bool {
    let due = component.property("DUE").and_then(|due| DateOrTime::from_property(due).ok());
    let Some(due) = due.filter(|_| component.has("RRULE") || component.has("RDATE")) else {
        return false;
    };
    let mut single = component.clone();
    single.remove_properties("DUE");
    single.push(due.to_property("DTSTART"));
    let mut calendar = Component::new("VCALENDAR");
    calendar.push_component(single);
    let range_to_end = TimeRange { end: range.end.map(|end| end + TimeDelta::seconds(1)), ..range };
    any(&calendar, zones, range_to_end, |instance| {
        range.overlaps_todo(TodoTimes::Due(instance.start))
    })
}

/// A PERIOD value as absolute time.
pub fn period_of(period: &ical::Period, zones: &Zones) -> Period {
    let start = zones.to_utc(&period.start);
    let end = match &period.end {
        PeriodEnd::At(end) => zones.to_utc(end),
        PeriodEnd::After(duration) => start + duration.delta(),
    };
    Period::new(start, end)
}

/// The periods of a FREEBUSY property list with their FBTYPE in upper case.
pub fn free_busy_periods<'a>(
    component: &'a Component,
    zones: &'a Zones,
) -> impl Iterator<Item = (String, Period)> + 'a {
    component.properties_named("FREEBUSY").flat_map(move |property| {
        let kind = property.param("FBTYPE").unwrap_or("BUSY").to_ascii_uppercase();
        let periods = ical::Period::list_from_property(property).unwrap_or_default();
        periods.into_iter().map(move |period| (kind.clone(), period_of(&period, zones)))
    })
}

/// The table for VFREEBUSY.
pub fn free_busy_overlaps(component: &Component, zones: &Zones, range: TimeRange) -> bool {
    let moment = |name| moment_of(component, name, zones);
    match (moment("DTSTART"), moment("DTEND")) {
        (Some(start), Some(end)) => range.overlaps_free_busy(Period::new(start, end)),
        _ => free_busy_periods(component, zones).any(|(_, period)| range.overlaps(period)),
    }
}

/// When an alarm goes off, relative to an instance or absolutely, with its repetitions.
pub struct Triggers {
    /// The instant of an absolute trigger.
    pub absolute: Option<DateTime<Utc>>,
    /// What a relative trigger counts from.
    pub related: Moment,
    offset: TimeDelta,
    repeat: i32,
    pause: TimeDelta,
}

/// Repetitions of one alarm that are looked at.
const REPEATS_MAX: i32 = 1000;

impl Triggers {
    /// Reads TRIGGER, REPEAT and DURATION; absent when there is no usable trigger.
    pub fn of(alarm: &Component, zones: &Zones) -> Option<Self> {
        let trigger = alarm.property("TRIGGER")?;
        let duration: Option<IcalDuration> = trigger.value().parse().ok();
        let absolute = match duration {
            Some(_) => None,
            None => Some(zones.to_utc(&DateOrTime::from_property(trigger).ok()?)),
        };
        let at_end = trigger.param("RELATED").is_some_and(|v| v.eq_ignore_ascii_case("END"));
        let repeat = alarm.value_of("REPEAT").and_then(|text| text.trim().parse().ok());
        let pause = alarm.value_of("DURATION").and_then(|text| text.parse::<IcalDuration>().ok());
        Some(Self {
            absolute,
            related: if at_end { Moment::End } else { Moment::Start },
            offset: duration.unwrap_or_default().delta(),
            repeat: pause.and(repeat).unwrap_or(0).clamp(0, REPEATS_MAX),
            pause: pause.unwrap_or_default().delta(),
        })
    }

    /// Every time it goes off for that start or end.
    pub fn times(&self, anchor: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        let (first, pause) = (anchor.checked_add_signed(self.offset), self.pause);
        (0..=self.repeat).filter_map(move |n| first?.checked_add_signed(pause * n))
    }

    /// Where instances lie whose alarm may go off in the range.
    pub fn window(&self, range: TimeRange) -> TimeRange {
        let last = self.offset + self.pause * self.repeat;
        let second = TimeDelta::seconds(1);
        let earliest = range.start.and_then(|at| at.checked_sub_signed(last.max(self.offset)));
        let latest = range.end.and_then(|at| at.checked_sub_signed(last.min(self.offset)));
        TimeRange { start: earliest.map(|at| at - second), end: latest.map(|at| at + second) }
    }
}
