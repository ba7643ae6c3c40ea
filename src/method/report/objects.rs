//! Calendar objects as a report meets them: found through the index, opened one by one, seen as
//! far as the actor may see them.

use std::borrow::Cow;

use bytes::Bytes;

use crate::acl::Privilege;
use crate::dav::header::Depth;
use crate::dav::kind::ResourceKind;
use crate::dav::{Error, Result};
use crate::ical::timezone::Zone;
use crate::ical::{self, Component};
use crate::resource::access::Shown;
use crate::resource::property::View;
use crate::resource::{Place, Resource, zone};
use crate::store::{Entry, HomePath};

/// An object and its content of one moment.
pub struct Opened {
    /// The resource; its entity tag is that of the content.
    pub resource: Resource,
    /// What the actor may see.
    pub tree: Component,
    /// The stored text, where the actor may see all of it.
    pub bytes: Option<Bytes>,
}

/// Opens an object. 404 when it is gone, 403 when it cannot be read as a calendar object or is
/// private to its owner.
pub fn open(view: &View, resource: &Resource) -> Result<Opened> {
    let place = resource.place.as_ref().ok_or_else(Error::not_found)?;
    let (entry, bytes) = place.home.load(&place.path)?.ok_or_else(Error::not_found)?;
    let tree = ical::parse(&bytes)
        .map_err(|error| Error::status(403).because(format!("damaged: {error}")))?;
    let place = Place { entry: Some(Entry::Object(entry)), ..place.clone() };
    let resource = Resource { place: Some(place), ..resource.clone() };
    match view.access.shown(&resource, &tree) {
        Shown::Whole => Ok(Opened { resource, tree, bytes: Some(bytes) }),
        Shown::Part(tree) => Ok(Opened { resource, tree, bytes: None }),
        Shown::Nothing => Err(Error::status(403).because("the owner keeps it private")),
    }
}

/// The calendars that a report on a resource looks into. A calendar is asked about its members
/// whatever the depth says, as every client expects.
pub fn calendars(view: &View, resource: &Resource, depth: Depth) -> Vec<Resource> {
    let mut found = Vec::new();
    let mut open = vec![(resource.clone(), depth)];
    while let Some((collection, depth)) = open.pop() {
        if collection.kind.holds_calendar_objects() {
            found.push(collection);
            continue;
        }
        let below = match depth {
            Depth::Zero => continue,
            Depth::One => Depth::Zero,
            Depth::Infinity => Depth::Infinity,
        };
        let wanted = |member: &Resource| match member.kind {
            ResourceKind::Calendar => true,
            ResourceKind::Collection => depth == Depth::Infinity,
            _ => false,
        };
        let members = collection.members().into_iter().filter(wanted);
        open.extend(members.map(|member| (member, below)));
    }
    found.retain(|calendar| {
        view.access.may(calendar, Privilege::Read)
            || view.access.may(calendar, Privilege::ReadFreeBusy)
    });
    found.sort_by(|a, b| a.path.segments().cmp(b.path.segments()));
    found
}

/// The zone in which a calendar's floating times are meant.
pub fn floating_zone(calendar: &Resource) -> Zone {
    zone::of_calendar(&calendar.properties()).unwrap_or_else(Zone::utc)
}

/// The objects of a calendar that may have an instance between two instants, in seconds since
/// 1970; without any, all. Names in order.
pub fn candidates(calendar: &Resource, range: Option<(Option<i64>, Option<i64>)>) -> Vec<Resource> {
    let Some(place) = &calendar.place else { return Vec::new() };
    let mut names: Vec<String> = match range {
        Some((start, end)) => {
            let found = place.snapshot.overlapping(&place.path, start, end);
            found.into_iter().map(|(name, _)| name.to_string()).collect()
        }
        None => match place.snapshot.collection(&place.path) {
            Some(collection) => collection.objects().map(|(name, _)| name.to_string()).collect(),
            None => Vec::new(),
        },
    };
    names.sort_unstable();
    names.iter().filter_map(|name| calendar.member(name)).collect()
}

/// The path of something in the home, in the form the client used for `near`.
pub fn in_home(near: &Resource, path: &HomePath, slash: bool) -> Resource {
    let depth = near.place.as_ref().map_or(0, |place| place.path.segments().len());
    let segments = near.path.segments();
    let home = &segments[..segments.len().saturating_sub(depth)];
    let all: Vec<&str> = home.iter().chain(path.segments()).map(String::as_str).collect();
    near.in_same_home(path.clone(), crate::dav::DavPath::from_segments(all, slash))
}

/// A text without the byte order mark that some clients leave in front.
pub fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(bytes))
}
