//! Where managed attachments lie (RFC 8607): each in a collection of its own,
//! `dropbox/MANAGED-ID/FILENAME` in the home of the event's owner. The collection says to which
//! objects it belongs; who may read one of them may read the attachment (`access`).

use super::Resource;
use crate::caldav::attachment::Managed;
use crate::dav::name::TWISTED_PRIVATE;
use crate::dav::{DavPath, Name};
use crate::store::{CollectionKind, Entry, HomePath, PropertySet, Snapshot};
use crate::xml::Element;

/// The collection of attachments in a home.
pub const ATTACHMENTS: &str = "dropbox";
/// The UIDs of the objects that name an attachment, one a line.
pub const ATTACHED_TO: Name = Name::new(TWISTED_PRIVATE, "attached-to");

/// The collection of one attachment.
pub fn collection(id: &str) -> HomePath {
    HomePath::new([ATTACHMENTS, id])
}

/// The objects that a collection belongs to; none for other collections.
pub fn attached_to(properties: &PropertySet) -> Option<Vec<String>> {
    let text = properties.text(&ATTACHED_TO)?;
    Some(text.lines().map(str::to_owned).collect())
}

/// The property that says so.
pub fn attached_to_property(uids: &[String]) -> String {
    Element::new(ATTACHED_TO).with_text(uids.join("\n")).to_xml()
}

/// An attachment of a home by its MANAGED-ID; `base` is the URL of the home, without slash.
pub fn find(snapshot: &Snapshot, id: &str, base: &str) -> Option<Managed> {
    let at = collection(id);
    attached_to(snapshot.properties(&at)?.as_ref())?;
    let file = |(name, entry): (_, Entry)| Some((name, entry.object()?.clone()));
    let (name, object) = snapshot.children(&at).find_map(file)?;
    Some(Managed {
        id: id.to_owned(),
        url: url(base, id, &name),
        media_type: object.content_type(),
        filename: name.to_string(),
        bytes: usize::try_from(object.stat.size).unwrap_or_default(),
    })
}

/// The URL of an attachment's file.
pub fn url(base: &str, id: &str, filename: &str) -> String {
    format!("{base}{}", DavPath::from_segments([ATTACHMENTS, id, filename], false).href())
}

/// The collection of the attachment that a resource is or holds.
pub fn above(resource: &Resource) -> Option<HomePath> {
    let place = resource.place.as_ref()?;
    match place.path.segments() {
        [top, id, ..] if top == ATTACHMENTS => Some(collection(id)),
        _ => None,
    }
}

/// The calendar objects that an attachment belongs to; none for other resources.
pub fn objects(resource: &Resource) -> Option<Vec<Resource>> {
    let place = resource.place.as_ref()?;
    let uids = attached_to(place.snapshot.properties(&above(resource)?)?.as_ref())?;
    let home: Vec<String> = resource.path.segments().iter().take(3).cloned().collect();
    let found = uids.iter().flat_map(|uid| in_calendars(&place.snapshot, uid)).map(|at| {
        let path = home.iter().chain(at.segments()).cloned().collect::<Vec<_>>();
        resource.in_same_home(at, DavPath::from_segments(path, false))
    });
    Some(found.collect())
}

/// Whether something at, below or above a path in a collection of its own is attached to an object
/// of the home: it is taken away by way of that object (RFC 8607 §3.6).
pub fn is_attached(snapshot: &Snapshot, path: &HomePath) -> bool {
    if path.segments().first().is_none_or(|top| top != ATTACHMENTS) {
        return false;
    }
    let top = HomePath::new([ATTACHMENTS]);
    let names = snapshot.children(&top).map(|(name, _)| name);
    names.map(|name| top.join(&name)).any(|at| {
        let properties = snapshot.properties(&at);
        let uids = properties.and_then(|properties| attached_to(&properties)).unwrap_or_default();
        (path.contains(&at) || at.contains(path))
            && uids.iter().any(|uid| in_calendars(snapshot, uid).next().is_some())
    })
}

/// The objects with that UID in calendars of a home.
pub fn in_calendars<'a>(
    snapshot: &'a Snapshot,
    uid: &str,
) -> impl Iterator<Item = HomePath> + use<'a> {
    let in_calendar = |path: &HomePath| {
        let parent = path.parent().and_then(|parent| snapshot.collection(&parent));
        parent.is_some_and(|parent| parent.kind == CollectionKind::Calendar)
    };
    snapshot.by_uid(uid).into_iter().filter(in_calendar)
}
