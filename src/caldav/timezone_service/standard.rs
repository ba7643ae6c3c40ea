//! The time-zone data distribution service (RFC 7808): `capabilities`, `zones`, `observances`,
//! `leapseconds`.
//!
//! Truncated data are not offered, and `capabilities` says so. Observances are
//! also found under the path of the drafts, which the conformance suite asks for.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::values;
use crate::ical::timezone::{Zone, generate, iana_version, leap_seconds, zone_groups};
use crate::ical::{Component, Property};

/// Changes of one zone in one answer.
const OBSERVANCES_MAX: usize = 1000;

/// What the service answers.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// `application/json`.
    Json(Value),
    /// `text/calendar` with one VTIMEZONE.
    Calendar(Component),
    /// A problem document (RFC 7807) with this status.
    Problem(u16, Value),
}

/// Answers `path` below the service's own URL. `now` is when the answer is made.
pub fn answer(
    path: &[String],
    query: &[(String, String)],
    base: &str,
    now: DateTime<Utc>,
) -> Answer {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let result = match path[..] {
        ["capabilities"] => Ok(Answer::Json(capabilities(base))),
        ["zones"] => zones(query, now),
        ["zones", tzid] => get(tzid, query),
        ["leapseconds"] => Ok(Answer::Json(leapseconds())),
        ["zones", tzid, "observances"] | ["observances", tzid] => observances(tzid, query, now),
        _ => Err(problem(400, "invalid-action", "there is no such action")),
    };
    result.unwrap_or_else(|problem| problem)
}

/// The entity tag of every zone's data, without quotes: the release, and the way we write it.
pub fn entity_tag() -> String {
    format!("{}-3", iana_version())
}

/// `get` in a format we do not have (§5.3).
pub fn not_acceptable() -> Answer {
    problem(406, "invalid-format", "zones come as text/calendar and application/calendar+json")
}

/// `get` (§5.3).
fn get(tzid: &str, query: &[(String, String)]) -> Result<Answer, Answer> {
    let zone = zone(tzid)?;
    for (name, code) in [("start", "invalid-start"), ("end", "invalid-end")] {
        if !values(query, name).is_empty() {
            return Err(problem(400, code, "data are not truncated here"));
        }
    }
    let mut calendar = generate::calendar(tzid, &zone, None);
    if let (Some(original), Some(definition)) =
        (alias_of(tzid), calendar.components_mut().find(|component| component.is_timezone()))
    {
        definition.push(Property::text_value("TZID-ALIAS-OF", original));
    }
    Ok(Answer::Calendar(calendar))
}

/// The zone that a name is another name of (§7.2).
fn alias_of(tzid: &str) -> Option<&'static str> {
    let mut groups = zone_groups().iter();
    let group = groups.find(|(_, aliases)| aliases.iter().any(|alias| alias == tzid));
    group.map(|(original, _)| original.as_str())
}

/// `leapseconds` (§5.6).
fn leapseconds() -> Value {
    let list = leap_seconds();
    let offsets: Vec<Value> = list
        .offsets
        .iter()
        .map(|(onset, offset)| json!({ "utc-offset": offset, "onset": onset.to_string() }))
        .collect();
    json!({
        "expires": list.expires.to_string(),
        "publisher": "IANA",
        "version": iana_version(),
        "leapseconds": offsets,
    })
}

/// RFC 7808 §4.1.7. `error-code` is what the drafts had.
fn problem(status: u16, code: &str, title: &str) -> Answer {
    let body = json!({
        "type": format!("urn:ietf:params:tzdist:error:{code}"),
        "title": title,
        "status": status,
        "error-code": code,
    });
    Answer::Problem(status, body)
}

fn zone(tzid: &str) -> Result<Zone, Answer> {
    Zone::named(tzid)
        .filter(|zone| zone.iana_name().is_some())
        .ok_or_else(|| problem(404, "tzid-not-found", "there is no such time zone"))
}

fn text(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn capabilities(base: &str) -> Value {
    let action = |name: &str, template: String, parameters: &[(&str, bool)]| {
        let parameters: Vec<Value> = parameters
            .iter()
            .map(|(name, required)| json!({ "name": name, "required": required, "multi": false }))
            .collect();
        json!({ "name": name, "uri-template": template, "parameters": parameters })
    };
    let range = [("start", true), ("end", true)];
    json!({
        "version": 1,
        "info": {
            "primary-source": format!("IANA:{}", iana_version()),
            "formats": ["text/calendar", "application/calendar+json"],
            "truncated": { "any": false, "untruncated": true },
            "contacts": [],
        },
        "actions": [
            action("capabilities", format!("{base}/capabilities"), &[]),
            action("list", format!("{base}/zones{{?changedsince}}"), &[("changedsince", false)]),
            action("get", format!("{base}/zones{{/tzid}}"), &[]),
            action("expand", format!("{base}/zones{{/tzid}}/observances{{?start,end}}"), &range),
            action("find", format!("{base}/zones{{?pattern}}"), &[("pattern", true)]),
            action("leapseconds", format!("{base}/leapseconds"), &[]),
        ],
    })
}

/// `list` (§5.2) and, with a pattern, `find` (§5.5).
fn zones(query: &[(String, String)], now: DateTime<Utc>) -> Result<Answer, Answer> {
    let pattern = match values(query, "pattern")[..] {
        [] => None,
        [text] => Some(Pattern::parse(text).ok_or_else(bad_pattern)?),
        _ => return Err(bad_pattern()),
    };
    let version = iana_version();
    let unchanged = match values(query, "changedsince")[..] {
        [] => false,
        [token] if is_release(token) && pattern.is_none() => token == version,
        _ => return Err(problem(400, "invalid-changedsince", "not one token of this service")),
    };
    let mut found: Vec<Value> = Vec::new();
    for (tzid, aliases) in zone_groups() {
        let wanted = |name: &str| pattern.as_ref().is_none_or(|pattern| pattern.matches(name));
        if unchanged || !(wanted(tzid) || aliases.iter().any(|alias| wanted(alias))) {
            continue;
        }
        found.push(json!({
            "tzid": tzid,
            "etag": entity_tag(),
            "publisher": "IANA",
            "version": version,
            "aliases": aliases,
        }));
    }
    Ok(Answer::Json(json!({
        "synctoken": version,
        "dtstamp": text(now),
        "timezones": found,
    })))
}

/// Tokens are releases of the database: years with letters.
fn is_release(token: &str) -> bool {
    let letters = token.trim_start_matches(|c: char| c.is_ascii_digit());
    token.len() == letters.len() + 4
        && !letters.is_empty()
        && letters.chars().all(|c| c.is_ascii_lowercase())
}

fn bad_pattern() -> Answer {
    problem(400, "invalid-pattern", "the pattern cannot be used")
}

/// `expand` (§5.4).
fn observances(
    tzid: &str,
    query: &[(String, String)],
    now: DateTime<Utc>,
) -> Result<Answer, Answer> {
    let zone = zone(tzid)?;
    let date = |name: &str, code| match values(query, name)[..] {
        [text] => DateTime::parse_from_rfc3339(text)
            .map(|date| date.to_utc())
            .map_err(|_| problem(400, code, "not a date with UTC time")),
        _ => Err(problem(400, code, "to be given once")),
    };
    let start = date("start", "invalid-start")?;
    let end = date("end", "invalid-end")?;
    if end <= start {
        return Err(problem(400, "invalid-end", "the end comes after the start"));
    }
    let name = |daylight: bool| if daylight { "Daylight" } else { "Standard" };
    let offset = zone.offset_at(start);
    let mut list = vec![json!({
        "name": name(zone.daylight_at(start)),
        "onset": text(start),
        "utc-offset-from": offset,
        "utc-offset-to": offset,
    })];
    for change in zone.transitions(start, end, OBSERVANCES_MAX) {
        list.push(json!({
            "name": name(change.daylight),
            "onset": text(change.at),
            "utc-offset-from": change.offset_from,
            "utc-offset-to": change.offset_to,
        }));
    }
    Ok(Answer::Json(json!({ "dtstamp": text(now), "tzid": tzid, "observances": list })))
}

/// The glob of §5.5.
struct Pattern {
    text: String,
    open_start: bool,
    open_end: bool,
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        let (open_start, rest) = match text.strip_prefix('*') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let escaped = rest.ends_with("\\*") && !rest.ends_with("\\\\*");
        let (open_end, rest) = match rest.strip_suffix('*') {
            Some(rest) if !escaped => (true, rest),
            _ => (false, rest),
        };
        let mut plain = String::new();
        let mut characters = rest.chars();
        while let Some(character) = characters.next() {
            match character {
                '*' => return None,
                '\\' => plain.push(characters.next().filter(|c| matches!(c, '*' | '\\'))?),
                _ => plain.push(character),
            }
        }
        (!plain.is_empty()).then(|| Self { text: folded(&plain), open_start, open_end })
    }

    fn matches(&self, name: &str) -> bool {
        let name = folded(name);
        match (self.open_start, self.open_end) {
            (true, true) => name.contains(&self.text),
            (true, false) => name.ends_with(&self.text),
            (false, true) => name.starts_with(&self.text),
            (false, false) => name == self.text,
        }
    }
}

fn folded(text: &str) -> String {
    text.to_ascii_lowercase().replace('_', " ")
}
