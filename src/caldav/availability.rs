//! VAVAILABILITY in free-busy time (RFC 7953 §4, draft-daboo-calendar-availability §4).

use std::collections::BTreeMap;

use super::{Period, TimeRange, instances, period};
use crate::ical::recur::{self, Budget, RecurError, Window};
use crate::ical::timezone::Zones;
use crate::ical::{Component, IcalDuration, Property};

/// When a VAVAILABILITY says something; open ends mean for ever.
fn covered(component: &Component, zones: &Zones) -> TimeRange {
    let start = instances::moment_of(component, "DTSTART", zones);
    let end = instances::moment_of(component, "DTEND", zones).or_else(|| {
        let duration: IcalDuration = component.value_of("DURATION")?.parse().ok()?;
        start?.checked_add_signed(duration.delta())
    });
    TimeRange { start, end }
}

/// Whether a VAVAILABILITY says something about the range.
pub fn overlaps(component: &Component, zones: &Zones, range: TimeRange) -> bool {
    let covered = covered(component, zones);
    let before_end = covered.end.zip(range.start).is_none_or(|(end, start)| start < end);
    let after_start = covered.start.zip(range.end).is_none_or(|(start, end)| end > start);
    before_end && after_start
}

/// Whether an instance of an AVAILABLE component overlaps the range.
pub fn is_available_in(component: &Component, zones: &Zones, range: TimeRange) -> bool {
    let mut calendar = Component::new("VCALENDAR");
    calendar.push_component(as_event(component));
    instances::any(&calendar, zones, range, |instance| {
        range.overlaps(Period::new(instance.start, instance.end))
    })
}

/// Busy time by BUSYTYPE in the period: time that a VAVAILABILITY covers and none of its AVAILABLE
/// components gives free. Where two cover the same time, the one of higher PRIORITY is believed;
/// of those with the same, time is free that any of them gives free.
pub fn busy_time<'a>(
    calendars: impl IntoIterator<Item = (&'a Component, &'a Zones)>,
    bounds: Period,
) -> Result<BTreeMap<String, Vec<Period>>, RecurError> {
    let mut components: Vec<(&Component, &Zones)> = calendars
        .into_iter()
        .flat_map(|(calendar, zones)| {
            calendar.components_named("VAVAILABILITY").map(move |component| (component, zones))
        })
        .collect();
    // From the lowest to the highest, so that later ones overrule.
    components.sort_by_key(|(component, _)| std::cmp::Reverse(rank(component)));
    let mut busy: BTreeMap<String, Vec<Period>> = BTreeMap::new();
    for equals in components.chunk_by(|(a, _), (b, _)| rank(a) == rank(b)) {
        let (mut unavailable, mut free) = (Vec::new(), Vec::new());
        for (component, zones) in equals {
            let covered = covered(component, zones);
            let start = covered.start.unwrap_or(bounds.start);
            let end = covered.end.unwrap_or(bounds.end);
            let Some(covered) = Period::new(start, end).clip(bounds) else { continue };
            free.extend(available(component, zones, covered)?);
            unavailable.push((component.value_of("BUSYTYPE"), covered));
        }
        let covered: Vec<Period> = unavailable.iter().map(|(_, covered)| *covered).collect();
        for periods in busy.values_mut() {
            *periods = period::subtract(std::mem::take(periods), covered.clone());
        }
        for (kind, covered) in unavailable {
            let kind = kind.unwrap_or("BUSY-UNAVAILABLE").trim().to_ascii_uppercase();
            let left = period::subtract(vec![covered], free.clone());
            busy.entry(kind).or_default().extend(left);
        }
    }
    Ok(busy)
}

/// 1 is the highest priority, 9 the lowest, 0 or none below that (RFC 7953 §3.1).
fn rank(component: &Component) -> u8 {
    let priority = component.value_of("PRIORITY").and_then(|text| text.trim().parse().ok());
    priority.filter(|priority| (1..=9).contains(priority)).unwrap_or(10)
}

/// The time that the AVAILABLE components give free, none of it outside of what is covered.
fn available(
    component: &Component,
    zones: &Zones,
    bounds: Period,
) -> Result<Vec<Period>, RecurError> {
    let mut sets: BTreeMap<&str, Component> = BTreeMap::new();
    for available in component.components_named("AVAILABLE") {
        let uid = available.value_of("UID").unwrap_or_default();
        sets.entry(uid)
            .or_insert_with(|| Component::new("VCALENDAR"))
            .push_component(as_event(available));
    }
    let window = || Window { start: Some(bounds.start), end: Some(bounds.end) };
    let mut free = Vec::new();
    for set in sets.values() {
        let expansion = recur::expand(set, zones, window(), Budget::default())?;
        let given = expansion.instances.iter().map(|i| Period::new(i.start, i.end));
        free.extend(given.filter_map(|given| given.clip(bounds)));
    }
    Ok(free)
}

/// AVAILABLE recurs exactly as VEVENT does.
fn as_event(available: &Component) -> Component {
    let mut event = Component::new("VEVENT");
    for property in available.properties() {
        event.push(Property::clone(property));
    }
    event
}
