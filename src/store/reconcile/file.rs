//! One file as it is on the disk: content and properties.

use std::sync::Arc;

use crate::disk::{Dir, DiskError, EntryKind, Stat, attribute, layout};
use crate::index::{CollectionKind, ObjectEntry, ObjectKind, PropertySet, summary};
use crate::store::StoreError;
use crate::store::home::read_all;

use super::seconds;

/// Files beyond this size are never read as calendar data.
const HUGE: u64 = 64 * 1024 * 1024;

/// Whether the file says that it has no properties on purpose. Its writer may have died before it
/// could tell the index.
pub(super) fn is_bare(dir: &Dir, name: &str) -> bool {
    let Ok(Some(file)) = dir.open_file(name) else { return false };
    let mark = attribute::read_other(&file, dir.path(), layout::BARE_ATTRIBUTE);
    matches!(mark, Ok(Some(_)))
}

/// Writes remembered properties on a file that lost them, as far as that is possible.
pub(super) fn put_back(dir: &Dir, name: &str, properties: &PropertySet, before: Stat) -> Stat {
    let Ok(Some(file)) = dir.open_file(name) else { return before };
    for (property, xml) in properties.iter() {
        if let Err(error) = attribute::set(&file, dir.path(), property, xml) {
            tracing::warn!(path = %dir.path().join(name).display(), ?error, "property not kept");
        }
    }
    let after = crate::disk::file_stat(&file).unwrap_or(before);
    // What was written meanwhile has not been read.
    if after.same_content(&before) { after } else { before }
}

/// The entry of one file; none when it vanished. What cannot be read is damaged, not an error.
pub(super) fn read_object(
    dir: &Dir,
    name: &str,
    kind: EntryKind,
    stat: Stat,
    parent: CollectionKind,
) -> Result<Option<ObjectEntry>, StoreError> {
    let mut entry = ObjectEntry {
        hash: ObjectEntry::hash_of(format!("{stat:?}").as_bytes()),
        stat,
        created_s: seconds(stat.modified_ns),
        number: 0,
        properties: PropertySet::empty(),
        kind: ObjectKind::Plain,
    };
    match read_content(dir, name, kind, stat.size, parent) {
        Ok(Some((hash, properties, kind))) => {
            entry.hash = hash;
            entry.properties = properties;
            entry.kind = kind;
        }
        Ok(None) => return Ok(None),
        Err(reason) => entry.kind = ObjectKind::damaged(0, reason),
    }
    Ok(Some(entry))
}

type Content = ([u8; 16], Arc<PropertySet>, ObjectKind);

/// What the file holds; none when it vanished; a reason when it cannot be read.
fn read_content(
    dir: &Dir,
    name: &str,
    kind: EntryKind,
    size: u64,
    parent: CollectionKind,
) -> Result<Option<Content>, String> {
    if kind != EntryKind::File {
        return Err("it is no regular file".to_owned());
    }
    let reason = |error: DiskError| format!("it cannot be read: {}", error.source);
    let Some(file) = dir.open_file(name).map_err(reason)? else { return Ok(None) };
    if size > HUGE && parent.holds_objects() {
        return Err("it is too large".to_owned());
    }
    let properties = attribute::read_all(&file, dir.path()).map_err(reason)?;
    let properties: PropertySet =
        properties.into_iter().map(|(name, xml)| (name, Arc::from(xml))).collect();
    let content = read_all(file, dir.path()).map_err(|error| error.to_string())?;
    let kind = if parent.holds_objects() { summary::of_bytes(&content) } else { ObjectKind::Plain };
    Ok(Some((ObjectEntry::hash_of(&content), properties.shared(), kind)))
}
