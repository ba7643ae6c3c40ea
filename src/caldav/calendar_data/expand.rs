//! `CALDAV:expand` (RFC 4791 §9.6.5): one component per instance, in UTC, without recurrence
//! properties and without time zones.

use chrono::{DateTime, Utc};

use crate::caldav::{Period, TimeRange, instances};
use crate::ical::recur::{Instance, RecurError};
use crate::ical::timezone::Zones;
use crate::ical::{Component, DateOrTime, Property};

const RECURRENCE: &[&str] = &["RRULE", "RDATE", "EXRULE", "EXDATE"];

/// The object with a component for each instance in the period. Dates and floating times have no
/// zone that could be resolved and stay what they are.
pub fn expand(
    calendar: &Component,
    zones: &Zones,
    period: Period,
) -> Result<Component, RecurError> {
    let range = TimeRange { start: Some(period.start), end: Some(period.end) };
    let mut expanded = calendar.clone();
    expanded.retain_components(|_| false);
    let sources: Vec<&Component> = calendar.main_components().collect();
    if !sources.iter().any(|component| component.has("DTSTART") && recurs_in_time(component)) {
        for source in sources {
            expanded.push_component(in_utc(source.clone(), zones));
        }
        return Ok(expanded);
    }
    let first = calendar.master().and_then(|m| instances::moment_of(m, "DTSTART", zones));
    let recurring = calendar.overrides().next().is_some()
        || sources.iter().any(|source| RECURRENCE.iter().any(|name| source.has(name)));
    let wide = instances::widened(range).closed().unwrap_or(period);
    for instance in instances::within(calendar, zones, wide)?.instances {
        let Some(source) = sources.get(instance.component) else { continue };
        if instances::overlaps(source, &instance, range) {
            let id = recurring.then_some(first);
            expanded.push_component(single(source, &instance, id, zones));
        }
    }
    Ok(expanded)
}

/// VFREEBUSY and VAVAILABILITY have a DTSTART but no instances.
fn recurs_in_time(component: &Component) -> bool {
    ["VEVENT", "VTODO", "VJOURNAL"].contains(&component.name())
}

/// One instance. `first` is absent for an object that does not recur, and otherwise the start of
/// the master: the instance there needs no RECURRENCE-ID.
fn single(
    source: &Component,
    instance: &Instance,
    first: Option<Option<DateTime<Utc>>>,
    zones: &Zones,
) -> Component {
    let mut component = source.clone();
    let had_id = component.remove_properties("RECURRENCE-ID");
    component.retain_properties(|property| !RECURRENCE.contains(&property.name()));
    move_to(&mut component, "DTSTART", &instance.start_value, instance.start);
    if let Some(end) = &instance.end_value {
        let name = if source.name() == "VTODO" { "DUE" } else { "DTEND" };
        if component.has(name) {
            move_to(&mut component, name, end, instance.end);
        }
    }
    let initial = first.is_none_or(|first| first == Some(instance.recurrence_utc));
    if !initial || (had_id && instance.overridden) {
        let id = resolved(&instance.recurrence_id, instance.recurrence_utc);
        component.push(id.to_property("RECURRENCE-ID"));
    }
    in_utc(component, zones)
}

fn move_to(component: &mut Component, name: &str, value: &DateOrTime, instant: DateTime<Utc>) {
    if let Some(property) = component.property_mut(name) {
        resolved(value, instant).write_to(property);
    }
}

fn resolved(value: &DateOrTime, instant: DateTime<Utc>) -> DateOrTime {
    if value.is_floating() { value.clone() } else { DateOrTime::Utc(instant.naive_utc()) }
}

/// The same component with every zoned time in UTC.
fn in_utc(mut component: Component, zones: &Zones) -> Component {
    for property in component.properties_mut() {
        to_utc(property, zones);
    }
    for inner in component.components_mut() {
        inner.properties_mut().for_each(|property| to_utc(property, zones));
    }
    component
}

fn to_utc(property: &mut Property, zones: &Zones) {
    if property.param("TZID").is_none() {
        return;
    }
    if let Ok(values) = DateOrTime::list_from_property(property) {
        let texts: Vec<String> =
            values.iter().map(|value| resolved(value, zones.to_utc(value)).to_string()).collect();
        property.set_value(&texts.join(","));
    }
    property.remove_param("TZID");
}
