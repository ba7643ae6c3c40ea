//! `DAV:acl-principal-prop-set` (RFC 3744 §9.2): the principals that stand in the ACL by URL.

use super::super::context::Context;
use super::{only_depth_zero, principals};
use crate::acl::{AcePrincipal, PrincipalKey};
use crate::dav::header::Prefer;
use crate::dav::{Error, Response, Result};
use crate::resource::Resource;
use crate::resource::members::principal;
use crate::resource::property::{Asked, View};
use crate::xml::Element;
use crate::xml::request::{AclPrincipalPropSet, Selection};

/// Answers the report.
pub fn run(context: &Context, view: View, root: &Element) -> Result<Response> {
    only_depth_zero(context)?;
    let body = AclPrincipalPropSet::read(root)?;
    if body.selection == Selection::Prop(Vec::new()) {
        return Err(Error::bad_request("prop is missing"));
    }
    let mut keys: Vec<PrincipalKey> = Vec::new();
    for ace in view.access.aces(&context.resource) {
        let key = match ace.principal {
            AcePrincipal::Principal(key) => Some(key),
            AcePrincipal::Property(name) if name.is("DAV:", "owner") => {
                context.resource.owner.as_ref().map(|owner| PrincipalKey::of(&owner.guid))
            }
            _ => None,
        };
        keys.extend(key.filter(|key| !keys.contains(key)));
    }
    let resources: Vec<Resource> = keys
        .iter()
        .filter_map(|key| {
            let record = context.directory.by_guid(&key.guid)?;
            Some(principal(record, &key.path(), key.proxy))
        })
        .collect();
    let asked = Asked::new(&body.selection, Prefer::of(context.request)?.minimal);
    principals::answer(&view, &asked, &resources, None)
}
