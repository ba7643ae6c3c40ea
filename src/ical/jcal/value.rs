//! Values of RFC 7265 §3.6: the text of a content line to JSON and back.
//!
//! Both directions leave alone what is not of the type it claims to be.

use serde_json::{Map, Number, Value};

use crate::ical::value::text;

/// One value of a line as JSON.
pub(super) fn to_json(kind: &str, raw: &str) -> Value {
    match kind {
        "text" => text::unescape(raw).into(),
        "boolean" if raw.eq_ignore_ascii_case("TRUE") => true.into(),
        "boolean" if raw.eq_ignore_ascii_case("FALSE") => false.into(),
        "integer" => raw.parse::<i64>().map_or(raw.into(), Value::from),
        "float" => raw.parse().ok().and_then(Number::from_f64).map_or(raw.into(), Value::Number),
        "date" | "date-time" | "time" => extended(raw).into(),
        "utc-offset" => extended_offset(raw).into(),
        "period" => match raw.split_once('/') {
            Some((start, end)) => vec![extended(start), extended(end)].into(),
            None => raw.into(),
        },
        "recur" => recur_to_json(raw),
        _ => raw.into(),
    }
}

/// One JSON value as the text of a line; `None` for shapes that no type has.
pub(super) fn from_json(kind: &str, value: &Value) -> Option<String> {
    match (kind, value) {
        ("text", Value::String(plain)) => Some(text::escape(plain)),
        ("date" | "date-time" | "time", Value::String(plain)) => Some(basic(plain)),
        ("utc-offset", Value::String(plain)) => Some(basic_offset(plain)),
        ("period", Value::String(plain)) if plain.contains('/') => {
            Some(plain.split('/').map(basic).collect::<Vec<_>>().join("/"))
        }
        ("period", Value::Array(parts)) => {
            let parts: Option<Vec<&str>> = parts.iter().map(Value::as_str).collect();
            Some(parts?.into_iter().map(basic).collect::<Vec<_>>().join("/"))
        }
        ("recur", Value::Object(parts)) => recur_from_json(parts),
        ("boolean", Value::Bool(yes)) => Some(if *yes { "TRUE" } else { "FALSE" }.to_owned()),
        (_, Value::String(plain)) => Some(plain.clone()),
        (_, Value::Number(number)) => Some(number.to_string()),
        (_, Value::Bool(yes)) => Some(yes.to_string()),
        _ => None,
    }
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// `20260102T030405Z` → `2026-01-02T03:04:05Z`, dates and times alone too.
fn extended(raw: &str) -> String {
    let date = |d: &str| format!("{}-{}-{}", &d[..4], &d[4..6], &d[6..]);
    let time = |t: &str| {
        let (digits, zone) = t.strip_suffix(['Z', 'z']).map_or((t, ""), |digits| (digits, "Z"));
        (digits.len() == 6 && all_digits(digits))
            .then(|| format!("{}:{}:{}{zone}", &digits[..2], &digits[2..4], &digits[4..]))
    };
    let is_date = |d: &str| d.len() == 8 && all_digits(d);
    match raw.split_once(['T', 't']) {
        Some((d, t)) if is_date(d) => {
            time(t).map_or(raw.to_owned(), |t| format!("{}T{t}", date(d)))
        }
        None if is_date(raw) => date(raw),
        None => time(raw).unwrap_or(raw.to_owned()),
        Some(_) => raw.to_owned(),
    }
}

/// Undoes [`extended`]; other text, such as a duration or half a date, stays.
fn basic(text: &str) -> String {
    let basic = text.replace(['-', ':'], "");
    if extended(&basic) == text { basic } else { text.to_owned() }
}

fn extended_offset(raw: &str) -> String {
    match raw.len() {
        5 | 7 if raw.starts_with(['+', '-']) && all_digits(&raw[1..]) => {
            let seconds = if raw.len() == 7 { format!(":{}", &raw[5..]) } else { String::new() };
            format!("{}:{}{seconds}", &raw[..3], &raw[3..5])
        }
        _ => raw.to_owned(),
    }
}

/// Undoes [`extended_offset`]; other text stays.
fn basic_offset(text: &str) -> String {
    let basic = text.replace(':', "");
    if extended_offset(&basic) == text { basic } else { text.to_owned() }
}

fn recur_to_json(raw: &str) -> Value {
    let mut object = Map::new();
    for part in raw.split(';').filter(|part| !part.is_empty()) {
        let Some((name, value)) = part.split_once('=') else { return raw.into() };
        let name = name.trim().to_ascii_lowercase();
        let number = |text: &str| text.parse::<i64>().map_or(text.into(), Value::from);
        let value = match name.as_str() {
            "until" => extended(value).into(),
            "count" | "interval" => number(value),
            _ if name.starts_with("by") => {
                let mut all: Vec<Value> = value.split(',').map(number).collect();
                match all.len() {
                    1 => all.remove(0),
                    _ => Value::Array(all),
                }
            }
            _ => value.into(),
        };
        object.insert(name, value);
    }
    Value::Object(object)
}

/// RFC 7529 wants RSCALE first, RFC 2445 FREQ; the rest as RFC 5545 lists them.
const RECUR_ORDER: [&str; 17] = [
    "rscale",
    "freq",
    "until",
    "count",
    "interval",
    "bysecond",
    "byminute",
    "byhour",
    "byday",
    "bymonthday",
    "byyearday",
    "byweekno",
    "bymonth",
    "bysetpos",
    "wkst",
    "skip",
    "",
];

fn recur_from_json(parts: &Map<String, Value>) -> Option<String> {
    let place = |name: &str| {
        let name = name.to_ascii_lowercase();
        RECUR_ORDER.iter().position(|known| *known == name).unwrap_or(RECUR_ORDER.len())
    };
    let mut parts: Vec<(&String, &Value)> = parts.iter().collect();
    parts.sort_by_key(|(name, _)| place(name));
    let mut out = Vec::with_capacity(parts.len());
    for (name, value) in parts {
        let one = |value: &Value| match value {
            Value::String(plain) => Some(plain.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let value = match value {
            Value::Array(all) => all.iter().map(one).collect::<Option<Vec<_>>>()?.join(","),
            Value::String(until) if name.eq_ignore_ascii_case("until") => basic(until),
            value => one(value)?,
        };
        out.push(format!("{}={value}", name.to_ascii_uppercase()));
    }
    Some(out.join(";"))
}
