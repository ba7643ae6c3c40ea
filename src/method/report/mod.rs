//! REPORT (RFC 3253 §3.6): the root element says which one. Order: can the body be read, may they,
//! does the resource exist, has it this report. What they may depends on the report, so this is
//! the one method that asks for it; `acl::required` says what.

mod acl_principal_prop_set;
mod calendar_multiget;
mod calendar_query;
mod calendarserver_principal_search;
mod expand_property;
pub mod free_busy_query;
pub mod objects;
pub mod output;
mod principal_match;
mod principal_property_search;
mod principal_search_property_set;
mod principals;
mod sync_collection;

use super::context::Context;
use crate::acl::required;
use crate::dav::header::Depth;
use crate::dav::name::{CALDAV, CALENDARSERVER, DAV};
use crate::dav::{Error, Method, Precondition, Response, Result};
use crate::resource::property::View;
use crate::resource::report_set;
use crate::xml::{self, Element};

/// Answers a report.
pub fn run(context: &Context) -> Result<Response> {
    let resource = &context.resource;
    let view = context.view();
    let seen = view.access.sees(resource);
    if !resource.exists && seen {
        return Err(Error::not_found());
    }
    let root = xml::parse(&context.request.body)?;
    let needed = view.access.require(resource, required::report_needs(&root.name));
    if needed.is_err() && root.is(CALDAV, "free-busy-query") {
        // Who may not even see busy time must not learn that there is something (RFC 4791 §7.10).
        return Err(Error::not_found().unhurried());
    }
    if needed.is_err() && !seen {
        return Err(view.access.unseen(Method::Report, resource, &context.request.path));
    }
    if !resource.exists {
        return Err(Error::not_found());
    }
    if !report_set::supports(resource.kind, &root.name) {
        return Err(Error::from(Precondition::SupportedReport)
            .because(format!("{} is not a report of this resource", root.name)));
    }
    needed?;
    match (root.name.namespace.as_ref(), root.name.local.as_ref()) {
        (CALDAV, "calendar-query") => calendar_query::run(context, view, &root),
        (CALDAV, "calendar-multiget") => calendar_multiget::run(context, view, &root),
        (CALDAV, "free-busy-query") => free_busy_query::run(context, &view, &root),
        (DAV, "sync-collection") => sync_collection::run(context, view, &root),
        // How much these find is not known beforehand.
        _ => context.app.store.lengthy(|| about_principals(context, view, &root)),
    }
}

fn about_principals(context: &Context, view: View, root: &Element) -> Result<Response> {
    match (root.name.namespace.as_ref(), root.name.local.as_ref()) {
        (DAV, "expand-property") => expand_property::run(context, &view, root),
        (DAV, "principal-property-search") => principal_property_search::run(context, view, root),
        (DAV, "principal-search-property-set") => principal_search_property_set::run(context),
        (DAV, "principal-match") => principal_match::run(context, view, root),
        (DAV, "acl-principal-prop-set") => acl_principal_prop_set::run(context, view, root),
        (CALENDARSERVER, "calendarserver-principal-search") => {
            calendarserver_principal_search::run(context, view, root)
        }
        _ => Err(Error::status(501)),
    }
}

/// Reports that are defined for Depth 0 only (RFC 3744 §9, RFC 3253 §3.8).
fn only_depth_zero(context: &Context) -> Result<()> {
    match Depth::of(context.request)? {
        None | Some(Depth::Zero) => Ok(()),
        Some(_) => Err(Error::bad_request("the report is defined for Depth 0 only")),
    }
}
