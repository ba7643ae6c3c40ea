//! The bytes of index records: small integers, texts with their length, fields in fixed order.
//!
//! Reading is total: whatever the bytes are, the answer is a value or nothing.

use std::sync::Arc;

use crate::dav::Name;
use crate::disk::Stat;

use super::edit::Edit;
use super::time_span::Times;
use super::{CalendarSummary, CollectionKind, HomePath, ObjectEntry, ObjectKind, PropertySet};

/// Puts values behind each other.
#[derive(Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

/// Takes values off, one after the other.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl Writer {
    pub(super) fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(super) fn signed(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(super) fn path(&mut self, path: &HomePath) {
        self.number(path.segments().len() as u64);
        for segment in path.segments() {
            self.text(segment);
        }
    }

    pub(super) fn kind(&mut self, kind: CollectionKind) {
        self.0.push(match kind {
            CollectionKind::Home => 0,
            CollectionKind::Calendar => 1,
            CollectionKind::Inbox => 2,
            CollectionKind::Outbox => 3,
            CollectionKind::Plain => 4,
        });
    }

    pub(super) fn properties(&mut self, properties: &PropertySet) {
        self.number(properties.len() as u64);
        for (name, xml) in properties.iter() {
            self.text(&name.namespace);
            self.text(&name.local);
            self.text(xml);
        }
    }

    fn stat(&mut self, stat: &Stat) {
        self.number(stat.inode);
        self.number(stat.size);
        self.signed(stat.modified_ns);
        self.signed(stat.changed_ns);
    }

    pub(super) fn optional_text(&mut self, text: Option<&str>) {
        self.0.push(u8::from(text.is_some()));
        if let Some(text) = text {
            self.text(text);
        }
    }

    pub(super) fn entry(&mut self, entry: &ObjectEntry) {
        self.0.extend_from_slice(&entry.hash);
        self.stat(&entry.stat);
        self.signed(entry.created_s);
        self.number(entry.number);
        self.properties(&entry.properties);
        match &entry.kind {
            ObjectKind::Plain => self.0.push(0),
            ObjectKind::Damaged(damage) => {
                self.0.push(1);
                self.number(u64::from(damage.line));
                self.text(&damage.reason);
            }
            ObjectKind::Calendar(summary) => {
                self.0.push(2);
                self.number(summary.record().len() as u64);
                self.0.extend_from_slice(summary.record());
            }
        }
    }

    pub(super) fn times(&mut self, times: &Times) {
        self.number(times.spans.len() as u64);
        for (start, end) in &times.spans {
            self.zigzag(*start);
            self.number(end.wrapping_sub(*start) as u64);
        }
        self.optional_signed(times.open_from);
    }

    pub(super) fn optional_signed(&mut self, value: Option<i64>) {
        self.0.push(u8::from(value.is_some()));
        if let Some(value) = value {
            self.zigzag(value);
        }
    }

    /// A number that is small on either side of zero.
    fn zigzag(&mut self, value: i64) {
        self.number((value.wrapping_shl(1) ^ (value >> 63)) as u64);
    }

    pub(super) fn edit(&mut self, edit: &Edit) {
        match edit {
            Edit::PutObject { path, entry } => {
                self.0.push(0);
                self.path(path);
                self.entry(entry);
            }
            Edit::Stat { path, stat } => {
                self.0.push(1);
                self.path(path);
                self.stat(stat);
            }
            Edit::PutCollection { path, kind, created_s, properties } => {
                self.0.push(2);
                self.path(path);
                self.kind(*kind);
                self.signed(*created_s);
                self.properties(properties);
            }
            Edit::Remove { path } => {
                self.0.push(3);
                self.path(path);
            }
            Edit::Rename { from, to } => {
                self.0.push(4);
                self.path(from);
                self.path(to);
            }
            Edit::Gap => self.0.push(5),
        }
    }
}

impl<'a> Reader<'a> {
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// How many values follow: never more than there are bytes.
    pub(super) fn count(&mut self) -> Option<usize> {
        let count = usize::try_from(self.number()?).ok()?;
        (count <= self.0.len()).then_some(count)
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        self.bytes(8).and_then(|bytes| bytes.try_into().ok()).map(i64::from_le_bytes)
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        let length = self.count()?;
        std::str::from_utf8(self.bytes(length)?).ok()
    }

    pub(super) fn path(&mut self) -> Option<HomePath> {
        let count = self.count()?;
        (0..count).map(|_| self.text()).collect::<Option<Vec<_>>>().map(HomePath::new)
    }

    pub(super) fn kind(&mut self) -> Option<CollectionKind> {
        Some(match self.byte()? {
            0 => CollectionKind::Home,
            1 => CollectionKind::Calendar,
            2 => CollectionKind::Inbox,
            3 => CollectionKind::Outbox,
            4 => CollectionKind::Plain,
            _ => return None,
        })
    }

    pub(super) fn properties(&mut self) -> Option<Arc<PropertySet>> {
        let count = self.count()?;
        let mut set = PropertySet::default();
        for _ in 0..count {
            let (namespace, local, xml) = (self.text()?, self.text()?, self.text()?);
            set.set(Name::owned(namespace, local), Arc::from(xml));
        }
        Some(set.shared())
    }

    fn stat(&mut self) -> Option<Stat> {
        Some(Stat {
            inode: self.number()?,
            size: self.number()?,
            modified_ns: self.signed()?,
            changed_ns: self.signed()?,
        })
    }

    pub(super) fn entry(&mut self) -> Option<ObjectEntry> {
        Some(ObjectEntry {
            hash: self.bytes(16)?.try_into().ok()?,
            stat: self.stat()?,
            created_s: self.signed()?,
            number: self.number()?,
            properties: self.properties()?,
            kind: match self.byte()? {
                0 => ObjectKind::Plain,
                1 => ObjectKind::damaged(u32::try_from(self.number()?).ok()?, self.text()?),
                2 => {
                    let length = self.count()?;
                    ObjectKind::Calendar(CalendarSummary::of_record(self.bytes(length)?)?)
                }
                _ => return None,
            },
        })
    }

    pub(super) fn optional_text(&mut self) -> Option<Option<&'a str>> {
        match self.byte()? {
            0 => Some(None),
            1 => self.text().map(Some),
            _ => None,
        }
    }

    pub(super) fn times(&mut self) -> Option<Times> {
        let count = self.count()?;
        let mut spans = Vec::with_capacity(count);
        for _ in 0..count {
            let start = self.zigzag()?;
            spans.push((start, start.wrapping_add(self.number()? as i64)));
        }
        Some(Times { spans: spans.into(), open_from: self.optional_signed()? })
    }

    pub(super) fn optional_signed(&mut self) -> Option<Option<i64>> {
        match self.byte()? {
            0 => Some(None),
            1 => self.zigzag().map(Some),
            _ => None,
        }
    }

    fn zigzag(&mut self) -> Option<i64> {
        let value = self.number()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    pub(super) fn edit(&mut self) -> Option<Edit> {
        Some(match self.byte()? {
            0 => Edit::PutObject { path: self.path()?, entry: self.entry()? },
            1 => Edit::Stat { path: self.path()?, stat: self.stat()? },
            2 => Edit::PutCollection {
                path: self.path()?,
                kind: self.kind()?,
                created_s: self.signed()?,
                properties: self.properties()?,
            },
            3 => Edit::Remove { path: self.path()? },
            4 => Edit::Rename { from: self.path()?, to: self.path()? },
            5 => Edit::Gap,
            _ => return None,
        })
    }
}
