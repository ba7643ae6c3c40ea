//! Properties of scheduling: RFC 6638 §9, RFC 7953 §7.2 and what older drafts left behind.
//!
//! `calendar-free-busy-set` is not kept: it is the list of calendars that are not transparent, so
//! the two can never disagree.

use super::{Answer, Live, View, dead, hrefs, text};
use crate::caldav::by_reference;
use crate::dav::kind::ResourceKind as Kind;
use crate::dav::name::CALDAV;
use crate::dav::{DavPath, Name};
use crate::ical;
use crate::principal::Record;
use crate::resource::{Resource, default_calendar};
use crate::store::inbox_message::{
    InboxMessage, ORIGINATOR, RECIPIENT, SCHEDULE_CHANGES, SCHEDULE_STATE,
};
use crate::store::{HomePath, PropertySet, SCHEDULE_TAG, Snapshot};
use crate::xml::{Writer, parse};

/// Whether a calendar counts as busy time.
pub const TRANSP: Name = Name::caldav("schedule-calendar-transp");
/// The calendars that count as busy time, on the inbox (drafts before RFC 6638).
pub const FREE_BUSY_SET: Name = Name::caldav("calendar-free-busy-set");
/// Where invitations to events go.
pub const DEFAULT_CALENDAR: Name = default_calendar::FOR_EVENTS;
/// Where invitations to to-dos go.
pub const DEFAULT_TASKS: Name = default_calendar::FOR_TASKS;
/// When somebody can be invited, in the name of RFC 7953; also the name it is stored under.
pub const AVAILABILITY: Name = Name::caldav("calendar-availability");
/// The same in Apple's name.
pub const AVAILABILITY_CS: Name = Name::calendarserver("calendar-availability");

/// The table.
pub const TABLE: &[Live] = &[
    Live::shown(TRANSP, transp).writable(),
    Live::named(FREE_BUSY_SET, free_busy_set).writable(),
    Live::named(DEFAULT_CALENDAR, default_events).writable(),
    Live::named(DEFAULT_TASKS, default_tasks).writable(),
    Live::named(AVAILABILITY, availability).writable(),
    Live::named(AVAILABILITY_CS, availability_cs).writable(),
    Live::named(SCHEDULE_TAG, schedule_tag),
    Live::named(ORIGINATOR, |view, at, writer| of_message(&ORIGINATOR, view, at, writer)),
    Live::named(RECIPIENT, |view, at, writer| of_message(&RECIPIENT, view, at, writer)),
    Live::named(SCHEDULE_CHANGES, |view, at, writer| {
        of_message(&SCHEDULE_CHANGES, view, at, writer)
    }),
    Live::shown(SCHEDULE_STATE, |view, at, writer| of_message(&SCHEDULE_STATE, view, at, writer))
        .writable(),
];

/// Whether a calendar with these properties is left out of busy time.
pub fn is_transparent(properties: &PropertySet) -> bool {
    let element = properties.get(&TRANSP).and_then(|xml| parse(xml.as_bytes()).ok());
    element.is_some_and(|element| element.child(CALDAV, "transparent").is_some())
}

/// The calendars of a home that count as busy time: those that take events and are not
/// transparent.
pub fn busy_calendars(snapshot: &Snapshot) -> Vec<HomePath> {
    let calendars = snapshot.calendars().into_iter();
    let busy = calendars.filter(|(_, collection)| !is_transparent(&collection.properties));
    busy.map(|(path, _)| path)
        .filter(|path| default_calendar::takes(snapshot, path, "VEVENT"))
        .collect()
}

/// The canonical URL of something in somebody's home.
pub fn canonical(owner: &Record, path: &HomePath, slash: bool) -> DavPath {
    let home = ["calendars", "__uids__", owner.guid.as_str()];
    let segments = home.into_iter().chain(path.segments().iter().map(String::as_str));
    DavPath::from_segments(segments, slash)
}

fn transp(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    if resource.kind != Kind::Calendar {
        return Answer::Missing;
    }
    let transparent = is_transparent(&resource.properties());
    let value = if transparent { "transparent" } else { "opaque" };
    writer.element(&TRANSP, |writer| writer.empty(&Name::caldav(value)));
    Answer::Found
}

fn free_busy_set(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    let (Kind::Inbox, Some(place), Some(owner)) = (resource.kind, &resource.place, &resource.owner)
    else {
        return Answer::Missing;
    };
    let calendars = busy_calendars(&place.snapshot);
    let paths = calendars.iter().map(|path| canonical(owner, path, true));
    hrefs(view, &FREE_BUSY_SET, paths, writer)
}

fn default_events(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    default_for(view, resource, &DEFAULT_CALENDAR, "VEVENT", writer)
}

fn default_tasks(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    default_for(view, resource, &DEFAULT_TASKS, "VTODO", writer)
}

fn default_for(
    view: &View,
    resource: &Resource,
    name: &Name,
    component: &str,
    writer: &mut Writer,
) -> Answer {
    let (Kind::Inbox, Some(place), Some(owner)) = (resource.kind, &resource.place, &resource.owner)
    else {
        return Answer::Missing;
    };
    let calendar = default_calendar::current(&place.snapshot, component);
    // Without a slash, as the reference system writes it and its clients compare it.
    let path = calendar.map(|path| canonical(owner, &path, false));
    hrefs(view, name, path, writer)
}

fn availability(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    availability_as(view, resource, &AVAILABILITY, writer)
}

fn availability_cs(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    availability_as(view, resource, &AVAILABILITY_CS, writer)
}

/// Both names show one value, wherever an older server may have kept it; with the VTIMEZONEs that
/// the client wants (RFC 7809 §3.1.3).
fn availability_as(view: &View, resource: &Resource, name: &Name, writer: &mut Writer) -> Answer {
    if resource.kind != Kind::Inbox {
        return Answer::Missing;
    }
    let stored = dead::text_of(resource, &AVAILABILITY)
        .or_else(|| dead::text_of(resource, &AVAILABILITY_CS));
    let wanted = stored.as_deref().and_then(|stored| {
        let mut calendar = ical::parse(stored.as_bytes()).ok()?;
        let changed = by_reference::apply(&mut calendar, view.timezones);
        changed.then(|| String::from_utf8_lossy(&calendar.to_bytes()).into_owned())
    });
    text(name, wanted.or(stored).as_deref(), writer)
}

fn schedule_tag(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    match resource.schedule_tag(&view.directory) {
        Some(tag) => text(&SCHEDULE_TAG, Some(&format!("\"{tag}\"")), writer),
        None => dead::write(view, resource, &SCHEDULE_TAG, writer),
    }
}

/// A property of a message in the inbox: what is stored, else what follows from the message.
fn of_message(name: &Name, view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    let stored = dead::write(view, resource, name, writer);
    if stored != Answer::Missing || resource.kind != Kind::InboxItem {
        return stored;
    }
    let derived = || {
        let summary = resource.entry()?.object()?.calendar()?;
        let message = InboxMessage::of_summary(summary)?;
        let xml = message.property(name, &resource.owner.as_ref()?.guid)?;
        Some(parse(xml.as_bytes()).ok()?.to_xml())
    };
    match derived() {
        Some(xml) => {
            writer.raw(&xml);
            Answer::Found
        }
        None => Answer::Missing,
    }
}
