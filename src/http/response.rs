//! From our response to the network library's: lengths, compression, bodies that are counted.

use std::collections::VecDeque;
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
use crate::dav::response::{Producer, Sink};
use crate::dav::{Body, Error, Response};
use crate::limits;
use crate::xml;

/// What is left to send of an answer.
#[derive(Debug, Default)]
pub(super) struct Payload {
    /// Pieces at hand, none of them empty.
    ready: VecDeque<Bytes>,
    /// Pieces that are still being made. An empty list is the last word; a channel that closes
    /// without it belongs to a body that will never be complete.
    more: Option<mpsc::Receiver<Vec<Bytes>>>,
}

impl Payload {
    /// All there is.
    pub(super) fn full(pieces: impl IntoIterator<Item = Bytes>) -> Self {
        let ready = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
        Self { ready, more: None }
    }

    /// The beginning of a body that is still being made.
    pub(super) fn chunks(
        pieces: impl IntoIterator<Item = Bytes>,
        more: mpsc::Receiver<Vec<Bytes>>,
    ) -> Self {
        Self { more: Some(more), ..Self::full(pieces) }
    }

    /// How many bytes are left, where that is known.
    fn length(&self) -> Option<usize> {
        self.more.is_none().then(|| self.ready.iter().map(Bytes::len).sum())
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(piece)));
            }
            let Some(more) = &mut self.more else { return Poll::Ready(None) };
            match more.poll_recv(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(pieces)) if pieces.is_empty() => self.more = None,
                Poll::Ready(Some(pieces)) => self.ready = pieces.into(),
                Poll::Ready(None) => {
                    return Poll::Ready(Some(Err(io::ErrorKind::Interrupted.into())));
                }
            }
        }
    }
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
        let Poll::Ready(next) = self.payload.poll_next(context) else { return Poll::Pending };
        if let (Some(line), Some(Ok(bytes))) = (&mut self.line, &next) {
            line.bytes += bytes.len() as u64;
        }
        Poll::Ready(next.map(|result| result.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.payload.ready.is_empty() && self.payload.more.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.payload.length() {
            Some(length) => SizeHint::with_exact(length as u64),
            None => SizeHint::default(),
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

/// So many bytes are written in the time in which one is compressed.
const COMPRESSING: u64 = 8;

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
        Body::Stream(producer, about) => {
            let compressed: Producer = Box::new(move |out| {
                let mut encoder = GzEncoder::new(out, Compression::fast());
                producer(&mut encoder)?;
                encoder.finish().map(drop)
            });
            Body::Stream(compressed, about.map(|bytes| bytes.saturating_mul(COMPRESSING)))
        }
    };
}

impl<W: Write> Sink for GzEncoder<W> {}

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
    if let Some(length) = payload.length().filter(|_| !bodiless) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    let silent = bodiless || line.method == "HEAD";
    let payload = if silent { Payload::default() } else { payload };
    let mut outgoing = http::Response::new(Outgoing::new(payload, line));
    *outgoing.status_mut() =
        http::StatusCode::from_u16(response.status).unwrap_or(http::StatusCode::OK);
    *outgoing.headers_mut() = response.headers;
    outgoing
}
