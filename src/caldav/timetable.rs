//! When the instances of an event are, and whether they make busy: worked out once for a stretch of
//! time around a question, so that the next questions need neither the file nor its rules.
//!
//! A timetable answers only where it says exactly what the object itself would say
//! (`Filter::matches`, `BusyTime::add_object`); everything else is left to the object.

use chrono::{DateTime, TimeDelta, Utc};

use super::free_busy::{self, BusyTime, Options};
use super::{Period, TimeRange};
use crate::ical::Component;
use crate::ical::recur::{self, Budget, Window};
use crate::ical::timezone::{Zone, Zones};
use crate::limits;

/// How far beyond a question a timetable goes on either side.
const AROUND: TimeDelta = TimeDelta::days(366);
/// Questions must lie this far inside: instances are looked for a little beyond their range.
const MARGIN: TimeDelta = TimeDelta::days(2);

/// The instances of one object in a stretch of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timetable {
    /// The IANA name of the zone in which floating times were read.
    floating: Box<str>,
    /// The first and the last second of the questions it answers.
    from: i64,
    to: i64,
    /// By start; absent when only the object itself can answer.
    rows: Option<Box<[Row]>>,
    /// Seconds of the longest of them.
    longest: u32,
    /// Whether it must be asked itself about somebody's free-busy time.
    busy_by_object: bool,
    /// Whether somebody declined, so that it matters whose free-busy time it is.
    declined: bool,
}

/// An instance in sixteen bytes: there are hundreds of a daily one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    start: i64,
    seconds: u32,
    busy: Busy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Busy {
    No,
    Yes,
    Tentative,
}

impl Busy {
    fn of(kind: Option<&str>) -> Self {
        match kind {
            None => Self::No,
            Some("BUSY-TENTATIVE") => Self::Tentative,
            Some(_) => Self::Yes,
        }
    }

    fn kind(self) -> Option<&'static str> {
        match self {
            Self::No => None,
            Self::Yes => Some("BUSY"),
            Self::Tentative => Some("BUSY-TENTATIVE"),
        }
    }
}

impl Row {
    fn end(&self) -> i64 {
        self.start.saturating_add(i64::from(self.seconds))
    }

    fn period(&self) -> Period {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap_or_default();
        Period::new(at(self.start), at(self.end()))
    }
}

impl Timetable {
    /// The timetable of an object for a year around the question; absent where it could not be
    /// recognised again because the floating zone has no name.
    pub fn of(calendar: &Component, floating: &Zone, question: Period) -> Option<Self> {
        let from = question.start.checked_sub_signed(AROUND)?;
        let to = question.end.checked_add_signed(AROUND)?;
        let mut timetable = Self {
            floating: floating.iana_name()?.into(),
            from: from.checked_add_signed(MARGIN)?.timestamp(),
            to: to.checked_sub_signed(MARGIN)?.timestamp(),
            rows: None,
            longest: 0,
            busy_by_object: free_busy::has_travel(calendar),
            declined: free_busy::has_declined(calendar),
        };
        if calendar.main_components().all(|component| component.name() == "VEVENT") {
            timetable.rows = rows(calendar, floating, Window::between(from, to));
            let lengths = timetable.rows.iter().flatten().map(|row| row.seconds);
            timetable.longest = lengths.max().unwrap_or(0);
        }
        Some(timetable)
    }

    /// Whether it is about this stretch of time, floating times read in that zone.
    pub fn covers(&self, floating: &Zone, question: Period) -> bool {
        self.from <= question.start.timestamp()
            && question.end.timestamp() <= self.to
            && floating.iana_name() == Some(&*self.floating)
    }

    /// Whether an instance overlaps a range (RFC 4791 §9.9); absent when the object must be asked.
    pub fn overlaps(&self, range: TimeRange) -> Option<bool> {
        let seconds = |at: Option<DateTime<Utc>>| at.map(|at| at.timestamp());
        let (start, end) = (seconds(range.start), seconds(range.end));
        let mut rows = self.near(start.unwrap_or(i64::MIN), end.unwrap_or(i64::MAX))?;
        Some(rows.any(|row| range.overlaps_seconds(row.start, row.end())))
    }

    /// The instances that may touch a stretch of time, ends included.
    fn near(&self, start: i64, end: i64) -> Option<impl Iterator<Item = &Row>> {
        let rows = self.rows.as_ref()?;
        let earliest = start.saturating_sub(i64::from(self.longest));
        let from = rows.partition_point(|row| row.start < earliest);
        Some(rows.get(from..)?.iter().take_while(move |row| row.start <= end))
    }

    /// Adds its busy time; false when the object must be asked.
    pub fn add_to(&self, busy: &mut BusyTime, options: &Options<'_>) -> bool {
        let bounds = busy.bounds();
        let (start, end) = (bounds.start.timestamp(), bounds.end.timestamp());
        let Some(rows) = self.near(start, end) else { return false };
        if self.busy_by_object || (self.declined && options.is_owner.is_some()) {
            return false;
        }
        for row in rows.filter(|row| row.end() >= start) {
            if let Some(kind) = row.busy.kind() {
                busy.add(kind, row.period());
            }
        }
        true
    }

    /// Bytes it takes in memory.
    pub fn size(&self) -> usize {
        let rows = self.rows.as_ref().map_or(0, |rows| rows.len());
        size_of::<Self>() + self.floating.len() + rows * size_of::<Row>()
    }
}

/// All instances in the window; absent when there are too many, or broken ones.
fn rows(calendar: &Component, floating: &Zone, window: Window) -> Option<Box<[Row]>> {
    let zones = Zones::of(calendar, floating);
    let budget = Budget { instances: limits::TIMETABLE_INSTANCES, ..Budget::default() };
    let expansion = recur::expand(calendar, &zones, window, budget).ok()?;
    let nobody = Options::default();
    let kinds: Vec<Busy> =
        calendar.main_components().map(|c| Busy::of(free_busy::busy_type(c, &nobody))).collect();
    // What is longer than a century is left to the object.
    let row = |instance: &recur::Instance| {
        let start = instance.start.timestamp();
        let seconds = u32::try_from(instance.end.timestamp() - start).ok()?;
        Some(Row { start, seconds, busy: *kinds.get(instance.component).unwrap_or(&Busy::No) })
    };
    let mut rows = expansion.instances.iter().map(row).collect::<Option<Vec<Row>>>()?;
    rows.sort_by_key(|row| row.start);
    Some(rows.into())
}

#[cfg(test)]
mod tests;
