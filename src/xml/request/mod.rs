//! Request bodies as types, one file each. What RFC 4918 §17 tells a server to ignore (unknown
//! elements and attributes) is ignored; what is missing or contradicts itself is answered with 400.

pub mod acl;
pub mod acl_principal_prop_set;
pub mod calendar_multiget;
pub mod calendar_query;
pub mod calendarserver_principal_search;
pub mod expand_property;
pub mod free_busy_query;
pub mod lockinfo;
pub mod mkcol;
pub mod principal_match;
pub mod principal_property_search;
pub mod propfind;
pub mod proppatch;
pub mod selection;
pub mod sync_collection;

pub use acl::Acl;
pub use acl_principal_prop_set::AclPrincipalPropSet;
pub use calendar_multiget::CalendarMultiget;
pub use calendar_query::CalendarQuery;
pub use calendarserver_principal_search::CalendarserverPrincipalSearch;
pub use expand_property::ExpandProperty;
pub use free_busy_query::FreeBusyQuery;
pub use lockinfo::LockInfo;
pub use mkcol::Mkcol;
pub use principal_match::PrincipalMatch;
pub use principal_property_search::PrincipalPropertySearch;
pub use propfind::Propfind;
pub use proppatch::{Instruction, Proppatch};
pub use selection::Selection;
pub use sync_collection::SyncCollection;

use super::{Element, parse};
use crate::dav::{Error, Name, Result};

/// Whether a body holds nothing but white space.
fn is_blank(body: &[u8]) -> bool {
    body.iter().all(u8::is_ascii_whitespace)
}

/// Reads a body whose root must be `name`.
fn document(body: &[u8], name: &Name) -> Result<Element> {
    let root = parse(body)?;
    check_root(&root, name)?;
    Ok(root)
}

fn check_root(root: &Element, name: &Name) -> Result<()> {
    if root.name == *name {
        return Ok(());
    }
    Err(malformed(format!("the body is {} and not {name}", root.name)))
}

fn malformed(reason: impl Into<String>) -> Error {
    Error::bad_request(reason)
}

/// `nresults` inside a `limit` (RFC 5323 §5.17 and Apple's copy of it).
fn limit(root: &Element, namespace: &str) -> Result<Option<usize>> {
    let Some(limit) = root.child(namespace, "limit") else { return Ok(None) };
    let count = limit.child(namespace, "nresults").map(|count| count.text().trim().parse());
    match count {
        Some(Ok(count)) => Ok(Some(count)),
        _ => Err(malformed("limit does not hold a number of results")),
    }
}

#[cfg(test)]
mod tests;
