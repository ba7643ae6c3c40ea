//! What others see of an object that its owner keeps to himself: the access levels of
//! apple-caldav-privateevents, and the view that `CALDAV:read-free-busy` alone gives.
//!
//! Says nothing about who the owner is; the caller decides for whom an object is redacted.

use crate::ical::Component;

/// The property that carries the level, on VCALENDAR.
pub const ACCESS: &str = "X-CALENDARSERVER-ACCESS";

/// The level of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Access control alone decides.
    #[default]
    Public,
    /// Nobody but the owner reads or writes it.
    Private,
    /// Others see when it is, not what.
    Confidential,
    /// As confidential, with summary and location.
    Restricted,
}

impl Access {
    /// Reads the property's value; absent when it is none of the levels.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_uppercase().as_str() {
            "PUBLIC" => Some(Self::Public),
            "PRIVATE" => Some(Self::Private),
            "CONFIDENTIAL" => Some(Self::Confidential),
            "RESTRICTED" => Some(Self::Restricted),
            _ => None,
        }
    }

    /// The level an object asks for; unknown ones, which PUT refuses, count as the strictest.
    pub fn of(calendar: &Component) -> Self {
        match calendar.value_of(ACCESS) {
            None => Self::Public,
            Some(text) => Self::parse(text).unwrap_or(Self::Private),
        }
    }

    /// The property's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "PUBLIC",
            Self::Private => "PRIVATE",
            Self::Confidential => "CONFIDENTIAL",
            Self::Restricted => "RESTRICTED",
        }
    }

    /// Whether somebody who is not the owner gets a filtered view.
    pub fn is_redacted(self) -> bool {
        matches!(self, Self::Confidential | Self::Restricted)
    }
}

const TIMES: &[&str] = &["DTSTART", "DURATION", "RRULE", "RDATE", "EXRULE", "EXDATE"];
const IDENTITY: &[&str] = &["UID", "RECURRENCE-ID", "SEQUENCE", "DTSTAMP", "STATUS"];

/// Whether a property of a component stays in the confidential view (§4.2.2.4).
fn stays(component: &str, property: &str, access: Access) -> bool {
    let also: &[&str] = match component {
        "VCALENDAR" => return ["PRODID", "VERSION", "CALSCALE", ACCESS].contains(&property),
        "VEVENT" => &["TRANSP", "DTEND"],
        "VTODO" => &["COMPLETED", "DUE"],
        "VJOURNAL" => &[],
        "VFREEBUSY" => {
            let kept = ["UID", "DTSTAMP", "DTSTART", "DTEND", "DURATION", "FREEBUSY"];
            return kept.contains(&property);
        }
        _ => return false,
    };
    let named = access == Access::Restricted && ["SUMMARY", "LOCATION"].contains(&property);
    named || also.contains(&property) || TIMES.contains(&property) || IDENTITY.contains(&property)
}

/// The object as somebody who is not its owner sees it; absent when he sees it as it is.
pub fn for_others(calendar: &Component) -> Option<Component> {
    let access = Access::of(calendar);
    access.is_redacted().then(|| filtered(calendar, access))
}

fn filtered(calendar: &Component, access: Access) -> Component {
    let mut view = calendar.clone();
    view.retain_properties(|property| stays("VCALENDAR", property.name(), access));
    for component in view.main_components_mut() {
        let name = component.name().to_owned();
        component.retain_properties(|property| stays(&name, property.name(), access));
        component.retain_components(|_| false);
    }
    view
}

/// When the object is busy and nothing else: identity, times, TRANSP and STATUS
/// (for somebody who has `CALDAV:read-free-busy` but not `DAV:read`).
pub fn busy_only(calendar: &Component) -> Component {
    filtered(calendar, Access::Confidential)
}

#[cfg(test)]
mod tests {
    use super::{Access, for_others};
    use crate::ical;

    fn event(access: &str) -> ical::Component {
        let text = include_str!("../../fixtures/caldav/redact/event.ics");
        ical::parse(text.replace("PUBLIC", access).as_bytes()).unwrap()
    }

    #[test]
    fn others_see_what_the_level_leaves() {
        assert_eq!(for_others(&event("public")), None);
        assert_eq!(for_others(&event("Private")), None);
        for (access, expected) in [
            ("CONFIDENTIAL", include_str!("../../fixtures/caldav/redact/confidential.ics")),
            ("RESTRICTED", include_str!("../../fixtures/caldav/redact/restricted.ics")),
        ] {
            let view = for_others(&event(access)).unwrap().to_bytes();
            assert_eq!(String::from_utf8(view).unwrap(), expected, "{access}");
        }
    }

    #[test]
    fn unknown_levels_are_strict() {
        assert_eq!(Access::of(&event("SECRET")), Access::Private);
        assert_eq!(Access::parse("SECRET"), None);
        for access in [Access::Public, Access::Private, Access::Confidential, Access::Restricted] {
            assert_eq!(Access::parse(access.as_str()), Some(access));
        }
    }
}
