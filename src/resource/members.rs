//! Members of any collection, for listings with Depth 1. `Resource::members` knows the inside of
//! homes; this adds the collections above them and the proxy groups of principals.

use std::sync::Arc;

use super::{Resource, locate};
use crate::dav::DavPath;
use crate::dav::kind::ResourceKind as Kind;
use crate::principal::{Directory, ProxyKind, Record, RecordType};

/// Members one by one, so that a large calendar is not held twice.
pub fn members<'a>(
    directory: &'a Directory,
    collection: &'a Resource,
) -> Box<dyn Iterator<Item = Resource> + 'a> {
    let below = |name: &str| collection.path.join(name, true);
    match collection.kind {
        Kind::Root => Box::new(
            [(Kind::PrincipalsRoot, "principals"), (Kind::CalendarsRoot, "calendars")]
                .map(|(kind, name)| Resource::outside(kind, &below(name)))
                .into_iter(),
        ),
        Kind::PrincipalsRoot => by_type(collection, Kind::PrincipalType, Kind::PrincipalUids),
        Kind::CalendarsRoot => by_type(collection, Kind::CalendarsType, Kind::CalendarsUids),
        Kind::PrincipalType => match collection.record_type {
            Some(kind) => Box::new(directory.records(kind).map(move |record| {
                principal(record, &collection.path.join(record.name(), true), None)
            })),
            None => Box::new(std::iter::empty()),
        },
        Kind::Principal => Box::new(proxies(collection)),
        // Homes are not listed: whoever may see some knows where they are.
        Kind::PrincipalUids | Kind::CalendarsUids | Kind::CalendarsType => {
            Box::new(std::iter::empty())
        }
        _ => in_home(collection),
    }
}

fn by_type<'a>(
    collection: &'a Resource,
    kind: Kind,
    uids: Kind,
) -> Box<dyn Iterator<Item = Resource> + 'a> {
    let types = RecordType::ALL.into_iter().map(move |record_type| {
        let path = collection.path.join(record_type.segment(), true);
        Resource { record_type: Some(record_type), ..Resource::outside(kind, &path) }
    });
    let uids = Resource::outside(uids, &collection.path.join(locate::UIDS, true));
    Box::new(types.chain([uids]))
}

fn proxies(principal_resource: &Resource) -> impl Iterator<Item = Resource> + '_ {
    let owner = principal_resource.owner.as_ref().filter(|owner| owner.calendar_enabled);
    owner.into_iter().flat_map(move |owner| {
        ProxyKind::ALL.into_iter().map(move |kind| {
            let path = principal_resource.path.join(kind.segment(), true);
            principal(owner, &path, Some(kind))
        })
    })
}

/// A principal, or one of its proxy groups, under a path the client knows.
pub fn principal(record: &Arc<Record>, path: &DavPath, proxy: Option<ProxyKind>) -> Resource {
    let kind = if proxy.is_some() { Kind::ProxyPrincipal } else { Kind::Principal };
    Resource { owner: Some(Arc::clone(record)), proxy, ..Resource::outside(kind, path) }
}

fn in_home(collection: &Resource) -> Box<dyn Iterator<Item = Resource> + '_> {
    let found = collection.place.as_ref().and_then(|place| place.snapshot.collection(&place.path));
    let Some(listed) = found.filter(|_| collection.exists) else {
        return Box::new(std::iter::empty());
    };
    let names = listed.children().map(|(name, _)| name.clone());
    let extra = (collection.kind == Kind::Home).then(|| Arc::from(super::FREEBUSY));
    Box::new(names.chain(extra).filter_map(|name| collection.member(&name)))
}
