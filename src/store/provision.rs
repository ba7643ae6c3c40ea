//! Makes homes with what belongs into every one, and the links by which people find theirs.

use std::path::PathBuf;
use std::sync::Arc;

use crate::disk::{Replacing, layout, temporary_name};
use crate::index::{CollectionKind, HomePath};

use super::{Home, PropertyChanges, Store, StoreError};

/// What a home has from the beginning.
#[derive(Clone, Debug, Default)]
pub struct Provision {
    /// Collections directly in the home.
    pub collections: Vec<ProvisionedCollection>,
    /// Properties of the home itself, set when it is made.
    pub properties: PropertyChanges,
    /// Links for people: record type (`users`) and short name (`alice`).
    pub links: Vec<(String, String)>,
}

/// One collection that is made by the server.
#[derive(Clone, Debug)]
pub struct ProvisionedCollection {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub kind: CollectionKind,
    /// Its properties, set when it is made.
    pub properties: PropertyChanges,
    /// Made again when it is missing later; otherwise made only together with the home.
    pub always: bool,
}

/// The home of `guid`, made or completed.
pub(super) fn provision(
    store: &Store,
    guid: &str,
    initial: &Provision,
) -> Result<Arc<Home>, StoreError> {
    let shard = layout::home_shard(guid).ok_or_else(|| StoreError::Name {
        name: guid.to_owned(),
        reason: layout::NameError::Impossible,
    })?;
    let (home, new) = match store.home(guid)? {
        Some(home) => (home, false),
        None => (make(store, guid, &shard, initial)?, true),
    };
    let snapshot = home.snapshot();
    let missing: Vec<_> = initial
        .collections
        .iter()
        .filter(|wanted| wanted.always && snapshot.root().member(&wanted.name).is_none())
        .collect();
    if !missing.is_empty() {
        home.write(|transaction| -> Result<(), StoreError> {
            for wanted in missing {
                let path = HomePath::new([wanted.name.as_str()]);
                if transaction.entry(&path).is_none() {
                    transaction.make_collection(&path, wanted.kind, &wanted.properties)?;
                }
            }
            Ok(())
        })?;
    }
    if new {
        for (record_type, short_name) in &initial.links {
            link(store, guid, record_type, short_name)?;
        }
    }
    Ok(home)
}

/// Makes the home beside its place and renames it there when it is complete.
fn make(
    store: &Store,
    guid: &str,
    shard: &std::path::Path,
    initial: &Provision,
) -> Result<Arc<Home>, StoreError> {
    let parent = store.tree.make_dirs(shard)?;
    let temporary = temporary_name();
    parent.make_dir(&temporary)?;
    let filled = fill(store, guid, &shard.join(&temporary), initial)
        .and_then(|()| Ok(parent.rename(&temporary, &parent, guid, Replacing::No)?));
    match filled {
        Ok(()) => parent.sync()?,
        Err(error) => {
            parent.remove_all(&temporary)?;
            // Another request may have been faster.
            if !matches!(&error, StoreError::Disk(error) if error.is_taken()) {
                return Err(error);
            }
        }
    }
    store.home(guid)?.ok_or_else(|| StoreError::NotFound(HomePath::root()))
}

fn fill(
    store: &Store,
    guid: &str,
    relative: &std::path::Path,
    initial: &Provision,
) -> Result<(), StoreError> {
    let home = Home::open(store, guid, relative.to_owned())?;
    home.write(|transaction| {
        transaction.patch_properties(&HomePath::root(), &initial.properties)?;
        for wanted in &initial.collections {
            let path = HomePath::new([wanted.name.as_str()]);
            transaction.make_collection(&path, wanted.kind, &wanted.properties)?;
        }
        Ok(())
    })
}

/// Makes or mends `calendars/users/alice`.
fn link(store: &Store, guid: &str, record_type: &str, short_name: &str) -> Result<(), StoreError> {
    let record_type = super::home::name_of(record_type)?;
    let short_name = super::home::name_of(short_name)?;
    let target = format!("../{}/{}/{}/{guid}", layout::UIDS, &guid[..2], &guid[2..4]);
    let place: PathBuf = [layout::CALENDARS, &record_type].iter().collect();
    let dir = store.tree.make_dirs(&place)?;
    match dir.read_link(&short_name)? {
        Some(found) if found == target => Ok(()),
        // What is no link is not ours.
        None if dir.stat(&short_name)?.is_some() => Ok(()),
        _ => {
            let temporary = temporary_name();
            dir.make_link(&temporary, &target)?;
            Ok(dir.rename(&temporary, &dir, &short_name, Replacing::Yes)?)
        }
    }
}
