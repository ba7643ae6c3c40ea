//! The document root of a Darwin Calendar Server of its file-based era (reference system §3):
//! homes where every version put them, properties in every form they were stored in, delegates and
//! automatic scheduling from its two small databases.
//!
//! What can be made again is left behind: indexes, tags, checksums, used bytes.

mod databases;
mod home;
mod pickle;
mod property;
mod sqlite;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;
use std::path::Path;

use super::{Intake, TransferError, source};
use crate::disk::{Dir, EntryKind};
use crate::principal::{Directory, Principals, RecordType};

/// Takes every home below `root`, and what the databases of `data_root` say. The databases of
/// early versions lie in the document root itself.
pub fn import(
    intake: &mut Intake<'_>,
    principals: &Principals,
    root: &Path,
    data_root: Option<&Path>,
) -> Result<(), TransferError> {
    let unfit = |reason: &str| TransferError::Unfit {
        path: root.display().to_string(),
        reason: reason.to_owned(),
    };
    let top = source::open(root)?;
    let calendars = top.open_dir("calendars")?;
    let calendars = calendars.ok_or_else(|| unfit("it has no directory called calendars"))?;
    let directory = principals.current();
    let homes = find(intake, &directory, &calendars)?;
    for (guid, place) in &homes {
        if let Some(dir) = open(&calendars, place)? {
            home::take(intake, &directory, guid, &dir)?;
            intake.finish()?;
        }
    }
    databases::take(intake, principals, &top, data_root)
}

/// Where a home is, below `calendars`.
type Place = Vec<String>;

fn open(calendars: &Dir, place: &[String]) -> Result<Option<Dir>, TransferError> {
    let Some((first, rest)) = place.split_first() else { return Ok(None) };
    let mut dir = calendars.open_dir(first)?;
    for name in rest {
        dir = match dir {
            Some(parent) => parent.open_dir(name)?,
            None => return Ok(None),
        };
    }
    Ok(dir)
}

/// All homes by GUID. One that is at two places is taken from the newer one.
fn find(
    intake: &mut Intake<'_>,
    directory: &Directory,
    calendars: &Dir,
) -> Result<BTreeMap<String, Place>, TransferError> {
    let mut homes = BTreeMap::new();
    let mut add = |intake: &mut Intake<'_>, guid: &str, place: Place| {
        let path = place.iter().fold(calendars.path().to_owned(), |at, name| at.join(name));
        if crate::disk::layout::home_shard(guid).is_none() {
            return intake.refuse(&path, 0, "no home can have this GUID");
        }
        // GUIDs are written in capitals here; what is none is left as it is.
        let guid = directory.by_guid(guid).map_or(guid, |record| record.guid.as_str());
        match homes.contains_key(guid) {
            true => intake.refuse(&path, 0, format!("there is another home of {guid}")),
            false => drop(homes.insert(guid.to_owned(), place)),
        }
    };
    let directories = |dir: &Dir| -> Result<Vec<String>, TransferError> {
        let names = source::names(dir)?.into_iter();
        let names = names.filter(|(_, kind)| *kind == EntryKind::Directory).map(|(name, _)| name);
        Ok(names.filter(|name| !name.starts_with('.')).collect())
    };
    let mut early = Vec::new();
    if let Some(uids) = calendars.open_dir("__uids__")? {
        for first in directories(&uids)? {
            // Before homes were sharded they lay here; shards have two characters.
            if first.chars().count() > 2 {
                early.push((first.clone(), vec!["__uids__".to_owned(), first]));
                continue;
            }
            let Some(shard) = uids.open_dir(&first)? else { continue };
            for second in directories(&shard)? {
                let Some(inner) = shard.open_dir(&second)? else { continue };
                for guid in directories(&inner)? {
                    let place = ["__uids__", &first, &second, &guid].map(str::to_owned);
                    add(intake, &guid, place.to_vec());
                }
            }
        }
    }
    for (guid, place) in early {
        add(intake, &guid, place);
    }
    for record_type in RecordType::ALL {
        let Some(dir) = calendars.open_dir(record_type.segment())? else { continue };
        for name in directories(&dir)? {
            match directory.by_name(record_type, &name) {
                Some(record) => {
                    let place = vec![record_type.segment().to_owned(), name];
                    add(intake, &record.guid, place);
                }
                None => {
                    let reason = format!("no account is called {record_type}:{name}");
                    intake.refuse(&dir.path().join(name), 0, reason);
                }
            }
        }
    }
    Ok(homes)
}
