//! Where a component begins and ends (RFC 4791 §9.9), and how that carries over to the other
//! instances of a recurring one.

use chrono::{DateTime, TimeDelta, Utc};

use super::{FIRST_MOMENT, LAST_MOMENT, RecurError};
use crate::ical::component::Component;
use crate::ical::timezone::Zones;
use crate::ical::value::{DateOrTime, IcalDuration, Period, PeriodEnd};

/// The extent of a component.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// Begins at a value that recurrence can move.
    Anchored(DateOrTime, Length),
    /// Lies between two moments, whatever its other properties say.
    Fixed(DateTime<Utc>, DateTime<Utc>),
    /// Is at no time at all.
    Nowhere,
}

/// How long it lasts.
#[derive(Clone, Debug)]
pub(super) enum Length {
    /// It has no end.
    Moment,
    /// It has no end, and its start is a whole day.
    WholeDay,
    /// DURATION: days on the wall clock, then exact time.
    Duration(IcalDuration),
    /// DTEND or DUE: the same exact time for every instance (RFC 5545 §3.8.5.3), written in this
    /// form.
    Until(TimeDelta, DateOrTime),
}

/// The times of one instance.
pub(super) struct Times {
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
    pub end_value: Option<DateOrTime>,
}

impl Times {
    /// Whether they depend on the zone of who reads them.
    pub fn float(&self, start_value: &DateOrTime, zones: &Zones) -> bool {
        zones.floats(start_value) || self.end_value.as_ref().is_some_and(|end| zones.floats(end))
    }
}

fn date_of(component: &Component, name: &str) -> Result<Option<DateOrTime>, RecurError> {
    match component.property(name) {
        Some(property) => Ok(Some(DateOrTime::from_property(property)?)),
        None => Ok(None),
    }
}

fn duration_of(component: &Component) -> Result<Option<IcalDuration>, RecurError> {
    match component.property("DURATION") {
        Some(property) => Ok(Some(property.value().parse()?)),
        None => Ok(None),
    }
}

impl Shape {
    /// The shape of a main component, or of an AVAILABLE.
    pub fn of(component: &Component, zones: &Zones) -> Result<Self, RecurError> {
        let end_name = if component.name() == "VTODO" { "DUE" } else { "DTEND" };
        let start = date_of(component, "DTSTART")?;
        let end = date_of(component, end_name)?;
        let duration = duration_of(component)?;
        match (component.name(), start, end) {
            ("VTODO", None, Some(due)) => Ok(Self::Anchored(due, Length::Moment)),
            ("VTODO", None, None) => todo_without_dates(component, zones),
            ("VTODO", Some(start), None) if duration.is_none() => {
                Ok(Self::Anchored(start, Length::Moment))
            }
            ("VFREEBUSY", start, None) if duration.is_none() => {
                free_busy_periods(component, start, zones)
            }
            ("VAVAILABILITY", None, end) => {
                let end = end.map_or(LAST_MOMENT.and_utc(), |end| zones.to_utc(&end));
                Ok(Self::Fixed(FIRST_MOMENT.and_utc(), end))
            }
            ("VAVAILABILITY", Some(start), None) if duration.is_none() => {
                Ok(Self::Fixed(zones.to_utc(&start), LAST_MOMENT.and_utc()))
            }
            (_, None, _) => Ok(Self::Nowhere),
            (_, Some(start), end) => {
                let length = Length::of(&start, end, duration, zones);
                Ok(Self::Anchored(start, length))
            }
        }
    }
}

impl Length {
    fn of(
        start: &DateOrTime,
        end: Option<DateOrTime>,
        duration: Option<IcalDuration>,
        zones: &Zones,
    ) -> Self {
        match (end, duration) {
            (Some(end), _) => {
                let exact = match start.is_date() && end.is_date() {
                    true => end.local() - start.local(),
                    false => zones.to_utc(&end) - zones.to_utc(start),
                };
                Self::Until(exact.max(TimeDelta::zero()), end)
            }
            (None, Some(duration)) if !duration.is_negative() => Self::Duration(duration),
            (None, _) if start.is_date() => Self::WholeDay,
            (None, _) => Self::Moment,
        }
    }

    /// An upper bound of the length of any instance.
    pub fn longest(&self) -> TimeDelta {
        let day = TimeDelta::days(1);
        match self {
            Self::Moment => TimeDelta::zero(),
            Self::WholeDay => day + day,
            Self::Duration(duration) => duration.delta() + day,
            Self::Until(exact, _) => *exact + day,
        }
    }

    /// The times of the instance that begins at `start_value`.
    pub fn times(&self, start_value: &DateOrTime, zones: &Zones) -> Times {
        self.times_from(zones.to_utc(start_value), start_value, zones)
    }

    /// The same where the instant of `start_value` is known.
    pub fn times_from(
        &self,
        start: DateTime<Utc>,
        start_value: &DateOrTime,
        zones: &Zones,
    ) -> Times {
        let days = |days: i64| start_value.plus(TimeDelta::try_days(days).unwrap_or_default());
        let (end, end_value) = match self {
            Self::Moment => (start, None),
            Self::WholeDay => (zones.to_utc(&days(1)), None),
            Self::Duration(duration) => {
                let day = days(duration.days());
                let seconds = TimeDelta::try_seconds(duration.seconds()).unwrap_or_default();
                let end = plus(zones.to_utc(&day), seconds);
                let end_value = match seconds.is_zero() {
                    true => day,
                    false => zones.from_utc(end, start_value),
                };
                (end, Some(end_value))
            }
            Self::Until(exact, form) if form.is_date() && start_value.is_date() => {
                let end_value = start_value.plus(*exact);
                (zones.to_utc(&end_value), Some(end_value))
            }
            Self::Until(exact, form) => {
                let end = plus(start, *exact);
                (end, Some(zones.from_utc(end, form)))
            }
        };
        Times { start, end: end.max(start), end_value }
    }

    /// The same without the end as the object would write it, where that takes longer.
    pub fn bare_times_from(
        &self,
        start: DateTime<Utc>,
        start_value: &DateOrTime,
        zones: &Zones,
    ) -> Times {
        match self {
            Self::Until(exact, form) if !(form.is_date() && start_value.is_date()) => {
                Times { start, end: plus(start, *exact).max(start), end_value: None }
            }
            _ => self.times_from(start, start_value, zones),
        }
    }

    /// Whether instances that begin with a value of this form depend on the zone of who reads
    /// them: what [`Times::float`] says of each.
    pub fn floats(&self, start_value: &DateOrTime, zones: &Zones) -> bool {
        let end_floats = match self {
            Self::Until(_, form) => zones.floats(form),
            Self::Moment | Self::WholeDay | Self::Duration(_) => false,
        };
        end_floats || zones.floats(start_value)
    }

    /// The times of an RDATE period.
    pub fn period(start_value: &DateOrTime, end: &PeriodEnd, zones: &Zones) -> Times {
        match end {
            PeriodEnd::After(duration) => Self::Duration(*duration).times(start_value, zones),
            PeriodEnd::At(end_value) => {
                let (start, end) = (zones.to_utc(start_value), zones.to_utc(end_value));
                Times { start, end: end.max(start), end_value: Some(end_value.clone()) }
            }
        }
    }
}

fn plus(instant: DateTime<Utc>, delta: TimeDelta) -> DateTime<Utc> {
    instant.checked_add_signed(delta).unwrap_or(instant)
}

/// A to-do with neither DTSTART nor DUE lies between its creation and its completion.
fn todo_without_dates(component: &Component, zones: &Zones) -> Result<Shape, RecurError> {
    let instant = |name| -> Result<Option<DateTime<Utc>>, RecurError> {
        Ok(date_of(component, name)?.map(|value| zones.to_utc(&value)))
    };
    let (created, completed) = (instant("CREATED")?, instant("COMPLETED")?);
    Ok(match (created, completed) {
        (Some(created), Some(completed)) => {
            Shape::Fixed(created.min(completed), completed.max(created))
        }
        (None, Some(completed)) => Shape::Fixed(completed, completed),
        (Some(created), None) => Shape::Fixed(created, LAST_MOMENT.and_utc()),
        (None, None) => Shape::Fixed(FIRST_MOMENT.and_utc(), LAST_MOMENT.and_utc()),
    })
}

/// A VFREEBUSY without an end lies where its periods are.
fn free_busy_periods(
    component: &Component,
    start: Option<DateOrTime>,
    zones: &Zones,
) -> Result<Shape, RecurError> {
    let mut extent: Option<(DateTime<Utc>, DateTime<Utc>)> = None;
    for property in component.properties_named("FREEBUSY") {
        for period in Period::list_from_property(property)? {
            let times = Length::period(&period.start, &period.end, zones);
            let (from, to) = extent.unwrap_or((times.start, times.end));
            extent = Some((from.min(times.start), to.max(times.end)));
        }
    }
    Ok(match (extent, start) {
        (Some((from, to)), _) => Shape::Fixed(from, to),
        (None, Some(start)) => Shape::Anchored(start, Length::Moment),
        (None, None) => Shape::Nowhere,
    })
}
