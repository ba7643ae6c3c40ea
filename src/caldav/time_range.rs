//! `CALDAV:time-range` and the overlap tables of RFC 4791 §9.9, over instants that are already
//! resolved: which instants an instance has is decided by `filter` and `ical::recur`.

use chrono::{DateTime, NaiveDateTime, Utc};

use super::Period;

/// A range of time that may be open at one end: `start` included, `end` not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// The first instant; absent: since ever.
    pub start: Option<DateTime<Utc>>,
    /// The first instant after it; absent: for ever.
    pub end: Option<DateTime<Utc>>,
}

/// Why two attributes are no time range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// Neither attribute is there.
    #[error("a time range needs a start or an end")]
    Empty,
    /// A value is not a date with UTC time.
    #[error("a time range is given as dates with UTC time")]
    NotUtc,
    /// The end does not come after the start.
    #[error("the end of a time range comes after its start")]
    Order,
}

/// Reads a "date with UTC time" (RFC 5545 §3.3.5 form 2).
pub fn parse_utc(text: &str) -> Option<DateTime<Utc>> {
    let text = text.strip_suffix('Z')?;
    if text.len() != 15 {
        return None;
    }
    NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").ok().map(|naive| naive.and_utc())
}

impl TimeRange {
    /// Reads the attributes `start` and `end`.
    pub fn parse(start: Option<&str>, end: Option<&str>) -> Result<Self, RangeError> {
        let read = |text: Option<&str>| {
            text.map(|text| parse_utc(text.trim()).ok_or(RangeError::NotUtc)).transpose()
        };
        let range = Self { start: read(start)?, end: read(end)? };
        match (range.start, range.end) {
            (None, None) => Err(RangeError::Empty),
            (Some(start), Some(end)) if end <= start => Err(RangeError::Order),
            _ => Ok(range),
        }
    }

    /// Reads the attributes where both are needed (`expand`, `limit-*`, free-busy).
    pub fn parse_closed(start: Option<&str>, end: Option<&str>) -> Result<Period, RangeError> {
        let range = Self::parse(start, end)?;
        range.closed().ok_or(RangeError::Empty)
    }

    /// The range as a period, if both ends are given.
    pub fn closed(self) -> Option<Period> {
        Some(Period::new(self.start?, self.end?))
    }

    /// `start <= instant`.
    fn from(self, instant: DateTime<Utc>) -> bool {
        self.start.is_none_or(|start| start <= instant)
    }

    /// `start < instant`.
    fn after(self, instant: DateTime<Utc>) -> bool {
        self.start.is_none_or(|start| start < instant)
    }

    /// `end > instant`.
    fn until(self, instant: DateTime<Utc>) -> bool {
        self.end.is_none_or(|end| end > instant)
    }

    /// `end >= instant`.
    fn up_to(self, instant: DateTime<Utc>) -> bool {
        self.end.is_none_or(|end| end >= instant)
    }

    /// An instant: alarms, and the properties that have a time (`start <= t AND end > t`).
    pub fn has(self, instant: DateTime<Utc>) -> bool {
        self.from(instant) && self.until(instant)
    }

    /// An event or journal instance. Without length it is an instant, whichever way it was said.
    pub fn overlaps(self, period: Period) -> bool {
        if period.end <= period.start {
            return self.has(period.start);
        }
        self.after(period.end) && self.until(period.start)
    }

    /// The same for an instance from one instant to another, in seconds since 1970.
    pub fn overlaps_seconds(self, start: i64, end: i64) -> bool {
        let from = self.start.map_or(i64::MIN, |at| at.timestamp());
        let until = self.end.map_or(i64::MAX, |at| at.timestamp());
        start < until && if end <= start { from <= start } else { from < end }
    }

    /// A VFREEBUSY that has DTSTART and DTEND: the end counts as inside.
    pub fn overlaps_free_busy(self, period: Period) -> bool {
        self.from(period.end) && self.until(period.start)
    }

    /// A to-do, by the properties it has.
    pub fn overlaps_todo(self, todo: TodoTimes) -> bool {
        match todo {
            TodoTimes::StartAndDuration { start, end } => {
                self.from(end) && (self.until(start) || self.up_to(end))
            }
            TodoTimes::StartAndDue { start, due } => {
                (self.after(due) || self.from(start)) && (self.until(start) || self.up_to(due))
            }
            TodoTimes::Start(start) => self.has(start),
            TodoTimes::Due(due) => self.after(due) && self.up_to(due),
            TodoTimes::CreatedAndCompleted { created, completed } => {
                (self.from(created) || self.from(completed))
                    && (self.up_to(created) || self.up_to(completed))
            }
            TodoTimes::Completed(completed) => self.from(completed) && self.up_to(completed),
            TodoTimes::Created(created) => self.until(created),
            TodoTimes::Timeless => true,
        }
    }
}

/// The rows of the to-do table of RFC 4791 §9.9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TodoTimes {
    /// DTSTART and DURATION.
    StartAndDuration {
        /// DTSTART.
        start: DateTime<Utc>,
        /// DTSTART + DURATION.
        end: DateTime<Utc>,
    },
    /// DTSTART and DUE.
    StartAndDue {
        /// DTSTART.
        start: DateTime<Utc>,
        /// DUE.
        due: DateTime<Utc>,
    },
    /// DTSTART alone.
    Start(DateTime<Utc>),
    /// DUE alone.
    Due(DateTime<Utc>),
    /// COMPLETED and CREATED.
    CreatedAndCompleted {
        /// CREATED.
        created: DateTime<Utc>,
        /// COMPLETED.
        completed: DateTime<Utc>,
    },
    /// COMPLETED without CREATED.
    Completed(DateTime<Utc>),
    /// CREATED without COMPLETED.
    Created(DateTime<Utc>),
    /// None of them.
    Timeless,
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::{RangeError, TimeRange, TodoTimes};
    use crate::caldav::Period;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(hour * 3600, 0).unwrap()
    }

    /// The range [10, 20).
    const RANGE: fn() -> TimeRange = || TimeRange { start: Some(at(10)), end: Some(at(20)) };

    #[test]
    fn events_follow_the_table() {
        for (start, end, overlaps) in [
            (8, 10, false),
            (8, 11, true),
            (12, 13, true),
            (8, 22, true),
            (20, 21, false),
            (10, 10, true),
            (19, 19, true),
            (20, 20, false),
        ] {
            let period = Period::new(at(start), at(end));
            assert_eq!(RANGE().overlaps(period), overlaps, "{start}-{end}");
            let before = TimeRange { start: None, end: Some(at(9)) };
            assert_eq!(before.overlaps(period), start < 9);
            let after = TimeRange { start: Some(at(9)), end: None };
            assert_eq!(after.overlaps(period), end > 9);
        }
    }

    #[test]
    fn free_busy_includes_its_end() {
        assert!(RANGE().overlaps_free_busy(Period::new(at(8), at(10))));
        assert!(!RANGE().overlaps_free_busy(Period::new(at(20), at(21))));
    }

    #[test]
    fn to_dos_follow_the_table() {
        use TodoTimes::*;
        for (times, overlaps) in [
            (StartAndDuration { start: at(8), end: at(10) }, true),
            (StartAndDuration { start: at(8), end: at(9) }, false),
            (StartAndDuration { start: at(20), end: at(20) }, true),
            (StartAndDuration { start: at(20), end: at(21) }, false),
            (StartAndDue { start: at(8), due: at(10) }, false),
            (StartAndDue { start: at(10), due: at(10) }, true),
            (StartAndDue { start: at(20), due: at(20) }, true),
            (Start(at(10)), true),
            (Start(at(20)), false),
            (Due(at(10)), false),
            (Due(at(20)), true),
            (CreatedAndCompleted { created: at(1), completed: at(12) }, true),
            (CreatedAndCompleted { created: at(1), completed: at(2) }, false),
            (CreatedAndCompleted { created: at(21), completed: at(22) }, false),
            (Completed(at(20)), true),
            (Completed(at(9)), false),
            (Created(at(1)), true),
            (Created(at(20)), false),
            (Timeless, true),
        ] {
            assert_eq!(RANGE().overlaps_todo(times), overlaps, "{times:?}");
        }
    }

    #[test]
    fn reads_attributes() {
        let day = |text| Some(text);
        let range = TimeRange::parse(day("20060104T000000Z"), day("20060105T000000Z")).unwrap();
        assert_eq!(range.closed().unwrap().to_ical(), "20060104T000000Z/20060105T000000Z");
        for (start, end, error) in [
            (None, None, RangeError::Empty),
            (day("20060104"), None, RangeError::NotUtc),
            (day("20060104T000000"), None, RangeError::NotUtc),
            (day("20061304T000000Z"), None, RangeError::NotUtc),
            (day("20060104T000000Z"), day("20060104T000000Z"), RangeError::Order),
        ] {
            assert_eq!(TimeRange::parse(start, end), Err(error));
        }
        assert!(TimeRange::parse(None, day("20060104T000000Z")).unwrap().start.is_none());
    }
}
