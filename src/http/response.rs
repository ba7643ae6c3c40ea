//! From our response to the network library's: lengths, compression, bodies that are counted.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderMap;
use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderValue,
    SERVER, VARY,
};
use http_body::{Frame, SizeHint};
use tokio::sync::mpsc;

use super::access_log::Line;
use crate::dav::response::Producer;
use crate::dav::{Body, Error, Response};
use crate::limits;
use crate::xml;

/// What is left to send of an answer.
#[derive(Debug)]
pub(super) enum Payload {
    /// Bytes at hand.
    Full(Bytes),
    /// Chunks that are still being made. `None` is the last word; a channel that closes without it
    /// belongs to a body that will never be complete.
    Chunks(mpsc::Receiver<Option<Bytes>>),
}

/// The body of a response on its way out; writes the access log line when it is gone.
pub struct Outgoing {
    payload: Payload,
    line: Option<Line>,
}

impl Outgoing {
    pub(super) fn new(payload: Payload, line: Line) -> Self {
        Self { payload, line: Some(line) }
    }
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let next = match &mut self.payload {
            Payload::Full(bytes) if bytes.is_empty() => None,
            Payload::Full(bytes) => Some(Ok(std::mem::take(bytes))),
            Payload::Chunks(chunks) => match chunks.poll_recv(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(next)) => next.map(Ok),
                Poll::Ready(None) => Some(Err(io::ErrorKind::Interrupted.into())),
            },
        };
        if let (Some(line), Some(Ok(bytes))) = (&mut self.line, &next) {
            line.bytes += bytes.len() as u64;
        }
        Poll::Ready(next.map(|result| result.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.payload, Payload::Full(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.payload {
            Payload::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Payload::Chunks(_) => SizeHint::default(),
        }
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        if let Some(line) = self.line.take() {
            line.write();
        }
    }
}

/// The answer that an error is: `DAV:error` where a precondition is named, else a line of text.
/// `prefix` is the path prefix of the client's view.
pub(super) fn from_error(error: &Error, prefix: &str) -> Response {
    let mut response = Response::new(error.status);
    for (name, value) in &error.headers {
        response = response.with(name, value);
    }
    if matches!(error.status, 204 | 304) {
        return response;
    }
    if let Some(body) = xml::error_body(error, prefix) {
        return response.with_body(xml::MEDIA_TYPE, body);
    }
    let reason = http::StatusCode::from_u16(error.status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default();
    let text = error.description.as_deref().unwrap_or(reason);
    response.with_body("text/plain; charset=utf-8", format!("{text}\n"))
}

/// Whether this answer goes out compressed. Resources with an ETag never do: the tag of the
/// compressed form would have to be another one (RFC 9110 §8.8.3.3).
pub(super) fn wants_gzip(request: &HeaderMap, response: &Response) -> bool {
    let headers = &response.headers;
    if headers.contains_key(ETAG) || headers.contains_key(CONTENT_ENCODING) {
        return false;
    }
    if let Body::Full(bytes) = &response.body
        && bytes.len() < limits::COMPRESS_FROM_BYTES
    {
        return false;
    }
    let media = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let text = ["text/", "application/xml", "application/json", "application/calendar+json"];
    if matches!(response.body, Body::Empty) || !text.iter().any(|kind| media.starts_with(kind)) {
        return false;
    }
    let accepted = request.get_all(ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let gzip = parts.next().is_some_and(|coding| coding.eq_ignore_ascii_case("gzip"));
        gzip && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

/// Compresses whatever body there is and says so.
pub(super) fn gzip(response: &mut Response) {
    response.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response.headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    response.body = match std::mem::take(&mut response.body) {
        Body::Empty => Body::Empty,
        Body::Full(bytes) => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            // Writing to memory does not fail; a body cut short would be the sign of it.
            let _ = encoder.write_all(&bytes);
            Body::Full(encoder.finish().unwrap_or_default().into())
        }
        Body::Stream(producer) => {
            let compressed: Producer = Box::new(move |out| {
                let mut encoder = GzEncoder::new(out, Compression::fast());
                producer(&mut encoder)?;
                encoder.finish().map(drop)
            });
            Body::Stream(compressed)
        }
    };
}

/// Head and body as the network library sends them.
pub(super) fn finish(
    mut response: Response,
    payload: Payload,
    line: Line,
    version: http::Version,
) -> http::Response<Outgoing> {
    let headers = &mut response.headers;
    headers.insert(SERVER, HeaderValue::from_static("Daybook"));
    if version >= http::Version::HTTP_2 {
        headers.remove(CONNECTION);
    }
    let bodiless = matches!(response.status, 100..=199 | 204 | 304);
    let payload = match payload {
        Payload::Full(bytes) => {
            if !bodiless {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
            }
            let silent = bodiless || line.method == "HEAD";
            Payload::Full(if silent { Bytes::new() } else { bytes })
        }
        Payload::Chunks(_) if bodiless || line.method == "HEAD" => Payload::Full(Bytes::new()),
        chunks => chunks,
    };
    let mut outgoing = http::Response::new(Outgoing::new(payload, line));
    *outgoing.status_mut() =
        http::StatusCode::from_u16(response.status).unwrap_or(http::StatusCode::OK);
    *outgoing.headers_mut() = response.headers;
    outgoing
}
