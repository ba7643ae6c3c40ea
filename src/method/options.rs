//! OPTIONS (RFC 9110 §9.3.7) and the DAV field: what the server announces. Every token here is a
//! promise that docs/conformance.md keeps.

use super::allow;
use super::context::Context;
use crate::dav::{Response, Result};

/// The compliance classes and extensions.
pub const DAV: &str = "1, 2, 3, access-control, extended-mkcol, calendar-access, \
    calendar-schedule, calendar-auto-schedule, calendar-availability, \
    calendarserver-principal-property-search, calendar-proxy, calendarserver-private-events, \
    calendarserver-private-comments, calendarserver-recurrence-split, \
    calendarserver-group-attendee, calendar-managed-attachments, \
    calendar-query-extended, calendarserver-home-sync, inbox-availability, \
    calendar-no-timezone";

/// Tells what can be done with the resource.
pub fn run(context: &Context) -> Result<Response> {
    let resource = &context.resource;
    Ok(Response::new(200)
        .with("dav", DAV)
        .with("allow", allow::field(resource.kind, resource.exists))
        .with("accept-ranges", "bytes"))
}
