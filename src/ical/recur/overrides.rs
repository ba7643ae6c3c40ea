//! Components with RECURRENCE-ID (RFC 5545 §3.8.4.4) and what RANGE=THISANDFUTURE does to the
//! instances after them.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use super::shape::{Length, Shape};
use super::{Instance, RecurError};
use crate::ical::component::Component;
use crate::ical::timezone::Zones;
use crate::ical::value::DateOrTime;

/// An override, read.
pub(super) struct Override<'a> {
    /// Index into `main_components()`.
    pub index: usize,
    pub component: &'a Component,
    pub id: DateOrTime,
    pub utc: DateTime<Utc>,
    /// Whether it holds for all instances after it too.
    pub and_future: bool,
    pub start: DateOrTime,
    pub length: Length,
}

impl<'a> Override<'a> {
    /// Reads a component with RECURRENCE-ID. One that says no start of its own begins when the
    /// instance would have and lasts as long as `master_length`.
    pub fn read(
        index: usize,
        component: &'a Component,
        master_length: &Length,
        zones: &Zones,
    ) -> Result<Self, RecurError> {
        let property = component
            .property("RECURRENCE-ID")
            .ok_or_else(|| RecurError::InvalidOverride("nothing".to_owned()))?;
        let id = DateOrTime::from_property(property)?;
        let range = property.param("RANGE").unwrap_or_default();
        let (start, length) = match Shape::of(component, zones)? {
            Shape::Anchored(start, length) => (start, length),
            Shape::Fixed(..) | Shape::Nowhere => (id.clone(), master_length.clone()),
        };
        let utc = zones.to_utc(&id);
        let and_future = range.eq_ignore_ascii_case("THISANDFUTURE");
        Ok(Self { index, component, id, utc, and_future, start, length })
    }

    /// The instance it stands for.
    pub fn instance(&self, zones: &Zones) -> Instance {
        self.instance_at(self.id.clone(), self.utc, self.start.clone(), zones)
    }

    /// A later instance that a THISANDFUTURE override governs: moved as far on the wall clock as
    /// the override itself is.
    pub fn later_instance(&self, id: DateOrTime, utc: DateTime<Utc>, zones: &Zones) -> Instance {
        let local = self.wall_clock(&id, utc, zones);
        let start = self.start.with_local(local).plus(self.shift(zones));
        self.instance_at(id, utc, start, zones)
    }

    /// How far it is moved on the wall clock.
    pub fn shift(&self, zones: &Zones) -> TimeDelta {
        self.start.local() - self.wall_clock(&self.id, self.utc, zones)
    }

    /// What the clock of this override shows at an instance. It is asked only where the instance
    /// is counted by another clock: a time that a gap skips stays what was written.
    fn wall_clock(&self, id: &DateOrTime, utc: DateTime<Utc>, zones: &Zones) -> NaiveDateTime {
        let same_clock = std::mem::discriminant(id) == std::mem::discriminant(&self.start)
            && id.tzid() == self.start.tzid();
        if same_clock { id.local() } else { zones.local_like(utc, &self.start) }
    }

    fn instance_at(
        &self,
        recurrence_id: DateOrTime,
        recurrence_utc: DateTime<Utc>,
        start_value: DateOrTime,
        zones: &Zones,
    ) -> Instance {
        let times = self.length.times(&start_value, zones);
        Instance {
            recurrence_id,
            recurrence_utc,
            start: times.start,
            end: times.end,
            floating: times.float(&start_value, zones),
            all_day: start_value.is_date(),
            start_value,
            end_value: times.end_value,
            component: self.index,
            overridden: true,
        }
    }
}

/// The THISANDFUTURE override that governs an instance without an override of its own.
pub(super) fn governing<'o, 'a>(
    overrides: &'o [Override<'a>],
    utc: DateTime<Utc>,
) -> Option<&'o Override<'a>> {
    let earlier = overrides.iter().filter(|o| o.and_future && o.utc <= utc);
    earlier.max_by_key(|o| o.utc)
}
