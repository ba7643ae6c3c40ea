//! From the network library's request to ours: checks of the target, limits of the body.
//!
//! The head is judged before a byte of the body is asked for, so `Expect: 100-continue` gets the
//! final answer at once when there is one (RFC 9110 §10.1.1).

use std::io::Read;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, EXPECT, HOST};
use http::request::Parts;
use http::{HeaderMap, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::proxy::{self, Peer};
use super::{Redirect, Transport, tap};
use crate::dav::path::PathError;
use crate::dav::{self, DavPath, Error, Method, Request};
use crate::limits;

/// Reads the head; the request has no body yet.
pub(super) fn head(
    parts: Parts,
    raw: Option<&tap::RawHead>,
    peer: Peer,
    transport: &Transport,
) -> dav::Result<Request> {
    if let Some(objection) =
        raw.and_then(|raw| raw.objection(parts.method.as_str(), parts.uri.path()))
    {
        return Err(Error::bad_request(objection).with_header("connection", "close"));
    }
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    if target.len() > limits::REQUEST_TARGET_BYTES {
        return Err(Error::status(414));
    }
    if !target.is_ascii() {
        return Err(Error::bad_request("the request target is not percent-encoded"));
    }
    if parts.headers.len() > limits::REQUEST_HEADER_COUNT {
        return Err(Error::status(431));
    }
    let authority = authority(&parts)?;
    expectation(&parts.headers)?;
    let method = method(&parts)?;
    let origin = proxy::origin(transport, peer, authority, &parts.headers);
    let path = match parts.uri.path() {
        "*" if method == Method::Options => DavPath::root(),
        path => DavPath::parse(without_prefix(path, &origin.prefix)).map_err(|error| {
            let status = if error == PathError::Length { 414 } else { 400 };
            Error::status(status).because(error.to_string())
        })?,
    };
    if peer.address.is_some() && origin.scheme == "http" && path.segments() != ["health"] {
        redirect(transport, &origin.authority, target, method)?;
    }
    let query = parts.uri.query().map(str::to_owned);
    Ok(Request { method, path, query, headers: parts.headers, body: Bytes::new(), origin })
}

/// Sends a client that came without TLS to where there is TLS, if that is wanted. Only 308 makes
/// clients repeat the method (RFC 9110 §15.4.9); older ones know 301 only, which does for reading.
fn redirect(
    transport: &Transport,
    authority: &str,
    target: &str,
    method: Method,
) -> dav::Result<()> {
    let base = match &transport.redirect {
        None => return Ok(()),
        Some(Redirect::To(base)) => base.clone(),
        Some(Redirect::Port(port)) => {
            let host = match authority.rsplit_once(':') {
                Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
                _ => authority,
            };
            let port = if *port == 443 { String::new() } else { format!(":{port}") };
            format!("https://{host}{port}")
        }
    };
    let reads = matches!(method, Method::Get | Method::Head | Method::Options | Method::Propfind);
    let status = if reads { 301 } else { 308 };
    let target = if target.starts_with('/') { target } else { "/" };
    Err(Error::status(status)
        .with_header("location", format!("{base}{target}"))
        .with_header("connection", "close"))
}

/// The method, or the one that a client behind a narrow proxy wrote beside POST.
fn method(parts: &Parts) -> dav::Result<Method> {
    let mut token = parts.method.as_str();
    if token == "POST"
        && let Some(instead) = parts.headers.get("x-http-method-override")
    {
        token = instead.to_str().unwrap_or_default();
    }
    Method::parse(token).ok_or_else(|| Error::status(501).because("unknown method"))
}

/// Whom the client believes to talk to (RFC 9112 §3.2, RFC 9113 §8.3.1).
fn authority(parts: &Parts) -> dav::Result<String> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(Error::bad_request("more than one Host"));
    }
    let text = match (parts.uri.authority(), host) {
        (Some(authority), _) => authority.as_str(),
        (None, Some(host)) => host.to_str().unwrap_or_default(),
        (None, None) if parts.version <= Version::HTTP_10 => "localhost",
        (None, None) => return Err(Error::bad_request("no Host")),
    };
    if parts.version == Version::HTTP_11 && host.is_none() {
        return Err(Error::bad_request("no Host"));
    }
    if !proxy::is_authority(text) {
        return Err(Error::bad_request("Host is not a host"));
    }
    Ok(text.to_owned())
}

fn expectation(headers: &HeaderMap) -> dav::Result<()> {
    match headers.get(EXPECT) {
        Some(value) if !value.as_bytes().eq_ignore_ascii_case(b"100-continue") => {
            Err(Error::status(417))
        }
        _ => Ok(()),
    }
}

/// The path below the prefix, whether or not the proxy has taken the prefix off already.
fn without_prefix<'a>(path: &'a str, prefix: &str) -> &'a str {
    match path.strip_prefix(prefix) {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

/// The most bytes a body of this method may have.
fn body_limit(method: Method, transport: &Transport) -> usize {
    match method {
        Method::Put | Method::Post => transport.body_bytes,
        Method::Propfind
        | Method::Proppatch
        | Method::Mkcol
        | Method::Mkcalendar
        | Method::Lock
        | Method::Report
        | Method::Acl => limits::XML_BODY_BYTES,
        Method::Options
        | Method::Get
        | Method::Head
        | Method::Delete
        | Method::Copy
        | Method::Move
        | Method::Unlock
        | Method::Schedule => limits::UNUSED_BODY_BYTES,
    }
}

/// Reads the body as it comes over the wire.
pub(super) async fn body(
    request: &Request,
    mut incoming: Incoming,
    transport: &Transport,
) -> dav::Result<Bytes> {
    let limit = body_limit(request.method, transport);
    let announced = match request.headers.get(CONTENT_LENGTH) {
        Some(value) => value.to_str().ok().and_then(|text| text.parse::<u64>().ok()),
        None => None,
    };
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large(limit));
    }
    let mut whole = Bytes::new();
    let mut pieces = BytesMut::new();
    while let Some(frame) = next(&mut incoming, transport.stall_timeout).await? {
        if whole.len() + pieces.len() + frame.len() > limit {
            return Err(too_large(limit));
        }
        if whole.is_empty() && pieces.is_empty() {
            whole = frame;
        } else {
            pieces.extend_from_slice(&std::mem::take(&mut whole));
            pieces.extend_from_slice(&frame);
        }
    }
    Ok(if pieces.is_empty() { whole } else { pieces.freeze() })
}

/// The next data of a body; trailers are of no use to us.
async fn next(incoming: &mut Incoming, stall: Duration) -> dav::Result<Option<Bytes>> {
    loop {
        match tokio::time::timeout(stall, incoming.frame()).await {
            Err(_) => return Err(Error::status(408).with_header("connection", "close")),
            Ok(None) => return Ok(None),
            Ok(Some(Err(_))) => return Err(Error::bad_request("the body ended early")),
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data()
                    && !data.is_empty()
                {
                    return Ok(Some(data));
                }
            }
        }
    }
}

fn too_large(limit: usize) -> Error {
    Error::status(413)
        .because(format!("the body may have {limit} bytes at most"))
        .with_header("connection", "close")
}

/// Undoes Content-Encoding; the limit holds for the decoded bytes too (RFC 9110 §8.4).
pub(super) fn decode(request: &mut Request, transport: &Transport) -> dav::Result<()> {
    let Some(coding) = request.headers.get(http::header::CONTENT_ENCODING) else { return Ok(()) };
    let coding = coding.to_str().unwrap_or("?").trim().to_ascii_lowercase();
    let body = std::mem::take(&mut request.body);
    let limit = body_limit(request.method, transport);
    request.body = match coding.as_str() {
        "" | "identity" => body,
        "gzip" | "x-gzip" => bounded(flate2::bufread::MultiGzDecoder::new(&body[..]), limit)?,
        // "deflate" is zlib, but raw deflate is what some clients mean by it.
        "deflate" if body.first().is_some_and(|byte| byte & 0x0f == 8) => {
            bounded(flate2::bufread::ZlibDecoder::new(&body[..]), limit)?
        }
        "deflate" => bounded(flate2::bufread::DeflateDecoder::new(&body[..]), limit)?,
        _ => {
            let known = "gzip, deflate, identity";
            return Err(Error::status(415).with_header("accept-encoding", known));
        }
    };
    request.headers.remove(http::header::CONTENT_ENCODING);
    Ok(())
}

fn bounded(reader: impl Read, limit: usize) -> dav::Result<Bytes> {
    let mut decoded = Vec::new();
    reader
        .take(limit as u64 + 1)
        .read_to_end(&mut decoded)
        .map_err(|_| Error::bad_request("the body is not in its Content-Encoding"))?;
    if decoded.len() > limit { Err(too_large(limit)) } else { Ok(decoded.into()) }
}
