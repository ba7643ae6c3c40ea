//! DATE and DATE-TIME (RFC 5545 §3.3.4, §3.3.5) with the zone they are meant in.
//!
//! Knows nothing about zones: `timezone::Zones` turns these into instants.

use std::fmt;
use std::sync::Arc;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};

use super::{ValueError, digits};
use crate::ical::property::Property;

/// The form with `Z` (RFC 5545 §3.3.5) of a time in UTC, without the price of a format text:
/// free-busy answers have hundreds of them.
pub fn utc_text(at: NaiveDateTime) -> String {
    let Some(year) = u32::try_from(at.year()).ok().filter(|year| *year <= 9999) else {
        return at.format("%Y%m%dT%H%M%SZ").to_string();
    };
    let mut text = *b"yyyymmddThhmmssZ";
    let mut put = |from: usize, to: usize, mut value: u32| {
        for digit in text[from..to].iter_mut().rev() {
            *digit = b'0' + (value % 10) as u8;
            value /= 10;
        }
    };
    put(0, 4, year);
    put(4, 6, at.month());
    put(6, 8, at.day());
    put(9, 11, at.hour());
    put(11, 13, at.minute());
    put(13, 15, at.second());
    String::from_utf8_lossy(&text).into_owned()
}

/// A date, or a time of one of the three forms.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DateOrTime {
    /// A whole day.
    Date(NaiveDate),
    /// Wall-clock time wherever the reader is.
    Floating(NaiveDateTime),
    /// An instant.
    Utc(NaiveDateTime),
    /// Wall-clock time in the zone of that TZID.
    Zoned(NaiveDateTime, Arc<str>),
}

impl DateOrTime {
    /// Reads a property with one value, such as DTSTART.
    pub fn from_property(property: &Property) -> Result<Self, ValueError> {
        Self::parse(property.value(), property.param("TZID"))
    }

    /// Reads a property with a list of dates or times, such as EXDATE. Empty pieces are skipped.
    pub fn list_from_property(property: &Property) -> Result<Vec<Self>, ValueError> {
        let zone = property.param("TZID").map(Arc::<str>::from);
        let pieces = property.value().split(',').filter(|piece| !piece.trim().is_empty());
        pieces.map(|piece| Self::parse_in(piece, zone.as_ref())).collect()
    }

    /// Reads `yyyymmdd`, `yyyymmddThhmmss` or the latter with `Z`. The form decides, not the
    /// VALUE parameter, which clients forget.
    pub fn parse(text: &str, tzid: Option<&str>) -> Result<Self, ValueError> {
        Self::parse_in(text, tzid.map(Arc::<str>::from).as_ref())
    }

    pub(crate) fn parse_in(text: &str, tzid: Option<&Arc<str>>) -> Result<Self, ValueError> {
        let fail = || ValueError::new("a date or a time", text);
        let raw = text.trim();
        if !raw.is_ascii() || raw.len() < 8 {
            return Err(fail());
        }
        let field = |from: usize, to: usize| raw.get(from..to).and_then(digits).ok_or_else(fail);
        let (year, month, day) = (field(0, 4)?, field(4, 6)?, field(6, 8)?);
        let date = NaiveDate::from_ymd_opt(year as i32, month, day).ok_or_else(fail)?;
        if raw.len() == 8 {
            return Ok(Self::Date(date));
        }
        if !matches!(raw.as_bytes()[8], b'T' | b't') {
            return Err(fail());
        }
        let (hour, minute, second) = (field(9, 11)?, field(11, 13)?, field(13, 15)?);
        // A leap second counts as the one before it (§3.3.12).
        let second = if second == 60 { 59 } else { second };
        let time = NaiveTime::from_hms_opt(hour, minute, second).ok_or_else(fail)?;
        let local = date.and_time(time);
        match (&raw[15..], tzid) {
            ("Z" | "z", _) => Ok(Self::Utc(local)),
            ("", Some(tzid)) if !tzid.is_empty() => Ok(Self::Zoned(local, tzid.clone())),
            ("", _) => Ok(Self::Floating(local)),
            _ => Err(fail()),
        }
    }

    /// Whether it is a whole day.
    pub fn is_date(&self) -> bool {
        matches!(self, Self::Date(_))
    }

    /// Whether it has no zone of its own: a date or a floating time.
    pub fn is_floating(&self) -> bool {
        matches!(self, Self::Date(_) | Self::Floating(_))
    }

    /// The zone id, for a zoned time.
    pub fn tzid(&self) -> Option<&Arc<str>> {
        match self {
            Self::Zoned(_, tzid) => Some(tzid),
            _ => None,
        }
    }

    /// The wall-clock time as written; midnight for a date.
    pub fn local(&self) -> NaiveDateTime {
        match self {
            Self::Date(date) => date.and_time(NaiveTime::MIN),
            Self::Floating(local) | Self::Utc(local) | Self::Zoned(local, _) => *local,
        }
    }

    /// The same form (date, floating, UTC, zone) with another wall-clock time.
    #[must_use]
    pub fn with_local(&self, local: NaiveDateTime) -> Self {
        match self {
            Self::Date(_) => Self::Date(local.date()),
            Self::Floating(_) => Self::Floating(local),
            Self::Utc(_) => Self::Utc(local),
            Self::Zoned(_, tzid) => Self::Zoned(local, tzid.clone()),
        }
    }

    /// The same form, moved on the wall clock; stays where it is at the end of time.
    #[must_use]
    pub fn plus(&self, delta: TimeDelta) -> Self {
        self.with_local(self.local().checked_add_signed(delta).unwrap_or(self.local()))
    }

    /// A property with this value and the parameters it needs.
    pub fn to_property(&self, name: &str) -> Property {
        let mut property = Property::new(name, "");
        self.write_to(&mut property);
        property
    }

    /// Puts this value into the property and sets or removes VALUE and TZID to match.
    pub fn write_to(&self, property: &mut Property) {
        match self {
            Self::Date(_) => property.set_param("VALUE", "DATE"),
            _ => drop(property.remove_param("VALUE")),
        }
        match self.tzid() {
            Some(tzid) => property.set_param("TZID", tzid),
            None => drop(property.remove_param("TZID")),
        }
        property.set_value(&self.to_string());
    }
}

/// Prints the value alone, without what goes into TZID.
impl fmt::Display for DateOrTime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, time) = (self.local().date(), self.local().time());
        write!(out, "{:04}{:02}{:02}", date.year(), date.month(), date.day())?;
        if !self.is_date() {
            write!(out, "T{:02}{:02}{:02}", time.hour(), time.minute(), time.second())?;
        }
        if matches!(self, Self::Utc(_)) { out.write_str("Z") } else { Ok(()) }
    }
}
