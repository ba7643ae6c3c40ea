//! `/timezones?method=list|get|expand`: the service of the reference system (reference §6.11).

use chrono::{DateTime, NaiveDate, Utc};

use super::values;
use crate::caldav::time_range::parse_utc;
use crate::dav::{Error, Precondition, Result};
use crate::ical::Component;
use crate::ical::timezone::{Zone, generate, iana_names};

/// Changes of one zone in one answer.
const OBSERVANCES_MAX: usize = 1000;

/// What the service answers.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// A page for people: nothing was asked.
    About,
    /// Every identifier.
    Identifiers(Vec<String>),
    /// A VCALENDAR with one VTIMEZONE.
    Calendar(Component),
    /// Local onset and offset of each change.
    Observances(Vec<(String, String)>),
}

/// Answers a query.
pub fn answer(query: &[(String, String)]) -> Result<Answer> {
    if query.is_empty() {
        return Ok(Answer::About);
    }
    match values(query, "method")[..] {
        ["list"] => Ok(Answer::Identifiers(iana_names())),
        ["get"] => {
            let (tzid, zone) = zone(query)?;
            Ok(Answer::Calendar(generate::calendar(tzid, &zone, None)))
        }
        ["expand"] => expand(query),
        [] | [_] => Err(bad(Precondition::SupportedServiceMethod)),
        _ => Err(bad(Precondition::ValidServiceMethod)),
    }
}

fn bad(precondition: Precondition) -> Error {
    Error::from(precondition)
}

fn zone(query: &[(String, String)]) -> Result<(&str, Zone)> {
    let [tzid] = values(query, "tzid")[..] else {
        return Err(bad(Precondition::ValidServiceTimezone));
    };
    let zone = Zone::named(tzid).filter(|zone| zone.iana_name().is_some());
    zone.map(|zone| (tzid, zone)).ok_or_else(|| bad(Precondition::TimezoneAvailable))
}

fn expand(query: &[(String, String)]) -> Result<Answer> {
    let (_, zone) = zone(query)?;
    let date = |name, precondition| match values(query, name)[..] {
        [text] => parse_date(text).ok_or_else(|| bad(precondition)),
        _ => Err(bad(precondition)),
    };
    let start = date("start", Precondition::ValidStartDate)?;
    let end = date("end", Precondition::ValidEndDate)?;
    if end <= start {
        return Err(bad(Precondition::ValidEndDate));
    }
    let mut observances = vec![(local(start), offset_text(zone.offset_at(start)))];
    for change in zone.transitions(start, end, OBSERVANCES_MAX) {
        // The onset is read off the clock that is about to be changed.
        let onset = change.at + chrono::TimeDelta::seconds(i64::from(change.offset_from));
        observances.push((local(onset), offset_text(change.offset_to)));
    }
    Ok(Answer::Observances(observances))
}

fn parse_date(text: &str) -> Option<DateTime<Utc>> {
    if text.len() == 8 {
        let date = NaiveDate::parse_from_str(text, "%Y%m%d").ok()?;
        return Some(date.and_hms_opt(0, 0, 0)?.and_utc());
    }
    parse_utc(text)
}

fn local(instant: DateTime<Utc>) -> String {
    instant.format("%Y%m%dT%H%M%S").to_string()
}

fn offset_text(seconds: i32) -> String {
    crate::ical::value::utc_offset::print(seconds)
}
