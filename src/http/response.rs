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
use super::stream::Making;
use crate::dav::response::{Producer, Sink, Size, at_once};
use crate::dav::{Body, Error, Response};
use crate::limits;
use crate::xml;

/// What is left to send of an answer.
#[derive(Default)]
pub(super) struct Payload {
    /// Pieces at hand, none of them empty.
    ready: VecDeque<Bytes>,
    more: Option<More>,
}

/// What is not at hand yet.
enum More {
    /// Pieces that are being made elsewhere. An empty list is the last word; a channel that closes
    /// without it belongs to a body that will never be complete.
    Elsewhere(mpsc::Receiver<Vec<Bytes>>),
    /// Pieces that are made here when they can be sent.
    Here(Making),
}

impl Payload {
    /// All there is.
    pub(super) fn full(pieces: impl IntoIterator<Item = Bytes>) -> Self {
        let ready = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
        Self { ready, ..Self::default() }
    }

    /// The beginning of a body that is still being made.
    pub(super) fn chunks(
        pieces: impl IntoIterator<Item = Bytes>,
        more: mpsc::Receiver<Vec<Bytes>>,
    ) -> Self {
        Self { more: Some(More::Elsewhere(more)), ..Self::full(pieces) }
    }

    /// The beginning of a body that is made while it is sent.
    pub(super) fn making(pieces: Vec<Bytes>, more: Making) -> Self {
        Self { more: Some(More::Here(more)), ..Self::full(pieces) }
    }

    /// How many bytes are left, where that is known.
    fn length(&self) -> Option<u64> {
        let making = match &self.more {
            None => 0,
            Some(More::Elsewhere(_)) => return None,
            Some(More::Here(making)) => making.left()?,
        };
        Some(making + self.ready.iter().map(|piece| piece.len() as u64).sum::<u64>())
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(piece)));
            }
            let (pieces, last) = match &mut self.more {
                None => return Poll::Ready(None),
                Some(More::Elsewhere(more)) => match more.poll_recv(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Some(pieces)) => {
                        let last = pieces.is_empty();
                        (pieces, last)
                    }
                    Poll::Ready(None) => {
                        return Poll::Ready(Some(Err(io::ErrorKind::Interrupted.into())));
                    }
                },
                Some(More::Here(making)) => {
                    if making.rests() {
                        // Others have their turn first.
                        context.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    match making.next() {
                        Ok(made) => made,
                        Err(error) => return Poll::Ready(Some(Err(error))),
                    }
                }
            };
            self.ready = pieces.into();
            if last {
                self.more = None;
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
        self.payload.length() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        match self.payload.length() {
            Some(length) => SizeHint::with_exact(length),
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
        Body::Stream(producer, about) => compressed(producer, about),
        Body::Parts(parts, Size::Exact(bytes) | Size::About(bytes)) => {
            compressed(at_once(parts), Some(bytes))
        }
    };
}

fn compressed(producer: Producer, about: Option<u64>) -> Body {
    let compressed: Producer = Box::new(move |out| {
        let mut encoder = GzEncoder::new(out, Compression::fast());
        producer(&mut encoder)?;
        encoder.finish().map(drop)
    });
    Body::Stream(compressed, about.map(|bytes| bytes.saturating_mul(COMPRESSING)))
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

#[cfg(test)]
mod tests {
    use std::io;

    use http_body_util::BodyExt as _;

    use super::{Line, Outgoing};
    use crate::dav::response::{Sink, Size};
    use crate::http::stream::Making;

    /// What is made of a body, and whether more is to come; nothing stands for a failure, and what
    /// is not there at all for a panic.
    type Made = Option<(&'static str, bool)>;

    /// What arrives of a body of so many bytes that is made so, and whether it is whole; absent
    /// when the answer is another one.
    fn sent(length: u64, made: Vec<Made>) -> Option<(String, bool)> {
        let mut made = made.into_iter();
        let parts = move |out: &mut dyn Sink| {
            let (text, more) =
                made.next().expect("more was to be made").ok_or(io::ErrorKind::NotFound)?;
            out.write_all(text.as_bytes()).map(|()| more)
        };
        let payload = Making::begin(Box::new(parts), Size::Exact(length)).ok()?;
        let line = Line::begin("GET", "/", None, std::time::Instant::now());
        let mut body = Outgoing::new(payload, line);
        assert_eq!(http_body::Body::size_hint(&body).exact(), Some(length));
        let (mut text, mut whole) = (String::new(), true);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        while let Some(frame) = runtime.block_on(body.frame()).filter(|_| whole) {
            match frame {
                Ok(frame) => text += std::str::from_utf8(frame.data_ref().unwrap()).unwrap(),
                Err(_) => whole = false,
            }
        }
        Some((text, whole))
    }

    #[test]
    fn a_body_of_a_told_length_is_whole_or_seen_to_be_cut_off() {
        let whole = sent(5, vec![Some(("abc", true)), Some(("de", false))]);
        assert_eq!(whole, Some(("abcde".to_owned(), true)));
        assert_eq!(sent(0, vec![Some(("", false))]), Some((String::new(), true)));
        for last in [
            Some(Some(("", false))),
            Some(Some(("d", false))),
            Some(Some(("def", false))),
            Some(Some(("def", true))),
            Some(Some(("de", true))),
            Some(None),
            None,
        ] {
            let made: Vec<Made> = [Some(Some(("abc", true))), last].into_iter().flatten().collect();
            assert_eq!(sent(5, made), Some(("abc".to_owned(), false)), "{last:?}");
        }
        // Before anything was sent there still can be another answer.
        for first in [Some(("abcdef", true)), Some(("abc", false)), None] {
            assert_eq!(sent(5, vec![first]), None, "{first:?}");
        }
    }
}
