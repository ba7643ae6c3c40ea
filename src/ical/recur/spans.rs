//! The time spans of an object for an index: rough, compact, honest about where they end.

use chrono::{DateTime, Utc};

use super::expand::Work;
use super::{Budget, RecurError, Window};
use crate::ical::component::Component;
use crate::ical::timezone::Zones;
use crate::limits;

/// One instance on the time line, in Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// First second.
    pub start: i64,
    /// First second after it; equal to `start` for a moment.
    pub end: i64,
    /// Whether the seconds are those of the wall clock and must be moved to the reader's zone.
    pub floating: bool,
}

/// The spans of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans {
    /// Sorted by start.
    pub spans: Vec<Span>,
    /// `None` when all spans are there, else there may be further ones that begin at this second
    /// or later.
    pub covered_until: Option<i64>,
}

/// The spans of an object, its rules followed up to `horizon`.
///
/// `zones` should read floating times in UTC, so that the spans of floating instances are wall
/// clock seconds.
pub fn spans(
    calendar: &Component,
    zones: &Zones,
    horizon: DateTime<Utc>,
) -> Result<Spans, RecurError> {
    let budget = Budget { instances: limits::INDEXED_SPANS, truncate: true, ..Budget::default() };
    let mut work = Work::new(zones, Window::default(), Some(horizon), budget);
    work.times_only = true;
    work.run(calendar)?;
    let unfinished = (!work.exhausted).then_some(horizon);
    let expansion = work.expansion();
    let covered_until = match (expansion.complete_until, unfinished) {
        (Some(cut), Some(horizon)) => Some(cut.min(horizon)),
        (cut, unfinished) => cut.or(unfinished),
    };
    let spans = expansion.instances.iter().map(|instance| Span {
        start: instance.start.timestamp(),
        end: instance.end.timestamp(),
        floating: instance.floating,
    });
    Ok(Spans { spans: spans.collect(), covered_until: covered_until.map(|at| at.timestamp()) })
}
