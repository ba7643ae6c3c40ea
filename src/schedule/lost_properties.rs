//! Some clients drop ORGANIZER and ATTENDEE when they complete a to-do; they are put back.

use super::attendees;
use super::object::{Object, instance_of, zones_of};
use super::users::CalendarUsers;
use crate::ical::{Component, Property};

/// Puts the scheduling properties of a to-do back that the new version has lost altogether.
pub fn restore(old: &Component, new: &mut Component, owner: &str, users: &dyn CalendarUsers) {
    let lost = |calendar: &Component| {
        calendar.main_components().all(|c| {
            c.name() == "VTODO" && !c.has("ORGANIZER") && !c.has("ATTENDEE") && c.has("COMPLETED")
        })
    };
    if !lost(new) || new.main_components().next().is_none() {
        return;
    }
    let before = Object::new(old);
    let zones = zones_of(new);
    for component in new.main_components_mut() {
        let Some(stored) = before.find_or_derive(instance_of(component, &zones)) else { continue };
        let names = ["ORGANIZER", "ATTENDEE"];
        let lines: Vec<Property> =
            stored.properties().filter(|p| names.contains(&p.name())).cloned().collect();
        for line in lines {
            component.push(line);
        }
        if let Some(line) = attendees::line_mut(component, owner, users) {
            line.set_param("PARTSTAT", "COMPLETED");
        }
    }
}
