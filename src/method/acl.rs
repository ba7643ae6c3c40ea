//! ACL (RFC 3744 §8.1): replaces the ACEs of a resource that are neither protected nor inherited.

use super::context::Context;
use super::guard;
use crate::acl::{PrincipalKey, change, text};
use crate::dav::{Error, Name, Response, Result};
use crate::resource::access::STORED_ACL;
use crate::store::PropertyChanges;
use crate::xml::Element;
use crate::xml::request::Acl;

/// Stores the ACEs of the body. The preconditions are those of RFC 3744 §8.1.1, first what the
/// body alone tells, then what the resource has.
pub fn run(context: &Context) -> Result<Response> {
    let resource = &context.resource;
    let Some(place) = resource.place.as_ref().filter(|_| resource.exists) else {
        return Err(Error::not_found());
    };
    let body = Acl::parse(&context.request.body)?;
    let body = body.aces.into_iter().fold(Element::new(Name::dav("acl")), Element::with_child);
    let wanted = text::read_request(&body, &|href| recognise(context, href))?;
    guard::early(context, resource)?;
    let current = context.view().access.aces(resource);
    let owner = resource.owner.as_ref().map(|owner| owner.guid.as_str());
    let stored = text::stored(&change::replace(resource.kind, owner, &current, wanted)?);
    place.home.write(|tx| -> Result<()> {
        guard::inside(context, tx, &place.path, &guard::change(&place.path))?;
        let changes = PropertyChanges::none().with(STORED_ACL, stored);
        Ok(tx.patch_properties(&place.path, &changes)?)
    })?;
    Ok(Response::new(200))
}

/// The principal behind an href: only by its canonical URL, so that an ACL reads the same for
/// everybody (reference system §5.8).
fn recognise(context: &Context, href: &str) -> Option<PrincipalKey> {
    let path = context.request.origin.path_of(href).ok()?;
    let key = PrincipalKey::from_path(&path)?;
    let record = context.directory.by_guid(&key.guid)?;
    let known = record.guid == key.guid && (key.proxy.is_none() || record.calendar_enabled);
    known.then_some(key)
}
