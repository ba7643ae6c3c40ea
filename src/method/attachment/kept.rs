//! The files of managed attachments, in the transactions that write and remove the events which
//! name them: an attachment goes when no object of its home names it any more (RFC 8607 §3.7).

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::acl::{Ace, AcePrincipal, PrincipalKey, Privilege, text};
use crate::caldav::attachment::{self, Managed};
use crate::dav::{DavPath, Error, Precondition, Result};
use crate::ical::{self, Component};
use crate::method::context::Context;
use crate::method::plain;
use crate::resource::access::STORED_ACL;
use crate::resource::attachment::{self as place, attached_to, attached_to_property};
use crate::resource::attachment::{ATTACHED_TO, ATTACHMENTS};
use crate::store::{CollectionKind, HomePath, PropertyChanges, Transaction};

/// The URL of an attachment in the home of the request, for everybody who is told of it.
pub fn url(context: &Context, id: &str, filename: &str) -> String {
    place::url(&base(context), id, filename)
}

/// The home of the request as an absolute URL without slash.
fn base(context: &Context) -> String {
    let origin = &context.request.origin;
    let server = match context.config.server.public_url.trim_end_matches('/') {
        "" => format!("{}://{}{}", origin.scheme, origin.authority, origin.prefix),
        url => url.to_owned(),
    };
    let owner = context.resource.owner.as_ref().map(|owner| owner.guid.as_str());
    let home = ["calendars", "__uids__", owner.unwrap_or_default()];
    format!("{server}{}", DavPath::from_segments(home, false).href())
}

/// Writes the file of a new attachment.
pub fn write(context: &Context, it: &Managed, uid: &str, content: &Bytes) -> Result<()> {
    let home = &context.resource.place.as_ref().ok_or_else(Error::not_found)?.home;
    home.write(|tx| -> Result<()> {
        let all = HomePath::new([ATTACHMENTS]);
        if tx.snapshot().entry(&all).is_none() {
            tx.make_collection(&all, CollectionKind::Plain, &PropertyChanges::none())?;
        }
        let at = place::collection(&it.id);
        let uids = attached_to_property(&[uid.to_owned()]);
        let properties = PropertyChanges::none().with(ATTACHED_TO, uids);
        tx.make_collection(&at, CollectionKind::Plain, &properties)?;
        let (name, xml) = plain::content_type_property(&it.media_type);
        let properties = PropertyChanges::none().with(name, xml);
        tx.put(&at.join(&it.filename), content, None, &properties)?;
        Ok(())
    })
}

/// Removes an attachment that no event came to name.
pub fn forget(context: &Context, id: &str) -> Result<()> {
    let home = &context.resource.place.as_ref().ok_or_else(Error::not_found)?.home;
    home.write(|tx| -> Result<()> {
        let at = place::collection(id);
        match tx.snapshot().entry(&at) {
            Some(_) => Ok(tx.delete(&at)?),
            None => Ok(()),
        }
    })
}

/// Looks at the attachments of an object before it is stored: those that it names for the first
/// time must be there, and what the object says of them is put right. Returns whether it was not.
pub fn check(
    context: &Context,
    tx: &Transaction,
    old: Option<&Component>,
    new: &mut Component,
) -> Result<bool> {
    let before = old.map(attachment::ids).unwrap_or_default();
    let named = attachment::ids(new);
    if named.is_empty() {
        return Ok(false);
    }
    let original = new.clone();
    for id in named {
        match place::find(tx.snapshot(), &id, &base(context)) {
            Some(it) => attachment::replace(new, &id, &it),
            // Of an invitation: it lies with the organizer.
            None if before.contains(&id) => {}
            None => return Err(Precondition::ValidManagedId.into()),
        }
    }
    Ok(*new != original)
}

/// After an object was stored or split: keeps for each attachment who names it and who may read
/// it, and removes those that nobody names.
pub fn settle(
    context: &Context,
    tx: &mut Transaction,
    uid: &str,
    ids: &BTreeSet<String>,
) -> Result<()> {
    for id in ids {
        let at = place::collection(id);
        let Some(properties) = tx.snapshot().properties(&at) else { continue };
        let Some(mut uids) = attached_to(&properties) else { continue };
        if !uids.iter().any(|known| known == uid) {
            uids.push(uid.to_owned());
        }
        let mut readers = BTreeSet::new();
        let mut naming = Vec::new();
        for uid in uids {
            let objects = naming_objects(tx, &uid, id)?;
            if !objects.is_empty() {
                readers.extend(objects.iter().flat_map(|object| people(context, object)));
                naming.push(uid);
            }
        }
        if naming.is_empty() {
            tx.delete(&at)?;
            continue;
        }
        let ace = |guid: &String| {
            let principal = AcePrincipal::Principal(PrincipalKey::of(guid));
            Ace::grant(principal, &[Privilege::Read]).inherit()
        };
        let acl = text::stored(&readers.iter().map(ace).collect::<Vec<_>>());
        let changes = PropertyChanges::none()
            .with(ATTACHED_TO, attached_to_property(&naming))
            .with(STORED_ACL, acl);
        tx.patch_properties(&at, &changes)?;
    }
    Ok(())
}

/// After objects were removed: removes the attachments of objects that are gone.
pub fn sweep(tx: &mut Transaction) -> Result<()> {
    let snapshot = tx.snapshot();
    let orphaned: Vec<HomePath> = snapshot
        .children(&HomePath::new([ATTACHMENTS]))
        .filter_map(|(name, entry)| {
            let uids = attached_to(entry.properties())?;
            let there = |uid: &String| place::in_calendars(snapshot, uid).next().is_some();
            (!uids.iter().any(there)).then(|| place::collection(&name))
        })
        .collect();
    for at in orphaned {
        tx.delete(&at)?;
    }
    Ok(())
}

/// The objects with that UID which name the attachment.
fn naming_objects(tx: &Transaction, uid: &str, id: &str) -> Result<Vec<Component>> {
    let mut found = Vec::new();
    for path in place::in_calendars(tx.snapshot(), uid).collect::<Vec<_>>() {
        let parsed = tx.read(&path)?.and_then(|bytes| ical::parse(&bytes).ok());
        found.extend(parsed.filter(|object| attachment::ids(object).contains(id)));
    }
    Ok(found)
}

/// The principals that an object invites.
fn people(context: &Context, object: &Component) -> Vec<String> {
    let lines = object.main_components().flat_map(Component::properties);
    let lines = lines.filter(|line| matches!(line.name(), "ATTENDEE" | "ORGANIZER"));
    let found = lines.filter_map(|line| context.directory.by_address(line.value()));
    found.map(|record| record.guid.clone()).collect()
}
