//! What an object says about who may see it: `X-CALENDARSERVER-ACCESS` on VCALENDAR
//! (apple-caldav-privateevents §4.1) and CLASS of its components (RFC 5545 §3.8.1.3).
//!
//! Says nothing about who is kept out; `acl` decides that.

use super::Component;

/// The level of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLevel {
    /// Access control alone decides.
    #[default]
    Public,
    /// Nobody but the owner reads or writes it.
    Private,
    /// Others see when it is, not what.
    Confidential,
    /// As confidential, with summary and location.
    Restricted,
    /// It has no stricter level, but a component with a CLASS that is not PUBLIC.
    Classified,
}

impl AccessLevel {
    /// The property that carries the level, on VCALENDAR.
    pub const PROPERTY: &'static str = "X-CALENDARSERVER-ACCESS";
    /// Every level.
    pub const ALL: [Self; 5] =
        [Self::Public, Self::Private, Self::Confidential, Self::Restricted, Self::Classified];

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
        let level = match calendar.value_of(Self::PROPERTY) {
            None => Self::Public,
            Some(text) => Self::parse(text).unwrap_or(Self::Private),
        };
        // Names that nobody knows are to be taken for PRIVATE.
        let is_classified = |component: &Component| {
            component.value_of("CLASS").is_some_and(|class| !is_public(class))
        };
        match level {
            Self::Public if calendar.main_components().any(is_classified) => Self::Classified,
            level => level,
        }
    }
}

fn is_public(class: &str) -> bool {
    class.trim().eq_ignore_ascii_case("PUBLIC")
}

#[cfg(test)]
mod tests {
    use super::AccessLevel::{self, Classified, Confidential, Private, Public, Restricted};
    use crate::ical;

    #[test]
    fn the_strictest_word_counts() {
        for (access, class, expected) in [
            ("", "", Public),
            ("X-CALENDARSERVER-ACCESS:public\r\n", "", Public),
            ("X-CALENDARSERVER-ACCESS:PRIVATE\r\n", "CLASS:PUBLIC\r\n", Private),
            ("X-CALENDARSERVER-ACCESS:Confidential\r\n", "CLASS:PRIVATE\r\n", Confidential),
            ("X-CALENDARSERVER-ACCESS:RESTRICTED\r\n", "", Restricted),
            ("X-CALENDARSERVER-ACCESS:SECRET\r\n", "", Private),
            ("X-CALENDARSERVER-ACCESS:PUBLIC\r\n", "CLASS:PRIVATE\r\n", Classified),
            ("", "CLASS:public\r\n", Public),
            ("", "CLASS:CONFIDENTIAL\r\n", Classified),
            ("", "CLASS:X-FAMILY\r\n", Classified),
        ] {
            let text = format!(
                "BEGIN:VCALENDAR\r\n{access}BEGIN:VEVENT\r\nUID:1\r\n{class}END:VEVENT\r\n\
                 END:VCALENDAR\r\n"
            );
            let calendar = ical::parse(text.as_bytes()).unwrap();
            assert_eq!(AccessLevel::of(&calendar), expected, "{access}{class}");
        }
    }
}
