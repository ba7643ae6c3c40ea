//! Extended free-busy: besides when a calendar user is busy, what for, told to those who may read
//! the calendar anyway (delegates, the user) or, where the administrator says so, of rooms to all.
//!
//! Only of public events, and of those no more than when they are and what they are called.

use super::busy::{Reader, is_transparent, zone_of};
use crate::caldav::Period;
use crate::caldav::calendar_data::expand::expand;
use crate::caldav::free_busy::{Options, busy_type};
use crate::ical::timezone::{Zone, Zones};
use crate::ical::{self, AccessLevel, Component};
use crate::limits;
use crate::store::{File, HomePath, Snapshot, StoreError};

/// Asks for it in a free-busy request: `X-CALENDARSERVER-EXTENDED-FREEBUSY:T`.
const ASKS: &str = "X-CALENDARSERVER-EXTENDED-FREEBUSY";
const TOLD: &[&str] =
    &["UID", "RECURRENCE-ID", "DTSTAMP", "DTSTART", "DTEND", "DURATION", "SUMMARY"];

/// Whether a free-busy request asks for details.
pub fn are_asked_for(request: &Component) -> bool {
    let value = request.value_of(ASKS).map(str::trim);
    value.is_some_and(|v| v.eq_ignore_ascii_case("T") || v.eq_ignore_ascii_case("TRUE"))
}

/// The instances that make busy, one VEVENT each, of the calendars and objects that `tells` lets
/// through.
pub fn of(
    snapshot: &Snapshot,
    read: Reader<'_>,
    bounds: Period,
    options: &Options<'_>,
    tells: &dyn Fn(&HomePath) -> bool,
) -> Result<Vec<Component>, StoreError> {
    let mut out = Vec::new();
    for (path, collection) in snapshot.calendars() {
        if is_transparent(&collection.properties) || !tells(&path) {
            continue;
        }
        let floating = zone_of(&collection.properties).unwrap_or_else(Zone::utc);
        let day = 86_400;
        let (start, end) = (bounds.start.timestamp() - day, bounds.end.timestamp() + day);
        let mut found = snapshot.overlapping(&path, Some(start), Some(end));
        found.sort_by(|a, b| a.file.name.cmp(&b.file.name));
        for File { name, entry: object } in found.into_iter().map(|found| found.file) {
            let uid = object.calendar().map(|summary| summary.uid());
            if options.masked_uid.is_some() && uid == options.masked_uid {
                continue;
            }
            let at = path.join(name);
            // Objects may have access control lists of their own.
            if !tells(&at) {
                continue;
            }
            let Some(bytes) = read(&at)? else { continue };
            let Ok(calendar) = ical::parse(&bytes) else { continue };
            out.extend(details(&calendar, &floating, bounds, options));
            if out.len() >= limits::TIMETABLE_INSTANCES {
                return Ok(out);
            }
        }
    }
    Ok(out)
}

fn details(
    calendar: &Component,
    floating: &Zone,
    bounds: Period,
    options: &Options<'_>,
) -> Vec<Component> {
    let zones = Zones::of(calendar, floating);
    if AccessLevel::of(calendar) != AccessLevel::Public {
        return Vec::new();
    }
    let Ok(mut expanded) = expand(calendar, &zones, bounds) else { return Vec::new() };
    expanded.retain_components(|component| busy_type(component, options).is_some());
    for event in expanded.main_components_mut() {
        event.retain_components(|_| false);
        event.retain_properties(|property| TOLD.contains(&property.name()));
    }
    expanded.main_components().cloned().collect()
}
