//! PUT (RFC 9110 §9.3.4): a member of a calendar goes through `object`, everything else in a home
//! is a plain file.

use super::context::Context;
use super::{get, object, plain};
use crate::acl::Privilege;
use crate::dav::header::Prefer;
use crate::dav::kind::ResourceKind;
use crate::dav::{Error, Response, Result};

/// Stores the body under the request's path. Who wants the representation and comes too late is
/// told what is there with the refusal (RFC 8144 §3.1).
pub fn run(context: &Context) -> Result<Response> {
    match store(context) {
        Err(refusal) if refusal.status == 412 && Prefer::of(context.request)?.representation => {
            what_is_there(context).ok_or(refusal)
        }
        answer => answer,
    }
}

/// The current representation, with the status of a failed condition; none when there is none or
/// the client may not see it.
fn what_is_there(context: &Context) -> Option<Response> {
    let resource = context.resolve(&context.request.path).ok()?;
    context.access.require(&resource, &[Privilege::Read]).ok()?;
    let current = get::current(context, &resource).ok()?;
    let response = Response { status: 412, ..current };
    let response = response.with("preference-applied", "return=representation");
    Some(response.with("content-location", context.href(&resource)))
}

fn store(context: &Context) -> Result<Response> {
    let target = &context.resource;
    refuse_partial(context)?;
    match target.kind {
        ResourceKind::CalendarObject | ResourceKind::InboxItem => object::put(context),
        ResourceKind::PlainFile | ResourceKind::Collection if !target.exists => {
            if context.request.path.has_slash() {
                return Err(Error::status(409).because("a file's name does not end with a slash"));
            }
            plain::put(context)
        }
        ResourceKind::PlainFile => plain::put(context),
        _ => Err(Error::status(403).because("nothing can be stored under this name")),
    }
}

/// A body that is only a part must not replace the whole (RFC 9110 §14.5).
fn refuse_partial(context: &Context) -> Result<()> {
    match context.request.header("content-range") {
        Some(_) => Err(Error::bad_request("partial PUT is not supported")),
        None => Ok(()),
    }
}
