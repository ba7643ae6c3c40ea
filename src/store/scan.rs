//! Reads a whole home from its files: what the index is made of when nothing is known.

use std::path::Path;
use std::sync::Arc;

use crate::clock::Clock;
use crate::disk::{Dir, EntryKind, Listed, Tree, attribute, layout};
use crate::index::{
    CollectionKind, HomePath, ObjectEntry, ObjectKind, PropertySet, Snapshot, summary,
};

use super::StoreError;
use super::property::{RESOURCE_TYPE, kind_of};

/// Files beyond this size are never read as calendar data.
const HUGE: u64 = 64 * 1024 * 1024;

/// The home at `relative`, as its files say.
pub(super) fn scan(tree: &Tree, relative: &Path, clock: &Clock) -> Result<Snapshot, StoreError> {
    let now_s = clock.now().timestamp();
    let epoch = rand::random::<u64>() >> 16;
    let Some(dir) = tree.dir(relative)? else {
        return Err(StoreError::NotFound(HomePath::root()));
    };
    clean(&dir)?;
    let (_, properties) = collection_properties(&dir)?;
    let mut snapshot = Snapshot::new(epoch, seconds(dir.own_stat()?.modified_ns), properties);
    scan_members(&dir, &HomePath::root(), CollectionKind::Home, &mut snapshot, now_s)?;
    Ok(snapshot)
}

fn seconds(nanoseconds: i64) -> i64 {
    nanoseconds.div_euclid(1_000_000_000)
}

/// Removes files that a crash left before they became something.
fn clean(dir: &Dir) -> Result<(), StoreError> {
    for listed in dir.list()?.0 {
        if listed.name.starts_with(layout::TEMPORARY) {
            dir.remove_all(&listed.name)?;
        } else if listed.kind == EntryKind::Directory
            && let Some(child) = dir.open_dir(&listed.name)?
        {
            clean(&child)?;
        }
    }
    Ok(())
}

fn scan_members(
    dir: &Dir,
    path: &HomePath,
    kind: CollectionKind,
    snapshot: &mut Snapshot,
    now_s: i64,
) -> Result<(), StoreError> {
    let (mut listed, unreadable) = dir.list()?;
    if unreadable > 0 {
        tracing::warn!(path = %dir.path().display(), unreadable, "file names that are no text");
    }
    listed.sort_by(|a, b| a.name.cmp(&b.name));
    for Listed { name, kind: entry_kind } in listed {
        let Some(segment) = layout::segment(&name) else { continue };
        let member = path.join(&segment);
        if entry_kind == EntryKind::Directory {
            let Some(child) = dir.open_dir(&name)? else { continue };
            let (kind, properties) = read_collection(&child, &member)?;
            let created_s = seconds(child.own_stat()?.modified_ns);
            snapshot.put_collection(&member, kind, created_s, properties, now_s);
            scan_members(&child, &member, kind, snapshot, now_s)?;
        } else if let Some(object) = read_object(dir, &name, kind)? {
            snapshot.put_object(&member, object, now_s);
        }
    }
    Ok(())
}

/// Kind and properties of a directory.
fn read_collection(
    dir: &Dir,
    path: &HomePath,
) -> Result<(CollectionKind, Arc<PropertySet>), StoreError> {
    let (stored, properties) = collection_properties(dir)?;
    let kind = match (stored, path.segments()) {
        (_, [name]) if name == "inbox" => CollectionKind::Inbox,
        (_, [name]) if name == "outbox" => CollectionKind::Outbox,
        (Some(kind), _) => kind,
        (None, [name]) if name == "calendar" => CollectionKind::Calendar,
        (None, _) => {
            let holds = dir.list()?.0.iter().any(|listed| listed.name.ends_with(".ics"));
            if holds { CollectionKind::Calendar } else { CollectionKind::Plain }
        }
    };
    Ok((kind, properties))
}

fn collection_properties(
    dir: &Dir,
) -> Result<(Option<CollectionKind>, Arc<PropertySet>), StoreError> {
    let mut kind = None;
    let mut set = PropertySet::default();
    for (name, xml) in attribute::read_all(dir, dir.path())? {
        if name == RESOURCE_TYPE {
            kind = Some(kind_of(&xml));
        } else {
            set.set(name, Arc::from(xml));
        }
    }
    Ok((kind, set.shared()))
}

/// The entry of one file; none when it vanished. What cannot be read is damaged, not an error.
fn read_object(
    dir: &Dir,
    name: &str,
    parent: CollectionKind,
) -> Result<Option<ObjectEntry>, StoreError> {
    let Some((kind, stat)) = dir.stat(name)? else { return Ok(None) };
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
        Err(reason) => entry.kind = ObjectKind::Damaged { line: 0, reason: Arc::from(reason) },
    }
    if let ObjectKind::Damaged { line, reason } = &entry.kind {
        tracing::warn!(path = %dir.path().join(name).display(), line, %reason, "damaged file");
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
    let reason = |error: crate::disk::DiskError| format!("it cannot be read: {}", error.source);
    let Some(file) = dir.open_file(name).map_err(reason)? else { return Ok(None) };
    if size > HUGE && parent.holds_objects() {
        return Err("it is too large".to_owned());
    }
    let properties = attribute::read_all(&file, dir.path()).map_err(reason)?;
    let properties: PropertySet =
        properties.into_iter().map(|(name, xml)| (name, Arc::from(xml))).collect();
    let content = super::home::read_all(file, dir.path()).map_err(|error| error.to_string())?;
    let kind = if parent.holds_objects() { summary::of_bytes(&content) } else { ObjectKind::Plain };
    Ok(Some((ObjectEntry::hash_of(&content), properties.shared(), kind)))
}
