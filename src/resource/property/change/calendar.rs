//! Setting properties of calendars: RFC 4791 §5.2, RFC 7809 §5.2. The zone and its identifier are
//! two views of one thing (RFC 7809 §3.1.5): who sets or removes one changes both.

use super::super::calendar::{JCAL, TIMEZONE, TIMEZONE_ID};
use super::{Change, is_component_set, protected};
use crate::dav::kind::ResourceKind as Kind;
use crate::dav::name::CALDAV;
use crate::dav::{Error, Precondition, Result};
use crate::ical::{self, Component};
use crate::xml::Element;
use crate::xml::request::Instruction;

/// What a client may ask a calendar to take.
const COMPONENTS: [&str; 7] =
    ["VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VTIMEZONE", "VAVAILABILITY", "VPOLL"];

/// Decides one instruction; `None` when the property is none of ours.
pub(super) fn apply(change: &mut Change<'_>, instruction: &Instruction) -> Option<Result<()>> {
    let name = instruction.name();
    if is_component_set(name) {
        return Some(component_set(change, instruction));
    }
    if *name != TIMEZONE && *name != TIMEZONE_ID {
        return None;
    }
    if !change.is(Kind::Calendar) {
        return Some(Err(protected()));
    }
    Some(match instruction {
        Instruction::Remove(_) => {
            change.remove(TIMEZONE);
            change.remove(TIMEZONE_ID);
            Ok(())
        }
        Instruction::Set(element) if *name == TIMEZONE => timezone(change, element),
        Instruction::Set(element) => timezone_id(change, element),
    })
}

fn component_set(change: &mut Change<'_>, instruction: &Instruction) -> Result<()> {
    let Instruction::Set(element) = instruction else { return Err(protected()) };
    if !change.making || !change.is(Kind::Calendar) {
        return Err(protected());
    }
    let mut names = element.children_named(CALDAV, "comp").map(|comp| comp.attribute("name"));
    let known = |name: Option<&str>| {
        name.is_some_and(|name| COMPONENTS.iter().any(|known| known.eq_ignore_ascii_case(name)))
    };
    if element.elements().next().is_none() || !names.all(known) {
        return Err(Precondition::SupportedCalendarComponent.into());
    }
    // The zone and busy time may stand in any calendar, so they are no second kind.
    let kinds = element.children_named(CALDAV, "comp").filter_map(|comp| comp.attribute("name"));
    let kinds = kinds.filter(|kind| {
        !["VTIMEZONE", "VFREEBUSY"].iter().any(|other| other.eq_ignore_ascii_case(kind))
    });
    if change.view.config.homes.one_kind_per_calendar && kinds.count() > 1 {
        return Err(Error::from(Precondition::SupportedCalendarComponent)
            .because("a calendar takes one kind of component"));
    }
    change.keep(instruction)
}

/// An iCalendar object with a single VTIMEZONE (§5.2.2).
fn timezone(change: &mut Change<'_>, element: &Element) -> Result<()> {
    let refuse = |reason: &str| Error::from(Precondition::ValidCalendarTimezone).because(reason);
    let json = element.attribute("content-type") == Some(JCAL);
    let (calendar, xml) = if json {
        let calendar = ical::jcal::parse(element.text().trim().as_bytes())
            .map_err(|error| refuse(&error.to_string()))?;
        let text = String::from_utf8_lossy(&calendar.to_bytes()).into_owned();
        (calendar, Element::new(TIMEZONE).with_text(text).to_xml())
    } else {
        (read(&element.text()).map_err(|reason| refuse(&reason))?, element.to_xml())
    };
    let mut components = calendar.components();
    match (components.next(), components.next()) {
        (Some(zone), None) if zone.name() == "VTIMEZONE" => {
            let id = zone.text_of("TZID").ok_or_else(|| refuse("the zone has no TZID"))?;
            change.set(TIMEZONE_ID, Element::new(TIMEZONE_ID).with_text(id).to_xml())?;
            change.set(TIMEZONE, xml)
        }
        _ => Err(refuse("exactly one VTIMEZONE is needed")),
    }
}

fn timezone_id(change: &mut Change<'_>, element: &Element) -> Result<()> {
    let id = element.text();
    let id = id.trim();
    let zone = ical::timezone::Zone::named(id).ok_or(Precondition::ValidTimezone)?;
    let calendar = ical::timezone::generate::calendar(id, &zone, None);
    let text = String::from_utf8_lossy(&calendar.to_bytes()).into_owned();
    change.set(TIMEZONE, Element::new(TIMEZONE).with_text(text).to_xml())?;
    change.set(TIMEZONE_ID, element.to_xml())
}

/// Reads iCalendar text from a property, where people put white space around it.
pub(super) fn read(text: &str) -> std::result::Result<Component, String> {
    let text = text.trim_start();
    ical::parse(text.as_bytes()).map_err(|error| error.to_string())
}
