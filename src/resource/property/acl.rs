//! Properties of RFC 3744 §5 and RFC 5397.

use super::{Answer, Live, View, hrefs};
use crate::acl::{Privilege, text};
use crate::dav::{DavPath, Name};
use crate::resource::Resource;
use crate::xml::Writer;

const OWNER: Name = Name::dav("owner");
const SUPPORTED_PRIVILEGE_SET: Name = Name::dav("supported-privilege-set");
const CURRENT_USER_PRIVILEGE_SET: Name = Name::dav("current-user-privilege-set");
const CURRENT_USER_PRINCIPAL: Name = Name::dav("current-user-principal");
const ACL: Name = Name::dav("acl");
const ACL_RESTRICTIONS: Name = Name::dav("acl-restrictions");
const INHERITED_ACL_SET: Name = Name::dav("inherited-acl-set");
const PRINCIPAL_COLLECTION_SET: Name = Name::dav("principal-collection-set");

/// The table. RFC 3744 §5 keeps all of them out of `DAV:allprop`, and so does RFC 5397 §3.
pub const TABLE: &[Live] = &[
    Live::named(OWNER, owner),
    Live::named(SUPPORTED_PRIVILEGE_SET, supported_privilege_set),
    Live::named(CURRENT_USER_PRIVILEGE_SET, current_user_privilege_set),
    Live::named(CURRENT_USER_PRINCIPAL, current_user_principal),
    Live::named(ACL, acl),
    Live::named(ACL_RESTRICTIONS, acl_restrictions),
    Live::named(INHERITED_ACL_SET, inherited_acl_set),
    Live::named(PRINCIPAL_COLLECTION_SET, principal_collection_set),
];

/// The status of a property that the user may not see (reference system: 401, which clients take
/// for a broken password; RFC 3744 §5.4 wants 403).
const NOT_FOR_YOU: Answer = Answer::Refused(403);

/// The principal that owns a resource of a home.
pub fn owner_of(resource: &Resource) -> Option<DavPath> {
    let owner = resource.owner.as_ref().filter(|_| resource.kind.in_home())?;
    Some(owner.principal_path())
}

fn owner(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    match owner_of(resource) {
        Some(path) => hrefs(view, &OWNER, [path], writer),
        None => Answer::Missing,
    }
}

fn supported_privilege_set(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    writer.raw(&text::supported_privilege_set(resource.kind).to_xml());
    Answer::Found
}

fn current_user_privilege_set(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    let has = view.access.privileges(resource);
    if !has.has(Privilege::ReadCurrentUserPrivilegeSet) {
        return NOT_FOR_YOU;
    }
    writer.raw(&text::current_user_privilege_set(has, resource.kind).to_xml());
    Answer::Found
}

fn current_user_principal(view: &View, _: &Resource, writer: &mut Writer) -> Answer {
    writer.element(&CURRENT_USER_PRINCIPAL, |writer| match &view.actor {
        Some(actor) => writer.href(&view.href(&actor.principal_path())),
        None => writer.empty(&Name::dav("unauthenticated")),
    });
    Answer::Found
}

fn acl(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    if !view.access.may(resource, Privilege::ReadAcl) {
        return NOT_FOR_YOU;
    }
    let aces = view.access.aces(resource);
    writer.raw(&text::shown(&aces, &view.origin.prefix).to_xml());
    Answer::Found
}

/// None: any ACE may grant or deny anything to anybody, in any order.
fn acl_restrictions(_: &View, _: &Resource, writer: &mut Writer) -> Answer {
    writer.empty(&ACL_RESTRICTIONS);
    Answer::Found
}

/// Empty: a resource listed here would have to grant a privilege as well (RFC 3744 §5.7). What
/// comes from a collection above stands in `DAV:acl`, as an inherited ACE (§5.5.4).
fn inherited_acl_set(_: &View, _: &Resource, writer: &mut Writer) -> Answer {
    writer.empty(&INHERITED_ACL_SET);
    Answer::Found
}

fn principal_collection_set(view: &View, _: &Resource, writer: &mut Writer) -> Answer {
    let principals = DavPath::from_segments(["principals"], true);
    hrefs(view, &PRINCIPAL_COLLECTION_SET, [principals], writer)
}
