//! A listener on the raw bytes of an HTTP/1 connection.
//!
//! The HTTP library quietly drops two things that a careful server refuses: a `#` in the target
//! (RFC 9112 §3.2 has no fragments) and a Content-Length beside a Transfer-Encoding (§6.1: a sign
//! of request smuggling). So the head of each request is kept as it arrived, until it was judged.
//! Of pipelined requests only those are seen that did not arrive together with the one before.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::limits;

/// The head of the request that is being read.
#[derive(Debug, Default)]
struct Record {
    bytes: Vec<u8>,
    complete: bool,
}

/// Where the raw head of the present request can be looked up.
#[derive(Clone, Debug, Default)]
pub(super) struct RawHead(Arc<Mutex<Record>>);

impl RawHead {
    /// A head of which nothing is kept: the connection does not speak HTTP/1.
    pub(super) fn finished() -> Self {
        Self(Arc::new(Mutex::new(Record { bytes: Vec::new(), complete: true })))
    }

    /// Forgets the head: the next bytes begin another request.
    pub(super) fn restart(&self) {
        let mut record = self.0.lock();
        record.bytes.clear();
        record.complete = false;
    }

    /// Why the request that was parsed as `method` and `path` must be refused.
    pub(super) fn objection(&self, method: &str, path: &str) -> Option<&'static str> {
        let mut record = self.0.lock();
        record.complete = true;
        let objection = judge(&record.bytes, method, path);
        record.bytes.clear();
        objection
    }

    fn record(&self, arrived: &[u8]) {
        let mut record = self.0.lock();
        if record.complete {
            return;
        }
        // A blank line ends the head; blank lines before it are allowed (RFC 9112 §2.2).
        let from = record.bytes.len().saturating_sub(3);
        let skip = if record.bytes.is_empty() {
            arrived.iter().take_while(|byte| b"\r\n".contains(byte)).count()
        } else {
            0
        };
        record.bytes.extend_from_slice(&arrived[skip..]);
        let tail = &record.bytes[from..];
        let end = [&b"\r\n\r\n"[..], b"\n\n"]
            .iter()
            .filter_map(|blank| memchr::memmem::find(tail, blank))
            .min();
        if let Some(end) = end {
            record.bytes.truncate(from + end);
            record.complete = true;
        } else if record.bytes.len() > limits::REQUEST_HEAD_BYTES {
            *record = Record { bytes: Vec::new(), complete: true };
        }
    }
}

/// What is wrong with a head.
fn judge(bytes: &[u8], method: &str, path: &str) -> Option<&'static str> {
    let end = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
    let target = bytes[..end].strip_prefix(method.as_bytes())?.strip_prefix(b" ")?;
    memchr::memmem::find(target, path.as_bytes())?;
    if memchr::memchr(b'#', target).is_some() {
        return Some("the request target has a fragment");
    }
    let (mut length, mut encoding) = (false, false);
    let mut rest = &bytes[end..];
    while let Some((_, line)) = rest.split_first() {
        let end = memchr::memchr(b'\n', line).unwrap_or(line.len());
        let names = |name: &[u8]| {
            let (start, after) = (line.get(..name.len()), line.get(name.len()));
            after == Some(&b':') && start.is_some_and(|start| start.eq_ignore_ascii_case(name))
        };
        length |= names(b"content-length");
        encoding |= names(b"transfer-encoding");
        rest = &line[end..];
    }
    (length && encoding).then_some("Content-Length beside Transfer-Encoding")
}

/// A connection whose request heads are recorded.
pub(super) struct Tapped<S> {
    stream: S,
    already: io::Cursor<Vec<u8>>,
    head: RawHead,
}

impl<S> Tapped<S> {
    /// Taps a stream from which `already` was read.
    pub(super) fn new(stream: S, already: Vec<u8>, head: RawHead) -> Self {
        Self { stream, already: io::Cursor::new(already), head }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tapped<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let this = &mut *self;
        let polled = if this.already.position() < this.already.get_ref().len() as u64 {
            Pin::new(&mut this.already).poll_read(context, buffer)
        } else {
            Pin::new(&mut this.stream).poll_read(context, buffer)
        };
        if polled.is_ready() {
            this.head.record(&buffer.filled()[before..]);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tapped<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::RawHead;

    #[test]
    fn objects_however_the_bytes_are_cut() {
        for (head, path, refused) in [
            ("GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", "/a", true),
            ("GET /a HTTP/1.1\r\nHost: x#\r\n\r\n", "/a", false),
            (
                "\r\nPUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\ncontent-length: 5\r\n\r\n",
                "/a",
                true,
            ),
            ("PUT /a HTTP/1.1\nContent-Length: 5\nTransfer-Encoding: chunked\n\n", "/a", true),
            (
                "PUT /a HTTP/1.1\r\nContent-Length: 9\r\n\r\ntransfer-encoding: x\r\n\r\n",
                "/a",
                false,
            ),
            (
                "PUT /b HTTP/1.1\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n",
                "/a",
                false,
            ),
        ] {
            for cut in 1..head.len() {
                let raw = RawHead::default();
                raw.record(&head.as_bytes()[..cut]);
                raw.record(&head.as_bytes()[cut..]);
                let method = head.trim_start().split(' ').next().unwrap();
                assert_eq!(raw.objection(method, path).is_some(), refused, "{cut} {head}");
            }
        }
    }
}
