//! The table of conditions: header fields, state, verdict.

use bytes::Bytes;
use chrono::{TimeZone, Utc};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{State, Verdict, evaluate, if_range_holds};
use crate::dav::{DavPath, ETag, Method, Request};

fn request(method: Method, fields: &[(&str, &str)]) -> Request {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    Request {
        method,
        path: DavPath::root(),
        query: None,
        headers,
        body: Bytes::new(),
        origin: Default::default(),
    }
}

fn there() -> State {
    State {
        exists: true,
        etag: Some(ETag("b".into())),
        selected: None,
        accepted: vec![ETag("a".into())],
        modified: Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).single(),
        schedule_tag: Some("s".into()),
    }
}

#[test]
fn conditions_on_an_existing_resource() {
    const OLD: &str = "Sun, 01 Mar 2026 11:59:59 GMT";
    const NOW: &str = "Sun, 01 Mar 2026 12:00:00 GMT";
    use Method::{Delete, Get, Put};
    for (method, fields, answer) in [
        (Put, vec![], 200),
        (Put, vec![("if-match", "*")], 200),
        (Put, vec![("if-match", "\"b\"")], 200),
        (Put, vec![("if-match", "\"x,y\", \"b\"")], 200),
        (Put, vec![("if-match", "\"x\""), ("if-match", "\"b\"")], 200),
        (Put, vec![("if-match", "W/\"b\"")], 412),
        (Put, vec![("if-match", "\"c\"")], 412),
        (Put, vec![("if-match", "nonsense")], 412),
        // An older tag is good enough for a change, never for reading.
        (Put, vec![("if-match", "\"a\"")], 200),
        (Get, vec![("if-match", "\"a\"")], 412),
        (Put, vec![("if-none-match", "*")], 412),
        (Put, vec![("if-none-match", "\"b\"")], 412),
        (Put, vec![("if-none-match", "\"x\"")], 200),
        (Get, vec![("if-none-match", "*")], 304),
        (Get, vec![("if-none-match", "W/\"b\"")], 304),
        (Get, vec![("if-none-match", "\"x\"")], 200),
        (Get, vec![("if-modified-since", NOW)], 304),
        (Get, vec![("if-modified-since", OLD)], 200),
        (Get, vec![("if-modified-since", "yesterday")], 200),
        // If-None-Match wins over If-Modified-Since.
        (Get, vec![("if-none-match", "\"x\""), ("if-modified-since", NOW)], 200),
        (Put, vec![("if-modified-since", NOW)], 200),
        (Put, vec![("if-unmodified-since", OLD)], 412),
        (Put, vec![("if-unmodified-since", NOW)], 200),
        (Put, vec![("if-match", "\"b\""), ("if-unmodified-since", OLD)], 200),
        (Delete, vec![("if-schedule-tag-match", "\"s\"")], 200),
        (Delete, vec![("if-schedule-tag-match", "\"t\"")], 412),
        (Delete, vec![("if-schedule-tag-match", "s")], 412),
    ] {
        let found = match evaluate(&request(method, &fields), &there()) {
            Ok(Verdict::Proceed) => 200,
            Ok(Verdict::NotModified) => 304,
            Err(error) => error.status,
        };
        assert_eq!(found, answer, "{method} {fields:?}");
    }
}

#[test]
fn conditions_on_a_missing_resource() {
    for (fields, ok) in [
        (vec![("if-match", "*")], false),
        (vec![("if-match", "\"b\"")], false),
        (vec![("if-none-match", "*")], true),
        (vec![("if-none-match", "\"b\"")], true),
        (vec![("if-schedule-tag-match", "\"s\"")], false),
    ] {
        let found = evaluate(&request(Method::Put, &fields), &State::default());
        assert_eq!(found.is_ok(), ok, "{fields:?}");
    }
}

#[test]
fn if_range_wants_a_strong_match() {
    for (field, holds) in [
        ("\"b\"", true),
        ("W/\"b\"", false),
        ("\"x\"", false),
        ("Sun, 01 Mar 2026 12:00:00 GMT", true),
        ("Sun, 01 Mar 2026 12:00:01 GMT", false),
    ] {
        let request = request(Method::Get, &[("if-range", field)]);
        assert_eq!(if_range_holds(&request, &there()), holds, "{field}");
    }
}
