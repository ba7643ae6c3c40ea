//! `CALDAV:limit-recurrence-set` and `CALDAV:limit-freebusy-set` (RFC 4791 §9.6.6, §9.6.7).

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use crate::caldav::{Period, TimeRange, instances};
use crate::ical::recur::RecurError;
use crate::ical::timezone::Zones;
use crate::ical::{self, Component};

/// Drops the overrides that do not matter in the period: neither what they are nor what they
/// would have been overlaps it, and no later instance in it follows them.
pub fn recurrence_set(
    calendar: &mut Component,
    zones: &Zones,
    period: Period,
) -> Result<(), RecurError> {
    let range = TimeRange { start: Some(period.start), end: Some(period.end) };
    let wide = instances::widened(range).closed().unwrap_or(period);
    let sources: Vec<&Component> = calendar.main_components().collect();
    let mut wanted: HashSet<DateTime<Utc>> = HashSet::new();
    for instance in instances::within(calendar, zones, wide)?.instances {
        let source = sources.get(instance.component);
        if source.is_some_and(|source| instances::overlaps(source, &instance, range)) {
            wanted.insert(instance.recurrence_utc);
        }
    }
    let length = calendar.master().and_then(|master| length_of(master, zones));
    let keep = |component: &Component| {
        let Some(id) = instances::moment_of(component, "RECURRENCE-ID", zones) else { return true };
        let following = component.property("RECURRENCE-ID").and_then(|id| id.param("RANGE"));
        let original = Period::new(id, length.map_or(id, |length| id + length));
        wanted.contains(&id) || range.overlaps(original) || (following.is_some() && id < period.end)
    };
    let kept: Vec<bool> = sources.into_iter().map(keep).collect();
    let mut next = kept.into_iter();
    calendar.retain_components(|component| component.is_timezone() || next.next().unwrap_or(true));
    Ok(())
}

fn length_of(master: &Component, zones: &Zones) -> Option<chrono::TimeDelta> {
    let start = instances::moment_of(master, "DTSTART", zones)?;
    let end = ["DTEND", "DUE"].iter().find_map(|n| instances::moment_of(master, n, zones));
    let duration = master.value_of("DURATION").and_then(|text| text.parse().ok());
    end.map(|end| end - start).or_else(|| duration.map(ical::IcalDuration::delta))
}

/// Drops the FREEBUSY periods that do not overlap the period.
pub fn freebusy_set(calendar: &mut Component, zones: &Zones, period: Period) {
    let range = TimeRange { start: Some(period.start), end: Some(period.end) };
    for component in calendar.main_components_mut().filter(|c| c.name() == "VFREEBUSY") {
        for property in component.properties_named_mut("FREEBUSY") {
            let overlaps = |text: &&str| {
                let parsed = ical::Period::parse(text.trim(), None);
                parsed.is_ok_and(|parsed| range.overlaps(instances::period_of(&parsed, zones)))
            };
            let values: Vec<&str> = property.value().split(',').collect();
            let kept: Vec<&str> = values.iter().copied().filter(|t| overlaps(t)).collect();
            if kept.len() < values.len() {
                let kept = kept.join(",");
                property.set_value(&kept);
            }
        }
        component.retain_properties(|p| p.name() != "FREEBUSY" || !p.value().is_empty());
    }
}
