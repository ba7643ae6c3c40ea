//! Periods of absolute time and the algebra that free-busy answers need: merge, clip, subtract.

use chrono::{DateTime, Utc};

/// A half-open period of time, `start` included and `end` not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    /// The first instant.
    pub start: DateTime<Utc>,
    /// The first instant that no longer belongs to it.
    pub end: DateTime<Utc>,
}

impl Period {
    /// The period from `start` up to `end`.
    pub fn new(start: DateTime<Utc>, end: DateTime<Utc>) -> Self {
        Self { start, end }
    }

    /// The part inside `bounds`; absent when nothing of it is.
    pub fn clip(self, bounds: Period) -> Option<Period> {
        let clipped = Period::new(self.start.max(bounds.start), self.end.min(bounds.end));
        (clipped.start < clipped.end).then_some(clipped)
    }

    /// The RFC 5545 form with both ends explicit, in UTC.
    pub fn to_ical(self) -> String {
        format!("{}/{}", utc_text(self.start), utc_text(self.end))
    }
}

/// The RFC 5545 "date with UTC time" of an instant.
pub fn utc_text(instant: DateTime<Utc>) -> String {
    crate::ical::value::utc_text(instant.naive_utc())
}

/// Sorts the periods and joins those that overlap or touch; empty ones go (RFC 4791 §7.10).
pub fn merge(mut periods: Vec<Period>) -> Vec<Period> {
    periods.retain(|period| period.start < period.end);
    periods.sort_unstable();
    let mut merged: Vec<Period> = Vec::with_capacity(periods.len());
    for period in periods {
        match merged.last_mut() {
            Some(last) if period.start <= last.end => last.end = last.end.max(period.end),
            _ => merged.push(period),
        }
    }
    merged
}

/// What is left of `periods` once `holes` are cut out; both are merged first.
pub fn subtract(periods: Vec<Period>, holes: Vec<Period>) -> Vec<Period> {
    let holes = merge(holes);
    let mut rest = Vec::with_capacity(periods.len());
    for period in merge(periods) {
        let mut start = period.start;
        let first = holes.partition_point(|hole| hole.end <= period.start);
        for hole in holes[first..].iter().take_while(|hole| hole.start < period.end) {
            if start < hole.start {
                rest.push(Period::new(start, hole.start));
            }
            start = start.max(hole.end);
        }
        if start < period.end {
            rest.push(Period::new(start, period.end));
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::{Period, merge, subtract};

    fn periods(pairs: &[(i64, i64)]) -> Vec<Period> {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        pairs.iter().map(|&(start, end)| Period::new(at(start), at(end))).collect()
    }

    #[test]
    fn merges_what_overlaps_or_touches() {
        for (given, expected) in [
            (vec![], vec![]),
            (vec![(5, 6), (1, 2)], vec![(1, 2), (5, 6)]),
            (vec![(1, 3), (3, 4)], vec![(1, 4)]),
            (vec![(1, 9), (2, 3), (4, 10), (11, 11)], vec![(1, 10)]),
        ] {
            assert_eq!(merge(periods(&given)), periods(&expected), "{given:?}");
        }
    }

    #[test]
    fn cuts_holes() {
        for (given, holes, expected) in [
            (vec![(0, 10)], vec![], vec![(0, 10)]),
            (vec![(0, 10)], vec![(0, 10)], vec![]),
            (vec![(0, 10)], vec![(2, 4), (3, 5), (9, 20)], vec![(0, 2), (5, 9)]),
            (vec![(0, 4), (6, 10)], vec![(3, 7)], vec![(0, 3), (7, 10)]),
            (vec![(5, 6)], vec![(0, 5), (6, 9)], vec![(5, 6)]),
        ] {
            assert_eq!(subtract(periods(&given), periods(&holes)), periods(&expected));
        }
    }

    #[test]
    fn clips() {
        let [period, bounds] = periods(&[(0, 10), (4, 20)])[..] else { unreachable!() };
        assert_eq!(period.clip(bounds), Some(periods(&[(4, 10)])[0]));
        assert_eq!(bounds.clip(periods(&[(0, 4)])[0]), None);
        assert_eq!(period.to_ical(), "19700101T000000Z/19700101T000010Z");
    }
}
