//! What others see of an object whose owner shows only a part of it: the confidential and
//! restricted levels of apple-caldav-privateevents, and CLASS (RFC 5545 §3.8.1.3).
//!
//! Says nothing about who the owner is; the caller decides for whom an object is redacted.

use crate::ical::{AccessLevel, Component};

const TIMES: &[&str] = &["DTSTART", "DURATION", "RRULE", "RDATE", "EXRULE", "EXDATE"];
const IDENTITY: &[&str] = &["UID", "RECURRENCE-ID", "SEQUENCE", "DTSTAMP", "STATUS"];

/// Whether a property of a component stays in the confidential view (§4.2.2.4).
fn stays(component: &str, property: &str, level: AccessLevel) -> bool {
    let also: &[&str] = match component {
        "VCALENDAR" => {
            let kept = ["PRODID", "VERSION", "CALSCALE", AccessLevel::PROPERTY];
            return kept.contains(&property);
        }
        "VEVENT" => &["TRANSP", "DTEND"],
        "VTODO" => &["COMPLETED", "DUE"],
        "VJOURNAL" => &[],
        "VFREEBUSY" => {
            let kept = ["UID", "DTSTAMP", "DTSTART", "DTEND", "DURATION", "FREEBUSY"];
            return kept.contains(&property);
        }
        _ => return false,
    };
    let shown: &[&str] = match level {
        AccessLevel::Restricted => &["SUMMARY", "LOCATION"],
        AccessLevel::Classified => &["CLASS"],
        _ => &[],
    };
    shown.contains(&property)
        || also.contains(&property)
        || TIMES.contains(&property)
        || IDENTITY.contains(&property)
}

/// The object as somebody sees it who is shown only what its level leaves.
pub fn for_others(calendar: &Component, level: AccessLevel) -> Component {
    let mut view = calendar.clone();
    view.retain_properties(|property| stays("VCALENDAR", property.name(), level));
    view.retain_components(|component| component.is_timezone() || is_known(component.name()));
    for component in view.main_components_mut() {
        let name = component.name().to_owned();
        component.retain_properties(|property| stays(&name, property.name(), level));
        component.retain_components(|_| false);
    }
    view
}

fn is_known(component: &str) -> bool {
    ["VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY"].contains(&component)
}

#[cfg(test)]
mod tests {
    use super::for_others;
    use crate::ical;
    use crate::ical::AccessLevel::{Classified, Confidential, Restricted};

    fn event(access: &str) -> ical::Component {
        let text = include_str!("../../fixtures/caldav/redact/event.ics");
        ical::parse(text.replace("PUBLIC", access).as_bytes()).unwrap()
    }

    #[test]
    fn others_see_what_the_level_leaves() {
        for (level, name, expected) in [
            (
                Confidential,
                "CONFIDENTIAL",
                include_str!("../../fixtures/caldav/redact/confidential.ics"),
            ),
            (Restricted, "RESTRICTED", include_str!("../../fixtures/caldav/redact/restricted.ics")),
            (Classified, "PUBLIC", include_str!("../../fixtures/caldav/redact/classified.ics")),
        ] {
            let view = for_others(&event(name), level).to_bytes();
            assert_eq!(String::from_utf8(view).unwrap(), expected, "{level:?}");
        }
    }

    #[test]
    fn nothing_else_comes_through() {
        for (component, kept, dropped) in [
            (
                "VEVENT",
                "UID RECURRENCE-ID SEQUENCE DTSTAMP STATUS TRANSP DTSTART DTEND DURATION RRULE \
                 RDATE EXRULE EXDATE",
                "SUMMARY LOCATION DESCRIPTION ATTENDEE ORGANIZER COMMENT URL ATTACH \
                 CATEGORIES X-A CLASS DUE",
            ),
            (
                "VTODO",
                "UID RECURRENCE-ID SEQUENCE DTSTAMP STATUS DTSTART COMPLETED DUE DURATION RRULE",
                "SUMMARY LOCATION TRANSP DTEND PERCENT-COMPLETE PRIORITY",
            ),
            (
                "VJOURNAL",
                "UID RECURRENCE-ID SEQUENCE DTSTAMP STATUS DTSTART RRULE RDATE EXDATE",
                "SUMMARY DESCRIPTION DUE",
            ),
            (
                "VFREEBUSY",
                "UID DTSTAMP DTSTART DTEND DURATION FREEBUSY",
                "ATTENDEE COMMENT STATUS SEQUENCE",
            ),
            ("VPOLL", "", "UID SUMMARY DTSTART"),
        ] {
            let mut text = format!("BEGIN:VCALENDAR\r\nMETHOD:X\r\nBEGIN:{component}\r\n");
            for name in kept.split(' ').chain(dropped.split(' ')).filter(|name| !name.is_empty()) {
                text.push_str(&format!("{name}:1\r\n"));
            }
            text.push_str(&format!(
                "BEGIN:VALARM\r\nEND:VALARM\r\nEND:{component}\r\nEND:VCALENDAR\r\n"
            ));
            let calendar = ical::parse(text.as_bytes()).unwrap();
            let view = for_others(&calendar, Confidential);
            let names: Vec<&str> =
                view.components().flat_map(|c| c.properties().map(|p| p.name())).collect();
            assert_eq!(names.join(" "), kept, "{component}");
            assert_eq!(view.properties().count(), 0, "{component}");
            assert!(view.components().all(|c| c.components().next().is_none()), "{component}");
        }
    }
}
