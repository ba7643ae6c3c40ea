//! What is known of a calendar object without reading it, in one block of memory: homes keep
//! thousands of them. The block is also how the log writes them.

use std::fmt;
use std::sync::Arc;

use crate::ical::AccessLevel;

use super::codec::{Reader, Writer};
use super::time_span::Times;

/// Components that have a number; others are spelled out.
const COMPONENTS: [&str; 6] =
    ["VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY", "VPOLL"];
/// Stands before a component that is spelled out.
const SPELLED_OUT: u8 = u8::MAX;
/// Methods of scheduling messages (RFC 5546 §1.4) by their number; any other is 0.
const METHODS: [&str; 9] =
    ["", "REQUEST", "REPLY", "CANCEL", "ADD", "REFRESH", "COUNTER", "DECLINECOUNTER", "PUBLISH"];

/// What is known of a calendar object without reading it.
#[derive(Clone)]
pub struct CalendarSummary(Record);

/// The first bytes of the record: what questions about thousands of objects ask first.
#[derive(Clone, Copy)]
struct First {
    access: AccessLevel,
    bits: u8,
    /// The component's number.
    component: u8,
}

#[derive(Clone)]
enum Record {
    Own(First, Box<[u8]>),
    /// Of content that many homes get: all have the same block, which takes a count more.
    Shared(First, Arc<[u8]>),
}

/// The same in parts.
pub(crate) struct Parts<'a> {
    pub access: AccessLevel,
    pub recurring: bool,
    pub component: &'a str,
    pub uid: &'a str,
    pub organizer: Option<&'a str>,
    /// Whether some ORGANIZER has a SCHEDULE-AGENT other than SERVER.
    pub organizer_elsewhere: bool,
    /// Those whom this server is to serve come first.
    pub attendees: &'a [&'a str],
    /// How many at the end have a SCHEDULE-AGENT other than SERVER wherever they stand.
    pub attendees_elsewhere: usize,
    pub times: &'a Times,
    /// Whether there is one instance and `times` has its very start and end.
    pub exact: bool,
    /// Of a scheduling message.
    pub message: Option<Message<'a>>,
}

/// What makes calendar data a scheduling message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Its METHOD; empty for one that nobody knows.
    pub method: &'a str,
    /// The first DTSTAMP, in seconds since 1970.
    pub stamped_s: Option<i64>,
}

impl Message<'_> {
    /// A METHOD as it is kept.
    pub(super) fn known(method: &str) -> &'static str {
        METHODS.iter().find(|known| **known == method).copied().unwrap_or_default()
    }
}

/// Bits of the second byte.
const RECURRING: u8 = 1;
const EXACT: u8 = 2;
const ORGANIZER_ELSEWHERE: u8 = 4;
/// Behind the attendees stands how many of them at the end are served elsewhere.
const ATTENDEES_ELSEWHERE: u8 = 8;
/// Behind the times stand method and stamp.
const MESSAGE: u8 = 16;
const ALL_BITS: u8 = 31;

impl CalendarSummary {
    pub(crate) fn new(parts: &Parts<'_>) -> Self {
        let mut record = Writer::default();
        let level = AccessLevel::ALL.iter().position(|level| *level == parts.access);
        record.0.push(level.unwrap_or_default() as u8);
        let bits = [
            (parts.recurring, RECURRING),
            (parts.exact, EXACT),
            (parts.organizer_elsewhere, ORGANIZER_ELSEWHERE),
            (parts.attendees_elsewhere > 0, ATTENDEES_ELSEWHERE),
            (parts.message.is_some(), MESSAGE),
        ];
        record.0.push(bits.iter().map(|(set, bit)| u8::from(*set) * bit).sum());
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
        if parts.attendees_elsewhere > 0 {
            record.number(parts.attendees_elsewhere as u64);
        }
        record.times(parts.times);
        if let Some(message) = parts.message {
            let number = METHODS.iter().position(|known| *known == message.method);
            record.0.push(number.unwrap_or_default() as u8);
            record.optional_signed(message.stamped_s);
        }
        let (bits, component) = (record.0[1], record.0[2]);
        Self(Record::Own(First { access: parts.access, bits, component }, record.0.into()))
    }

    /// The same, for content that many homes get.
    pub(super) fn shared(self) -> Self {
        match self.0 {
            Record::Own(first, block) => Self(Record::Shared(first, block.into())),
            shared => Self(shared),
        }
    }

    fn first(&self) -> First {
        match self.0 {
            Record::Own(first, _) | Record::Shared(first, _) => first,
        }
    }

    /// Takes over what the log has; absent when it is none.
    pub(super) fn of_record(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let access = *AccessLevel::ALL.get(usize::from(reader.byte()?))?;
        let flags = reader.byte().filter(|bits| *bits <= ALL_BITS)?;
        before_times(&mut reader, flags)?;
        reader.times()?;
        if flags & MESSAGE != 0 {
            message(&mut reader)?;
        }
        let component = *bytes.get(2)?;
        let first = First { access, bits: flags, component };
        reader.0.is_empty().then(|| Self(Record::Own(first, bytes.into())))
    }

    pub(super) fn record(&self) -> &[u8] {
        match &self.0 {
            Record::Own(_, block) => block,
            Record::Shared(_, block) => block,
        }
    }

    /// What it says about who may see it.
    pub fn access(&self) -> AccessLevel {
        self.first().access
    }

    /// Whether it has a rule or further dates.
    pub fn recurring(&self) -> bool {
        self.has(RECURRING)
    }

    /// The kind of its main components: `VEVENT`, `VTODO`, …
    pub fn component(&self) -> &str {
        match COMPONENTS.get(usize::from(self.first().component)) {
            Some(known) => known,
            None => self.read(|reader| component(reader)).unwrap_or_default(),
        }
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
        let mut reader = Reader(self.record().get(2..).unwrap_or_default());
        let count = before_attendees(&mut reader).unwrap_or_default();
        (0..count).map_while(move |_| reader.text())
    }

    /// Whether it is a scheduling object in the calendars of whom `is_owner` knows by his addresses
    /// (RFC 6638 §3.1): he organizes it, or is invited, and this server delivers.
    pub fn is_scheduling_object(&self, is_owner: impl Fn(&str) -> bool) -> bool {
        let Some(organizer) = self.organizer() else { return false };
        if is_owner(organizer) {
            return true;
        }
        let served = || -> Option<usize> {
            let mut reader = Reader(self.record().get(2..)?);
            let count = before_attendees(&mut reader)?;
            if !self.has(ATTENDEES_ELSEWHERE) {
                return Some(count);
            }
            for _ in 0..count {
                reader.text()?;
            }
            count.checked_sub(reader.count()?)
        };
        !self.has(ORGANIZER_ELSEWHERE)
            && self.attendees().take(served().unwrap_or_default()).any(is_owner)
    }

    /// What makes it a scheduling message, if it is one.
    pub fn message(&self) -> Option<Message<'_>> {
        if !self.has(MESSAGE) {
            return None;
        }
        self.read(|reader| {
            before_times(reader, self.first().bits)?;
            reader.times()?;
            message(reader)
        })
    }

    /// Whether it has an organizer or attendees.
    pub fn has_addresses(&self) -> bool {
        self.organizer().is_some() || self.attendees().next().is_some()
    }

    /// When its instances are.
    pub fn times(&self) -> Times {
        self.read(|reader| {
            before_times(reader, self.first().bits)?;
            reader.times()
        })
        .unwrap_or_else(Times::always)
    }

    /// Whether it is an event that has one instance, whose times do not depend on the reader's
    /// zone; `times` has one span then, its start and end.
    pub fn is_one_instance(&self) -> bool {
        self.has(EXACT)
    }

    fn has(&self, bit: u8) -> bool {
        self.first().bits & bit != 0
    }

    /// Reads what stands behind the level and the mark of recurrence.
    fn read<'a, T>(&'a self, read: impl FnOnce(&mut Reader<'a>) -> Option<T>) -> Option<T> {
        read(&mut Reader(self.record().get(2..)?))
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

/// Reads up to the times.
fn before_times(reader: &mut Reader<'_>, bits: u8) -> Option<()> {
    for _ in 0..before_attendees(reader)? {
        reader.text()?;
    }
    if bits & ATTENDEES_ELSEWHERE != 0 {
        reader.number()?;
    }
    Some(())
}

fn message<'a>(reader: &mut Reader<'_>) -> Option<Message<'a>> {
    let method = METHODS.get(usize::from(reader.byte()?))?;
    Some(Message { method, stamped_s: reader.optional_signed()? })
}

impl PartialEq for CalendarSummary {
    fn eq(&self, other: &Self) -> bool {
        self.record() == other.record()
    }
}

impl fmt::Debug for CalendarSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CalendarSummary")
            .field("access", &self.access())
            .field("recurring", &self.recurring())
            .field("component", &self.component())
            .field("uid", &self.uid())
            .field("organizer", &self.organizer())
            .field("attendees", &self.attendees().collect::<Vec<_>>())
            .field("times", &self.times())
            .field("message", &self.message())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{CalendarSummary, Message, Parts};
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
            organizer_elsewhere: false,
            attendees: &[],
            attendees_elsewhere: 0,
            times: &Times::always(),
            exact: false,
            message: None,
        };
        let message = Message { method: "REQUEST", stamped_s: Some(-7) };
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
            Parts {
                organizer: Some("mailto:o@example.com"),
                organizer_elsewhere: true,
                attendees: &["a", "b", "c"],
                attendees_elsewhere: 2,
                message: Some(message),
                ..usual
            },
            Parts { message: Some(Message { method: "", stamped_s: None }), ..usual },
        ] {
            let made = CalendarSummary::new(&parts);
            let read = CalendarSummary::of_record(made.record()).unwrap();
            assert_eq!(read, made);
            assert_eq!(read.access(), parts.access);
            let shared = made.clone().shared();
            assert_eq!((&shared, shared.access()), (&made, made.access()));
            assert!(std::ptr::eq(shared.clone().shared().record(), shared.record()));
            assert_eq!(read.recurring(), parts.recurring);
            assert_eq!(read.component(), parts.component);
            assert_eq!(read.uid(), parts.uid);
            assert_eq!(read.organizer(), parts.organizer);
            assert_eq!(read.attendees().collect::<Vec<_>>(), parts.attendees);
            assert_eq!(read.times(), *parts.times);
            assert_eq!(read.is_one_instance(), parts.exact);
            assert_eq!(read.message(), parts.message);
            for end in 0..made.record().len() {
                assert!(CalendarSummary::of_record(&made.record()[..end]).is_none(), "{end}");
            }
        }
    }

    #[test]
    fn whose_scheduling_object_it_is() {
        let parts = Parts {
            access: AccessLevel::Public,
            recurring: false,
            component: "VEVENT",
            uid: "u",
            organizer: Some("o"),
            organizer_elsewhere: false,
            attendees: &["a", "o", "x"],
            attendees_elsewhere: 1,
            times: &Times::always(),
            exact: false,
            message: None,
        };
        let is_of = |parts: &Parts<'_>, who: &str| {
            CalendarSummary::new(parts).is_scheduling_object(|address| address == who)
        };
        for (who, expected) in [("o", true), ("a", true), ("x", false), ("z", false)] {
            assert_eq!(is_of(&parts, who), expected, "{who}");
        }
        let elsewhere = Parts { organizer_elsewhere: true, ..parts };
        let nobodys = Parts { organizer: None, ..parts };
        let (o, a) = (is_of(&elsewhere, "o"), is_of(&elsewhere, "a"));
        assert_eq!((o, a, is_of(&nobodys, "a")), (true, false, false));
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
