//! Small mistakes of known clients that are put right before an object is stored. A repaired
//! object is not what the client sent, so the answer carries no ETag.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, NaiveDateTime, NaiveTime, Utc};

use crate::ical::recur;
use crate::ical::timezone::Zones;
use crate::ical::{Component, DateOrTime};

/// Repairs what can be repaired; says whether anything was.
pub fn repair(calendar: &mut Component, zones: &Zones) -> bool {
    let moved = move_midnight_overrides(calendar, zones);
    remove_duplicate_alarms(calendar) || moved
}

/// Drops alarms that say the same as an earlier one of the same component.
fn remove_duplicate_alarms(calendar: &mut Component) -> bool {
    let mut removed = false;
    for component in calendar.main_components_mut() {
        let mut seen: HashSet<Component> = HashSet::new();
        component.retain_components(|inner| {
            let again = inner.name() == "VALARM" && !seen.insert(inner.clone());
            removed |= again;
            !again
        });
    }
    removed
}

/// An override at midnight of a day on which the event takes place at another time means that
/// day's instance: some clients write the date alone into RECURRENCE-ID.
fn move_midnight_overrides(calendar: &mut Component, zones: &Zones) -> bool {
    let Some(start) = calendar.master().and_then(|master| {
        let start = DateOrTime::from_property(master.property("DTSTART")?).ok()?;
        (!start.is_date()).then_some(start)
    }) else {
        return false;
    };
    // At midnight, and what is meant instead.
    let suspects: Vec<(DateOrTime, DateOrTime)> = calendar
        .overrides()
        .filter_map(|component| {
            let id = DateOrTime::from_property(component.property("RECURRENCE-ID")?).ok()?;
            let midnight = !id.is_date() && id.local().time() == NaiveTime::MIN;
            let right = id.with_local(id.local().date().and_time(start.local().time()));
            let same_form = id.tzid() == start.tzid() && id.is_floating() == start.is_floating();
            (midnight && same_form).then_some((id, right))
        })
        .collect();
    let asked = suspects.iter().flat_map(|(id, right)| [zones.to_utc(id), zones.to_utc(right)]);
    let asked: BTreeSet<DateTime<Utc>> = asked.collect();
    if asked.is_empty() {
        return false;
    }
    let Ok(existing) = recur::existing_instances(calendar, zones, &asked) else { return false };
    let exists = |id: &DateOrTime| existing.contains(&zones.to_utc(id));
    let wrong: HashMap<NaiveDateTime, DateOrTime> = suspects
        .into_iter()
        .filter(|(id, right)| !exists(id) && exists(right))
        .map(|(id, right)| (id.local(), right))
        .collect();
    let ids = calendar.main_components_mut().filter_map(|c| c.property_mut("RECURRENCE-ID"));
    for id in ids {
        let value = DateOrTime::from_property(id).ok();
        if let Some(right) = value.and_then(|value| wrong.get(&value.local())) {
            right.write_to(id);
        }
    }
    !wrong.is_empty()
}
