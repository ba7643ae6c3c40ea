//! Time zones by reference (RFC 7809 §3.1.3): objects with and without the VTIMEZONEs that
//! everybody can look up.

use std::collections::HashSet;

use crate::ical::timezone::{Zone, generate};
use crate::ical::{Component, Item};

/// The object as the client wants it (`CalDAV-Timezones`): with all definitions, without those of
/// known zones, or as it is. Says whether it changed.
pub fn apply(calendar: &mut Component, wanted: Option<bool>) -> bool {
    match wanted {
        Some(true) => complete(calendar),
        Some(false) => strip(calendar),
        None => false,
    }
}

/// Drops the VTIMEZONEs of zones that are known by their name; says whether there were any.
pub fn strip(calendar: &mut Component) -> bool {
    let mut stripped = false;
    calendar.retain_components(|component| {
        let known = component.is_timezone() && component.value_of("TZID").is_some_and(is_standard);
        stripped |= known;
        !known
    });
    stripped
}

/// Adds the VTIMEZONEs that the object refers to and does not have; says whether any was missing.
pub fn complete(calendar: &mut Component) -> bool {
    let defined: HashSet<&str> =
        calendar.timezones().filter_map(|zone| zone.value_of("TZID")).collect();
    let mut missing: Vec<String> = Vec::new();
    let mut open: Vec<&Component> = calendar.main_components().collect();
    while let Some(component) = open.pop() {
        open.extend(component.components());
        for tzid in component.properties().filter_map(|property| property.param("TZID")) {
            if !defined.contains(tzid) && !missing.iter().any(|known| known == tzid) {
                missing.push(tzid.to_owned());
            }
        }
    }
    missing.sort();
    let zones: Vec<Component> = missing
        .iter()
        .filter_map(|tzid| Some(generate::vtimezone(tzid, &Zone::named(tzid)?, None)))
        .collect();
    if zones.is_empty() {
        return false;
    }
    let items = calendar.items_mut();
    let first = items.iter().position(|item| matches!(item, Item::Component(_)));
    let at = first.unwrap_or(items.len());
    items.splice(at..at, zones.into_iter().map(Item::Component));
    true
}

fn is_standard(tzid: &str) -> bool {
    Zone::named(tzid).is_some()
}
