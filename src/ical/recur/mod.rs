//! Recurrence (RFC 5545 §3.8.5, RFC 7529, effective times of RFC 4791 §9.9): from a calendar
//! object to its instances.
//!
//! Rules run on the wall clock (`rule`), zones are applied afterwards (`set`), overrides last
//! (`expand`). Everything is bounded by a [`Budget`]; a hostile rule ends with an error.

mod days;
mod derive;
mod expand;
mod most;
mod overrides;
pub mod rule;
mod scale;
mod set;
mod shape;
mod spans;

#[cfg(test)]
mod tests;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

pub use derive::{Derivation, derive_instance, existing_instances, first_instance};
pub use expand::{check, expand, expand_with};
pub use most::at_most;
pub use rule::Occurrences;
pub use spans::{Span, Spans, spans};

use super::value::DateOrTime;
use super::value::recur::RuleError;
use crate::limits;

/// The last moment that iCalendar can write.
pub const LAST_MOMENT: NaiveDateTime = match NaiveDate::from_ymd_opt(9999, 12, 31) {
    Some(date) => date.and_time(match NaiveTime::from_hms_opt(23, 59, 59) {
        Some(time) => time,
        None => NaiveTime::MIN,
    }),
    None => NaiveDateTime::MAX,
};

/// The first moment that iCalendar can write.
pub const FIRST_MOMENT: NaiveDateTime = match NaiveDate::from_ymd_opt(0, 1, 1) {
    Some(date) => date.and_time(NaiveTime::MIN),
    None => NaiveDateTime::MIN,
};

/// One occurrence of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Which instance it is, in the form of the object's DTSTART or of the override.
    pub recurrence_id: DateOrTime,
    /// The same as an instant.
    pub recurrence_utc: DateTime<Utc>,
    /// Effective start (RFC 4791 §9.9).
    pub start: DateTime<Utc>,
    /// Effective end, not included.
    pub end: DateTime<Utc>,
    /// The start as the object would write it.
    pub start_value: DateOrTime,
    /// The end as the object would write it; `None` when it has neither end nor duration.
    pub end_value: Option<DateOrTime>,
    /// Whether start and end depend on the reader's zone.
    pub floating: bool,
    /// Whether it takes whole days.
    pub all_day: bool,
    /// Index into `main_components()`: where the data come from, an override or the master.
    pub component: usize,
    /// Whether the data come from an override.
    pub overridden: bool,
}

/// A range of time, open where `None`. The end is not included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// First moment.
    pub start: Option<DateTime<Utc>>,
    /// First moment after it.
    pub end: Option<DateTime<Utc>>,
}

impl Window {
    /// The window between two moments.
    pub fn between(start: DateTime<Utc>, end: DateTime<Utc>) -> Self {
        Self { start: Some(start), end: Some(end) }
    }

    /// Whether something from `start` to `end` (not included) touches the window; something
    /// without length is touched when it begins inside.
    pub fn touches(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> bool {
        let before_end = self.end.is_none_or(|window_end| start < window_end);
        let after_start = self.start.is_none_or(|window_start| match end > start {
            true => end > window_start,
            false => start >= window_start,
        });
        before_end && after_start
    }
}

/// How much work one question may cause.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Instances found inside the window.
    pub instances: usize,
    /// Steps of the rule machine.
    pub steps: usize,
    /// At the limit of instances: answer what was found, with `complete_until`, instead of an
    /// error.
    pub truncate: bool,
}

impl Default for Budget {
    fn default() -> Self {
        let (instances, steps) = (limits::INSTANCES, limits::RECURRENCE_STEPS);
        Self { instances, steps, truncate: false }
    }
}

/// The instances inside a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expansion {
    /// Sorted by start.
    pub instances: Vec<Instance>,
    /// `None` when every instance of the window is there, else everything before this moment.
    pub complete_until: Option<DateTime<Utc>>,
}

/// Why an object cannot be expanded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecurError {
    /// More instances than the budget allows.
    #[error("more than {0} instances")]
    TooManyInstances(usize),
    /// The rule machine worked longer than the budget allows.
    #[error("the recurrence rule takes too long to evaluate")]
    TooManySteps,
    /// A rule, date or duration that cannot be read.
    #[error("{0}")]
    InvalidRule(String),
    /// A rule in a calendar other than the Gregorian one.
    #[error("RSCALE={0} is not supported")]
    UnsupportedScale(String),
    /// An override of an instance that does not exist.
    #[error("override of {0}, which is no instance")]
    InvalidOverride(String),
}

impl From<RuleError> for RecurError {
    fn from(error: RuleError) -> Self {
        match error {
            RuleError::Invalid(reason) => Self::InvalidRule(reason),
            RuleError::UnsupportedScale(scale) => Self::UnsupportedScale(scale),
        }
    }
}

impl From<super::ValueError> for RecurError {
    fn from(error: super::ValueError) -> Self {
        Self::InvalidRule(error.to_string())
    }
}

#[cfg(test)]
thread_local! {
    /// All steps that the tests of this thread have caused: work is counted there, not timed.
    pub(crate) static TAKEN: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Steps that are left.
#[derive(Debug)]
pub struct Steps(usize);

impl Steps {
    /// So many steps.
    pub fn new(steps: usize) -> Self {
        Self(steps)
    }

    /// Uses up some.
    pub fn take(&mut self, steps: usize) -> Result<(), RecurError> {
        #[cfg(test)]
        TAKEN.with(|taken| taken.set(taken.get() + steps));
        self.0 = self.0.checked_sub(steps).ok_or(RecurError::TooManySteps)?;
        Ok(())
    }
}
