//! PERIOD (RFC 5545 §3.3.9): start with end, or start with duration.

use std::fmt;
use std::sync::Arc;

use super::{DateOrTime, IcalDuration, ValueError};
use crate::ical::property::Property;

/// How a period ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PeriodEnd {
    /// At that time.
    At(DateOrTime),
    /// After that long.
    After(IcalDuration),
}

/// A period as written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Period {
    /// Its first moment.
    pub start: DateOrTime,
    /// Its end.
    pub end: PeriodEnd,
}

impl Period {
    /// Reads `start/end` or `start/duration`.
    pub fn parse(text: &str, tzid: Option<&str>) -> Result<Self, ValueError> {
        Self::parse_in(text, tzid.map(Arc::<str>::from).as_ref())
    }

    /// Reads a property with a list of periods, such as FREEBUSY. Empty pieces are skipped.
    pub fn list_from_property(property: &Property) -> Result<Vec<Self>, ValueError> {
        let zone = property.param("TZID").map(Arc::<str>::from);
        let pieces = property.value().split(',').filter(|piece| !piece.trim().is_empty());
        pieces.map(|piece| Self::parse_in(piece, zone.as_ref())).collect()
    }

    pub(crate) fn parse_in(text: &str, tzid: Option<&Arc<str>>) -> Result<Self, ValueError> {
        let fail = || ValueError::new("a period", text);
        let (start, end) = text.trim().split_once('/').ok_or_else(fail)?;
        let start = DateOrTime::parse_in(start, tzid).map_err(|_| fail())?;
        let end = match end.starts_with(['P', 'p', '+', '-']) {
            true => PeriodEnd::After(end.parse().map_err(|_| fail())?),
            false => PeriodEnd::At(DateOrTime::parse_in(end, tzid).map_err(|_| fail())?),
        };
        if start.is_date() {
            return Err(fail());
        }
        Ok(Self { start, end })
    }
}

impl fmt::Display for Period {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.end {
            PeriodEnd::At(end) => write!(out, "{}/{end}", self.start),
            PeriodEnd::After(duration) => write!(out, "{}/{duration}", self.start),
        }
    }
}
