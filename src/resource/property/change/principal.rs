//! Setting properties of principals: only the members of the two proxy groups (RFC 3744 §4.3,
//! caldav-proxy §5). Principals keep no dead properties.

use super::{Change, protected, unfit};
use crate::dav::kind::ResourceKind as Kind;
use crate::dav::name::DAV;
use crate::dav::{DavPath, Result};
use crate::principal::RecordType;
use crate::xml::Element;
use crate::xml::request::Instruction;

/// Decides one instruction.
pub(super) fn apply(change: &mut Change<'_>, instruction: &Instruction) -> Result<()> {
    match instruction {
        Instruction::Set(element) if element.is(DAV, "group-member-set") => {
            members(change, element)
        }
        _ => Err(protected()),
    }
}

fn members(change: &mut Change<'_>, element: &Element) -> Result<()> {
    let resource = change.resource;
    let (Kind::ProxyPrincipal, Some(proxy), Some(owner)) =
        (resource.kind, resource.proxy, &resource.owner)
    else {
        return Err(protected());
    };
    // Who may book a room is the administrator's business, not a client's.
    if matches!(owner.record_type, RecordType::Location | RecordType::Resource) {
        return Err(protected());
    }
    let mut guids: Vec<String> = Vec::new();
    for href in element.children_named(DAV, "href") {
        let path = change.view.origin.path_of(&href.text());
        let guid = path.ok().and_then(|path| canonical_principal(change, &path));
        let guid = guid.ok_or_else(|| unfit("a member is not the URL of a principal"))?;
        if !guids.contains(&guid) {
            guids.push(guid);
        }
    }
    change.plan.delegates = Some((proxy, guids));
    Ok(())
}

/// Only the URL that stays the same when somebody is renamed.
fn canonical_principal(change: &Change<'_>, path: &DavPath) -> Option<String> {
    match path.segments() {
        [root, uids, guid] if root == "principals" && uids == "__uids__" => {
            change.view.directory.by_guid(guid).map(|record| record.guid.clone())
        }
        _ => None,
    }
}
