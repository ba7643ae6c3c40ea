//! One VCALENDAR with many events into calendar objects (RFC 4791 §4.1): one for each UID, with
//! the time zones it refers to.

use std::collections::{BTreeMap, HashSet};

use crate::ical::{Component, Property};

/// The objects, in the order of their first components. Components without UID stand alone; the
/// caller's checks will refuse them.
pub fn by_uid(calendar: &Component) -> Vec<Component> {
    let mut sets: Vec<Vec<&Component>> = Vec::new();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for component in calendar.main_components() {
        match component.value_of("UID") {
            None => sets.push(vec![component]),
            Some(uid) => {
                let at = *known.entry(uid).or_insert(sets.len());
                match sets.get_mut(at) {
                    Some(set) => set.push(component),
                    None => sets.push(vec![component]),
                }
            }
        }
    }
    sets.iter().map(|set| object(calendar, set)).collect()
}

fn object(calendar: &Component, set: &[&Component]) -> Component {
    let mut object = Component::new("VCALENDAR");
    calendar.properties().filter(|p| p.name() != "METHOD").for_each(|p| object.push(p.clone()));
    let mut wanted: HashSet<&str> = HashSet::new();
    let mut open = set.to_vec();
    while let Some(component) = open.pop() {
        open.extend(component.components());
        wanted.extend(component.properties().filter_map(|p: &Property| p.param("TZID")));
    }
    for zone in calendar.timezones() {
        if zone.value_of("TZID").is_some_and(|tzid| wanted.contains(tzid)) {
            object.push_component(zone.clone());
        }
    }
    set.iter().for_each(|component| object.push_component((*component).clone()));
    object
}

#[cfg(test)]
mod tests {
    use super::by_uid;
    use crate::ical::parse;

    #[test]
    fn each_uid_with_its_zones() {
        let event = |uid: &str, zone: &str, rest: &str| {
            format!(
                "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTART;TZID={zone}:20270101T100000\r\n{rest}\
                 END:VEVENT\r\n"
            )
        };
        let zone = |id: &str| format!("BEGIN:VTIMEZONE\r\nTZID:{id}\r\nEND:VTIMEZONE\r\n");
        let text = format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:PUBLISH\r\n{}{}{}{}{}END:VCALENDAR\r\n",
            zone("A"),
            zone("B"),
            event("1", "A", ""),
            event("2", "B", ""),
            event("1", "A", "RECURRENCE-ID;TZID=A:20270101T100000\r\n"),
        );
        let objects = by_uid(&parse(text.as_bytes()).expect("valid"));
        let head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n";
        let expected = [
            format!(
                "{head}{}{}{}END:VCALENDAR\r\n",
                zone("A"),
                event("1", "A", ""),
                event("1", "A", "RECURRENCE-ID;TZID=A:20270101T100000\r\n")
            ),
            format!("{head}{}{}END:VCALENDAR\r\n", zone("B"), event("2", "B", "")),
        ];
        let found: Vec<String> =
            objects.iter().map(|o| String::from_utf8(o.to_bytes()).expect("UTF-8")).collect();
        assert_eq!(found, expected);
    }
}
