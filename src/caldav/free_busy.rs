//! Components to busy time (RFC 4791 §7.10, RFC 7953), and busy time to a VFREEBUSY.
//!
//! Which objects count and who may know is the caller's business.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::period::{merge, utc_text};
use super::{Period, TimeRange, availability, instances};
use crate::ical::recur::RecurError;
use crate::ical::timezone::Zones;
use crate::ical::{Component, IcalDuration, Property};

/// Apple's property for the way to an event.
const TRAVEL: &str = "X-APPLE-TRAVEL-DURATION";
/// The product that writes free-busy answers.
pub const PRODUCT: &str = "-//Daybook//CalDAV server//EN";

/// Busy time in one period, by FBTYPE.
#[derive(Clone, Debug)]
pub struct BusyTime {
    bounds: Period,
    by_type: BTreeMap<String, Vec<Period>>,
}

/// What changes the way objects count.
#[derive(Default)]
pub struct Options<'a> {
    /// Objects with this UID do not count (X-CALENDARSERVER-MASK-UID).
    pub masked_uid: Option<&'a str>,
    /// Whether an address is the owner's: what he declined does not count.
    pub is_owner: Option<&'a dyn Fn(&str) -> bool>,
}

impl BusyTime {
    /// No busy time in that period yet.
    pub fn new(bounds: Period) -> Self {
        Self { bounds, by_type: BTreeMap::new() }
    }

    /// The period that is asked about.
    pub fn bounds(&self) -> Period {
        self.bounds
    }

    /// Adds one busy period; FREE is not kept.
    pub fn add(&mut self, kind: &str, period: Period) {
        let Some(period) = period.clip(self.bounds).filter(|_| kind != "FREE") else { return };
        match self.by_type.get_mut(kind) {
            Some(periods) => periods.push(period),
            None => drop(self.by_type.insert(kind.to_owned(), vec![period])),
        }
    }

    /// Adds what an object says: VEVENT by TRANSP and STATUS, VFREEBUSY by FBTYPE.
    /// VAVAILABILITY is left to [`add_availability`](Self::add_availability).
    pub fn add_object(
        &mut self,
        calendar: &Component,
        zones: &Zones,
        options: &Options<'_>,
    ) -> Result<(), RecurError> {
        if options.masked_uid.is_some() && calendar.uid() == options.masked_uid {
            return Ok(());
        }
        for component in calendar.components_named("VFREEBUSY") {
            for (kind, period) in instances::free_busy_periods(component, zones) {
                self.add(&kind, period);
            }
        }
        if calendar.components_named("VEVENT").next().is_none() {
            return Ok(());
        }
        let components: Vec<&Component> = calendar.main_components().collect();
        let kinds: Vec<Option<&str>> =
            components.iter().map(|component| busy_type(component, options)).collect();
        let travels: Vec<chrono::TimeDelta> = components.iter().map(|c| travel(c)).collect();
        // The way to an event may lie in the period when the event does not.
        let longest = travels.iter().max().copied().unwrap_or_default();
        let window = Period::new(self.bounds.start, self.bounds.end + longest);
        for instance in instances::within(calendar, zones, window)?.instances {
            if let Some(Some(kind)) = kinds.get(instance.component) {
                let start = instance.start - travels[instance.component];
                self.add(kind, Period::new(start, instance.end));
            }
        }
        Ok(())
    }

    /// Adds what the VAVAILABILITY components of these objects leave unavailable, all at once
    /// because they overrule each other.
    pub fn add_availability<'a>(
        &mut self,
        calendars: impl IntoIterator<Item = (&'a Component, &'a Zones)>,
    ) -> Result<(), RecurError> {
        for (kind, periods) in availability::busy_time(calendars, self.bounds)? {
            periods.into_iter().for_each(|period| self.add(&kind, period));
        }
        Ok(())
    }

    /// Takes over another one's periods.
    pub fn extend(&mut self, other: BusyTime) {
        for (kind, periods) in other.by_type {
            periods.into_iter().for_each(|period| self.add(&kind, period));
        }
    }

    /// The periods of one FBTYPE, sorted, without overlaps.
    pub fn periods(&self, kind: &str) -> Vec<Period> {
        merge(self.by_type.get(kind).cloned().unwrap_or_default())
    }

    /// Whether nothing blocks the range: neither busy nor unavailable nor tentative.
    pub fn is_free(&self, range: TimeRange) -> bool {
        !self.by_type.values().flatten().any(|period| range.overlaps(*period))
    }

    /// The VFREEBUSY: the period asked about, `now` as DTSTAMP, one FREEBUSY for each FBTYPE.
    pub fn to_component(&self, now: DateTime<Utc>) -> Component {
        let mut component = Component::new("VFREEBUSY");
        component.push(Property::new("DTSTART", &utc_text(self.bounds.start)));
        component.push(Property::new("DTEND", &utc_text(self.bounds.end)));
        component.push(Property::new("DTSTAMP", &utc_text(now)));
        for (kind, periods) in &self.by_type {
            let texts: Vec<String> =
                merge(periods.clone()).into_iter().map(Period::to_ical).collect();
            if !texts.is_empty() {
                let property = Property::new("FREEBUSY", &texts.join(","));
                component.push(property.with_param("FBTYPE", kind));
            }
        }
        component
    }

    /// A whole object around [`to_component`](Self::to_component).
    pub fn to_calendar(&self, method: Option<&str>, now: DateTime<Utc>) -> Component {
        let mut calendar = Component::new("VCALENDAR");
        calendar.push(Property::new("VERSION", "2.0"));
        calendar.push(Property::new("PRODID", PRODUCT));
        if let Some(method) = method {
            calendar.push(Property::new("METHOD", method));
        }
        calendar.push_component(self.to_component(now));
        calendar
    }
}

/// The FBTYPE of an event (the table of RFC 4791 §7.10); absent when it blocks nothing.
pub fn busy_type(component: &Component, options: &Options<'_>) -> Option<&'static str> {
    let says = |name: &str, value: &str| {
        component.value_of(name).is_some_and(|text| text.trim().eq_ignore_ascii_case(value))
    };
    if component.name() != "VEVENT"
        || says("TRANSP", "TRANSPARENT")
        || says("STATUS", "CANCELLED")
        || declined(component, options)
    {
        return None;
    }
    Some(if says("STATUS", "TENTATIVE") { "BUSY-TENTATIVE" } else { "BUSY" })
}

fn declined(component: &Component, options: &Options<'_>) -> bool {
    let Some(is_owner) = options.is_owner else { return false };
    component.properties_named("ATTENDEE").any(|attendee| {
        let partstat = attendee.param("PARTSTAT").unwrap_or_default();
        partstat.eq_ignore_ascii_case("DECLINED") && is_owner(attendee.value())
    })
}

/// Whether the way to an event of the object makes busy too.
pub(super) fn has_travel(calendar: &Component) -> bool {
    calendar.main_components().any(|component| component.has(TRAVEL))
}

/// Whether an attendee of the object declined.
pub(super) fn has_declined(calendar: &Component) -> bool {
    let everybody = Options { is_owner: Some(&|_| true), ..Options::default() };
    calendar.main_components().any(|component| declined(component, &everybody))
}

fn travel(component: &Component) -> chrono::TimeDelta {
    let text = component.value_of(TRAVEL);
    let duration = text.and_then(|text| text.parse::<IcalDuration>().ok()).unwrap_or_default();
    if duration.is_negative() { chrono::TimeDelta::zero() } else { duration.delta() }
}
