//! The files in `.scheduled`: what they are called, what a listing of them says, how they begin.

use std::collections::{BTreeSet, HashMap};

use crate::disk::{Dir, layout};
use crate::index::{HomePath, ObjectEntry, Snapshot};
use crate::store::StoreError;

use super::{COMPLETE, Key, has_people, key_of};

pub(super) fn hex(hash: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(hash))
}

pub(super) fn file_name(key: Key, content: [u8; 16]) -> String {
    format!("{}-{}.ics", hex(key), hex(content))
}

pub(super) fn parts(name: &str) -> Option<(Key, [u8; 16])> {
    let (key, content) = name.strip_suffix(".ics")?.split_once('-')?;
    let hash = |text: &str| Some(u128::from_str_radix(text, 16).ok()?.to_be_bytes());
    Some((hash(key)?, hash(content)?))
}

/// What a listing says. Of several copies under a UID, which no transaction leaves, the newest.
pub(super) fn list(copies: &Dir) -> Result<HashMap<Key, [u8; 16]>, StoreError> {
    let mut found = HashMap::new();
    let mut ages = HashMap::new();
    for listed in copies.list()?.0 {
        let Some((key, content)) = parts(&listed.name) else { continue };
        let age = copies.stat(&listed.name)?.map_or(0, |(_, stat)| stat.changed_ns);
        if let Some(other) = found.get(&key) {
            let newer = ages.get(&key).is_none_or(|other| age > *other);
            let older = if newer { *other } else { content };
            copies.remove_file(&file_name(key, older))?;
            if !newer {
                continue;
            }
        }
        found.insert(key, content);
        ages.insert(key, age);
    }
    Ok(found)
}

/// Takes the objects as they are for scheduled: nobody knows what was sent.
pub(super) fn adopt(dir: &Dir, now: &Snapshot) -> Result<(), StoreError> {
    dir.remove_all(layout::SCHEDULED)?;
    dir.make_dir(layout::SCHEDULED)?;
    let Some(copies) = dir.open_dir(layout::SCHEDULED)? else { return Ok(()) };
    let mut adopted = BTreeSet::new();
    for (at, calendar) in now.calendars() {
        let Some(objects) = open_below(dir, &at)? else { continue };
        for (name, object) in calendar.objects() {
            let Some(summary) = object.calendar().filter(|summary| has_people(Some(summary)))
            else {
                continue;
            };
            let Ok(name) = layout::file_name(name) else { continue };
            let key = key_of(summary.uid());
            if let Some(content) = objects.read(&name, u64::MAX)?
                && adopted.insert(key)
            {
                copies.replace(&file_name(key, ObjectEntry::hash_of(&content)), &content, false)?;
            }
        }
    }
    dir.sync_file_system()?;
    copies.replace(COMPLETE, b"", true)?;
    if !adopted.is_empty() {
        let (path, objects) = (dir.path().display(), adopted.len());
        tracing::info!(%path, objects, "what was edited until now is taken for scheduled");
    }
    Ok(())
}

fn open_below(dir: &Dir, path: &HomePath) -> Result<Option<Dir>, StoreError> {
    let mut found: Option<Dir> = None;
    for segment in path.segments() {
        let Ok(name) = layout::file_name(segment) else { return Ok(None) };
        let next = found.as_ref().unwrap_or(dir).open_dir(&name)?;
        let Some(next) = next else { return Ok(None) };
        found = Some(next);
    }
    Ok(found)
}
