//! Single instances of a recurring object: do they exist, and what would an override look like?

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::overrides::{Override, governing};
use super::set::RecurrenceSet;
use super::shape::{Length, Shape};
use super::{Budget, RecurError, Steps, Window};
use crate::ical::component::Component;
use crate::ical::timezone::Zones;
use crate::ical::value::DateOrTime;

/// Which of these instants the master's recurrence set holds. Overrides do not count.
///
/// All questions of one object are to be asked together: they share one budget.
pub fn existing_instances(
    calendar: &Component,
    zones: &Zones,
    wanted: &BTreeSet<DateTime<Utc>>,
) -> Result<BTreeSet<DateTime<Utc>>, RecurError> {
    let Some(master) = calendar.master() else { return Ok(BTreeSet::new()) };
    let Shape::Anchored(anchor, _) = Shape::of(master, zones)? else {
        return Ok(BTreeSet::new());
    };
    let set = RecurrenceSet::read(master, &anchor, zones)?;
    set.holding(wanted, &mut Steps::new(Budget::default().steps))
}

/// Whether the master's recurrence set holds that instance. Overrides do not count.
pub fn instance_exists(
    calendar: &Component,
    zones: &Zones,
    recurrence_id: &DateOrTime,
) -> Result<bool, RecurError> {
    let wanted = BTreeSet::from([zones.to_utc(recurrence_id)]);
    Ok(!existing_instances(calendar, zones, &wanted)?.is_empty())
}

/// The override that says about an instance what the master (or the THISANDFUTURE override that
/// governs it) says: rule properties dropped, times moved, RECURRENCE-ID in the master's form.
/// `None` when there is no such instance.
pub fn derive_instance(
    calendar: &Component,
    zones: &Zones,
    recurrence_id: &DateOrTime,
) -> Option<Component> {
    let (master_index, master) = calendar
        .main_components()
        .enumerate()
        .find(|(_, component)| !component.has("RECURRENCE-ID"))?;
    let Shape::Anchored(anchor, length) = Shape::of(master, zones).ok()? else { return None };
    let set = RecurrenceSet::read(master, &anchor, zones).ok()?;
    let utc = zones.to_utc(recurrence_id);
    let mut steps = Steps::new(Budget::default().steps);
    let members = set.members(Some(utc), Some(utc), 10, &mut steps).ok()?;
    let member = members.found.get(&utc)?;
    let overrides: Vec<Override<'_>> = calendar
        .main_components()
        .enumerate()
        .filter(|(index, component)| *index != master_index && component.has("RECURRENCE-ID"))
        .filter_map(|(index, component)| Override::read(index, component, &length, zones).ok())
        .collect();
    let governing = governing(&overrides, utc).filter(|o| o.utc != utc);
    let (source, start, end) = match governing {
        Some(o) => {
            let instance = o.later_instance(member.id.clone(), utc, zones);
            (o.component, instance.start_value, instance.end_value)
        }
        None => {
            let times = match &member.end {
                Some(end) => Length::period(&member.id, end, zones),
                None => length.times(&member.id, zones),
            };
            (master, member.id.clone(), times.end_value)
        }
    };
    let mut derived = source.clone();
    let rule_parts = ["RRULE", "RDATE", "EXRULE", "EXDATE", "RECURRENCE-ID"];
    derived.retain_properties(|property| !rule_parts.contains(&property.name()));
    let named_period = member.end.is_some() && governing.is_none();
    move_times(&mut derived, &start, end.as_ref(), named_period);
    insert_recurrence_id(&mut derived, &member.id);
    Some(derived)
}

fn move_times(
    component: &mut Component,
    start: &DateOrTime,
    end: Option<&DateOrTime>,
    named_period: bool,
) {
    if let Some(property) = component.property_mut("DTSTART") {
        start.write_to(property);
    } else if let Some(property) = component.property_mut("DUE") {
        // A to-do without start is counted from its end.
        start.write_to(property);
        return;
    }
    let Some(end) = end else { return };
    let end_name = if component.name() == "VTODO" { "DUE" } else { "DTEND" };
    if named_period {
        component.remove_properties("DURATION");
        component.set(end.to_property(end_name));
    } else if let Some(property) = component.property_mut(end_name) {
        end.write_to(property);
    }
}

/// Puts RECURRENCE-ID where readers look for it, right after UID.
fn insert_recurrence_id(component: &mut Component, id: &DateOrTime) {
    use crate::ical::component::Item;
    let property = Item::Property(id.to_property("RECURRENCE-ID"));
    let items = component.items_mut();
    let uid = items.iter().position(|item| matches!(item, Item::Property(p) if p.name() == "UID"));
    items.insert(uid.map_or(0, |at| at + 1), property);
}

/// The first instance of the master's recurrence set in a window. Overrides do not count.
pub fn first_instance(
    calendar: &Component,
    zones: &Zones,
    window: Window,
) -> Result<Option<DateTime<Utc>>, RecurError> {
    let Some(master) = calendar.master() else { return Ok(None) };
    let Shape::Anchored(anchor, _) = Shape::of(master, zones)? else { return Ok(None) };
    let set = RecurrenceSet::read(master, &anchor, zones)?;
    let last = window.end.map(|end| end - TimeDelta::seconds(1));
    let mut steps = Steps::new(Budget::default().steps);
    let members = set.members(window.start, last, 1, &mut steps)?;
    Ok(members.found.keys().next().copied())
}
