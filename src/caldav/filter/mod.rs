//! `CALDAV:filter` (RFC 4791 §9.7): the conditions of a calendar-query, with the `test` attribute
//! of Apple's query-extended. `read` reads them; `matching` applies them to an object.
//!
//! Conditions inside one filter are ANDed unless the client asks for `anyof`.

mod candidates;
mod matching;
mod read;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod zoned_tests;

pub use candidates::Candidates;

use super::{TextMatch, TimeRange};
use crate::dav::{Error, Precondition};

/// How the conditions inside one filter go together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Test {
    /// All of them hold: RFC 4791's only way.
    #[default]
    AllOf,
    /// One of them holds.
    AnyOf,
}

impl Test {
    /// Applies `condition` to each of `conditions`; none at all always holds.
    fn holds<T>(
        self,
        conditions: impl IntoIterator<Item = T>,
        condition: impl FnMut(T) -> bool,
    ) -> bool {
        let mut conditions = conditions.into_iter().peekable();
        match self {
            Self::AllOf => conditions.all(condition),
            Self::AnyOf => conditions.peek().is_none() || conditions.any(condition),
        }
    }
}

/// The whole filter: one condition on VCALENDAR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The condition on the calendar object itself.
    pub calendar: ComponentFilter,
}

/// `CALDAV:comp-filter` (§9.7.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComponentFilter {
    /// The component's name in upper case.
    pub name: String,
    /// `CALDAV:is-not-defined`: it must not be there.
    pub absent: bool,
    /// How the conditions below go together.
    pub test: Test,
    /// When an instance of it takes place.
    pub time_range: Option<TimeRange>,
    /// Conditions on its properties.
    pub properties: Vec<PropertyFilter>,
    /// Conditions on the components in it.
    pub components: Vec<ComponentFilter>,
}

/// `CALDAV:prop-filter` (§9.7.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PropertyFilter {
    /// The property's name in upper case.
    pub name: String,
    /// `CALDAV:is-not-defined`: it must not be there.
    pub absent: bool,
    /// How the conditions below go together.
    pub test: Test,
    /// When its value lies.
    pub time_range: Option<TimeRange>,
    /// What its value says.
    pub text: Option<TextMatch>,
    /// Conditions on its parameters.
    pub parameters: Vec<ParameterFilter>,
}

/// `CALDAV:param-filter` (§9.7.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParameterFilter {
    /// The parameter's name in upper case.
    pub name: String,
    /// `CALDAV:is-not-defined`: it must not be there.
    pub absent: bool,
    /// What its value says.
    pub text: Option<TextMatch>,
}

/// Properties whose value a time range can be laid on (§9.9).
const TIMED_PROPERTIES: &[&str] =
    &["COMPLETED", "CREATED", "DTEND", "DTSTAMP", "DTSTART", "DUE", "LAST-MODIFIED"];
/// Components directly in VCALENDAR that a time range can be laid on.
const TIMED_COMPONENTS: &[&str] = &["VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY"];

/// The standard components and where they stand.
const NESTING: &[(&str, &[&str])] = &[
    ("VEVENT", &["VCALENDAR"]),
    ("VTODO", &["VCALENDAR"]),
    ("VJOURNAL", &["VCALENDAR"]),
    ("VFREEBUSY", &["VCALENDAR"]),
    ("VTIMEZONE", &["VCALENDAR"]),
    ("VAVAILABILITY", &["VCALENDAR"]),
    ("VPOLL", &["VCALENDAR"]),
    ("VALARM", &["VEVENT", "VTODO"]),
    ("STANDARD", &["VTIMEZONE"]),
    ("DAYLIGHT", &["VTIMEZONE"]),
    ("AVAILABLE", &["VAVAILABILITY"]),
    ("VCALENDAR", &[]),
];

impl Filter {
    /// Whether the filter makes sense (`CALDAV:valid-filter`, §7.8).
    pub fn check(&self) -> Result<(), Error> {
        let top = &self.calendar;
        if top.name != "VCALENDAR" {
            return Err(invalid("the outermost component of a filter is VCALENDAR"));
        }
        if top.time_range.is_some() {
            return Err(invalid("VCALENDAR has no time"));
        }
        top.check_inside()
    }
}

impl ComponentFilter {
    fn check_inside(&self) -> Result<(), Error> {
        for property in &self.properties {
            property.check()?;
        }
        for inner in &self.components {
            let known = NESTING.iter().find(|(name, _)| *name == inner.name);
            if known.is_some_and(|(_, outer)| !outer.contains(&self.name.as_str())) {
                return Err(invalid(format!("{} has no {}", self.name, inner.name)));
            }
            let timed = match self.name.as_str() {
                "VCALENDAR" => TIMED_COMPONENTS.contains(&inner.name.as_str()),
                _ => ["VALARM", "AVAILABLE"].contains(&inner.name.as_str()),
            };
            if inner.time_range.is_some() && !timed {
                return Err(invalid(format!("{} has no time", inner.name)));
            }
            inner.check_inside()?;
        }
        Ok(())
    }
}

impl PropertyFilter {
    fn check(&self) -> Result<(), Error> {
        if self.time_range.is_some() && !TIMED_PROPERTIES.contains(&self.name.as_str()) {
            return Err(invalid(format!("{} has no time", self.name)));
        }
        Ok(())
    }
}

/// `CALDAV:valid-filter` with a reason.
pub fn invalid(reason: impl Into<String>) -> Error {
    Error::from(Precondition::ValidFilter).because(reason)
}
