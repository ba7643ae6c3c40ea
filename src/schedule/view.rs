//! What one attendee may see of an object (RFC 6638 §3.2.6): the components that name the
//! attendee, with the instances they are left out of as EXDATEs.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::attendees::served;
use super::classify::organizer_of;
use super::object::{Instance, Object, instance_of, zones_of};
use super::users::CalendarUsers;
use crate::ical::Component;

/// The attendee's view; `None` when no component names the attendee.
pub fn attendee_view(
    calendar: &Component,
    attendee: &str,
    users: &dyn CalendarUsers,
) -> Option<Component> {
    let object = Object::new(calendar);
    let organizer = organizer_of(calendar, users).ok().flatten().unwrap_or_default();
    let sees = |component: &Component| served(component, &organizer, users).contains(attendee);
    let mut hidden: BTreeSet<DateTime<Utc>> = BTreeSet::new();
    for (instance, component) in object.components() {
        if let Instance::At(at) = instance
            && !sees(component)
        {
            hidden.insert(at);
        }
    }
    let mut view = calendar.clone();
    let zones = zones_of(calendar);
    view.retain_components(|component| {
        component.is_timezone()
            || match instance_of(component, &zones) {
                Instance::At(at) => !hidden.contains(&at),
                Instance::Master => sees(component),
            }
    });
    view.main_components().next()?;
    let known = object.exdates();
    let added: Vec<_> = hidden
        .iter()
        .filter(|at| !known.contains(at))
        .map(|at| object.in_master_form(*at))
        .collect();
    if let Some(master) = view.master_mut() {
        for exdate in added {
            master.push(exdate.to_property("EXDATE"));
        }
    }
    Some(view)
}
