//! Where new invitations go (RFC 6638 §4.3, §9.2): the default calendar, per kind of component.

use crate::dav::{DavPath, Name};
use crate::store::{
    CollectionKind, HomePath, PropertyChanges, PropertySet, Snapshot, StoreError, Transaction,
};

/// The property of the inbox for events.
pub const DEFAULT_CALENDAR: Name = Name::caldav("schedule-default-calendar-URL");
/// The property of the inbox for to-dos.
pub const DEFAULT_TASKS: Name = Name::calendarserver("schedule-default-tasks-URL");
/// What a calendar may hold.
const COMPONENTS: Name = Name::caldav("supported-calendar-component-set");

/// The inbox of a home.
pub fn inbox() -> HomePath {
    HomePath::new(["inbox"])
}

/// The outbox of a home.
pub fn outbox() -> HomePath {
    HomePath::new(["outbox"])
}

/// The name of the calendar that is the default when nobody chose one.
pub fn fallback_name(kind: &str) -> &'static str {
    if kind == "VTODO" { "tasks" } else { "calendar" }
}

/// The property that holds the choice for a kind of component.
pub fn property_for(kind: &str) -> Name {
    if kind == "VTODO" { DEFAULT_TASKS } else { DEFAULT_CALENDAR }
}

/// The default calendar for a kind of component, if there is any calendar that takes it.
pub fn current(snapshot: &Snapshot, kind: &str) -> Option<HomePath> {
    let fits = |path: &HomePath| {
        let collection = snapshot.collection(path);
        collection.is_some_and(|c| c.kind == CollectionKind::Calendar && takes(&c.properties, kind))
    };
    let chosen = snapshot
        .properties(&inbox())
        .and_then(|properties| properties.text(&property_for(kind)))
        .and_then(|href| home_path(href.trim()));
    let named = HomePath::new([fallback_name(kind)]);
    let general = HomePath::new(["calendar"]);
    let first = [chosen, Some(named), Some(general)].into_iter().flatten().find(|path| fits(path));
    first.or_else(|| snapshot.calendars().into_iter().map(|(path, _)| path).find(|path| fits(path)))
}

/// The default calendar for a kind of component, made if there is none.
pub fn current_or_new(tx: &mut Transaction<'_>, kind: &str) -> Result<HomePath, StoreError> {
    if let Some(path) = current(tx.snapshot(), kind) {
        return Ok(path);
    }
    let mut path = HomePath::new([fallback_name(kind)]);
    if tx.snapshot().entry(&path).is_some() {
        path = HomePath::new([format!("{}-invitations", fallback_name(kind))]);
    }
    let xml = format!(
        "<C:supported-calendar-component-set xmlns:C=\"{}\"><C:comp name=\"{kind}\"/>\
         </C:supported-calendar-component-set>",
        crate::dav::name::CALDAV
    );
    let properties = PropertyChanges::none().with(COMPONENTS, xml);
    tx.make_collection(&path, CollectionKind::Calendar, &properties)?;
    Ok(path)
}

/// Whether a calendar takes components of a kind.
fn takes(properties: &PropertySet, kind: &str) -> bool {
    match properties.get(&COMPONENTS) {
        None => true,
        Some(xml) => xml.contains(&format!("\"{kind}\"")) || xml.contains(&format!("'{kind}'")),
    }
}

/// The path inside its home that an href `/calendars/__uids__/GUID/…` (or by name) means.
fn home_path(href: &str) -> Option<HomePath> {
    let path = DavPath::parse(href).ok()?;
    let segments = path.segments();
    (segments.len() > 3 && segments[0] == "calendars")
        .then(|| HomePath::new(segments[3..].iter().map(ToString::to_string)))
}
