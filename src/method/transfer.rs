//! COPY and MOVE (RFC 4918 §9.8, §9.9; RFC 4791 §5.3.2.1): the rules that both share.

mod between_homes;

use super::context::Context;
use super::delete::{self, keeps_attachments, removable};
use super::scheduling::{self, Scheduling, owner_of};
use super::{default_calendar, guard, object};
use crate::acl::{Privilege, required};
use crate::dav::header::{self, Depth};
use crate::dav::kind::ResourceKind;
use crate::dav::{Error, Method, Precondition, Response, Result};
use crate::resource::access::STORED_ACL;
use crate::resource::{self, Resource, calendar, provision};
use crate::schedule::{self, Committed, Relocation, schedule_tag};
use crate::store::{CollectionKind, Entry, HomePath, PropertyChanges, Snapshot, Transaction};

/// What is to be copied or moved where.
struct Transfer {
    from: Resource,
    to: Resource,
    moving: bool,
    overwrite: bool,
    depth: Depth,
}

/// Answers COPY and MOVE.
pub fn run(context: &Context) -> Result<Response> {
    let transfer = Transfer {
        from: context.resource.clone(),
        to: destination(context)?,
        moving: context.request.method == Method::Move,
        overwrite: header::overwrite(context.request)?,
        depth: Depth::of(context.request)?.unwrap_or(Depth::Infinity),
    };
    let denied = allowed(context, &transfer.to);
    if denied.is_err() && transfer.to.kind.may_be_missing() && !context.access.sees(&transfer.to) {
        let path = header::destination(context.request)?;
        return Err(context.access.unseen(Method::Put, &transfer.to, &path));
    }
    check(&transfer)?;
    context.access.require_whole(&transfer.from)?;
    denied?;
    readable(context, &transfer)?;
    guard::early(context, &transfer.from)?;
    let created = if needs_validation(&transfer) {
        into_calendar(context, &transfer)?
    } else if transfer.from.shares_home(&transfer.to) {
        within_home(context, &transfer)?
    } else {
        between_homes::run(context, &transfer)?
    };
    let mut response = Response::new(if created { 201 } else { 204 });
    // A collection's URL ends with a slash, a file's does not, however the client wrote it.
    let path = transfer.to.path.clone().with_slash(transfer.from.kind.is_collection());
    // The answer tells the tag of a scheduling object that is there now (RFC 6638 §3.2.10).
    let now = context.resolve(&path)?;
    if let Some(tag) = now.schedule_tag(&context.directory) {
        response = response.with("schedule-tag", format!("\"{tag}\""));
    }
    Ok(match created {
        true => response.with("location", context.request.href(&path)),
        false => response,
    })
}

/// What the Destination names. Its home is made when nobody has asked for it yet, as that of the
/// request's own resource is before a method is called.
fn destination(context: &Context) -> Result<Resource> {
    let path = header::destination(context.request)?;
    let to = context.resolve(&path)?;
    match &to.owner {
        Some(owner) if to.is_unmade_home() => {
            let initial = provision::initial(&context.config.homes, owner);
            context.app.store.provision(&owner.guid, &initial)?;
            context.resolve(&path)
        }
        _ => Ok(to),
    }
}

/// Everything that can be said without looking into the data.
fn check(transfer: &Transfer) -> Result<()> {
    let Transfer { from, to, moving, .. } = transfer;
    let refuse = |reason: &str| Err(Error::status(403).because(reason));
    if !from.kind.in_home() && from.exists {
        return refuse("this resource can be neither copied nor moved");
    }
    if !from.exists {
        // What must not be written over is refused before anybody looks for the source.
        if *moving && transfer.overwrite {
            between_calendars(transfer)?;
        }
        return Err(Error::not_found());
    }
    if !removable(from.kind) {
        return refuse("this resource belongs to the server");
    }
    if !moving && from.kind == ResourceKind::Calendar {
        return refuse("calendars are moved but not copied");
    }
    let Some(place) = &to.place else { return refuse("nothing can be stored there") };
    if place.path.is_root() || !(removable(to.kind)) {
        return refuse("nothing can be stored there");
    }
    if from.canonical().with_slash(true).contains(&to.canonical()) {
        return refuse("the destination lies in the source");
    }
    if to.exists && to.canonical().with_slash(true).contains(&from.canonical()) {
        return refuse("the source lies in the destination");
    }
    if *moving && transfer.depth != Depth::Infinity && from.kind.is_collection() {
        return Err(Error::bad_request("collections are moved with Depth: infinity"));
    }
    if transfer.depth == Depth::One {
        return Err(Error::bad_request("Depth: 1 means nothing here"));
    }
    let parent = to.parent().filter(|parent| parent.exists && parent.kind.is_collection());
    let parent = parent.ok_or_else(|| Error::status(409).because("there is no such collection"))?;
    if parent.kind.holds_calendar_objects() && from.kind.is_collection() {
        let error = Error::from(Precondition::CalendarCollectionLocationOk);
        return Err(error.because("a calendar holds no collections"));
    }
    if from.kind == ResourceKind::Calendar && in_calendar(to) {
        return Err(Precondition::CalendarCollectionLocationOk.into());
    }
    if to.exists && !transfer.overwrite {
        return Err(Error::precondition_failed().because("the destination exists"));
    }
    between_calendars(transfer)
}

/// The destination is not the resource the pipeline decided about.
fn allowed(context: &Context, to: &Resource) -> Result<()> {
    let need = required::destination(context.request.method, to.exists);
    context.access.require(to, need.target)?;
    match to.parent() {
        Some(parent) => context.access.require(&parent, need.parent),
        None => Ok(()),
    }
}

/// A copy is not closed as its source is (`make_new`), so whoever makes it reads all that goes
/// into it. What is moved keeps its own access control.
fn readable(context: &Context, transfer: &Transfer) -> Result<()> {
    if transfer.moving || transfer.depth == Depth::Zero {
        return Ok(());
    }
    let mut waiting = transfer.from.members();
    while let Some(member) = waiting.pop() {
        context.access.require(&member, &[Privilege::Read])?;
        waiting.extend(member.members());
    }
    Ok(())
}

/// Objects that go from calendar to calendar.
fn between_calendars(transfer: &Transfer) -> Result<()> {
    let Transfer { from, to, .. } = transfer;
    if from.kind != ResourceKind::CalendarObject || to.kind != ResourceKind::CalendarObject {
        return Ok(());
    }
    let owner = |resource: &Resource| resource.owner.as_ref().map(|owner| owner.guid.clone());
    if owner(from) != owner(to) {
        return Err(Error::status(403).because("the calendars belong to different people"));
    }
    if transfer.moving && to.exists {
        return Err(Error::status(403).because("an object is not moved over another one"));
    }
    taken(transfer)
}

/// The calendar takes objects of this kind (RFC 4791 §5.3.2.1).
fn taken(transfer: &Transfer) -> Result<()> {
    let object = transfer.from.entry().and_then(Entry::object);
    let Some(summary) = object.and_then(|object| object.calendar()) else { return Ok(()) };
    let parent = transfer.to.parent().ok_or_else(|| Error::status(409))?;
    let kinds = calendar::component_kinds(&parent.properties());
    match kinds.iter().any(|kind| **kind == *summary.component()) {
        true => Ok(()),
        false => Err(Precondition::SupportedCalendarComponent.into()),
    }
}

fn in_calendar(resource: &Resource) -> bool {
    let mut above = resource.parent();
    while let Some(collection) = above {
        if collection.kind.holds_calendar_objects() {
            return true;
        }
        above = collection.parent();
    }
    false
}

/// Whether the data have never been looked at as a calendar object of the destination.
fn needs_validation(transfer: &Transfer) -> bool {
    transfer.to.kind == ResourceKind::CalendarObject
        && (transfer.from.kind != ResourceKind::CalendarObject)
}

/// A plain file becomes a calendar object: everything a PUT would be asked is asked.
fn into_calendar(context: &Context, transfer: &Transfer) -> Result<bool> {
    let mut incoming = object::read_resource(context, &transfer.from)?;
    if !transfer.moving {
        incoming.properties.set.retain(|(name, _)| *name != STORED_ACL);
    }
    let same_home = transfer.from.shares_home(&transfer.to);
    let purpose = match (&transfer.from.place, transfer.moving && same_home) {
        (Some(place), true) => object::Purpose::Move(place.path.clone()),
        _ => object::Purpose::Copy,
    };
    let stored = object::store(context, &transfer.to, incoming, purpose)?;
    if transfer.moving && !same_home {
        between_homes::remove_source(context, transfer)?;
    }
    Ok(stored.created)
}

fn within_home(context: &Context, transfer: &Transfer) -> Result<bool> {
    let (from, to) = paths(transfer)?;
    let place = transfer.from.place.as_ref().ok_or_else(Error::not_found)?;
    let scheduling = Scheduling::of(context);
    let mut uids = scheduling::uids_below(&place.snapshot, &from);
    uids.extend(scheduling::uids_below(&place.snapshot, &to));
    let locks = scheduling.lock(uids)?;
    let (created, committed) = place.home.write(|tx| -> Result<(bool, Vec<Committed>)> {
        let mut touched = guard::removal(&to);
        if transfer.moving {
            touched.extend(guard::removal(&from));
        }
        guard::inside(context, tx, &from, &touched)?;
        let source = tx.snapshot().entry(&from).ok_or_else(Error::not_found)?;
        let replaced = tx.snapshot().entry(&to).is_some();
        if replaced && !transfer.overwrite {
            return Err(Error::precondition_failed().because("the destination exists"));
        }
        if transfer.moving {
            keeps_attachments(tx.snapshot(), &from)?;
        }
        uids_stay_unique(context, tx.snapshot(), transfer, &from, &to)?;
        let mut committed = judge(&scheduling, tx, transfer, &from, &to)?;
        if replaced {
            let to = transfer.to.place.as_ref().ok_or_else(Error::not_found)?;
            let owner = owner_of(&transfer.to);
            committed.extend(delete::inside(context, tx, &scheduling, owner, to)?);
        }
        match &source {
            _ if transfer.moving => {
                tx.rename(&from, &to)?;
                retag(context, tx, owner_of(&transfer.to), &to)?;
                guard::forget_locks(context, tx, &from)?;
                default_calendar::follow(tx, &transfer.from, &transfer.to)?;
            }
            Entry::Collection(collection) if transfer.depth == Depth::Zero => {
                let properties = copied_properties(&source);
                tx.make_collection(&to, collection.kind, &properties)?;
                make_new(tx, &to)?;
            }
            _ => {
                tx.copy(&from, &to)?;
                retag(context, tx, owner_of(&transfer.to), &to)?;
                make_new(tx, &to)?;
            }
        }
        Ok((!replaced, committed))
    })?;
    scheduling.deliver(locks, committed);
    Ok(created)
}

/// A scheduling object that has moved has a new tag; what is no scheduling object where it is now
/// has none (RFC 6638 §3.2.10). `owner` is the GUID of the home's.
fn retag(context: &Context, tx: &mut Transaction, owner: &str, path: &HomePath) -> Result<()> {
    let Some(object) = tx.object(path) else { return Ok(()) };
    let tag = resource::schedule_tag_at(&context.directory, owner, tx.snapshot(), path);
    let parent = path.parent().and_then(|parent| tx.snapshot().collection(&parent).cloned());
    let in_calendar = parent.is_some_and(|parent| parent.kind == CollectionKind::Calendar);
    let changes = match tag {
        Some(_) if in_calendar => schedule_tag::replace(PropertyChanges::none()),
        _ if object.stored_schedule_tag().is_some() => {
            schedule_tag::forget(PropertyChanges::none())
        }
        _ => return Ok(()),
    };
    Ok(tx.patch_properties(path, &changes)?)
}

/// What a COPY or MOVE of one object means to scheduling (RFC 6638 §3.2.3.3, §3.2.3.4).
fn judge(
    scheduling: &Scheduling,
    tx: &mut Transaction,
    transfer: &Transfer,
    from: &HomePath,
    to: &HomePath,
) -> Result<Vec<Committed>> {
    if tx.snapshot().object(from).is_none() {
        return Ok(Vec::new());
    }
    let owner = owner_of(&transfer.from);
    let judge = if transfer.moving { schedule::on_move } else { schedule::on_copy };
    match judge(&scheduling.env(), tx.snapshot(), owner, from, to)? {
        Relocation::AsDelete => scheduling.delete_below(tx, owner, from),
        // What becomes a calendar object has been stored as if by PUT (`into_calendar`).
        Relocation::AsPut | Relocation::Silent => Ok(Vec::new()),
    }
}

/// A copy is another resource: nothing in it has the ACL of what it was copied from (RFC 3744
/// §7.4), and every collection gets an identifier of its own (RFC 5842 §2.2). Objects have none.
fn make_new(tx: &mut Transaction, copy: &HomePath) -> Result<()> {
    let mut waiting = vec![copy.clone()];
    while let Some(path) = waiting.pop() {
        let Some(entry) = tx.snapshot().entry(&path) else { continue };
        let mut changes = PropertyChanges::none();
        if entry.properties().get(&STORED_ACL).is_some() {
            changes.remove.push(STORED_ACL);
        }
        if let Some(collection) = entry.collection() {
            waiting.extend(collection.children().map(|(name, _)| path.join(name)));
            let (name, xml) = provision::new_resource_id();
            changes = changes.with(name, xml);
        }
        if !changes.is_empty() {
            tx.patch_properties(&path, &changes)?;
        }
    }
    Ok(())
}

fn paths(transfer: &Transfer) -> Result<(HomePath, HomePath)> {
    match (&transfer.from.place, &transfer.to.place) {
        (Some(from), Some(to)) => Ok((from.path.clone(), to.path.clone())),
        _ => Err(Error::status(403)),
    }
}

/// A UID stands once in a calendar (RFC 4791 §4.1); what is moved away does not count.
fn uids_stay_unique(
    context: &Context,
    snapshot: &Snapshot,
    transfer: &Transfer,
    from: &HomePath,
    to: &HomePath,
) -> Result<()> {
    let Some(object) = snapshot.object(from) else { return Ok(()) };
    let in_calendar = to
        .parent()
        .and_then(|parent| snapshot.collection(&parent).cloned())
        .is_some_and(|collection| collection.kind == CollectionKind::Calendar);
    match object.calendar() {
        Some(summary) if in_calendar => {
            let gone = transfer.moving.then_some(from);
            object::uid_is_free(context, snapshot, summary.uid(), to, gone)
        }
        _ => Ok(()),
    }
}

/// The dead properties of a resource, for its copy.
pub(super) fn copied_properties(entry: &Entry) -> PropertyChanges {
    let properties = entry.properties();
    let set = properties.iter().map(|(name, xml)| (name.clone(), xml.to_string())).collect();
    PropertyChanges { set, ..PropertyChanges::default() }
}
