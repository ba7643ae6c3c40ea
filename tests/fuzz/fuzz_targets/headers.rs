//! Any header fields: each parser takes them or refuses them; what it takes prints as itself.
#![no_main]

use bytes::Bytes;
use daybook::auth::{basic, digest};
use daybook::dav::header::{
    Accept, Depth, If, Prefer, Timeout, calendar_timezones, destination, lock_token, overwrite,
    schedule_reply,
};
use daybook::dav::request::Origin;
use daybook::dav::{DavPath, ETag, Method, Request};
use daybook::method::get::range::{Part, part_of};
use daybook::method::media_type::MediaType;
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

const FIELDS: &[&str] = &[
    "accept",
    "calendar-timezones",
    "depth",
    "destination",
    "if",
    "lock-token",
    "overwrite",
    "prefer",
    "brief",
    "schedule-reply",
    "timeout",
];

fuzz_target!(|bytes: &[u8]| {
    let mut request = Request {
        method: Method::Get,
        path: DavPath::root(),
        query: None,
        headers: HeaderMap::new(),
        body: Bytes::new(),
        origin: Origin {
            scheme: "http".to_owned(),
            authority: "cal.example.com".to_owned(),
            ..Origin::default()
        },
    };
    // A line is `name: value`, or a value for every field.
    for line in bytes.split(|byte| *byte == b'\n').take(20) {
        let (name, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => (HeaderName::from_bytes(&line[..colon]).ok(), &line[colon + 1..]),
            None => (None, line),
        };
        let Ok(value) = HeaderValue::from_bytes(value) else { continue };
        match name {
            Some(name) => drop(request.headers.append(name, value)),
            None => {
                FIELDS.iter().for_each(|name| drop(request.headers.append(*name, value.clone())))
            }
        }
    }
    read(&request);
    if let Ok(text) = std::str::from_utf8(bytes) {
        values(text);
    }
});

fn read(request: &Request) {
    if let Ok(Some(condition)) = If::of(request) {
        let _ = condition.submitted().count();
        let _ = condition.holds(|_| Default::default());
    }
    if let Ok(accept) = Accept::of(request) {
        let _ = accept.best(&["text/calendar", "application/calendar+json"]);
    }
    if let Ok(prefer) = Prefer::of(request) {
        let _ = prefer.applied(&[]);
    }
    let _ = (Depth::of(request), Timeout::of(request), lock_token(request), destination(request));
    let _ = (overwrite(request), schedule_reply(request), calendar_timezones(request));
}

fn values(text: &str) {
    let accept = Accept::parse(text);
    assert!(accept.weight("text/calendar") <= 1000);
    for length in [0, 1, 10, u64::MAX] {
        if let Part::Bytes(first, last) = part_of(Some(text), length) {
            assert!(first <= last && last < length);
        }
    }
    let _ = (ETag::parse(text), MediaType::parse(text));
    let _ = (digest::parse(text), basic::parse(text));
}
