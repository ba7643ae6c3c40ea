//! What a calendar collection says of itself in its dead properties (RFC 4791 §5.2).

use crate::dav::Name;
use crate::dav::name::CALDAV;
use crate::store::PropertySet;
use crate::xml;

/// `CALDAV:supported-calendar-component-set`.
pub const COMPONENT_SET: Name = Name::caldav("supported-calendar-component-set");

/// What a calendar takes when it does not say.
pub const DEFAULT_KINDS: &[&str] = &["VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY"];

/// The kinds of components a calendar takes, in upper case.
pub fn component_kinds(properties: &PropertySet) -> Vec<String> {
    let stored = properties.get(&COMPONENT_SET).and_then(|text| xml::parse(text.as_bytes()).ok());
    let Some(element) = stored else {
        return DEFAULT_KINDS.iter().map(|kind| (*kind).to_owned()).collect();
    };
    let comps = element.children_named(CALDAV, "comp");
    comps.filter_map(|comp| comp.attribute("name")).map(str::to_ascii_uppercase).collect()
}

/// The property for a calendar that takes these kinds.
pub fn component_set(kinds: &[&str]) -> (Name, String) {
    let comps: String = kinds.iter().map(|kind| format!("<comp name=\"{kind}\"/>")).collect();
    let local = COMPONENT_SET.local;
    (COMPONENT_SET, format!("<{local} xmlns=\"{CALDAV}\">{comps}</{local}>"))
}
