//! `CALDAV:calendar-multiget` (RFC 4791 §7.9, §9.10).

use super::selection::calendar_data;
use super::{Selection, check_root, malformed};
use crate::dav::name::DAV;
use crate::dav::{Error, Name, Precondition, Result};
use crate::limits;
use crate::xml::Element;

/// The body of the report.
#[derive(Clone, Debug, PartialEq)]
pub struct CalendarMultiget {
    /// The properties asked for.
    pub selection: Selection,
    /// `CALDAV:calendar-data` as it was asked for, with the parts wanted.
    pub calendar_data: Option<Element>,
    /// The references as the client wrote them.
    pub hrefs: Vec<String>,
}

impl CalendarMultiget {
    /// Reads the body.
    pub fn read(root: &Element) -> Result<Self> {
        check_root(root, &Name::caldav("calendar-multiget"))?;
        let hrefs: Vec<String> =
            root.children_named(DAV, "href").map(|href| href.text().trim().to_owned()).collect();
        if hrefs.is_empty() {
            return Err(malformed("calendar-multiget without an href"));
        }
        if hrefs.len() > limits::MULTIGET_HREFS {
            return Err(Error::from(Precondition::NumberOfMatchesWithinLimits)
                .because(format!("more than {} hrefs", limits::MULTIGET_HREFS)));
        }
        Ok(Self {
            selection: Selection::of_report(root)?,
            calendar_data: calendar_data(root),
            hrefs,
        })
    }
}
