//! `DavPath` + directory + store → `Resource`. Changes nothing on disk: a home that was never made
//! resolves to a home without a place, and `http::pipeline` decides whether it may be made.

use std::sync::Arc;

use super::locate::{Key, Location, locate};
use super::{FREEBUSY, INBOX, NOTIFICATION, OUTBOX, Place, Resource};
use crate::dav::DavPath;
use crate::dav::kind::ResourceKind;
use crate::principal::{Directory, ProxyKind, Record, RecordType};
use crate::store::{CollectionKind, Entry, HomePath, Store, StoreError};

/// What is needed to resolve paths; as of one moment.
#[derive(Clone, Copy)]
pub struct Resolver<'a> {
    /// The homes.
    pub store: &'a Store,
    /// The principals.
    pub directory: &'a Directory,
}

impl Resolver<'_> {
    /// Finds out what a path names.
    pub fn resolve(&self, path: &DavPath) -> Result<Resource, StoreError> {
        use ResourceKind as Kind;
        let simple = |kind| Ok(Resource::outside(kind, path));
        match locate(path.segments()) {
            Location::Root => simple(Kind::Root),
            Location::WellKnown(_) => simple(Kind::WellKnown),
            Location::Control => simple(Kind::Control),
            Location::Timezones => simple(Kind::Timezones),
            Location::TimezoneStd(_) => simple(Kind::TimezoneStd),
            Location::PrincipalsRoot => simple(Kind::PrincipalsRoot),
            Location::PrincipalUids => simple(Kind::PrincipalUids),
            Location::PrincipalType(kind) => Ok(of_type(Kind::PrincipalType, kind, path)),
            Location::CalendarsRoot => simple(Kind::CalendarsRoot),
            Location::CalendarsUids => simple(Kind::CalendarsUids),
            Location::CalendarsType(kind) => Ok(of_type(Kind::CalendarsType, kind, path)),
            Location::Principal(key, rest) => Ok(self.principal(key, rest, path)),
            Location::Home(key, rest) => self.in_home(key, rest, path),
            Location::Nowhere => Ok(Resource::nothing(path)),
        }
    }

    fn record(&self, key: Key) -> Option<Arc<Record>> {
        match key {
            Key::Guid(guid) => self.directory.by_guid(guid),
            Key::Name(kind, name) => self.directory.by_name(RecordType::from_segment(kind)?, name),
        }
        .cloned()
    }

    fn principal(&self, key: Key, rest: &[String], path: &DavPath) -> Resource {
        let Some(owner) = self.record(key) else { return Resource::nothing(path) };
        let proxy = match rest {
            [] => None,
            [name] if owner.calendar_enabled => match ProxyKind::from_segment(name) {
                Some(kind) => Some(kind),
                None => return Resource::nothing(path),
            },
            _ => return Resource::nothing(path),
        };
        let kind = match proxy {
            Some(_) => ResourceKind::ProxyPrincipal,
            None => ResourceKind::Principal,
        };
        Resource { owner: Some(owner), proxy, ..Resource::outside(kind, path) }
    }

    fn in_home(&self, key: Key, rest: &[String], path: &DavPath) -> Result<Resource, StoreError> {
        let Some(owner) = self.record(key).filter(|record| record.calendar_enabled) else {
            return Ok(Resource::nothing(path));
        };
        let home = self.store.home(&owner.guid)?;
        let root = DavPath::from_segments(path.segments()[..3].to_vec(), true);
        let base = Resource {
            owner: Some(owner),
            exists: home.is_some(),
            place: home.map(|home| {
                let snapshot = home.snapshot();
                let entry = snapshot.entry(&HomePath::root());
                Place { home, snapshot, path: HomePath::root(), entry }
            }),
            ..Resource::outside(ResourceKind::Home, &root)
        };
        if rest.is_empty() {
            return Ok(base);
        }
        Ok(base.in_same_home(HomePath::new(rest.to_vec()), path.clone()))
    }
}

fn of_type(kind: ResourceKind, segment: &str, path: &DavPath) -> Resource {
    match RecordType::from_segment(segment) {
        Some(record_type) => {
            Resource { record_type: Some(record_type), ..Resource::outside(kind, path) }
        }
        None => Resource::nothing(path),
    }
}

/// The kind of something in a home, from its place, its entry and the collection that holds it.
/// A missing member gets the kind that PUT would make of it, or MKCOL when the path has a slash.
pub(super) fn kind_in_home(
    at: &HomePath,
    entry: Option<&Entry>,
    holder: Option<CollectionKind>,
    slash: bool,
) -> ResourceKind {
    use ResourceKind as Kind;
    if let [name] = at.segments() {
        match name.as_str() {
            INBOX => return Kind::Inbox,
            OUTBOX => return Kind::Outbox,
            NOTIFICATION => return Kind::Notifications,
            FREEBUSY => return Kind::FreeBusyUrl,
            _ => {}
        }
    }
    match entry {
        Some(Entry::Collection(collection)) => match collection.kind {
            CollectionKind::Home => Kind::Home,
            CollectionKind::Calendar => Kind::Calendar,
            CollectionKind::Inbox => Kind::Inbox,
            CollectionKind::Outbox => Kind::Outbox,
            CollectionKind::Plain => Kind::Collection,
        },
        None if slash => Kind::Collection,
        _ => match holder {
            Some(CollectionKind::Calendar) => Kind::CalendarObject,
            Some(CollectionKind::Inbox) => Kind::InboxItem,
            Some(CollectionKind::Plain) if is_notification(at) => Kind::Notification,
            _ => Kind::PlainFile,
        },
    }
}

fn is_notification(path: &HomePath) -> bool {
    matches!(path.segments(), [collection, _] if collection == NOTIFICATION)
}
