//! Conditions of a request on the state of a resource: RFC 9110 §13, RFC 4918 §10.4 and
//! RFC 6638 §8.3. Pure: the same function is asked early, to be polite, and again inside the
//! transaction, to be right.

use chrono::{DateTime, Utc};

use crate::dav::{ETag, Error, Method, Request, Result};

/// The state that conditions are compared with.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Whether there is a resource.
    pub exists: bool,
    /// Its entity tag, `DAV:getetag`.
    pub etag: Option<ETag>,
    /// That of what would be sent, where this is another representation of it.
    pub selected: Option<ETag>,
    /// Older entity tags that If-Match accepts, because only the server changed the object since
    /// (reference system, ScheduleTagCompatibility).
    pub accepted: Vec<ETag>,
    /// When it was changed last.
    pub modified: Option<DateTime<Utc>>,
    /// Its schedule tag, without quotes, where a condition is about it.
    pub schedule_tag: Option<String>,
}

impl State {
    /// The entity tag of what would be sent.
    fn sent(&self) -> Option<&ETag> {
        self.selected.as_ref().or(self.etag.as_ref())
    }
}

/// What the conditions say when none of them fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Do what was asked.
    Proceed,
    /// 304: the client has it already.
    NotModified,
}

/// The condition on the schedule tag (RFC 6638 §8.3).
const SCHEDULE_TAG_MATCH: &str = "if-schedule-tag-match";
/// The header fields that `evaluate` looks at.
const FIELDS: [&str; 5] =
    ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", SCHEDULE_TAG_MATCH];

/// Whether a request makes any condition, so that its state has to be known.
pub fn are_made(request: &Request) -> bool {
    FIELDS.iter().any(|field| request.headers.contains_key(*field))
}

/// Whether one of them is about the schedule tag.
pub fn on_tag(request: &Request) -> bool {
    request.headers.contains_key(SCHEDULE_TAG_MATCH)
}

/// Evaluates the validators in the order of RFC 9110 §13.2.2, then the schedule tag.
pub fn evaluate(request: &Request, state: &State) -> Result<Verdict> {
    let safe = matches!(request.method, Method::Get | Method::Head);
    if let Some(field) = joined(request, "if-match") {
        if !if_match(&field, state, safe) {
            return Err(Error::precondition_failed().because("If-Match does not hold"));
        }
    } else if let (Some(limit), Some(modified)) =
        (date(request, "if-unmodified-since"), state.modified)
        && seconds(modified) > seconds(limit)
    {
        return Err(Error::precondition_failed().because("modified since"));
    }
    if let Some(field) = joined(request, "if-none-match") {
        if if_none_match_fails(&field, state, safe) {
            if safe {
                return Ok(Verdict::NotModified);
            }
            return Err(Error::precondition_failed().because("If-None-Match does not hold"));
        }
    } else if safe
        // The date says nothing of which representation the client has.
        && state.selected.is_none()
        && let (Some(limit), Some(modified)) = (date(request, "if-modified-since"), state.modified)
        && seconds(modified) <= seconds(limit)
    {
        return Ok(Verdict::NotModified);
    }
    if let Some(field) = request.header(SCHEDULE_TAG_MATCH) {
        let wanted = ETag::parse(field).map(|(tag, _)| tag.0);
        if wanted.is_none() || wanted != state.schedule_tag {
            return Err(Error::precondition_failed().because("If-Schedule-Tag-Match"));
        }
    }
    Ok(Verdict::Proceed)
}

/// Whether a Range may be honoured (RFC 9110 §13.1.5).
pub fn if_range_holds(request: &Request, state: &State) -> bool {
    let Some(field) = request.header("if-range") else { return true };
    match ETag::parse(field) {
        Some((tag, weak)) => !weak && state.sent() == Some(&tag),
        None => match (date(request, "if-range"), state.modified) {
            (Some(limit), Some(modified)) => {
                state.selected.is_none() && seconds(limit) == seconds(modified)
            }
            _ => false,
        },
    }
}

fn if_match(field: &str, state: &State, safe: bool) -> bool {
    if field.trim() == "*" {
        return state.exists;
    }
    entity_tags(field).into_iter().any(|(tag, weak)| {
        let is_of = |known: &ETag| tag.is_of(known);
        let current = !weak && state.etag.as_ref().is_some_and(is_of);
        current || (!safe && state.accepted.iter().any(is_of))
    })
}

/// For reading the tag has to be that of what would be sent, for changes that of the state.
fn if_none_match_fails(field: &str, state: &State, safe: bool) -> bool {
    if field.trim() == "*" {
        return state.exists;
    }
    entity_tags(field).into_iter().any(|(tag, _)| match safe {
        true => state.sent() == Some(&tag),
        false => state.etag.as_ref().is_some_and(|current| tag.is_of(current)),
    })
}

/// All fields of that name as one list (RFC 9110 §5.3).
fn joined(request: &Request, name: &str) -> Option<String> {
    let values: Vec<&str> =
        request.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// The entity tags of a list; commas inside quotes belong to the tag.
pub(super) fn entity_tags(field: &str) -> Vec<(ETag, bool)> {
    let mut tags = Vec::new();
    let mut rest = field;
    while let Some(open) = rest.find('"') {
        let Some(length) = rest[open + 1..].find('"') else { break };
        let weak = rest[..open].trim_end().ends_with("W/");
        tags.push((ETag(rest[open + 1..open + 1 + length].to_owned()), weak));
        rest = &rest[open + length + 2..];
    }
    tags
}

fn date(request: &Request, name: &str) -> Option<DateTime<Utc>> {
    httpdate::parse_http_date(request.header(name)?).ok().map(DateTime::<Utc>::from)
}

/// HTTP dates have no fractions; neither may what they are compared with.
fn seconds(instant: DateTime<Utc>) -> i64 {
    instant.timestamp()
}

#[cfg(test)]
mod tests;
