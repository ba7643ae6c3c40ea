//! RFC 4791 appendix B and every request of §7.8 on it, with the answers of the RFC. Where an
//! answer here differs from the RFC's print, fixtures/caldav/rfc4791/README.md says why.

mod hostile;

use std::fs;
use std::path::PathBuf;

use super::{CalendarData, Filter};
use crate::dav::name::CALDAV;
use crate::ical::timezone::{Zone, Zones};
use crate::ical::{self, Component};
use crate::xml;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/caldav/rfc4791")
}

fn objects() -> Vec<(String, Component)> {
    (1..=8)
        .map(|number| {
            let name = format!("abcd{number}.ics");
            let tree = ical::parse(&fs::read(folder().join(&name)).unwrap()).unwrap();
            (name, tree)
        })
        .collect()
}

fn answer(request: &str) -> String {
    let body = fs::read(folder().join(request)).unwrap();
    let root = xml::parse(&body).unwrap();
    let filter = Filter::read(root.child(CALDAV, "filter").unwrap()).unwrap();
    let data = root.child("DAV:", "prop").and_then(|prop| prop.child(CALDAV, "calendar-data"));
    let data = data.map_or_else(CalendarData::default, |data| CalendarData::read(data).unwrap());
    let mut text = String::new();
    for (name, object) in objects() {
        let zones = Zones::of(&object, &Zone::utc());
        if filter.matches(&object, &zones) {
            let view = data.apply(&object, &zones).unwrap().to_bytes();
            let view = String::from_utf8(view).unwrap().replace('\r', "");
            text.push_str(&format!("== {name}\n{view}"));
        }
    }
    text
}

#[test]
fn every_query_of_the_rfc() {
    let mut wrong = Vec::new();
    for number in 1..=9 {
        let expected = folder().join(format!("7.8.{number}.expected"));
        let answer = answer(&format!("7.8.{number}.xml"));
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&expected, &answer).unwrap();
        }
        if fs::read_to_string(&expected).unwrap() != answer {
            wrong.push(format!("7.8.{number} answers:\n{answer}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
