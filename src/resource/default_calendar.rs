//! Where new invitations go (RFC 6638 §4.3, §9.2): the default calendar, per kind of component.

use super::{INBOX, calendar};
use crate::dav::{DavPath, Name};
use crate::store::{CollectionKind, HomePath, Snapshot};

/// The property of the inbox for events.
pub const FOR_EVENTS: Name = Name::caldav("schedule-default-calendar-URL");
/// The property of the inbox for to-dos.
pub const FOR_TASKS: Name = Name::calendarserver("schedule-default-tasks-URL");

/// The default calendar for a kind of component: the one somebody chose, else the one of the
/// usual name, else any that takes the component.
pub fn current(snapshot: &Snapshot, component: &str) -> Option<HomePath> {
    let (property, name) = match component {
        "VTODO" => (FOR_TASKS, "tasks"),
        _ => (FOR_EVENTS, "calendar"),
    };
    let fits = |path: &HomePath| takes(snapshot, path, component);
    let chosen = snapshot
        .properties(&HomePath::new([INBOX]))
        .and_then(|properties| properties.text(&property))
        .and_then(|href| in_home(href.trim()));
    let usual = [name, "calendar"].map(|name| Some(HomePath::new([name])));
    let first = std::iter::once(chosen).chain(usual).flatten().find(fits);
    first.or_else(|| snapshot.calendars().into_iter().map(|(path, _)| path).find(fits))
}

/// Whether there is a calendar at `path` that takes the component.
pub fn takes(snapshot: &Snapshot, path: &HomePath, component: &str) -> bool {
    snapshot.collection(path).is_some_and(|collection| {
        collection.kind == CollectionKind::Calendar
            && calendar::component_kinds(&collection.properties).iter().any(|k| k == component)
    })
}

/// The place in its home that a stored href speaks of.
fn in_home(href: &str) -> Option<HomePath> {
    let path = DavPath::parse(href).ok()?;
    match path.segments() {
        [root, _, _, rest @ ..] if root == "calendars" && !rest.is_empty() => {
            Some(HomePath::new(rest.to_vec()))
        }
        _ => None,
    }
}
