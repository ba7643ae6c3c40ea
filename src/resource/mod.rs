//! Step 3 of a request: from a URL to a resource. A member that does not exist is a value with
//! `exists == false`, never an error.
//!
//! Must not decide access and must not know any method.

pub mod access;
pub mod attachment;
pub mod calendar;
pub mod default_calendar;
pub mod locate;
pub mod members;
pub mod property;
pub mod provision;
pub mod report_set;
pub mod resolve;
pub mod zone;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::dav::kind::ResourceKind;
use crate::dav::{DavPath, ETag};
use crate::principal::{Directory, ProxyKind, Record, RecordType};
use crate::store::{
    CollectionKind, Entry, Home, HomePath, PropertySet, SCHEDULE_TAG, Snapshot, StoreError,
};

pub use resolve::Resolver;

/// What a path names, seen at one moment.
#[derive(Clone)]
pub struct Resource {
    /// What it is; for a missing member, what it would become.
    pub kind: ResourceKind,
    /// Whether there is such a resource.
    pub exists: bool,
    /// The path in the form the client used; ends with a slash exactly for collections.
    pub path: DavPath,
    /// The principal itself, or the principal a home belongs to.
    pub owner: Option<Arc<Record>>,
    /// The type of a collection of principals or homes.
    pub record_type: Option<RecordType>,
    /// Which of the two proxy groups it is.
    pub proxy: Option<ProxyKind>,
    /// Where in a home it lies; absent outside homes and while a home is not yet made.
    pub place: Option<Place>,
}

/// A point in a home and what was there when the request looked.
#[derive(Clone)]
pub struct Place {
    /// The home.
    pub home: Arc<Home>,
    /// The state of the home.
    pub snapshot: Arc<Snapshot>,
    /// The path in the home.
    pub path: HomePath,
    /// What is there; absent for missing members and for resources that have no file.
    pub entry: Option<Entry>,
}

/// Names in a home that belong to the server.
pub const INBOX: &str = "inbox";
/// The outbox of a home.
pub const OUTBOX: &str = "outbox";
/// The free-busy URL of a home; it has no file.
pub const FREEBUSY: &str = "freebusy";
/// The notification collection of a home.
pub const NOTIFICATION: &str = "notification";
/// Below a calendar: POST here adds a member that the server names (`DAV:add-member`).
pub const ADD_MEMBER: &str = ";add-member";

impl Resource {
    /// A resource outside all homes.
    pub fn outside(kind: ResourceKind, path: &DavPath) -> Self {
        Self {
            kind,
            exists: true,
            path: path.clone().with_slash(kind.is_collection()),
            owner: None,
            record_type: None,
            proxy: None,
            place: None,
        }
    }

    /// Something that is not there and that nobody could make.
    pub fn nothing(path: &DavPath) -> Self {
        Self { exists: false, ..Self::outside(ResourceKind::PlainFile, path) }
    }

    /// The canonical path: homes and principals by GUID.
    pub fn canonical(&self) -> DavPath {
        match &self.owner {
            Some(owner) => canonical(&self.path, &owner.guid),
            None => self.path.clone(),
        }
    }

    /// The collection of its home that holds it; absent outside homes and for homes themselves.
    pub fn parent(&self) -> Option<Resource> {
        let place = self.place.as_ref()?;
        let parent = place.path.parent()?;
        Some(self.in_same_home(parent, self.path.parent()?))
    }

    /// The member of this collection with that name, there or not.
    pub fn member(&self, name: &str) -> Option<Resource> {
        let place = self.place.as_ref()?;
        Some(self.in_same_home(place.path.join(name), self.path.join(name, false)))
    }

    /// The members of a collection in a home, sorted by name; empty for everything else.
    pub fn members(&self) -> Vec<Resource> {
        let Some(place) = &self.place else { return Vec::new() };
        if !self.exists || !self.kind.is_collection() {
            return Vec::new();
        }
        let Some(collection) = place.snapshot.collection(&place.path) else { return Vec::new() };
        let mut names: Vec<String> =
            collection.children().map(|(name, _)| name.to_string()).collect();
        if self.kind == ResourceKind::Home {
            names.push(FREEBUSY.to_owned());
            names.sort();
        }
        names.iter().filter_map(|name| self.member(name)).collect()
    }

    /// Another resource of the same home and the same moment; `path` is the client's form.
    pub fn in_same_home(&self, at: HomePath, path: DavPath) -> Resource {
        let place = self.place.clone().map(|place| {
            let entry = place.snapshot.entry(&at);
            Place { entry, path: at.clone(), ..place }
        });
        let entry = place.as_ref().and_then(|place| place.entry.as_ref());
        let holder = place.as_ref().and_then(|place| place.snapshot.holder(&at));
        let kind =
            resolve::kind_in_home(&at, entry, holder.map(|holder| holder.kind), path.has_slash());
        let exists = entry.is_some() || kind == ResourceKind::FreeBusyUrl;
        Resource {
            kind,
            exists,
            path: path.with_slash(kind.is_collection()),
            owner: self.owner.clone(),
            record_type: None,
            proxy: None,
            place,
        }
    }

    /// Whether it lies in a home that has to be made, or completed, before it can be used.
    pub fn is_unmade_home(&self) -> bool {
        let made = |place: &Place| {
            let root = place.snapshot.root();
            [INBOX, OUTBOX, NOTIFICATION].iter().all(|name| root.member(name).is_some())
        };
        self.kind.in_home() && self.owner.is_some() && !self.place.as_ref().is_some_and(made)
    }

    /// Whether the path leads nowhere: not even a new resource could be made there.
    pub fn is_nowhere(&self) -> bool {
        !self.exists && self.place.is_none() && self.owner.is_none()
    }

    /// Whether both lie in one home.
    pub fn shares_home(&self, other: &Resource) -> bool {
        match (&self.place, &other.place) {
            (Some(one), Some(other)) => Arc::ptr_eq(&one.home, &other.home),
            _ => false,
        }
    }

    /// The entry of the store.
    pub fn entry(&self) -> Option<&Entry> {
        self.place.as_ref()?.entry.as_ref()
    }

    /// The entity tag: of the content, or of a collection's state.
    pub fn etag(&self) -> Option<ETag> {
        let place = self.place.as_ref()?;
        etag_of(&place.snapshot, place.entry.as_ref()?)
    }

    /// When it was changed last.
    pub fn modified(&self) -> Option<DateTime<Utc>> {
        let place = self.place.as_ref()?;
        modified_of(&place.snapshot, &place.path, place.entry.as_ref()?)
    }

    /// The schedule tag of a scheduling object (RFC 6638 §3.2.10).
    pub fn schedule_tag(&self, directory: &Directory) -> Option<String> {
        let (place, owner) = (self.place.as_ref()?, self.owner.as_ref()?);
        schedule_tag_at(directory, &owner.guid, &place.snapshot, &place.path)
    }

    /// Its dead properties, private ones included.
    pub fn properties(&self) -> Arc<PropertySet> {
        self.entry().map_or_else(PropertySet::empty, |entry| entry.properties().clone())
    }

    /// The bytes of a file.
    pub fn read(&self) -> Result<Option<bytes::Bytes>, StoreError> {
        match &self.place {
            Some(place) => place.home.read(&place.path),
            None => Ok(None),
        }
    }
}

/// The entity tag of what lies at `path`: of a file its content's, of a collection its state's.
pub fn etag_at(snapshot: &Snapshot, path: &HomePath) -> Option<ETag> {
    etag_of(snapshot, &snapshot.entry(path)?)
}

fn etag_of(snapshot: &Snapshot, entry: &Entry) -> Option<ETag> {
    match entry {
        Entry::Object(object) => Some(object.etag()),
        Entry::Collection(collection) => {
            let epoch = snapshot.sync_token(&HomePath::root())?.epoch;
            Some(ETag(format!("{epoch:x}-{}", collection.tag)))
        }
    }
}

/// The schedule tag of what lies at `path` in the home of the principal with the GUID `owner`: one
/// is stored with it, or it is a scheduling object.
pub fn schedule_tag_at(
    directory: &Directory,
    owner: &str,
    snapshot: &Snapshot,
    path: &HomePath,
) -> Option<String> {
    let object = snapshot.object(path)?;
    let in_calendar =
        || snapshot.holder(path).is_some_and(|holder| holder.kind == CollectionKind::Calendar);
    let is_owner = |address: &str| directory.is_address_of(address, owner);
    let is_scheduling_object = || Some(object.calendar()?.is_scheduling_object(is_owner));
    let tagged = object.properties.get(&SCHEDULE_TAG).is_some()
        || (is_scheduling_object() == Some(true) && in_calendar());
    tagged.then(|| object.schedule_tag())
}

/// When what lies at `path` was changed last.
pub fn modified_at(snapshot: &Snapshot, path: &HomePath) -> Option<DateTime<Utc>> {
    modified_of(snapshot, path, &snapshot.entry(path)?)
}

fn modified_of(snapshot: &Snapshot, path: &HomePath, entry: &Entry) -> Option<DateTime<Utc>> {
    match entry {
        Entry::Object(object) => Some(snapshot.holder(path)?.modified_of(object)),
        Entry::Collection(collection) => Some(collection.modified()),
    }
}

/// Puts the GUID where the client may have written a short name.
fn canonical(path: &DavPath, guid: &str) -> DavPath {
    let mut segments = path.segments().to_vec();
    if segments.len() >= 3 {
        segments[1] = locate::UIDS.to_owned();
        segments[2] = guid.to_owned();
    }
    DavPath::from_segments(segments, path.has_slash())
}

#[cfg(test)]
mod tests;
