//! jCal (RFC 7265): the same tree as JSON, both ways.
//!
//! Values that are not of the type their property should have are carried over as plain strings,
//! so that nothing is lost on the way there and back.

mod read;
mod value;
mod write;

#[cfg(test)]
mod tests;

pub use read::from_json;
pub use write::to_json;

use super::component::Component;

/// The media type of jCal.
pub const MEDIA_TYPE: &str = "application/calendar+json";

/// Why some JSON is not jCal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct JcalError {
    /// Where, such as `vcalendar/vevent[0]/dtstart`.
    pub path: String,
    /// The reason in words.
    pub reason: String,
}

/// Reads one vcalendar.
pub fn parse(bytes: &[u8]) -> Result<Component, JcalError> {
    let value = serde_json::from_slice(bytes)
        .map_err(|error| JcalError { path: "JSON".to_owned(), reason: error.to_string() })?;
    from_json(&value)
}

/// Writes a component.
pub fn to_bytes(component: &Component) -> Vec<u8> {
    to_json(component).to_string().into_bytes()
}

/// The value type a property has when VALUE does not say (RFC 5545 §3.7, §3.8); `unknown` for
/// properties we do not know (RFC 7265 §5.1).
fn default_type(property: &str) -> &'static str {
    match property {
        "CALSCALE" | "METHOD" | "PRODID" | "VERSION" | "CATEGORIES" | "CLASS" | "COMMENT"
        | "DESCRIPTION" | "LOCATION" | "RESOURCES" | "STATUS" | "SUMMARY" | "TRANSP" | "TZID"
        | "TZNAME" | "CONTACT" | "RELATED-TO" | "UID" | "ACTION" | "REQUEST-STATUS" | "NAME"
        | "BUSYTYPE" | "POLL-MODE" | "TZID-ALIAS-OF" | "COLOR" | "PROXIMITY" => "text",
        "GEO" => "float",
        "PERCENT-COMPLETE" | "PRIORITY" | "REPEAT" | "SEQUENCE" => "integer",
        "COMPLETED" | "DTEND" | "DUE" | "DTSTART" | "RECURRENCE-ID" | "EXDATE" | "RDATE"
        | "CREATED" | "DTSTAMP" | "LAST-MODIFIED" | "ACKNOWLEDGED" | "TZUNTIL" => "date-time",
        "DURATION" | "TRIGGER" | "REFRESH-INTERVAL" => "duration",
        "FREEBUSY" => "period",
        "TZOFFSETFROM" | "TZOFFSETTO" => "utc-offset",
        "ATTACH" | "TZURL" | "URL" | "SOURCE" | "IMAGE" | "CONFERENCE" => "uri",
        "ATTENDEE" | "ORGANIZER" => "cal-address",
        "RRULE" | "EXRULE" => "recur",
        _ => "unknown",
    }
}

/// Properties whose value is a list with commas (RFC 5545 §3.1.2).
fn is_list(property: &str) -> bool {
    matches!(property, "CATEGORIES" | "RESOURCES" | "EXDATE" | "RDATE" | "FREEBUSY")
}
