//! Calendar objects as a report meets them: found through the index, opened one by one, seen as
//! far as the actor may see them.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::acl::Privilege;
use crate::caldav::{Period, Timetable};
use crate::dav::header::Depth;
use crate::dav::kind::ResourceKind;
use crate::dav::{Error, Result};
use crate::ical::timezone::Zone;
use crate::ical::{self, Component};
use crate::resource::access::Shown;
use crate::resource::property::{Asked, Rows, View};
use crate::resource::{Place, Resource, zone};
use crate::store::{Collection, Entry, HomePath, ObjectEntry, Text};
use crate::xml::{Multistatus, Writer};

/// An object and its content of one moment.
pub struct Opened {
    /// The resource; its entity tag is that of the content.
    pub resource: Resource,
    /// What the actor may see; left out where the text was all that was needed.
    pub tree: Option<Component>,
    /// The stored text, where the actor may see all of it.
    pub bytes: Option<Bytes>,
}

/// A calendar or inbox that has files only, for listings straight from the index.
pub fn files(resource: &Resource) -> Option<&Collection> {
    let place = resource.place.as_ref().filter(|_| resource.exists)?;
    let collection = place.snapshot.collection(&place.path)?;
    let plain = resource.kind.holds_calendar_objects() || resource.kind == ResourceKind::Inbox;
    (plain && collection.collections().next().is_none()).then_some(collection)
}

/// The timetable of an object for a question about time, if it is remembered.
pub fn remembered_timetable(
    place: &Place,
    object: &ObjectEntry,
    floating: &Zone,
    question: Period,
) -> Option<Arc<Timetable>> {
    let known = place.home.derived().get::<Timetable>(&object.hash);
    known.filter(|known| known.covers(floating, question))
}

/// The timetable, remembered or made now; absent when there is none, or when the object cannot be
/// read.
pub fn timetable(
    place: &Place,
    name: &str,
    object: &ObjectEntry,
    floating: &Zone,
    question: Period,
) -> Option<Arc<Timetable>> {
    if let Some(known) = remembered_timetable(place, object, floating, question) {
        return Some(known);
    }
    let bytes = place.home.read(&place.path.join(name)).ok()??;
    let tree = ical::parse(&bytes).ok()?;
    let timetable = Arc::new(Timetable::of(&tree, floating, question)?);
    let derived = place.home.derived();
    derived.put(ObjectEntry::hash_of(&bytes), timetable.clone(), timetable.size());
    Some(timetable)
}

/// The text of the member `name` of a calendar as it stands in XML, read now and remembered, with
/// the entry that describes it; absent when there is no calendar object any more.
pub fn text_of_member(place: &Place, name: &str) -> Option<(Arc<ObjectEntry>, String)> {
    place.home.lengthy(|| read_text(place, name))
}

fn read_text(place: &Place, name: &str) -> Option<(Arc<ObjectEntry>, String)> {
    let (entry, bytes) = place.home.load(&place.path.join(name)).ok()??;
    entry.calendar()?;
    let text = escaped(&bytes);
    place.home.texts().keep(entry.hash, text.as_bytes());
    Some((entry, text))
}

/// The text that the content of a file is, as it stands in XML.
pub fn escaped(bytes: &[u8]) -> String {
    let mut writer = Writer::fragment();
    writer.lines(&text_of(bytes));
    writer.into_string()
}

/// Answers for a file of a calendar with its stored text, where the actor may see all of it; false
/// when nothing was written. `text` is there if it was looked up before.
pub fn row(
    answer: &mut Multistatus<'_>,
    view: &View,
    rows: &Rows,
    calendar: &Resource,
    (name, object): (&str, &ObjectEntry),
    text: Option<&Text>,
) -> io::Result<bool> {
    let whole = |entry: &ObjectEntry| view.access.shows_whole(calendar, entry);
    let Some(place) = calendar.place.as_ref().filter(|_| whole(object)) else { return Ok(false) };
    let found = match text {
        None => place.home.texts().find(std::iter::once(object.hash)),
        Some(_) => None,
    };
    if let Some(text) = text.or_else(|| found.as_ref()?.first()) {
        let mut done = false;
        answer.beside(|writer| {
            done = rows.write_with(name, object, writer, |writer| text.append(writer.bytes()));
        })?;
        if done {
            return Ok(true);
        }
    }
    let found = text_of_member(place, name).filter(|(entry, _)| whole(entry));
    let Some((entry, text)) = found else { return Ok(false) };
    answer.beside(|writer| rows.write(name, &entry, &text, writer))?;
    Ok(true)
}

/// What it takes to answer with the remembered text of an object (`Response::of_about`).
pub fn bytes_of_row(object: &ObjectEntry) -> u64 {
    ROW_BYTES + object.size()
}

/// What it takes to answer for an object beside its text.
pub const ROW_BYTES: u64 = 400;
/// What it takes where a resource has to be looked at, and its content opened and changed.
pub const RESOURCE_BYTES: u64 = 5000;

/// What it takes to list files.
pub fn bytes_of_listing(files: &Collection, asked: &Asked) -> u64 {
    let each = asked.only_named().map_or(RESOURCE_BYTES, |_| ROW_BYTES);
    files.object_count() as u64 * each
}

/// Opens an object. 404 when it is gone, 403 when it cannot be read as a calendar object or is
/// private to its owner.
pub fn open(view: &View, resource: &Resource) -> Result<Opened> {
    open_for(view, resource, true)
}

/// The same; without `tree` an object is not parsed where its text is all that is needed.
pub fn open_for(view: &View, resource: &Resource, tree: bool) -> Result<Opened> {
    let place = resource.place.as_ref().ok_or_else(Error::not_found)?;
    place.home.lengthy(|| load(view, resource, place, tree))
}

fn load(view: &View, resource: &Resource, place: &Place, tree: bool) -> Result<Opened> {
    let (entry, bytes) = place.home.load(&place.path)?.ok_or_else(Error::not_found)?;
    if !tree && entry.calendar().is_some() && view.access.shows_whole(resource, &entry) {
        let place = Place { entry: Some(Entry::Object(entry)), ..place.clone() };
        let resource = Resource { place: Some(place), ..resource.clone() };
        return Ok(Opened { resource, tree: None, bytes: Some(bytes) });
    }
    let tree = ical::parse(&bytes)
        .map_err(|error| Error::status(403).because(format!("damaged: {error}")))?;
    let place = Place { entry: Some(Entry::Object(entry)), ..place.clone() };
    let resource = Resource { place: Some(place), ..resource.clone() };
    match view.access.shown(&resource, &tree) {
        Shown::Whole => Ok(Opened { resource, tree: Some(tree), bytes: Some(bytes) }),
        Shown::Part(tree) => Ok(Opened { resource, tree: Some(tree), bytes: None }),
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
    let bytes = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(bytes);
    // Nearly all of it is ASCII, which this sees many bytes at a time.
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}
