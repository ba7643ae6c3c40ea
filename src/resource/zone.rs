//! The zone of floating times that a calendar, or a request, names (RFC 4791 §5.2.2, RFC 7809 §5).

use crate::dav::{Error, Name, Precondition, Result};
use crate::ical::timezone::Zone;
use crate::ical::{self, Component};
use crate::store::PropertySet;

/// The zone by a calendar's properties, if it has one.
pub fn of_calendar(properties: &PropertySet) -> Option<Zone> {
    let stored = properties.text(&Name::caldav("calendar-timezone"));
    let by_definition = stored.and_then(|text| read(&text)).map(|(_, zone)| zone);
    by_definition.or_else(|| {
        let id = properties.text(&Name::caldav("calendar-timezone-id"))?;
        Zone::named(id.trim())
    })
}

/// The zone of an iCalendar object with exactly one VTIMEZONE
/// (`CALDAV:valid-calendar-data`, RFC 4791 §7.8).
pub fn of_text(text: &str) -> Result<Zone> {
    match read(text) {
        Some((calendar, zone)) if calendar.has("VERSION") => Ok(zone),
        _ => Err(Error::from(Precondition::ValidCalendarData)
            .because("a time zone is a VCALENDAR with VERSION and one VTIMEZONE")),
    }
}

fn read(text: &str) -> Option<(Component, Zone)> {
    let calendar = ical::parse(text.trim().as_bytes()).ok()?;
    let mut components = calendar.components();
    let definition = components.next().filter(|component| component.is_timezone())?;
    if components.next().is_some() {
        return None;
    }
    let zone = Zone::named(definition.value_of("TZID")?);
    let zone = zone.or_else(|| Zone::from_vtimezone(definition))?;
    drop(components);
    Some((calendar.clone(), zone))
}

/// The zone of an identifier (`CALDAV:valid-timezone`, RFC 7809 §5.2).
pub fn of_id(id: &str) -> Result<Zone> {
    Zone::named(id.trim()).ok_or_else(|| {
        Error::from(Precondition::ValidTimezone).because(format!("no time zone is called {id}"))
    })
}
