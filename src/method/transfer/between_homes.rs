//! COPY and MOVE from one home into another: plain files, and collections of them.
//!
//! Calendars stay with their owner, and so does a collection that holds one: their objects are the
//! owner's own copies of meetings, which are given to nobody else (reference system §6.5; RFC 4918
//! §9.8.5 has 403 for it). Never two transactions at once: the copy is made whole, and then the
//! source goes, if it still is what was copied.

use super::{Transfer, copied_properties, make_new, retag};
use crate::dav::header::Depth;
use crate::dav::{ETag, Error, Result};
use crate::method::context::Context;
use crate::method::scheduling::{self, Scheduling, owner_of};
use crate::method::{delete, guard};
use crate::resource::{self, Place, Resource};
use crate::schedule::Committed;
use crate::store::{CollectionKind, Entry, HomePath, Snapshot, Transaction};

/// Does it; tells whether there was nothing before.
pub(super) fn run(context: &Context, transfer: &Transfer) -> Result<bool> {
    let (from, to) = (place(&transfer.from)?, place(&transfer.to)?);
    let tree = tree(&from.snapshot, &from.path, transfer.depth);
    let stays = |entry: &Entry| {
        entry.collection().is_some_and(|collection| collection.kind != CollectionKind::Plain)
    };
    if tree.iter().any(|(_, entry)| stays(entry)) {
        return Err(Error::status(403).because("calendars stay with their owner"));
    }
    if transfer.moving {
        delete::keeps_attachments(&from.snapshot, &from.path)?;
    }
    let scheduling = Scheduling::of(context);
    let locks = scheduling.lock(scheduling::uids_below(&to.snapshot, &to.path))?;
    let (created, committed) = to.home.write(|tx| -> Result<(bool, Vec<Committed>)> {
        guard::locks_allow(context, tx, &guard::removal(&to.path))?;
        let replaced = tx.entry(&to.path).is_some();
        if replaced && !transfer.overwrite {
            return Err(Error::precondition_failed().because("the destination exists"));
        }
        let mut committed = Vec::new();
        if replaced {
            committed = delete::inside(context, tx, &scheduling, owner_of(&transfer.to), to)?;
        }
        for (path, entry) in &tree {
            let copy = path.moved(&from.path, &to.path).ok_or_else(Error::not_found)?;
            copy_one(context, tx, transfer, (path, entry), &copy)?;
        }
        // What is moved keeps its identifiers and what its ACL grants (RFC 3744 §7.3).
        if !transfer.moving {
            make_new(tx, &to.path)?;
        }
        Ok((!replaced, committed))
    })?;
    scheduling.deliver(locks, committed);
    if transfer.moving {
        remove_source(context, transfer)?;
    }
    Ok(created)
}

/// Removes what has been copied into another home, unless it has changed since it was read.
pub(super) fn remove_source(context: &Context, transfer: &Transfer) -> Result<()> {
    let from = place(&transfer.from)?;
    let copied = tags(&from.snapshot, &from.path);
    delete::remove_if(context, &transfer.from, from, |tx| {
        match tags(tx.snapshot(), &from.path) == copied {
            true => Ok(()),
            false => Err(Error::status(409).because("it changed while it was copied, and stays")),
        }
    })
}

fn copy_one(
    context: &Context,
    tx: &mut Transaction,
    transfer: &Transfer,
    (path, entry): (&HomePath, &Entry),
    copy: &HomePath,
) -> Result<()> {
    let properties = copied_properties(entry);
    if let Some(collection) = entry.collection() {
        return Ok(tx.make_collection(copy, collection.kind, &properties)?);
    }
    let bytes = place(&transfer.from)?.home.read(path)?;
    let bytes = bytes.ok_or_else(|| Error::status(409).because("a member is gone"))?;
    tx.put(copy, &bytes, None, &properties)?;
    retag(context, tx, owner_of(&transfer.to), copy)
}

/// Everything at and below a path, collections before their members.
fn tree(snapshot: &Snapshot, root: &HomePath, depth: Depth) -> Vec<(HomePath, Entry)> {
    let mut found = Vec::new();
    let mut waiting = vec![root.clone()];
    while let Some(path) = waiting.pop() {
        let Some(entry) = snapshot.entry(&path) else { continue };
        if depth != Depth::Zero {
            waiting.extend(snapshot.children(&path).map(|(name, _)| path.join(&name)));
        }
        found.push((path, entry));
    }
    found
}

/// The files at and below a path, and what they hold.
fn tags(snapshot: &Snapshot, root: &HomePath) -> Vec<(HomePath, Option<ETag>)> {
    let files = tree(snapshot, root, Depth::Infinity).into_iter();
    let files = files.filter(|(_, entry)| entry.object().is_some());
    files.map(|(path, _)| (path.clone(), resource::etag_at(snapshot, &path))).collect()
}

fn place(resource: &Resource) -> Result<&Place> {
    resource.place.as_ref().ok_or_else(|| Error::status(403))
}
