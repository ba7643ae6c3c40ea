//! `CALDAV:schedule-tag` (RFC 6638 §3.2.10) and the entity tags that older clients may still use
//! after a change that does not concern them (reference §7.12).
//!
//! A scheduling object without a stored tag has one that follows from its content
//! ([`ObjectEntry::schedule_tag`]): a change that everybody has to notice changes it by itself, and
//! takes a stored one away. A change that does not concern the owner stores the tag that was.

use crate::dav::Name;
use crate::dav::name::{CALDAV, TWISTED_PRIVATE};
use crate::store::{ObjectEntry, PropertyChanges, SCHEDULE_TAG};

/// Entity tags from before automatic changes, quoted, the latest first.
pub const MATCH_ETAGS: Name = Name::new(TWISTED_PRIVATE, "scheduling-match-etags");
/// How many of them are remembered.
const REMEMBERED_ETAGS: usize = 20;

/// A change that everybody has to notice gives `before`, if there was anything, another tag. Where
/// the content is back to what had the tag that was, a tag is stored: "the server MUST change the
/// value when the resource is changed directly via an HTTP request", whatever that request says.
pub fn renew(
    changes: PropertyChanges,
    before: Option<&ObjectEntry>,
    content: &[u8],
) -> PropertyChanges {
    let changes = forget(changes);
    let hash = before.map(|before| (before.schedule_tag(), ObjectEntry::hash_of(content)));
    match hash {
        Some((tag, hash)) if tag == ObjectEntry::schedule_tag_of(&hash) => replace(changes),
        _ => changes,
    }
}

/// A tag that follows from nothing: the content stays, and everybody has to notice something.
pub fn replace(changes: PropertyChanges) -> PropertyChanges {
    store(forget(changes), &uuid::Uuid::new_v4().to_string())
}

/// A change that does not concern the owner: the tag stays, and so does the old entity tag.
pub fn keep(changes: PropertyChanges, before: &ObjectEntry) -> PropertyChanges {
    let known = before.properties.text(&MATCH_ETAGS).unwrap_or_default();
    let mut tags = vec![format!("\"{}\"", before.etag().0)];
    for tag in known.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
        if tags.len() < REMEMBERED_ETAGS && !tags.iter().any(|have| have == tag) {
            tags.push(tag.to_owned());
        }
    }
    let (name, text) = (&MATCH_ETAGS.local, tags.join(", "));
    let xml = format!("<{name} xmlns=\"{TWISTED_PRIVATE}\">{text}</{name}>");
    store(changes, &before.schedule_tag()).with(MATCH_ETAGS, xml)
}

/// Nothing is stored of the tag: that of the content counts, or it is no scheduling object.
pub fn forget(mut changes: PropertyChanges) -> PropertyChanges {
    changes.set.retain(|(name, _)| *name != SCHEDULE_TAG && *name != MATCH_ETAGS);
    changes.without(SCHEDULE_TAG).without(MATCH_ETAGS)
}

fn store(changes: PropertyChanges, tag: &str) -> PropertyChanges {
    let xml = format!("<C:schedule-tag xmlns:C=\"{CALDAV}\">{tag}</C:schedule-tag>");
    changes.with(SCHEDULE_TAG, xml)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{MATCH_ETAGS, keep, renew, replace};
    use crate::store::{ObjectEntry, ObjectKind, PropertyChanges, PropertySet, SCHEDULE_TAG};

    /// What is stored when the changes are made.
    fn changed(before: &ObjectEntry, content: &str, changes: &PropertyChanges) -> ObjectEntry {
        let mut properties: Vec<_> = before.properties.iter().collect();
        properties.retain(|(name, _)| !changes.remove.contains(name));
        let kept = properties.into_iter().map(|(name, xml)| (name.clone(), xml.clone()));
        let set = changes.set.iter().map(|(name, xml)| (name.clone(), Arc::from(xml.as_str())));
        let properties: PropertySet = kept.chain(set).collect();
        ObjectEntry {
            hash: ObjectEntry::hash_of(content.as_bytes()),
            properties: Arc::new(properties),
            ..before.clone()
        }
    }

    fn loud(before: &ObjectEntry, content: &str) -> ObjectEntry {
        let changes = renew(PropertyChanges::none(), Some(before), content.as_bytes());
        changed(before, content, &changes)
    }

    fn quiet(before: &ObjectEntry, content: &str) -> ObjectEntry {
        changed(before, content, &keep(PropertyChanges::none(), before))
    }

    fn new(content: &str) -> ObjectEntry {
        ObjectEntry {
            hash: ObjectEntry::hash_of(content.as_bytes()),
            stat: Default::default(),
            created_s: 0,
            number: 0,
            properties: PropertySet::empty(),
            kind: ObjectKind::Plain,
        }
    }

    #[test]
    fn a_new_object_stores_none() {
        let changes = renew(PropertyChanges::none(), None, b"1");
        assert!(changes.set.is_empty());
        let object = new("1");
        assert!(object.stored_schedule_tag().is_none());
        assert_ne!(object.schedule_tag(), object.etag().0);
    }

    #[test]
    fn quiet_changes_keep_it_and_loud_ones_do_not() {
        let first = new("1");
        let answered = quiet(&quiet(&first, "2"), "3");
        assert_eq!(answered.schedule_tag(), first.schedule_tag());
        let accepted = answered.properties.text(&MATCH_ETAGS).unwrap();
        let tags = [new("2").etag(), first.etag()].map(|tag| tag.to_string());
        assert_eq!(accepted, tags.join(", "));
        let other = loud(&answered, "4");
        assert!(other.properties.is_empty());
        assert_ne!(other.schedule_tag(), first.schedule_tag());
    }

    #[test]
    fn a_loud_change_has_another_one_whatever_it_says() {
        let first = new("1");
        let again = loud(&first, "1");
        assert_ne!(again.schedule_tag(), first.schedule_tag(), "the same content");
        let third = loud(&again, "1");
        assert_ne!(third.schedule_tag(), again.schedule_tag(), "the same content again");
        // Back to the content that had the tag which answers kept.
        let back = loud(&quiet(&first, "2"), "1");
        assert_ne!(back.schedule_tag(), first.schedule_tag());
        let moved = changed(&first, "1", &replace(PropertyChanges::none()));
        assert_ne!(moved.schedule_tag(), first.schedule_tag());
        assert_eq!(quiet(&moved, "2").schedule_tag(), moved.schedule_tag());
    }

    #[test]
    fn what_was_stored_before_stays_valid() {
        let xml = "<C:schedule-tag xmlns:C=\"urn:ietf:params:xml:ns:caldav\">old</C:schedule-tag>";
        let changes = PropertyChanges::none().with(SCHEDULE_TAG, xml);
        let old = changed(&new("1"), "1", &changes);
        assert_eq!(old.schedule_tag(), "old");
        assert_eq!(quiet(&old, "2").schedule_tag(), "old");
        assert!(loud(&old, "2").properties.is_empty());
    }
}
