//! `CALDAV:schedule-tag` (RFC 6638 §3.2.10) and the entity tags that older clients may still use
//! after a change that does not concern them (reference §7.12).

use crate::dav::Name;
use crate::dav::name::{CALDAV, TWISTED_PRIVATE};
use crate::store::{PropertyChanges, PropertySet};

/// The property.
pub const SCHEDULE_TAG: Name = Name::caldav("schedule-tag");
/// Entity tags from before automatic changes, quoted, the latest first.
pub const MATCH_ETAGS: Name = Name::new(TWISTED_PRIVATE, "scheduling-match-etags");
/// How many of them are remembered.
const REMEMBERED_ETAGS: usize = 20;

/// The tag of an object, without quotes.
pub fn current(properties: &PropertySet) -> Option<String> {
    Some(properties.text(&SCHEDULE_TAG)?.trim().trim_matches('"').to_owned())
}

/// A change that everybody has to notice: a new tag, which is returned.
pub fn renew(changes: PropertyChanges) -> (PropertyChanges, String) {
    let tag = uuid::Uuid::new_v4().to_string();
    let xml = format!("<C:schedule-tag xmlns:C=\"{CALDAV}\">{tag}</C:schedule-tag>");
    (changes.with(SCHEDULE_TAG, xml).without(MATCH_ETAGS), tag)
}

/// A change that does not concern the owner: the tag stays, and so does the old entity tag.
pub fn keep(changes: PropertyChanges, properties: &PropertySet, old_etag: &str) -> PropertyChanges {
    if current(properties).is_none() {
        return renew(changes).0;
    }
    let known = properties.text(&MATCH_ETAGS).unwrap_or_default();
    let mut tags = vec![format!("\"{}\"", old_etag.trim_matches('"'))];
    for tag in known.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
        if tags.len() < REMEMBERED_ETAGS && !tags.iter().any(|have| have == tag) {
            tags.push(tag.to_owned());
        }
    }
    let (name, text) = (&MATCH_ETAGS.local, tags.join(", "));
    let xml = format!("<{name} xmlns=\"{TWISTED_PRIVATE}\">{text}</{name}>");
    changes.with(MATCH_ETAGS, xml)
}

/// An object that is no scheduling object has no tag.
pub fn drop_tag(changes: PropertyChanges) -> PropertyChanges {
    changes.without(SCHEDULE_TAG).without(MATCH_ETAGS)
}
