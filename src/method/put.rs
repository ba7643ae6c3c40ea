//! PUT (RFC 9110 §9.3.4): a member of a calendar goes through `object`, everything else in a home
//! is a plain file.

use super::context::Context;
use super::{object, plain};
use crate::dav::kind::ResourceKind;
use crate::dav::{Error, Response, Result};

/// Stores the body under the request's path.
pub fn run(context: &Context) -> Result<Response> {
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
