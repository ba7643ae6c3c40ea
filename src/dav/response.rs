//! A response as the methods make it; `http::response` turns it into bytes on a socket.

use std::fmt;
use std::io;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};

/// Writes a body piece by piece; it may run on another thread than the method, and may be dropped
/// half way.
pub type Producer = Box<dyn FnOnce(&mut dyn Sink) -> io::Result<()> + Send>;

/// Writes some more of a body, tens of kilobytes at once and from memory; false when that was all.
/// Whoever sends the body calls it when there is room, on the thread that sends.
pub type Parts = Box<dyn FnMut(&mut dyn Sink) -> io::Result<bool> + Send>;

/// Where a body goes that is made piece by piece.
pub trait Sink: io::Write {
    /// Takes a piece over as it is, so that what is large need not be copied.
    fn give(&mut self, piece: Vec<u8>) -> io::Result<()> {
        self.write_all(&piece)
    }
}

impl Sink for Vec<u8> {}

/// How many bytes a body takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// That many, so that the client can be told beforehand.
    Exact(u64),
    /// In bytes that could be copied while it is made.
    About(u64),
}

/// A response body.
#[derive(Default)]
pub enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// Bytes at hand.
    Full(Bytes),
    /// Bytes made while they are sent, for answers whose size grows with a collection; and what it
    /// takes to make them, where that is known: in bytes that could be copied meanwhile.
    Stream(Producer, Option<u64>),
    /// Bytes made while they are sent, that never take long.
    Parts(Parts, Size),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::Empty => f.write_str("Empty"),
            Body::Full(bytes) => write!(f, "Full({} bytes)", bytes.len()),
            Body::Stream(..) => f.write_str("Stream"),
            Body::Parts(..) => f.write_str("Parts"),
        }
    }
}

/// A status, header fields and a body.
#[derive(Debug, Default)]
pub struct Response {
    /// The HTTP status code.
    pub status: u16,
    /// Header fields; Content-Length and Date are added later.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
}

impl Response {
    /// A response without a body.
    pub fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// Adds a header field; a value that no header may hold is left out.
    pub fn with(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
            self.headers.append(HeaderName::from_static(name), value);
        }
        self
    }

    /// Sets a complete body and its media type.
    pub fn with_body(self, media_type: &str, body: impl Into<Bytes>) -> Self {
        let mut response = self.with("content-type", media_type);
        response.body = Body::Full(body.into());
        response
    }

    /// Sets a body that is made while it is sent.
    pub fn with_stream(self, media_type: &str, producer: Producer) -> Self {
        let mut response = self.with("content-type", media_type);
        response.body = Body::Stream(producer, None);
        response
    }

    /// Sets a body that is made from memory while it is sent.
    pub fn with_parts(self, media_type: &str, parts: Parts, size: Size) -> Self {
        let mut response = self.with("content-type", media_type);
        response.body = Body::Parts(parts, size);
        response
    }

    /// Tells what it takes to make the stream, about, so that it can be made at once if that is
    /// little. It must not become ten times as many bytes. Absent where nobody can tell.
    pub fn of_about(mut self, bytes: Option<u64>) -> Self {
        if let Body::Stream(_, about) = &mut self.body {
            *about = bytes;
        }
        self
    }
}

/// Writes a body of parts at once.
pub fn at_once(mut parts: Parts) -> Producer {
    Box::new(move |out| {
        while parts(out)? {}
        Ok(())
    })
}
