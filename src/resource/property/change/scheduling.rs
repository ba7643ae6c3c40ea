//! Setting properties of scheduling: RFC 6638 §9, RFC 7953 §7.2, and the free-busy set of drafts.

use super::super::scheduling::{
    AVAILABILITY, AVAILABILITY_CS, DEFAULT_CALENDAR, DEFAULT_TASKS, FREE_BUSY_SET, TRANSP,
    busy_calendars, canonical,
};
use super::calendar::read;
use super::{Change, protected, unfit};
use crate::dav::kind::ResourceKind as Kind;
use crate::dav::name::{CALDAV, DAV};
use crate::dav::{Error, Name, Precondition, Result};
use crate::resource::default_calendar;
use crate::store::{HomePath, PropertyChanges, Snapshot};
use crate::xml::request::Instruction;
use crate::xml::{Element, Writer};

/// Decides one instruction; `None` when the property is none of ours.
pub(super) fn apply(change: &mut Change<'_>, instruction: &Instruction) -> Option<Result<()>> {
    let name = instruction.name();
    let place = if *name == TRANSP { Kind::Calendar } else { Kind::Inbox };
    let ours = [
        &TRANSP,
        &FREE_BUSY_SET,
        &DEFAULT_CALENDAR,
        &DEFAULT_TASKS,
        &AVAILABILITY,
        &AVAILABILITY_CS,
    ];
    if !ours.contains(&name) {
        return None;
    }
    if !change.is(place) {
        return Some(Err(protected()));
    }
    Some(match instruction {
        Instruction::Set(element) if *name == TRANSP => transp(change, element),
        Instruction::Set(element) if *name == FREE_BUSY_SET => free_busy_set(change, element),
        Instruction::Set(element) if *name == DEFAULT_CALENDAR => {
            default_calendar(change, element, "VEVENT")
        }
        Instruction::Set(element) if *name == DEFAULT_TASKS => {
            default_calendar(change, element, "VTODO")
        }
        Instruction::Set(element) => availability(change, element),
        // It is computed: there is nothing that could be removed.
        Instruction::Remove(_) if *name == FREE_BUSY_SET => Err(protected()),
        Instruction::Remove(_) if *name == DEFAULT_CALENDAR => {
            Err(Precondition::DefaultCalendarNeeded.into())
        }
        Instruction::Remove(_) if *name == AVAILABILITY || *name == AVAILABILITY_CS => {
            change.remove(AVAILABILITY);
            change.remove(AVAILABILITY_CS);
            Ok(())
        }
        Instruction::Remove(_) => change.keep(instruction),
    })
}

fn transp(change: &mut Change<'_>, element: &Element) -> Result<()> {
    let has = |local| element.child(CALDAV, local).is_some();
    match (has("opaque"), has("transparent")) {
        (true, false) | (false, true) => change.set(TRANSP, element.to_xml()),
        _ => Err(unfit("one of opaque and transparent is needed")),
    }
}

/// Opens the calendars that are listed to busy searches and closes the others.
fn free_busy_set(change: &mut Change<'_>, element: &Element) -> Result<()> {
    let Some(place) = &change.resource.place else { return Err(protected()) };
    let refuse = || Error::from(Precondition::ValidCalendarUrl);
    let mut wanted = Vec::new();
    for href in element.children_named(DAV, "href") {
        let path = own_calendar(change, &href.text()).ok_or_else(refuse)?;
        if !default_calendar::takes(&place.snapshot, &path, "VEVENT") {
            return Err(refuse());
        }
        wanted.push(path);
    }
    let busy = busy_calendars(&place.snapshot);
    let changed = |paths: &[HomePath], others: &[HomePath], value: &str| {
        let paths = paths.iter().filter(|path| !others.contains(path));
        paths.map(|path| (path.clone(), transp_is(value))).collect::<Vec<_>>()
    };
    let mut all = changed(&wanted, &busy, "opaque");
    all.extend(changed(&busy, &wanted, "transparent"));
    change.plan.elsewhere = all;
    Ok(())
}

fn transp_is(value: &str) -> PropertyChanges {
    let local = &TRANSP.local;
    let xml = format!("<C:{local} xmlns:C=\"{CALDAV}\"><C:{value}/></C:{local}>");
    PropertyChanges::none().with(TRANSP, xml)
}

/// One existing calendar that takes the component; kept in canonical form.
fn default_calendar(change: &mut Change<'_>, element: &Element, component: &str) -> Result<()> {
    let refuse = || Error::from(Precondition::ValidScheduleDefaultCalendarUrl);
    let mut hrefs = element.children_named(DAV, "href");
    let (Some(href), None) = (hrefs.next(), hrefs.next()) else { return Err(refuse()) };
    let path = own_calendar(change, &href.text()).ok_or_else(refuse)?;
    let (Some(place), Some(owner)) = (&change.resource.place, &change.resource.owner) else {
        return Err(refuse());
    };
    if !default_calendar::takes(&place.snapshot, &path, component) {
        return Err(refuse());
    }
    let canonical = canonical(owner, &path, true).href();
    let name = element.name.clone();
    let value = Element::new(Name::dav("href")).with_text(canonical);
    change.set(name.clone(), Element::new(name).with_child(value).to_xml())
}

/// The place of a calendar of the same owner that a client's href leads to.
fn own_calendar(change: &Change<'_>, href: &str) -> Option<HomePath> {
    let owner = change.resource.owner.as_ref()?;
    let path = change.view.origin.path_of(href).ok()?;
    match path.segments() {
        [root, kind, name, rest @ ..] if root == "calendars" && !rest.is_empty() => {
            let record = change.view.directory.by_segments(kind, name)?;
            let path = HomePath::new(rest.to_vec());
            let snapshot: &Snapshot = &change.resource.place.as_ref()?.snapshot;
            (record.guid == owner.guid && snapshot.collection(&path).is_some()).then_some(path)
        }
        _ => None,
    }
}

/// VAVAILABILITY components and the time zones they need, kept under the name of RFC 7953. Several
/// make sense: they differ in the time they cover, and in PRIORITY.
fn availability(change: &mut Change<'_>, element: &Element) -> Result<()> {
    let refuse = |reason: &str| Error::from(Precondition::ValidCalendarTimezone).because(reason);
    let text = element.text();
    let calendar = read(&text).map_err(|reason| refuse(&reason))?;
    let (mut availabilities, mut others) = (0, 0);
    for component in calendar.components() {
        match component.name() {
            "VAVAILABILITY" => availabilities += 1,
            "VTIMEZONE" => {}
            _ => others += 1,
        }
    }
    if availabilities == 0 || others > 0 {
        return Err(refuse("VAVAILABILITY and its time zones are needed, and nothing else"));
    }
    let mut writer = Writer::fragment();
    writer.text(&text);
    let local = &AVAILABILITY.local;
    let xml = format!("<C:{local} xmlns:C=\"{CALDAV}\">{}</C:{local}>", writer.into_string());
    change.remove(AVAILABILITY_CS);
    change.set(AVAILABILITY, xml)
}
