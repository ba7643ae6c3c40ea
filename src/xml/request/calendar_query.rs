//! `CALDAV:calendar-query` (RFC 4791 §7.8, §9.5). The filter stays an element: what it means, and
//! whether it is valid, is for `caldav` to say.

use super::selection::calendar_data;
use super::{Selection, check_root};
use crate::dav::name::CALDAV;
use crate::dav::{Error, Name, Precondition, Result};
use crate::xml::Element;

/// The body of the report.
#[derive(Clone, Debug, PartialEq)]
pub struct CalendarQuery {
    /// The properties asked for.
    pub selection: Selection,
    /// `CALDAV:calendar-data` as it was asked for, with the parts wanted.
    pub calendar_data: Option<Element>,
    /// `CALDAV:filter`.
    pub filter: Element,
    /// The zone for floating times, as iCalendar text (§9.8).
    pub timezone: Option<String>,
    /// The same by identifier (RFC 7809 §5.3).
    pub timezone_id: Option<String>,
}

impl CalendarQuery {
    /// Reads the body.
    pub fn read(root: &Element) -> Result<Self> {
        check_root(root, &Name::caldav("calendar-query"))?;
        let mut filters = root.children_named(CALDAV, "filter");
        let (Some(filter), None) = (filters.next(), filters.next()) else {
            return Err(Error::from(Precondition::ValidFilter).because("one filter is needed"));
        };
        let text = |name| root.child(CALDAV, name).map(|element| element.text().into_owned());
        Ok(Self {
            selection: Selection::of_report(root)?,
            calendar_data: calendar_data(root),
            filter: filter.clone(),
            timezone: text("timezone"),
            timezone_id: text("timezone-id").map(|id| id.trim().to_owned()),
        })
    }
}
