//! `DAV:principal-match` (RFC 3744 §9.3): members that are the current user, or that name the
//! current user in a property.

use super::super::context::Context;
use super::{only_depth_zero, principals};
use crate::acl::{PrincipalKey, Privilege};
use crate::dav::header::Prefer;
use crate::dav::kind::ResourceKind as Kind;
use crate::dav::name::DAV;
use crate::dav::{DavPath, Name, Response, Result};
use crate::principal::{ProxyKind, Record, RecordType};
use crate::resource::members::{members, principal};
use crate::resource::property::{Answer, Asked, View, answer, live};
use crate::resource::{Resource, locate};
use crate::xml::request::PrincipalMatch;
use crate::xml::request::principal_match::MatchBy;
use crate::xml::{Element, Writer, parse};

/// Answers the report.
pub fn run(context: &Context, view: View, root: &Element) -> Result<Response> {
    only_depth_zero(context)?;
    let body = PrincipalMatch::read(root)?;
    let found = match &body.by {
        MatchBy::Itself => itself(context),
        MatchBy::Property(name) => by_property(context, &view, name),
    };
    let asked = Asked::new(&body.selection, Prefer::of(context.request)?.minimal);
    principals::answer(&view, &asked, &found, None)
}

/// The user, their groups and the proxy groups they are in, as far as they lie below the resource
/// and under the URL they have there.
fn itself(context: &Context) -> Vec<Resource> {
    let Some(actor) = context.actor.record() else { return Vec::new() };
    if let (Kind::Principal, Some(owner)) = (context.resource.kind, &context.resource.owner) {
        let is_in = |kind: &ProxyKind| context.access.actor().is_delegate_of(&owner.guid, *kind);
        let path = |kind: ProxyKind| context.resource.path.join(kind.segment(), true);
        let kinds = ProxyKind::ALL.into_iter().filter(is_in);
        return kinds.map(|kind| principal(owner, &path(kind), Some(kind))).collect();
    }
    let directory = &context.directory;
    let mut found = Vec::new();
    let mut add = |record: &std::sync::Arc<Record>, proxy: Option<ProxyKind>| {
        if let Some(path) = url_below(&context.resource, record) {
            let path = match proxy {
                Some(kind) => path.join(kind.segment(), true),
                None => path,
            };
            found.push(principal(record, &path, proxy));
        }
    };
    add(actor, None);
    directory.groups_of(&actor.guid).into_iter().for_each(|group| add(group, None));
    for kind in ProxyKind::ALL {
        let owners = directory.owners_for(&actor.guid, kind);
        owners.into_iter().for_each(|owner| add(owner, Some(kind)));
    }
    found
}

/// The URL of a principal below a collection of principals.
fn url_below(collection: &Resource, record: &Record) -> Option<DavPath> {
    let by_name = |path: &DavPath, kind: RecordType| {
        (kind == record.record_type).then(|| path.join(record.name(), true))
    };
    match collection.kind {
        Kind::PrincipalType => by_name(&collection.path, collection.record_type?),
        Kind::PrincipalUids => Some(record.principal_path()),
        Kind::Root => by_name(
            &DavPath::from_segments(["principals", record.record_type.segment()], true),
            record.record_type,
        ),
        Kind::PrincipalsRoot => {
            by_name(&collection.path.join(record.record_type.segment(), true), record.record_type)
        }
        _ => None,
    }
}

/// Members at any depth whose property holds the URL of the user or of one of their groups.
fn by_property(context: &Context, view: &View, name: &Name) -> Vec<Resource> {
    let row = live(name);
    let mut found = Vec::new();
    let mut todo = vec![context.resource.clone()];
    while let Some(collection) = todo.pop() {
        for member in members(&context.directory, &collection) {
            if !view.access.may(&member, Privilege::Read) {
                continue;
            }
            let mut writer = Writer::fragment();
            let answer = answer::value(view, &member, name, row, &mut writer);
            if answer == Answer::Found && names_user(context, view, &writer.into_string()) {
                found.push(member.clone());
            }
            // Collections of principals are wide and flat: what is below a principal has no
            // properties of its own.
            if member.kind.is_collection() && !member.kind.is_principal() {
                todo.push(member);
            }
        }
    }
    found
}

fn names_user(context: &Context, view: &View, fragment: &str) -> bool {
    let document = Writer::document(&Name::dav("prop"), |writer| writer.raw(fragment));
    let Ok(root) = parse(document.as_bytes()) else { return false };
    let hrefs = root.elements().flat_map(|property| property.children_named(DAV, "href"));
    hrefs.into_iter().any(|href| {
        let Ok(path) = context.request.origin.path_of(&href.text()) else { return false };
        let segments = path.segments();
        let canonical = match (context.directory.by_path(&path), segments.get(2)) {
            (Some(record), Some(name)) if name != locate::UIDS => Some(record.principal_path()),
            _ => None,
        };
        let key = PrincipalKey::from_path(&canonical.unwrap_or(path));
        key.is_some_and(|key| view.access.actor().is(&key))
    })
}
