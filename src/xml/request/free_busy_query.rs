//! `CALDAV:free-busy-query` (RFC 4791 §7.10, §9.11).

use super::{check_root, malformed};
use crate::dav::name::CALDAV;
use crate::dav::{Name, Result};
use crate::xml::Element;

/// The body of the report.
#[derive(Clone, Debug, PartialEq)]
pub struct FreeBusyQuery {
    /// `start` of the time range, as written.
    pub start: Option<String>,
    /// `end` of the time range, as written.
    pub end: Option<String>,
}

impl FreeBusyQuery {
    /// Reads the body; what the times say is for `caldav::time_range` to judge.
    pub fn read(root: &Element) -> Result<Self> {
        check_root(root, &Name::caldav("free-busy-query"))?;
        let mut ranges = root.children_named(CALDAV, "time-range");
        let (Some(range), None) = (ranges.next(), ranges.next()) else {
            return Err(malformed("one time-range is needed"));
        };
        let time = |name| range.attribute(name).map(str::to_owned);
        Ok(Self { start: time("start"), end: time("end") })
    }
}
