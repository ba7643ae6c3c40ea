//! Paths that are answered before anybody asks who is asking: discovery (RFC 6764 §5) and health.

use crate::dav::{Method, Request, Response};

/// The answer to a request that needs no user, if this is one. `public_url` is where clients should
/// go; empty when they may stay.
pub fn answer(request: &Request, public_url: &str) -> Option<Response> {
    let segments: Vec<&str> = request.path.segments().iter().map(String::as_str).collect();
    match segments[..] {
        [".well-known", "caldav"] => {
            // Any method: clients send PROPFIND here. A path-absolute Location is right for
            // every scheme, host and port that a proxy may hide from us.
            let location = match public_url.trim_end_matches('/') {
                "" => format!("{}/", request.origin.prefix),
                url => format!("{url}/"),
            };
            Some(
                Response::new(301).with("location", location).with("cache-control", "max-age=3600"),
            )
        }
        [".well-known"] if matches!(request.method, Method::Get | Method::Head) => {
            let text = format!("CalDAV: {}/.well-known/caldav\n", request.origin.prefix);
            Some(Response::new(200).with_body("text/plain; charset=utf-8", text))
        }
        [".well-known", "timezone"] => {
            let location = format!("{}/stdtimezones", request.origin.prefix);
            Some(Response::new(301).with("location", location))
        }
        ["health"] => Some(Response::new(200).with_body("text/plain; charset=utf-8", "ok\n")),
        _ => None,
    }
}
