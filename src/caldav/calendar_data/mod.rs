//! `CALDAV:calendar-data` in requests (RFC 4791 §9.6): which parts of an object a report returns.

pub mod expand;
mod limit;
mod read;
mod select;

use super::Period;
use crate::ical::Component;
use crate::ical::recur::RecurError;
use crate::ical::timezone::Zones;

/// The media type that is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `text/calendar` (RFC 5545).
    #[default]
    ICalendar,
    /// `application/calendar+json` (RFC 7265).
    JCal,
}

/// What the client asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CalendarData {
    /// The media type.
    pub format: Format,
    /// Which components and properties; absent: all.
    pub component: Option<ComponentSelection>,
    /// Single instances in this period, in UTC, instead of the recurrence set.
    pub expand: Option<Period>,
    /// Only overrides that matter in this period.
    pub limit_recurrence_set: Option<Period>,
    /// Only FREEBUSY periods that overlap this one.
    pub limit_freebusy_set: Option<Period>,
}

/// `CALDAV:comp` (§9.6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentSelection {
    /// The component's name in upper case.
    pub name: String,
    /// Its properties; absent: all (`allprop`).
    pub properties: Option<Vec<PropertySelection>>,
    /// The components in it; absent: all (`allcomp`).
    pub components: Option<Vec<ComponentSelection>>,
}

/// `CALDAV:prop` (§9.6.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertySelection {
    /// The property's name in upper case.
    pub name: String,
    /// Name and parameters only.
    pub no_value: bool,
}

impl CalendarData {
    /// Whether the stored text is the answer, byte for byte.
    pub fn is_plain(&self) -> bool {
        self.component.is_none()
            && self.expand.is_none()
            && self.limit_recurrence_set.is_none()
            && self.limit_freebusy_set.is_none()
    }

    /// The parts of the object that are wanted. What cannot be expanded is an error of the object.
    pub fn apply(&self, calendar: &Component, zones: &Zones) -> Result<Component, RecurError> {
        let mut view = match self.expand {
            Some(period) => expand::expand(calendar, zones, period)?,
            None => calendar.clone(),
        };
        if let Some(period) = self.limit_recurrence_set {
            limit::recurrence_set(&mut view, zones, period)?;
        }
        if let Some(period) = self.limit_freebusy_set {
            limit::freebusy_set(&mut view, zones, period);
        }
        match &self.component {
            Some(wanted) if wanted.name == "VCALENDAR" => wanted.apply(&mut view),
            _ => {}
        }
        Ok(view)
    }
}
