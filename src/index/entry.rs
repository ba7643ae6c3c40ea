//! What the index knows of one member of a collection.

use std::sync::{Arc, LazyLock};

use chrono::{DateTime, Utc};

use crate::dav::name::DAV;
use crate::dav::{ETag, Name};
use crate::disk::Stat;

use super::{CalendarSummary, Collection};

/// Dead properties of one resource: the XML of the whole element by name. Most sets have one or
/// two, and every scheduled object has one: they take what they need and no more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PropertySet(Box<[(Name, Arc<str>)]>);

/// `CALDAV:schedule-tag` (RFC 6638 §9.3), where it is stored.
pub const SCHEDULE_TAG: Name = Name::caldav("schedule-tag");

static EMPTY: LazyLock<Arc<PropertySet>> = LazyLock::new(Arc::default);

impl PropertySet {
    /// No properties at all; shared, so that it costs nothing.
    pub fn empty() -> Arc<Self> {
        EMPTY.clone()
    }

    /// The XML of the property's element.
    pub fn get(&self, name: &Name) -> Option<&Arc<str>> {
        self.place(name).ok().map(|at| &self.0[at].1)
    }

    /// The text inside the property's element, entities resolved; tags inside are left out.
    pub fn text(&self, name: &Name) -> Option<String> {
        self.get(name).map(|xml| super::summary::element_text(xml))
    }

    /// All properties, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &Arc<str>)> {
        self.0.iter().map(|(name, xml)| (name, xml))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn set(&mut self, name: Name, xml: Arc<str>) {
        match self.place(&name) {
            Ok(at) => self.0[at].1 = xml,
            Err(at) => self.edit(|all| all.insert(at, (name, xml))),
        }
    }

    pub(crate) fn remove(&mut self, name: &Name) {
        if let Ok(at) = self.place(name) {
            self.edit(|all| drop(all.remove(at)));
        }
    }

    /// Where the property is, or would be.
    fn place(&self, name: &Name) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.cmp(name))
    }

    fn edit(&mut self, edit: impl FnOnce(&mut Vec<(Name, Arc<str>)>)) {
        let mut all = std::mem::take(&mut self.0).into_vec();
        edit(&mut all);
        self.0 = all.into();
    }

    /// The set itself, shared when it is empty.
    pub(crate) fn shared(self) -> Arc<Self> {
        if self.is_empty() { Self::empty() } else { Arc::new(self) }
    }
}

impl FromIterator<(Name, Arc<str>)> for PropertySet {
    /// Of two with one name the later one counts.
    fn from_iter<T: IntoIterator<Item = (Name, Arc<str>)>>(iter: T) -> Self {
        let mut set = Self::default();
        iter.into_iter().for_each(|(name, xml)| set.set(name, xml));
        set
    }
}

/// A member of a collection.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A collection.
    Collection(Arc<Collection>),
    /// A file.
    Object(Arc<ObjectEntry>),
}

impl Entry {
    /// The file, if it is one.
    pub fn object(&self) -> Option<&Arc<ObjectEntry>> {
        match self {
            Entry::Object(object) => Some(object),
            Entry::Collection(_) => None,
        }
    }

    /// The collection, if it is one.
    pub fn collection(&self) -> Option<&Arc<Collection>> {
        match self {
            Entry::Collection(collection) => Some(collection),
            Entry::Object(_) => None,
        }
    }

    /// Its dead properties.
    pub fn properties(&self) -> &Arc<PropertySet> {
        match self {
            Entry::Object(object) => &object.properties,
            Entry::Collection(collection) => &collection.properties,
        }
    }
}

/// One file of a home.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectEntry {
    /// Hash of the content.
    pub hash: [u8; 16],
    /// What the system said of the file when its content had this hash.
    pub stat: Stat,
    /// When the resource was made, in seconds since 1970.
    pub created_s: i64,
    /// The number of its last change in the home's journal.
    pub number: u64,
    /// Its dead properties.
    pub properties: Arc<PropertySet>,
    /// What it holds.
    pub kind: ObjectKind,
}

impl ObjectEntry {
    /// The entity tag.
    pub fn etag(&self) -> ETag {
        let quoted = self.quoted_etag();
        let text = std::str::from_utf8(&quoted).unwrap_or_default();
        ETag(text.trim_matches('"').to_owned())
    }

    /// Bytes of an entity tag in quotes.
    pub const QUOTED_ETAG_BYTES: usize = 34;

    /// The entity tag in quotes, as ASCII: listings write thousands of them.
    pub fn quoted_etag(&self) -> [u8; Self::QUOTED_ETAG_BYTES] {
        let mut text = [b'"'; Self::QUOTED_ETAG_BYTES];
        for (pair, byte) in text[1..33].chunks_exact_mut(2).zip(self.hash) {
            pair.copy_from_slice(&HEXADECIMAL[usize::from(byte)]);
        }
        text
    }

    /// The hash that stands behind `ETag::of`.
    pub fn hash_of(content: &[u8]) -> [u8; 16] {
        let hash = blake3::hash(content);
        let mut short = [0; 16];
        short.copy_from_slice(&hash.as_bytes()[..16]);
        short
    }

    /// Bytes of content.
    pub fn size(&self) -> u64 {
        self.stat.size
    }

    /// When it was made.
    pub fn created(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.created_s, 0).unwrap_or_default()
    }

    /// When its content last changed.
    pub fn modified(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_nanos(self.stat.modified_ns)
    }

    /// The media type of calendar data, else the one a client gave it.
    pub fn content_type(&self) -> String {
        match self.kind {
            ObjectKind::Calendar(_) => "text/calendar;charset=utf-8".to_owned(),
            ObjectKind::Damaged(_) => "text/calendar".to_owned(),
            ObjectKind::Plain => {
                let given = self.properties.text(&Name::new(DAV, "getcontenttype"));
                given.unwrap_or_else(|| "application/octet-stream".to_owned())
            }
        }
    }

    /// The calendar data's summary, if it holds calendar data.
    pub fn calendar(&self) -> Option<&CalendarSummary> {
        match &self.kind {
            ObjectKind::Calendar(summary) => Some(summary),
            _ => None,
        }
    }

    /// The `CALDAV:schedule-tag` that stands with it, without quotes (RFC 6638 §3.2.10).
    pub fn stored_schedule_tag(&self) -> Option<String> {
        let text = self.properties.text(&SCHEDULE_TAG)?;
        Some(text.trim().trim_matches('"').to_owned())
    }

    /// The schedule-tag it has where it is a scheduling object: the stored one, else that of its
    /// content, which every change makes another.
    pub fn schedule_tag(&self) -> String {
        self.stored_schedule_tag().unwrap_or_else(|| Self::schedule_tag_of(&self.hash))
    }

    /// The schedule-tag of a scheduling object with that content and no stored one. It is not the
    /// entity tag, lest one be taken for the other.
    pub fn schedule_tag_of(hash: &[u8; 16]) -> String {
        format!("s{:032x}", u128::from_be_bytes(*hash))
    }
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub enum ObjectKind {
    /// One calendar object.
    Calendar(CalendarSummary),
    /// Anything, in a collection that is no calendar.
    Plain,
    /// Something that cannot be served as calendar data although it lies in a calendar.
    Damaged(Arc<Damage>),
}

impl ObjectKind {
    /// The same, for content that many homes get.
    pub(crate) fn shared(self) -> Self {
        match self {
            Self::Calendar(summary) => Self::Calendar(summary.shared()),
            other => other,
        }
    }

    /// A damaged file: the line it was seen in, 0 for the whole file, and why.
    pub(crate) fn damaged(line: u32, reason: impl Into<Box<str>>) -> Self {
        Self::Damaged(Arc::new(Damage { line, reason: reason.into() }))
    }
}

/// Why a file cannot be served as calendar data.
#[derive(Clone, Debug, PartialEq)]
pub struct Damage {
    /// The line it was seen in; 0 for the whole file.
    pub line: u32,
    /// Why.
    pub reason: Box<str>,
}

/// Two digits for each byte.
const HEXADECIMAL: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::PropertySet;
    use crate::dav::Name;

    #[test]
    fn properties_are_kept_by_name() {
        let name = |local: &'static str| Name::dav(local);
        let pairs = [("b", "1"), ("a", "2"), ("c", "3"), ("a", "4")];
        let mut set: PropertySet =
            pairs.into_iter().map(|(local, xml)| (name(local), Arc::from(xml))).collect();
        let list = |set: &PropertySet| -> String {
            set.iter().map(|(name, xml)| format!("{}{xml} ", name.local)).collect()
        };
        assert_eq!((list(&set).as_str(), set.len()), ("a4 b1 c3 ", 3));
        set.remove(&name("b"));
        set.remove(&name("x"));
        set.set(name("c"), Arc::from("5"));
        assert_eq!(list(&set), "a4 c5 ");
        assert_eq!(set.get(&name("a")).map(|xml| &**xml), Some("4"));
        assert_eq!(set.get(&name("b")), None);
        set.remove(&name("a"));
        set.remove(&name("c"));
        assert!(set.is_empty() && set.get(&name("a")).is_none());
        assert_eq!(set, PropertySet::default());
    }
}
