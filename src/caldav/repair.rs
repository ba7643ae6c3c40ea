//! Small mistakes of known clients that are put right before an object is stored. A repaired
//! object is not what the client sent, so the answer carries no ETag.

use chrono::{NaiveDateTime, NaiveTime};

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
        let mut seen: Vec<Component> = Vec::new();
        component.retain_components(|inner| {
            let again = inner.name() == "VALARM" && seen.contains(inner);
            if !again && inner.name() == "VALARM" {
                seen.push(inner.clone());
            }
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
    let candidates: Vec<(NaiveDateTime, DateOrTime)> = calendar
        .overrides()
        .filter_map(|component| {
            let id = DateOrTime::from_property(component.property("RECURRENCE-ID")?).ok()?;
            let midnight = !id.is_date() && id.local().time() == NaiveTime::MIN;
            let right = id.with_local(id.local().date().and_time(start.local().time()));
            let exists = |id: &DateOrTime| recur::instance_exists(calendar, zones, id) == Ok(true);
            let same_form = id.tzid() == start.tzid() && id.is_floating() == start.is_floating();
            (midnight && same_form && !exists(&id) && exists(&right)).then(|| (id.local(), right))
        })
        .collect();
    for (wrong, right) in &candidates {
        let ids = calendar.main_components_mut().filter_map(|c| c.property_mut("RECURRENCE-ID"));
        for id in ids {
            if DateOrTime::from_property(id).is_ok_and(|value| value.local() == *wrong) {
                right.write_to(id);
            }
        }
    }
    !candidates.is_empty()
}
