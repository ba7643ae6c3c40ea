//! What the index keeps of a calendar object, taken from its tree once when it is written.

use std::sync::Arc;

use crate::ical::{self, Component};

use super::entry::{CalendarSummary, ObjectKind};
use super::time_span::Times;

/// The text inside an XML element, with the predefined entities resolved.
pub fn element_text(xml: &str) -> String {
    let mut text = String::new();
    let mut rest = xml;
    while let Some(open) = rest.find('<') {
        text.push_str(&rest[..open]);
        match rest[open..].find('>') {
            Some(close) => rest = &rest[open + close + 1..],
            None => return text,
        }
    }
    text.push_str(rest);
    if text.contains('&') {
        text = text
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&apos;", "'")
            .replace("&#34;", "\"")
            .replace("&amp;", "&");
    }
    text
}

/// The kind of a file in a calendar, from its bytes.
pub fn of_bytes(bytes: &[u8]) -> ObjectKind {
    match ical::parse(bytes) {
        Ok(tree) => of_tree(&tree),
        Err(error) => ObjectKind::Damaged {
            line: u32::try_from(error.line).unwrap_or(0),
            reason: Arc::from(error.reason.to_string()),
        },
    }
}

/// The kind of a file in a calendar, from its tree.
pub fn of_tree(tree: &Component) -> ObjectKind {
    let damaged = |reason: &str| ObjectKind::Damaged { line: 0, reason: Arc::from(reason) };
    let Some(uid) = tree.uid() else { return damaged("it has no component with a UID") };
    let Some(component) = tree.main_kind() else { return damaged("it has no component") };
    if tree.main_components().any(|main| main.value_of("UID") != Some(uid)) {
        return damaged("it has components with different UIDs");
    }
    if tree.main_components().any(|main| main.name() != component) {
        return damaged("it has components of different kinds");
    }
    let mut attendees: Vec<Arc<str>> = tree
        .main_components()
        .flat_map(|main| main.properties_named("ATTENDEE"))
        .map(|attendee| Arc::from(attendee.value()))
        .collect();
    attendees.sort_unstable();
    attendees.dedup();
    let organizer = tree.main_components().find_map(|main| main.value_of("ORGANIZER"));
    let recurring = tree
        .main_components()
        .any(|main| ["RRULE", "RDATE", "RECURRENCE-ID"].iter().any(|name| main.has(name)));
    ObjectKind::Calendar(Box::new(CalendarSummary {
        uid: Arc::from(uid),
        component: super::codec::component(component),
        organizer: organizer.map(Arc::from),
        attendees: attendees.into(),
        recurring,
        times: times(tree),
    }))
}

/// When the object's instances are.
fn times(_tree: &Component) -> Times {
    Times::always()
}
