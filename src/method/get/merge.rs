//! All objects of a calendar as one VCALENDAR: time zones once each, properties of the objects'
//! VCALENDARs left behind (reference system: `EnableMonolithicCalendars`).

use std::collections::HashSet;

use crate::ical::{Component, Property};

const PRODID: &str = concat!("-//Daybook//", env!("CARGO_PKG_VERSION"), "//EN");

/// Collects objects; they are taken apart, so that no object is held twice.
pub struct Merged {
    calendar: Component,
    zones: Vec<Component>,
    seen: HashSet<String>,
    rest: Vec<Component>,
}

impl Merged {
    /// An empty calendar with the name that subscribers show.
    pub fn new(name: Option<&str>) -> Self {
        let mut calendar = Component::new("VCALENDAR");
        calendar.push(Property::new("VERSION", "2.0"));
        calendar.push(Property::new("PRODID", PRODID));
        if let Some(name) = name {
            calendar.push(Property::text_value("X-WR-CALNAME", name));
        }
        Self { calendar, zones: Vec::new(), seen: HashSet::new(), rest: Vec::new() }
    }

    /// Adds one object.
    pub fn add(&mut self, object: &Component) {
        for component in object.components() {
            if !component.is_timezone() {
                self.rest.push(component.clone());
                continue;
            }
            let Some(id) = component.value_of("TZID") else { continue };
            if self.seen.insert(id.to_owned()) {
                self.zones.push(component.clone());
            }
        }
    }

    /// The calendar.
    pub fn finish(mut self) -> Component {
        for component in self.zones.into_iter().chain(self.rest) {
            self.calendar.push_component(component);
        }
        self.calendar
    }
}

#[cfg(test)]
mod tests {
    use super::Merged;
    use crate::ical::parse;

    fn object(uid: &str) -> String {
        format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-OWN:1\r\nBEGIN:VTIMEZONE\r\nTZID:Z\r\n\
             END:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:{uid}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        )
    }

    #[test]
    fn time_zones_once_and_every_event() {
        let mut merged = Merged::new(Some("Work, mostly"));
        merged.add(&parse(object("a").as_bytes()).unwrap());
        merged.add(&parse(object("b").as_bytes()).unwrap());
        let text = String::from_utf8(merged.finish().to_bytes()).unwrap();
        assert_eq!(text.matches("BEGIN:VTIMEZONE").count(), 1);
        assert_eq!(text.matches("BEGIN:VEVENT").count(), 2);
        assert_eq!(text.matches("BEGIN:VCALENDAR").count(), 1);
        assert!(text.contains("X-WR-CALNAME:Work\\, mostly\r\n"), "{text}");
        assert!(!text.contains("X-OWN"), "{text}");
    }
}
