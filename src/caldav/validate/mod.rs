//! The preconditions of RFC 4791 §5.3.2.1 on a calendar object, in the order in which a client
//! is told of them. Must not look at anything but the object: UID conflicts, quota and access are
//! the store's and the methods' business.
//!
//! No `min-date-time` and `max-date-time`: any date iCalendar can write is accepted, and the
//! properties are not announced.

mod properties;
mod recurrence;
mod structure;

pub use structure::check_attendees;

use crate::dav::{Error, Precondition, Result};
use crate::ical::Component;
use crate::ical::timezone::Zones;
use crate::limits;

/// What the collection that is to hold the object accepts.
#[derive(Clone, Debug)]
pub struct Rules<'a> {
    /// The kinds it takes (`CALDAV:supported-calendar-component-set`), in upper case.
    pub kinds: &'a [&'a str],
    /// Most attendees (`CALDAV:max-attendees-per-instance`).
    pub attendees: usize,
    /// Most instances in the first year.
    pub instances: usize,
    /// Whether METHOD may be there: in scheduling inboxes only.
    pub method_allowed: bool,
}

/// The kinds that a calendar takes unless it was made for others.
pub const DEFAULT_KINDS: &[&str] = &["VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY"];

impl Default for Rules<'_> {
    fn default() -> Self {
        Self {
            kinds: DEFAULT_KINDS,
            attendees: limits::ATTENDEES,
            instances: limits::INSTANCES_PER_YEAR,
            method_allowed: false,
        }
    }
}

/// `CALDAV:max-resource-size`.
pub fn check_size(bytes: usize, max: usize) -> Result<()> {
    if bytes > max {
        return Err(Error::from(Precondition::MaxResourceSize)
            .because(format!("the object has {bytes} bytes and may have {max}")));
    }
    Ok(())
}

/// Everything that the object's own text decides.
pub fn validate(calendar: &Component, zones: &Zones, rules: &Rules<'_>) -> Result<()> {
    structure::check_calendar(calendar)?;
    properties::check(calendar)?;
    structure::check_object(calendar, rules)?;
    structure::check_zones(calendar)?;
    properties::check_order(calendar)?;
    check_attendees(calendar, rules)?;
    recurrence::check(calendar, zones, rules)
}

fn invalid_data(reason: impl Into<String>) -> Error {
    Error::from(Precondition::ValidCalendarData).because(reason)
}

fn invalid_object(reason: impl Into<String>) -> Error {
    Error::from(Precondition::ValidCalendarObjectResource).because(reason)
}

#[cfg(test)]
mod tests;
