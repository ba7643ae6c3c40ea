//! Tables of header values and what they mean.

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::if_header::State;
use super::*;
use crate::dav::request::Origin;
use crate::dav::{DavPath, ETag, Method, Request};

fn request(fields: &[(&'static str, &str)]) -> Request {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        headers.append(HeaderName::from_static(name), value);
    }
    let origin = Origin { scheme: "http".into(), authority: "h".into(), ..Origin::default() };
    let path = DavPath::parse("/a/b").unwrap();
    let body = bytes::Bytes::new();
    Request { method: Method::Copy, path, query: None, headers, body, origin }
}

#[test]
fn depth() {
    for (text, expected) in [
        ("0", Some(Depth::Zero)),
        ("1", Some(Depth::One)),
        ("infinity", Some(Depth::Infinity)),
        ("Infinity", Some(Depth::Infinity)),
        ("2", None),
        ("", None),
        ("1, 1", None),
    ] {
        let read = Depth::of(&request(&[("depth", text)]));
        assert_eq!(read.ok().flatten(), expected, "{text}");
    }
    assert_eq!(Depth::of(&request(&[])), Ok(None));
    assert_eq!(Depth::of(&request(&[("depth", "x")])).unwrap_err().status, 400);
}

#[test]
fn destinations() {
    for (text, expected) in [
        ("/c%20d/", Ok("/c%20d/")),
        ("http://h/c", Ok("/c")),
        ("http://h:80/c", Ok("/c")),
        ("http://other/c", Err(502)),
        ("c", Err(400)),
        ("/c/../d", Err(400)),
    ] {
        let read = destination(&request(&[("destination", text)]));
        let read = read.map(|path| path.href()).map_err(|error| error.status);
        assert_eq!(read.as_deref(), expected.as_ref().map(|s| *s), "{text}");
    }
    assert_eq!(destination(&request(&[])).unwrap_err().status, 400);
}

#[test]
fn switches() {
    for (text, expected) in [("T", Some(true)), ("f", Some(false)), ("true", None), ("", None)] {
        assert_eq!(overwrite(&request(&[("overwrite", text)])).ok(), expected, "{text}");
        assert_eq!(schedule_reply(&request(&[("schedule-reply", text)])).ok(), expected);
        let zones = calendar_timezones(&request(&[("caldav-timezones", text)]));
        assert_eq!(zones.ok().flatten(), expected);
    }
    assert_eq!(overwrite(&request(&[])), Ok(true));
    assert_eq!(schedule_reply(&request(&[])), Ok(true));
    assert_eq!(calendar_timezones(&request(&[])), Ok(None));
}

#[test]
fn timeouts_and_lock_tokens() {
    use Timeout::{Infinite, Seconds};
    for (text, expected) in [
        ("Infinite", Some(Infinite)),
        ("Second-60", Some(Seconds(60))),
        ("Infinite, Second-4100000000", Some(Infinite)),
        ("Extend, second-5", Some(Seconds(5))),
        ("Second-99999999999", Some(Infinite)),
        ("Second-", None),
        ("Second--1", None),
        ("é", None),
        ("", None),
    ] {
        assert_eq!(Timeout::of(&request(&[("timeout", text)])), Ok(expected), "{text}");
    }
    for (text, expected) in
        [("<urn:uuid:1>", Some("urn:uuid:1")), ("urn:uuid:1", None), ("<>", None), ("<a><b>", None)]
    {
        let read = lock_token(&request(&[("lock-token", text)]));
        assert_eq!(read.ok().as_deref(), expected, "{text}");
    }
}

const ALL: [Preference; 3] =
    [Preference::Minimal, Preference::Representation, Preference::DepthNoroot];

#[test]
fn preferences() {
    for (fields, minimal, representation, noroot, applied) in [
        (&[("prefer", "return=minimal")][..], true, false, false, Some("return=minimal")),
        (&[("prefer", "Return=\"Minimal\"; x=1")], true, false, false, Some("return=minimal")),
        (&[("prefer", "return-minimal")], true, false, false, Some("return=minimal")),
        (
            &[("prefer", "depth-noroot"), ("prefer", "wait=3, return=minimal")],
            true,
            false,
            true,
            Some("return=minimal, depth-noroot"),
        ),
        (
            &[("prefer", "return=representation, return=minimal")],
            false,
            true,
            false,
            Some("return=representation"),
        ),
        (&[("brief", "t")], true, false, false, None),
        (&[("brief", "f")], false, false, false, None),
        (&[("prefer", "handling=lenient")], false, false, false, None),
        (&[], false, false, false, None),
    ] {
        let prefer = Prefer::of(&request(fields)).unwrap();
        let read = (prefer.minimal, prefer.representation, prefer.depth_noroot);
        assert_eq!(read, (minimal, representation, noroot), "{fields:?}");
        assert_eq!(prefer.applied(&ALL).as_deref(), applied, "{fields:?}");
        assert_eq!(prefer.applied(&[]), None);
    }
}

#[test]
fn accept() {
    let offers = ["text/calendar", "application/calendar+json"];
    for (text, best) in [
        ("", Some("text/calendar")),
        ("*/*", Some("text/calendar")),
        ("text/*, */*;q=0.5", Some("text/calendar")),
        ("application/calendar+json", Some("application/calendar+json")),
        ("text/calendar;q=0.5, application/calendar+json;q=0.7", Some("application/calendar+json")),
        ("text/calendar;q=0, */*;q=0.1", Some("application/calendar+json")),
        ("Application/Calendar+JSON;charset=utf-8;Q=1", Some("application/calendar+json")),
        ("text/html", None),
        ("text/calendar;q=0", None),
        ("nonsense, text/calendar;q=x", Some("text/calendar")),
    ] {
        assert_eq!(Accept::parse(text).best(&offers), best, "{text}");
    }
    for (text, wanted) in [
        ("a/json", true),
        ("a/json, */*", true),
        ("a/json;q=0.1, */*;q=0.1", true),
        ("a/json;q=0.9, text/x;q=0.8", true),
        ("a/json, text/x", false),
        ("a/json;q=0.5, text/x", false),
        ("a/json;q=0.5, */*", false),
        ("a/json;q=0", false),
        ("a/*", false),
        ("*/*", false),
        ("", false),
    ] {
        assert_eq!(Accept::parse(text).prefers("a/json", "text/x"), wanted, "{text}");
    }
}

fn read_if(text: &str) -> Option<If> {
    If::of(&request(&[("if", text)])).ok().flatten()
}

#[test]
fn if_reads_the_grammar() {
    let token = |negated, token: &str| Condition::Token { negated, token: token.into() };
    let etag =
        |negated, etag: &str, weak| Condition::ETag { negated, etag: ETag(etag.into()), weak };
    let path = |href: &str| Tag::Path(DavPath::parse(href).unwrap());
    for (text, expected) in [
        (
            "(<urn:a> [\"I am an ETag\"]) ([\"two\"])",
            vec![
                (Tag::Request, vec![token(false, "urn:a"), etag(false, "I am an ETag", false)]),
                (Tag::Request, vec![etag(false, "two", false)]),
            ],
        ),
        (
            "(Not<urn:a>not [W/\"x]\"])",
            vec![(Tag::Request, vec![token(true, "urn:a"), etag(true, "x]", true)])],
        ),
        (
            "</c> (<urn:a>)(Not <DAV:no-lock>) <http://h/d/>([\"e\"])",
            vec![
                (path("/c"), vec![token(false, "urn:a")]),
                (path("/c"), vec![token(true, "DAV:no-lock")]),
                (path("/d/"), vec![etag(false, "e", false)]),
            ],
        ),
        ("<http://other/c> (<urn:a>)", vec![(Tag::Foreign, vec![token(false, "urn:a")])]),
    ] {
        let lists = expected.into_iter().map(|(tag, conditions)| List { tag, conditions });
        assert_eq!(read_if(text), Some(If { lists: lists.collect() }), "{text}");
    }
    for text in [
        "",
        "()",
        "(",
        "(<urn:a>",
        "<urn:a>",
        "(<>)",
        "([a])",
        "([\"a\")",
        "(Not)",
        "x",
        "(<urn:a>) </c>",
        "</c> </d> (<urn:a>)",
        "(<urn:a>) x",
        "(é)",
        "(Né)",
    ] {
        let error = If::of(&request(&[("if", text)])).expect_err(text);
        assert_eq!(error.status, 400, "{text}");
    }
}

#[test]
fn if_is_evaluated_list_by_list() {
    let state = |path: Option<&DavPath>| match path.map(|path| path.href()).as_deref() {
        None => State { etag: Some(ETag("1".into())), tokens: vec!["urn:a".into()] },
        Some("/c") => State { etag: Some(ETag("2".into())), tokens: vec![] },
        Some(_) => State::default(),
    };
    for (text, holds) in [
        ("(<urn:a>)", true),
        ("(<urn:b>)", false),
        ("(Not <urn:b>)", true),
        ("(<urn:a> [\"1\"])", true),
        ("(<urn:a> [W/\"1\"])", true),
        ("(<urn:a> [\"2\"])", false),
        ("(<urn:a> [\"2\"]) (Not <DAV:no-lock>)", true),
        ("</c> ([\"2\"])", true),
        ("</c> ([\"1\"])", false),
        ("</missing> ([\"1\"])", false),
        ("</missing> (Not [\"1\"])", true),
        ("<http://other/> (<urn:a>)", false),
    ] {
        assert_eq!(read_if(text).unwrap().holds(state), holds, "{text}");
    }
    let header = read_if("(<urn:a>) (Not <urn:b> [\"x\"])").unwrap();
    assert_eq!(header.submitted().collect::<Vec<_>>(), ["urn:a", "urn:b"]);
}

proptest! {
    #[test]
    fn nothing_panics(text in "[ -~é]{0,60}", pieces in prop::collection::vec(
        prop::sample::select(vec!["(", ")", "<", ">", "[", "]", "\"", "Not", " ", ",", "/a", "W/",
            "http://h", "é", ";", "=", "q"]), 0..20)) {
        for text in [text, pieces.concat()] {
            let fields = ["depth", "destination", "if",
                "timeout", "lock-token", "prefer", "accept"];
            let request = request(&fields.map(|name| (name, text.as_str())));
            let _ = (Depth::of(&request), destination(&request), Timeout::of(&request));
            let _ = (lock_token(&request), Prefer::of(&request), Accept::of(&request));
            if let Ok(Some(header)) = If::of(&request) {
                header.holds(|_| State::default());
            }
        }
    }
}
