//! Many calendar objects in one file and back (RFC 5545 §3.4): for export and import. An object
//! is what RFC 4791 §4.1 wants in one resource: all components of one UID and their time zones.
//!
//! Pure; must not decide what may be stored.

use std::collections::{BTreeMap, BTreeSet};

use crate::ical::{Component, Property};

/// Who made a file with several objects.
const PRODID: &str = "-//Daybook//Daybook//EN";

/// One calendar with everything in the objects; time zones of the same name come in once.
pub fn merge<'a>(objects: impl IntoIterator<Item = &'a Component>) -> Component {
    let mut calendar = Component::new("VCALENDAR");
    calendar.push(Property::new("VERSION", "2.0"));
    calendar.push(Property::new("PRODID", PRODID));
    let (mut zones, mut others) = (BTreeMap::new(), Vec::new());
    for component in objects.into_iter().flat_map(Component::components) {
        match zone_name(component) {
            Some(name) => {
                zones.entry(name).or_insert_with(|| component.clone());
            }
            None => others.push(component.clone()),
        }
    }
    zones.into_values().chain(others).for_each(|component| calendar.push_component(component));
    calendar
}

/// The objects of a calendar by UID, in the order of their first components; and how many
/// components have no UID.
pub fn split(calendar: &Component) -> (Vec<Component>, usize) {
    let mut order: Vec<&str> = Vec::new();
    let mut objects: BTreeMap<&str, Vec<&Component>> = BTreeMap::new();
    let mut without = 0;
    for component in calendar.components().filter(|component| zone_name(component).is_none()) {
        let Some(uid) = component.value_of("UID").filter(|uid| !uid.is_empty()) else {
            without += 1;
            continue;
        };
        let members = objects.entry(uid).or_default();
        if members.is_empty() {
            order.push(uid);
        }
        members.push(component);
    }
    let zones: Vec<(String, &Component)> = calendar
        .components()
        .filter_map(|component| Some((zone_name(component)?, component)))
        .collect();
    let made = order.into_iter().map(|uid| object(calendar, &zones, &objects[uid])).collect();
    (made, without)
}

/// An object of its own with the time zones it names.
fn object(
    calendar: &Component,
    zones: &[(String, &Component)],
    members: &[&Component],
) -> Component {
    let mut made = Component::new("VCALENDAR");
    let properties = calendar.properties().filter(|property| property.name() != "METHOD");
    let general = properties.filter(|property| !property.name().starts_with("X-WR-"));
    general.for_each(|property| made.push(property.clone()));
    let mut used = BTreeSet::new();
    members.iter().for_each(|member| zones_of(member, &mut used));
    let zones = zones.iter().filter(|(name, _)| used.contains(name)).map(|(_, zone)| *zone);
    zones.chain(members.iter().copied()).for_each(|one| made.push_component(one.clone()));
    made
}

fn zone_name(component: &Component) -> Option<String> {
    let zone = component.name() == "VTIMEZONE";
    zone.then(|| component.value_of("TZID").unwrap_or_default().to_owned())
}

/// The time zones that a component and everything in it name.
fn zones_of(component: &Component, used: &mut BTreeSet<String>) {
    let mut waiting = vec![component];
    while let Some(component) = waiting.pop() {
        used.extend(component.properties().filter_map(|p| p.param("TZID").map(str::to_owned)));
        waiting.extend(component.components());
    }
}

#[cfg(test)]
mod tests {
    use super::{merge, split};
    use crate::ical::parse;

    #[test]
    fn objects_come_back_with_their_time_zones() {
        let zone = |name: &str| {
            format!(
                "BEGIN:VTIMEZONE\nTZID:{name}\nBEGIN:STANDARD\nDTSTART:19700101T000000\n\
                 TZOFFSETFROM:+0100\nTZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\n"
            )
        };
        let event =
            |uid: &str, rest: &str| format!("BEGIN:VEVENT\nUID:{uid}\n{rest}\nEND:VEVENT\n");
        let text = format!(
            "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nMETHOD:PUBLISH\nX-WR-CALNAME:n\n{}{}{}{}{}{}\
             END:VCALENDAR\n",
            zone("A"),
            zone("B"),
            event("2", "DTSTART;TZID=B:20260101T100000\nRRULE:FREQ=DAILY"),
            event("1", "DTSTART;TZID=A:20260101T100000"),
            event("2", "RECURRENCE-ID;TZID=B:20260102T100000\nDTSTART:20260102T100000Z"),
            "BEGIN:VEVENT\nDTSTART:20260101T100000Z\nEND:VEVENT\n"
        );
        let calendar = parse(text.replace('\n', "\r\n").as_bytes()).unwrap();
        let (objects, without) = split(&calendar);
        assert_eq!((objects.len(), without), (2, 1));
        let first = String::from_utf8(objects[0].to_bytes()).unwrap();
        assert_eq!(objects[0].uid(), Some("2"));
        assert!(first.contains("TZID:B") && !first.contains("TZID:A"), "{first}");
        assert!(!first.contains("METHOD") && !first.contains("X-WR-"), "{first}");
        assert_eq!(objects[0].main_components().count(), 2);
        let (again, without) = split(&merge(&objects));
        assert_eq!((again.len(), without), (2, 0));
        let parts =
            |object: &crate::ical::Component| object.components().cloned().collect::<Vec<_>>();
        assert!(again.iter().zip(&objects).all(|(one, other)| parts(one) == parts(other)));
    }
}
