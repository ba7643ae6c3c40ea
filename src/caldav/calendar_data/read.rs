//! Reads `CALDAV:calendar-data` of a request (RFC 4791 §9.6).

use super::{CalendarData, ComponentSelection, Format, PropertySelection};
use crate::caldav::{Period, TimeRange};
use crate::dav::name::CALDAV;
use crate::dav::{Error, Precondition, Result};
use crate::xml::Element;

impl CalendarData {
    /// Reads the element (`CALDAV:supported-calendar-data`).
    pub fn read(element: &Element) -> Result<Self> {
        let period = |name: &str| element.child(CALDAV, name).map(period_of).transpose();
        let data = Self {
            format: format(element)?,
            component: element.child(CALDAV, "comp").map(component).transpose()?,
            expand: period("expand")?,
            limit_recurrence_set: period("limit-recurrence-set")?,
            limit_freebusy_set: period("limit-freebusy-set")?,
        };
        if data.expand.is_some() && data.limit_recurrence_set.is_some() {
            return Err(Error::bad_request("expand and limit-recurrence-set exclude each other"));
        }
        Ok(data)
    }
}

fn format(element: &Element) -> Result<Format> {
    let unsupported = || Error::from(Precondition::SupportedCalendarData);
    if element.attribute("version").is_some_and(|version| version.trim() != "2.0") {
        return Err(unsupported().because("the only version is 2.0"));
    }
    match element.attribute("content-type").map(str::trim) {
        None => Ok(Format::ICalendar),
        Some(text) if text.eq_ignore_ascii_case("text/calendar") => Ok(Format::ICalendar),
        Some(text) if text.eq_ignore_ascii_case("application/calendar+json") => Ok(Format::JCal),
        Some(text) => Err(unsupported().because(text)),
    }
}

fn period_of(element: &Element) -> Result<Period> {
    TimeRange::parse_closed(element.attribute("start"), element.attribute("end"))
        .map_err(|error| Error::bad_request(format!("{}: {error}", element.name.local)))
}

fn component(element: &Element) -> Result<ComponentSelection> {
    let mut selection =
        ComponentSelection { name: name_of(element)?, properties: None, components: None };
    let (mut all_properties, mut all_components) = (false, false);
    for child in element.elements().filter(|child| child.name.namespace == CALDAV) {
        match child.name.local.as_ref() {
            "allprop" => all_properties = true,
            "allcomp" => all_components = true,
            "prop" => {
                let no_value = child.attribute("novalue") == Some("yes");
                let property = PropertySelection { name: name_of(child)?, no_value };
                selection.properties.get_or_insert_default().push(property);
            }
            "comp" => selection.components.get_or_insert_default().push(component(child)?),
            _ => {}
        }
    }
    // An empty `comp` means everything in it; naming one sort leaves out the other (§9.6.1).
    let named = selection.properties.is_some() || selection.components.is_some();
    if named || all_properties || all_components {
        let (properties, components) = (selection.properties.take(), selection.components.take());
        selection.properties = (!all_properties).then(|| properties.unwrap_or_default());
        selection.components = (!all_components).then(|| components.unwrap_or_default());
    }
    Ok(selection)
}

fn name_of(element: &Element) -> Result<String> {
    match element.attribute("name").map(str::trim) {
        Some(name) if !name.is_empty() => Ok(name.to_ascii_uppercase()),
        _ => Err(Error::bad_request(format!("{} needs a name", element.name.local))),
    }
}
