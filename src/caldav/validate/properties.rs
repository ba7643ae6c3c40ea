//! `CALDAV:valid-calendar-data`: required properties and values that can be read (RFC 5545 §3.6).
//!
//! Lenient where clients are known to be careless and nothing is lost: DTSTAMP and PRODID may be
//! missing, VALUE may be forgotten, DATE and DATE-TIME may be mixed, a to-do may recur without a
//! DTSTART.

use super::invalid_data;
use crate::dav::Result;
use crate::ical::{Component, DateOrTime, IcalDuration, Period, Property};

/// Properties with TEXT values, in which only the escapes of RFC 5545 §3.3.11 are allowed.
const TEXTS: &[&str] = &[
    "ACTION",
    "CATEGORIES",
    "CLASS",
    "COMMENT",
    "CONTACT",
    "DESCRIPTION",
    "LOCATION",
    "RESOURCES",
    "STATUS",
    "SUMMARY",
    "TRANSP",
    "TZNAME",
];

/// Properties that a main component has at most once.
const ONCE: &[&str] =
    &["DTSTART", "DTEND", "DUE", "DURATION", "UID", "RECURRENCE-ID", "SEQUENCE", "ORGANIZER"];

/// Reads every value that the server computes with.
pub fn check(calendar: &Component) -> Result<()> {
    for component in calendar.main_components() {
        check_component(component)?;
        for alarm in component.components() {
            check_texts(alarm)?;
        }
    }
    Ok(())
}

/// Nothing ends before it begins (RFC 5545 §3.8.2.2, §3.8.2.3). An end that is the start, which
/// these clauses do not allow either, is what many clients write for something without length.
///
/// Looked at where both are written in one form; `put` of the reference system's scripts wants a
/// start in UTC to go with an earlier end in a zone.
pub fn check_order(calendar: &Component) -> Result<()> {
    for component in calendar.main_components() {
        let time = |name: &str| {
            let property = component.property(name)?;
            let time = DateOrTime::from_property(property).ok()?;
            Some((time.local(), (time.is_date(), time.is_floating(), property.param("TZID"))))
        };
        let Some((start, form)) = time("DTSTART") else { continue };
        for name in ["DTEND", "DUE"] {
            if time(name).is_some_and(|(end, same)| same == form && end < start) {
                return Err(invalid_data(format!("{name} lies before DTSTART")));
            }
        }
    }
    Ok(())
}

fn check_component(component: &Component) -> Result<()> {
    let name = component.name();
    for once in ONCE {
        if component.properties_named(once).nth(1).is_some() {
            return Err(invalid_data(format!("{name} has {once} twice")));
        }
    }
    if name == "VEVENT" && !component.has("DTSTART") {
        return Err(invalid_data("VEVENT has no DTSTART"));
    }
    if component.has("DURATION") && (component.has("DTEND") || component.has("DUE")) {
        return Err(invalid_data(format!("{name} has both an end and a DURATION")));
    }
    for property in component.properties() {
        if property.value().contains(|c: char| c.is_ascii_control() && c != '\t') {
            return Err(invalid_data(format!("{} holds a control character", property.name())));
        }
        check_value(property)
            .map_err(|reason| invalid_data(format!("{} in {name}: {reason}", property.name())))?;
    }
    check_texts(component)
}

fn check_value(property: &Property) -> std::result::Result<(), String> {
    let text = |error: crate::ical::ValueError| error.to_string();
    let is_period = property.param("VALUE").is_some_and(|v| v.eq_ignore_ascii_case("PERIOD"));
    match property.name() {
        "DTSTART" | "DTEND" | "DUE" | "RECURRENCE-ID" => {
            DateOrTime::from_property(property).map(drop).map_err(text)
        }
        "RDATE" if is_period => Period::list_from_property(property).map(drop).map_err(text),
        "EXDATE" | "RDATE" => DateOrTime::list_from_property(property).map(drop).map_err(text),
        "FREEBUSY" => Period::list_from_property(property).map(drop).map_err(text),
        "DURATION" => {
            let duration: IcalDuration = property.value().parse().map_err(text)?;
            if duration.is_negative() { Err("negative".to_owned()) } else { Ok(()) }
        }
        _ => Ok(()),
    }
}

fn check_texts(component: &Component) -> Result<()> {
    for property in component.properties().filter(|p| TEXTS.contains(&p.name())) {
        let mut characters = property.value().chars();
        while let Some(character) = characters.next() {
            if character != '\\' {
                continue;
            }
            // An escaped colon is wrong, but too many clients write it.
            if !matches!(characters.next(), Some('\\' | ';' | ',' | ':' | 'n' | 'N')) {
                let name = property.name();
                return Err(invalid_data(format!("{name} has an escape that there is not")));
            }
        }
    }
    Ok(())
}
