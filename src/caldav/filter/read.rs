//! Reads `CALDAV:filter` and what is in it (RFC 4791 §9.7).

use super::{ComponentFilter, Filter, ParameterFilter, PropertyFilter, Test, invalid};
use crate::caldav::collation::Collation;
use crate::caldav::text_match::{MatchType, TextMatch};
use crate::caldav::time_range::{RangeError, TimeRange};
use crate::dav::name::CALDAV;
use crate::dav::{Error, Precondition, Result};
use crate::xml::Element;

impl Filter {
    /// Reads and checks a filter (`CALDAV:valid-filter`, `CALDAV:supported-collation`).
    pub fn read(filter: &Element) -> Result<Filter> {
        let mut components = filter.children_named(CALDAV, "comp-filter");
        let (Some(calendar), None) = (components.next(), components.next()) else {
            return Err(invalid("a filter holds one comp-filter"));
        };
        let filter = Filter { calendar: component(calendar)? };
        filter.check()?;
        Ok(filter)
    }
}

fn component(element: &Element) -> Result<ComponentFilter> {
    let mut filter = ComponentFilter {
        name: name_of(element)?,
        absent: absent(element)?,
        test: test(element)?,
        ..ComponentFilter::default()
    };
    for child in element.elements().filter(|child| child.name.namespace == CALDAV) {
        match child.name.local.as_ref() {
            "time-range" => only(&mut filter.time_range, time_range(child)?)?,
            "prop-filter" => filter.properties.push(property(child)?),
            "comp-filter" => filter.components.push(component(child)?),
            _ => {}
        }
    }
    Ok(filter)
}

fn property(element: &Element) -> Result<PropertyFilter> {
    let mut filter = PropertyFilter {
        name: name_of(element)?,
        absent: absent(element)?,
        test: test(element)?,
        ..PropertyFilter::default()
    };
    for child in element.elements().filter(|child| child.name.namespace == CALDAV) {
        match child.name.local.as_ref() {
            "time-range" => only(&mut filter.time_range, time_range(child)?)?,
            "text-match" => only(&mut filter.text, text_match(child)?)?,
            "param-filter" => filter.parameters.push(parameter(child)?),
            _ => {}
        }
    }
    Ok(filter)
}

fn parameter(element: &Element) -> Result<ParameterFilter> {
    let text = element.child(CALDAV, "text-match").map(text_match).transpose()?;
    Ok(ParameterFilter { name: name_of(element)?, absent: absent(element)?, text })
}

fn name_of(element: &Element) -> Result<String> {
    match element.attribute("name").map(str::trim) {
        Some(name) if !name.is_empty() => Ok(name.to_ascii_uppercase()),
        _ => Err(invalid(format!("{} needs a name", element.name.local))),
    }
}

/// Whether `is-not-defined` is there; it stands alone (§9.7.1).
fn absent(element: &Element) -> Result<bool> {
    let absent = element.child(CALDAV, "is-not-defined").is_some();
    // Old drafts of the protocol had is-defined, which says nothing.
    let further =
        element.elements().filter(|child| !child.is(CALDAV, "is-defined")).nth(1).is_some();
    if absent && further {
        return Err(invalid("is-not-defined stands alone"));
    }
    Ok(absent)
}

fn test(element: &Element) -> Result<Test> {
    match element.attribute("test") {
        None | Some("allof") => Ok(Test::AllOf),
        Some("anyof") => Ok(Test::AnyOf),
        Some(_) => Err(invalid("test is allof or anyof")),
    }
}

fn only<T>(place: &mut Option<T>, value: T) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(invalid("one condition of a kind at a time")),
    }
}

/// Reads `CALDAV:time-range` of a filter. One without any attribute is not even an element of
/// this kind (§9.9), so it is answered with 400.
fn time_range(element: &Element) -> Result<TimeRange> {
    TimeRange::parse(element.attribute("start"), element.attribute("end")).map_err(|error| {
        match error {
            RangeError::Empty => Error::bad_request(error.to_string()),
            _ => invalid(error.to_string()),
        }
    })
}

fn text_match(element: &Element) -> Result<TextMatch> {
    let collation = match element.attribute("collation") {
        None => Collation::default(),
        Some(identifier) => Collation::parse(identifier)
            .ok_or_else(|| Error::from(Precondition::SupportedCollation).because(identifier))?,
    };
    // Before RFC 4791 there was `caseless` instead of collations.
    let collation = match element.attribute("caseless") {
        Some("no") if element.attribute("collation").is_none() => Collation::Octet,
        _ => collation,
    };
    let negated = match element.attribute("negate-condition") {
        None | Some("no") => false,
        Some("yes") => true,
        Some(_) => return Err(invalid("negate-condition is yes or no")),
    };
    let kind = match element.attribute("match-type") {
        None => MatchType::default(),
        Some(text) => MatchType::parse(text).ok_or_else(|| invalid("unknown match-type"))?,
    };
    Ok(TextMatch::new(&element.text(), collation, kind, negated))
}
