//! Content-Type values (RFC 9110 §8.3) and the type of calendar data.

use bytes::Bytes;

use super::errors::not_calendar_data;
use crate::caldav::by_reference;
use crate::caldav::calendar_data::Format;
use crate::dav::header::{Accept, calendar_timezones};
use crate::dav::{Error, Precondition, Request, Result};
use crate::ical::{self, Component, jcal};

/// A media type: lower-case type and parameters in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    /// `type/subtype`.
    pub essence: String,
    /// Parameters, names in lower case.
    pub parameters: Vec<(String, String)>,
}

/// What calendar objects are served as.
pub const CALENDAR: &str = "text/calendar;charset=utf-8";
/// The media type of jCal (RFC 7265).
pub const JCAL: &str = "application/calendar+json";

impl MediaType {
    /// Reads a field; what has no type and subtype is nothing.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';');
        let essence = parts.next()?.trim().to_ascii_lowercase();
        let (main, sub) = essence.split_once('/')?;
        let token = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"')
        };
        if !token(main) || !token(sub) {
            return None;
        }
        let parameters = parts
            .filter_map(|part| part.split_once('='))
            .map(|(name, value)| {
                (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"').to_owned())
            })
            .collect();
        Some(Self { essence, parameters })
    }

    /// The value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The field's text without blanks, as it is kept with the resource.
    pub fn to_text(&self) -> String {
        let mut text = self.essence.clone();
        for (name, value) in &self.parameters {
            let quote = if value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.+".contains(&b))
            {
                ""
            } else {
                "\""
            };
            text.push_str(&format!(";{name}={quote}{value}{quote}"));
        }
        text
    }
}

/// The format of a request that stores calendar data; anything else is refused with
/// supported-calendar-data (RFC 4791 §5.3.2.1). No Content-Type means iCalendar.
pub fn check_calendar(request: &Request) -> Result<Format> {
    let refuse =
        |reason: &str| Err(Error::from(Precondition::SupportedCalendarData).because(reason));
    let Some(text) = request.header("content-type") else { return Ok(Format::ICalendar) };
    let Some(media_type) = MediaType::parse(text) else {
        return refuse("the Content-Type cannot be read");
    };
    let charset = media_type.parameter("charset").unwrap_or("utf-8").to_ascii_lowercase();
    if !matches!(charset.as_str(), "utf-8" | "utf8" | "us-ascii") {
        return refuse("calendar data must be UTF-8");
    }
    match media_type.essence.as_str() {
        "text/calendar" => Ok(Format::ICalendar),
        "application/calendar+json" => Ok(Format::JCal),
        _ => refuse("only text/calendar and application/calendar+json can be stored here"),
    }
}

/// Reads calendar data of either format.
pub fn read(text: &[u8], format: Format) -> Result<Component> {
    match format {
        Format::ICalendar => ical::parse(text).map_err(|error| not_calendar_data(&error)),
        Format::JCal => jcal::parse(text).map_err(|error| not_calendar_data(&error)),
    }
}

/// Whether a GET asks for jCal where iCalendar lies.
pub fn wants_jcal(request: &Request) -> Result<bool> {
    Ok(Accept::of(request)?.prefers(JCAL, "text/calendar"))
}

/// Stored calendar data in the format that the client likes best, and its media type; where it
/// does not say, that of its own body.
pub fn represent(request: &Request, bytes: Bytes) -> Result<(Bytes, String)> {
    let sent = match check_calendar(request) {
        Ok(Format::JCal) => [JCAL, "text/calendar"],
        _ => ["text/calendar", JCAL],
    };
    let json = Accept::of(request)?.best(&sent) == Some(JCAL);
    let timezones = calendar_timezones(request)?;
    if !json && timezones.is_none() {
        return Ok((bytes, CALENDAR.to_owned()));
    }
    let mut tree = ical::parse(&bytes).map_err(Error::internal)?;
    let changed = by_reference::apply(&mut tree, timezones);
    Ok(match json {
        true => (jcal::to_bytes(&tree).into(), format!("{JCAL};charset=utf-8")),
        false if changed => (tree.to_bytes().into(), CALENDAR.to_owned()),
        false => (bytes, CALENDAR.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::MediaType;

    #[test]
    fn media_types_come_back_tidy() {
        for (text, tidy) in [
            ("text/calendar; charset=utf-8", Some("text/calendar;charset=utf-8")),
            ("Text/Calendar ; Charset=\"UTF-8\"", Some("text/calendar;charset=UTF-8")),
            ("text/x; a=\"b c\"", Some("text/x;a=\"b c\"")),
            ("text/plain", Some("text/plain")),
            ("text", None),
            ("/x", None),
            ("a b/c", None),
        ] {
            let found = MediaType::parse(text).map(|media_type| media_type.to_text());
            assert_eq!(found.as_deref(), tidy, "{text}");
        }
    }
}
