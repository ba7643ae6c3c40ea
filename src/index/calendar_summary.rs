//! What is known of a calendar object without reading it, in one block of memory: homes keep
//! thousands of them. The block is also how the log writes them.

use std::fmt;

use crate::ical::AccessLevel;

use super::codec::{Reader, Writer};
use super::time_span::Times;

/// Components that have a number; others are spelled out.
const COMPONENTS: [&str; 6] =
    ["VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY", "VPOLL"];
/// Stands before a component that is spelled out.
const SPELLED_OUT: u8 = u8::MAX;

/// What is known of a calendar object without reading it.
#[derive(Clone, PartialEq)]
pub struct CalendarSummary {
    record: Box<[u8]>,
    access: AccessLevel,
}

/// The same in parts.
pub(crate) struct Parts<'a> {
    pub access: AccessLevel,
    pub recurring: bool,
    pub component: &'a str,
    pub uid: &'a str,
    pub organizer: Option<&'a str>,
    pub attendees: &'a [&'a str],
    pub times: &'a Times,
    /// Whether there is one instance and `times` has its very start and end.
    pub exact: bool,
}

/// Bits of the second byte.
const RECURRING: u8 = 1;
const EXACT: u8 = 2;

impl CalendarSummary {
    pub(crate) fn new(parts: &Parts<'_>) -> Self {
        let mut record = Writer::default();
        let level = AccessLevel::ALL.iter().position(|level| *level == parts.access);
        record.0.push(level.unwrap_or_default() as u8);
        let (recurring, exact) = (u8::from(parts.recurring), u8::from(parts.exact));
        record.0.push((recurring * RECURRING) | (exact * EXACT));
        match COMPONENTS.iter().position(|known| *known == parts.component) {
            Some(number) => record.0.push(number as u8),
            None => {
                record.0.push(SPELLED_OUT);
                record.text(parts.component);
            }
        }
        record.text(parts.uid);
        record.optional_text(parts.organizer);
        record.number(parts.attendees.len() as u64);
        parts.attendees.iter().for_each(|attendee| record.text(attendee));
        record.times(parts.times);
        Self { record: record.0.into(), access: parts.access }
    }

    /// Takes over what the log has; absent when it is none.
    pub(super) fn of_record(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let access = *AccessLevel::ALL.get(usize::from(reader.byte()?))?;
        reader.byte().filter(|bits| *bits <= RECURRING | EXACT)?;
        component(&mut reader)?;
        reader.text()?;
        reader.optional_text()?;
        for _ in 0..reader.count()? {
            reader.text()?;
        }
        reader.times()?;
        reader.0.is_empty().then(|| Self { record: bytes.into(), access })
    }

    pub(super) fn record(&self) -> &[u8] {
        &self.record
    }

    /// What it says about who may see it.
    pub fn access(&self) -> AccessLevel {
        self.access
    }

    /// Whether it has a rule or further dates.
    pub fn recurring(&self) -> bool {
        self.has(RECURRING)
    }

    /// The kind of its main components: `VEVENT`, `VTODO`, …
    pub fn component(&self) -> &str {
        self.read(|reader| component(reader)).unwrap_or_default()
    }

    /// The UID.
    pub fn uid(&self) -> &str {
        self.read(|reader| {
            component(reader)?;
            reader.text()
        })
        .unwrap_or_default()
    }

    /// The organizer's calendar user address, as written.
    pub fn organizer(&self) -> Option<&str> {
        self.read(|reader| {
            component(reader)?;
            reader.text()?;
            reader.optional_text()
        })
        .flatten()
    }

    /// The attendees' calendar user addresses, as written, each once.
    pub fn attendees(&self) -> impl Iterator<Item = &str> {
        let mut reader = Reader(self.record.get(2..).unwrap_or_default());
        let count = before_attendees(&mut reader).unwrap_or_default();
        (0..count).map_while(move |_| reader.text())
    }

    /// Whether it has an organizer or attendees.
    pub fn has_addresses(&self) -> bool {
        self.organizer().is_some() || self.attendees().next().is_some()
    }

    /// When its instances are.
    pub fn times(&self) -> Times {
        self.read(|reader| {
            for _ in 0..before_attendees(reader)? {
                reader.text()?;
            }
            reader.times()
        })
        .unwrap_or_else(Times::always)
    }

    /// Start and end, in seconds since 1970, of an event that has one instance whose times do not
    /// depend on the reader's zone.
    pub fn only_instance(&self) -> Option<(i64, i64)> {
        let times = self.has(EXACT).then(|| self.times())?;
        times.spans.first().copied()
    }

    fn has(&self, bit: u8) -> bool {
        self.record.get(1).is_some_and(|bits| bits & bit != 0)
    }

    /// Reads what stands behind the level and the mark of recurrence.
    fn read<'a, T>(&'a self, read: impl FnOnce(&mut Reader<'a>) -> Option<T>) -> Option<T> {
        read(&mut Reader(self.record.get(2..)?))
    }
}

fn component<'a>(reader: &mut Reader<'a>) -> Option<&'a str> {
    match reader.byte()? {
        SPELLED_OUT => reader.text(),
        number => COMPONENTS.get(usize::from(number)).copied(),
    }
}

/// Reads up to the attendees: how many there are.
fn before_attendees(reader: &mut Reader<'_>) -> Option<usize> {
    component(reader)?;
    reader.text()?;
    reader.optional_text()?;
    reader.count()
}

impl fmt::Debug for CalendarSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CalendarSummary")
            .field("access", &self.access)
            .field("recurring", &self.recurring())
            .field("component", &self.component())
            .field("uid", &self.uid())
            .field("organizer", &self.organizer())
            .field("attendees", &self.attendees().collect::<Vec<_>>())
            .field("times", &self.times())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{CalendarSummary, Parts};
    use crate::ical::AccessLevel;
    use crate::index::{ObjectKind, Times};

    #[test]
    fn a_kind_stays_small() {
        assert_eq!(size_of::<ObjectKind>(), 24);
    }

    #[test]
    fn parts_come_back() {
        let spans = [(i64::MIN, 7, false), (10, 20, false), (3_000_000_000, i64::MAX, false)];
        let usual = Parts {
            access: AccessLevel::Public,
            recurring: false,
            component: "VEVENT",
            uid: "a",
            organizer: None,
            attendees: &[],
            times: &Times::always(),
            exact: false,
        };
        let once = Times::joined([(5, 4, false)], None);
        for parts in [
            Parts { ..usual },
            Parts { times: &once, exact: true, ..usual },
            Parts { component: "X-THING", uid: "ü", recurring: true, ..usual },
            Parts {
                access: AccessLevel::Classified,
                organizer: Some(""),
                attendees: &["mailto:a@example.com", ""],
                times: &Times::joined(spans, Some(-5)),
                ..usual
            },
        ] {
            let made = CalendarSummary::new(&parts);
            let read = CalendarSummary::of_record(made.record()).unwrap();
            assert_eq!(read, made);
            assert_eq!(read.access(), parts.access);
            assert_eq!(read.recurring(), parts.recurring);
            assert_eq!(read.component(), parts.component);
            assert_eq!(read.uid(), parts.uid);
            assert_eq!(read.organizer(), parts.organizer);
            assert_eq!(read.attendees().collect::<Vec<_>>(), parts.attendees);
            assert_eq!(read.times(), *parts.times);
            assert_eq!(read.only_instance(), parts.exact.then_some((5, 5)));
            for end in 0..made.record().len() {
                assert!(CalendarSummary::of_record(&made.record()[..end]).is_none(), "{end}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_summary_or_none(bytes in proptest::collection::vec(0u8.., 0..40)) {
            if let Some(summary) = CalendarSummary::of_record(&bytes) {
                assert!(!format!("{summary:?}").is_empty());
            }
        }
    }
}
