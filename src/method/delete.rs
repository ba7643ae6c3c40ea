//! DELETE (RFC 4918 §9.6, RFC 6638 §3.2.1).

use super::context::Context;
use super::guard;
use crate::dav::header::Depth;
use crate::dav::kind::ResourceKind;
use crate::dav::{Error, Response, Result};

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
    let touched = guard::removal(&place.path);
    place.home.write(|tx| -> Result<()> {
        guard::inside(context, tx, &place.path, &touched)?;
        if tx.snapshot().entry(&place.path).is_none() {
            return Err(Error::not_found());
        }
        tx.delete(&place.path)?;
        guard::forget_locks(context, tx, &place.path)?;
        Ok(())
    })?;
    Ok(Response::new(204))
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
