//! Which objects of a calendar may have an instance in a window (RFC 4791 §9.9), without looking
//! at all of them.
//!
//! Spans are kept in classes by length; within a class they are ordered by start, so a look-up
//! visits only spans that begin less than one class length before the window. Answers are
//! candidates: never too few, sometimes too many.

use std::cmp::Ordering;

use imbl::OrdSet;

use super::pack;

/// Floating times may be anywhere between UTC−12 and UTC+14.
pub const FLOATING_S: i64 = 14 * 3600;
/// Recurring objects keep at most this many spans; nearer ones are joined first.
pub const SPANS: usize = 32;

/// When an object's instances are: joined spans, and from when on nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Start and end in seconds since 1970, in order, not touching each other.
    pub spans: Box<[(i64, i64)]>,
    /// From here on the object is a candidate for every window.
    pub open_from: Option<i64>,
}

impl Times {
    /// A candidate for every window.
    pub fn always() -> Self {
        Self { spans: Box::default(), open_from: Some(i64::MIN) }
    }

    /// Joins spans of instances until few are left. `floating` spans are widened.
    pub fn joined(
        spans: impl IntoIterator<Item = (i64, i64, bool)>,
        open_from: Option<i64>,
    ) -> Self {
        let mut all: Vec<(i64, i64)> = spans
            .into_iter()
            .map(|(start, end, floating)| {
                let slack = if floating { FLOATING_S } else { 0 };
                (start.saturating_sub(slack), end.max(start).saturating_add(slack))
            })
            .collect();
        all.sort_unstable();
        let mut gap = if all.len() > 4 { 8 * 86_400 } else { 0 };
        loop {
            let joined = join(&all, gap);
            if joined.len() <= SPANS {
                return Self { spans: joined.into(), open_from };
            }
            gap = gap.max(86_400).saturating_mul(2);
        }
    }

    /// Whether an instance may touch the window.
    pub fn may_touch(&self, start: i64, end: i64) -> bool {
        self.open_from.is_some_and(|open| open <= end)
            || self.spans.iter().any(|(from, to)| *from <= end && *to >= start)
    }
}

fn join(spans: &[(i64, i64)], gap: i64) -> Vec<(i64, i64)> {
    let mut joined: Vec<(i64, i64)> = Vec::new();
    for &(start, end) in spans {
        match joined.last_mut() {
            Some(last) if start <= last.1.saturating_add(gap) => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    joined
}

/// A span of an object, ordered by its class, which the length tells. The object is told by the
/// number of its last change, which nothing else in the home has: comparing spans touches nothing
/// but them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: i64,
    length: i64,
    number: u64,
}

impl Span {
    fn key(&self) -> (u8, i64, i64, u64) {
        (class(self.length), self.start, self.length, self.number)
    }
}

impl Ord for Span {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Span {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// An object that may have an instance in some window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Touching {
    /// The number of its last change.
    pub number: u64,
    /// Start and end of one of its spans that touch the window; absent where it is not known when
    /// it ends.
    pub span: Option<(i64, i64)>,
}

/// All spans of one calendar.
#[derive(Clone, Debug, Default)]
pub struct SpanIndex {
    spans: OrdSet<Span>,
    open: OrdSet<(i64, u64)>,
    /// One bit for each class that was ever used.
    classes: u64,
}

/// The smallest class whose spans may have this length.
fn class(length: i64) -> u8 {
    let length = length.max(1).unsigned_abs();
    u8::try_from(u64::BITS - (length - 1).leading_zeros()).unwrap_or(63).min(62)
}

impl SpanIndex {
    /// The same with trees that have no gaps.
    pub(super) fn packed(&self) -> Self {
        let (spans, open) = (pack::set(&self.spans), pack::set(&self.open));
        Self { spans, open, classes: self.classes }
    }

    pub(crate) fn insert(&mut self, number: u64, times: &Times) {
        for &(start, end) in &times.spans {
            let length = end.saturating_sub(start);
            self.classes |= 1 << class(length);
            self.spans.insert(Span { start, length, number });
        }
        if let Some(from) = times.open_from {
            self.open.insert((from, number));
        }
    }

    pub(crate) fn remove(&mut self, number: u64, times: &Times) {
        for &(start, end) in &times.spans {
            let length = end.saturating_sub(start);
            self.spans.remove(&Span { start, length, number });
        }
        if let Some(from) = times.open_from {
            self.open.remove(&(from, number));
        }
    }

    /// All it knows: where a span begins, how long it is, and the object's number. A span whose
    /// end is not known has no length.
    pub(super) fn all(&self) -> impl Iterator<Item = (i64, Option<i64>, u64)> {
        let spans = self.spans.iter().map(|span| (span.start, Some(span.length), span.number));
        spans.chain(self.open.iter().map(|(from, number)| (*from, None, *number)))
    }

    /// All objects that may have an instance in the window, by number, each once; absent when more
    /// than `most` spans are in it.
    pub(super) fn touching(&self, start: i64, end: i64, most: usize) -> Option<Vec<Touching>> {
        let mut found = Vec::new();
        for wanted in (0..63u8).filter(|class| self.classes & (1 << class) != 0) {
            let from = start.saturating_sub(1 << wanted);
            // The shortest length of the class.
            let length = if wanted == 0 { 0 } else { (1 << (wanted - 1)) + 1 };
            for span in self.spans.range(Span { start: from, length, number: 0 }..) {
                if class(span.length) != wanted || span.start > end {
                    break;
                }
                let to = span.start.saturating_add(span.length);
                if to >= start {
                    found.push(Touching { number: span.number, span: Some((span.start, to)) });
                }
                if found.len() > most {
                    return None;
                }
            }
        }
        for (from, number) in self.open.iter() {
            if *from > end {
                break;
            }
            found.push(Touching { number: *number, span: None });
            if found.len() > most {
                return None;
            }
        }
        found.sort_unstable_by_key(|touching| touching.number);
        found.dedup_by_key(|touching| touching.number);
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::{SpanIndex, Times, class};

    #[test]
    fn classes_bound_lengths() {
        for (length, expected) in [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (3600, 12)] {
            assert_eq!(class(length), expected, "{length}");
            assert!(length <= 1 << class(length));
        }
        assert_eq!(class(i64::MAX), 62);
    }

    proptest::proptest! {
        #[test]
        fn finds_what_a_scan_finds(
            spans in proptest::collection::vec((0i64..5000, 0i64..700), 1..60),
            removed in 0usize..10,
            window in (0i64..5000, 0i64..900),
        ) {
            let mut index = SpanIndex::default();
            let mut objects: Vec<(u64, Times)> = spans.iter().enumerate()
                .map(|(i, (start, length))| {
                    let open = (i % 7 == 0).then_some(start + 2000);
                    let times = Times::joined([(*start, start + length, false)], open);
                    (i as u64, times)
                })
                .collect();
            for (number, times) in &objects {
                index.insert(*number, times);
            }
            for (number, times) in objects.drain(..removed.min(objects.len())) {
                index.remove(number, &times);
            }
            let (start, end) = (window.0, window.0 + window.1);
            let scanned: Vec<u64> = objects.iter()
                .filter(|(_, times)| times.may_touch(start, end))
                .map(|(number, _)| *number)
                .collect();
            let found = index.touching(start, end, usize::MAX).unwrap();
            assert_eq!(found.iter().map(|found| found.number).collect::<Vec<_>>(), scanned);
            for found in found {
                let same = |object: &&(u64, Times)| object.0 == found.number;
                let spans = &objects.iter().find(same).unwrap().1.spans;
                assert!(found.span.is_none_or(|span| spans.contains(&span)));
            }
            let spans = objects.iter().flat_map(|(_, times)| &times.spans);
            let spans = spans.filter(|(from, to)| *from <= end && *to >= start).count();
            let open = objects.iter().filter_map(|(_, times)| times.open_from);
            let spans = spans + open.filter(|from| *from <= end).count();
            assert_eq!(index.touching(start, end, spans), index.touching(start, end, usize::MAX));
            assert!(spans == 0 || index.touching(start, end, spans - 1).is_none());
        }

        #[test]
        fn joining_hides_nothing(
            starts in proptest::collection::vec(0i64..100_000_000, 1..300),
        ) {
            let spans: Vec<_> = starts.iter().map(|s| (*s, s + 3600, false)).collect();
            let times = Times::joined(spans.clone(), None);
            assert!(times.spans.len() <= super::SPANS);
            for (start, end, _) in spans {
                assert!(times.may_touch(start, end));
            }
        }
    }
}
