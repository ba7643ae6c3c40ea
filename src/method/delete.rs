//! DELETE (RFC 4918 §9.6, RFC 6638 §3.2.1).

use super::attachment::kept;
use super::context::Context;
use super::guard;
use super::scheduling::{self, Scheduling};
use crate::dav::header::Depth;
use crate::dav::kind::ResourceKind;
use crate::dav::{Error, Precondition, Response, Result};
use crate::resource::{Place, Resource, attachment, default_calendar};
use crate::schedule::Committed;
use crate::store::{HomePath, Snapshot, Transaction};

/// Removes the resource of the request.
pub fn run(context: &Context) -> Result<Response> {
    let target = &context.resource;
    if !removable(target.kind) {
        return Err(Error::status(403).because("this resource belongs to the server"));
    }
    let place = target.place.as_ref().filter(|_| target.exists);
    let place = place.ok_or_else(Error::not_found)?;
    if target.kind.is_collection()
        && !matches!(Depth::of(context.request)?, None | Some(Depth::Infinity))
    {
        return Err(Error::bad_request("collections are deleted with Depth: infinity"));
    }
    guard::early(context, target)?;
    remove(context, target, place)?;
    Ok(Response::new(204))
}

/// Removes a resource with everything below it, and lets scheduling know of every object.
pub(super) fn remove(context: &Context, target: &Resource, place: &Place) -> Result<()> {
    remove_if(context, target, place, |_| Ok(()))
}

/// The same, if the transaction that removes it finds what it should.
pub(super) fn remove_if(
    context: &Context,
    target: &Resource,
    place: &Place,
    condition: impl Fn(&Transaction) -> Result<()>,
) -> Result<()> {
    let scheduling = Scheduling::of(context);
    let locks = scheduling.lock(scheduling::uids_below(&place.snapshot, &place.path))?;
    let touched = guard::removal(&place.path);
    let committed = place.home.write(|tx| -> Result<Vec<Committed>> {
        guard::inside(context, tx, &place.path, &touched)?;
        if tx.snapshot().entry(&place.path).is_none() {
            return Err(Error::not_found());
        }
        condition(tx)?;
        inside(context, tx, &scheduling, scheduling::owner_of(target), place)
    })?;
    scheduling.deliver(locks, committed);
    Ok(())
}

/// What is done inside the transaction, also when something is written over by COPY or MOVE.
pub(super) fn inside(
    context: &Context,
    tx: &mut Transaction,
    scheduling: &Scheduling,
    owner: &str,
    place: &Place,
) -> Result<Vec<Committed>> {
    keeps_default_calendar(context, tx, place)?;
    keeps_attachments(tx.snapshot(), &place.path)?;
    let committed = scheduling.delete_below(tx, owner, &place.path)?;
    tx.delete(&place.path)?;
    kept::sweep(tx)?;
    guard::forget_locks(context, tx, &place.path)?;
    Ok(committed)
}

/// The default calendar stays (RFC 6638 §4.3), by itself and with what it lies in.
fn keeps_default_calendar(context: &Context, tx: &Transaction, place: &Place) -> Result<()> {
    if context.config.scheduling.default_calendar_removable {
        return Ok(());
    }
    let default = default_calendar::current(tx.snapshot(), "VEVENT");
    if default.is_some_and(|default| place.path.contains(&default)) {
        return Err(Error::from(Precondition::DefaultCalendarNeeded)
            .because("this is the calendar that invitations go to"));
    }
    Ok(())
}

/// What events name stays as long as they name it.
pub(super) fn keeps_attachments(snapshot: &Snapshot, path: &HomePath) -> Result<()> {
    match attachment::is_attached(snapshot, path) {
        true => Err(Error::status(403).because("attachments are removed from their events")),
        false => Ok(()),
    }
}

/// Whether resources of that kind may be deleted or moved away at all.
pub(super) fn removable(kind: ResourceKind) -> bool {
    use ResourceKind as Kind;
    matches!(
        kind,
        Kind::Calendar
            | Kind::CalendarObject
            | Kind::InboxItem
            | Kind::Notification
            | Kind::Subscription
            | Kind::Collection
            | Kind::PlainFile
    )
}
