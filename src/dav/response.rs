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

/// A body whose length is known, in pieces that are made one by one, while the one before is on its
/// way. Making one must not wait for anything.
pub struct Pieces {
    /// Bytes of all pieces together.
    pub length: u64,
    /// The pieces.
    pub pieces: Box<dyn Iterator<Item = io::Result<Vec<u8>>> + Send>,
}

impl Pieces {
    /// The same for those who want it made in one go.
    pub fn into_producer(self) -> Producer {
        Box::new(move |out| {
            for piece in self.pieces {
                out.give(piece?)?;
            }
            Ok(())
        })
    }
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pieces({} bytes)", self.length)
    }
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
    /// Bytes at hand that have to be put together.
    Pieces(Pieces),
    /// Bytes made while they are sent, that never take long; and what they take, as above.
    Parts(Parts, u64),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::Empty => f.write_str("Empty"),
            Body::Full(bytes) => write!(f, "Full({} bytes)", bytes.len()),
            Body::Stream(..) => f.write_str("Stream"),
            Body::Pieces(pieces) => pieces.fmt(f),
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

    /// Sets a body that is put together while it is sent.
    pub fn with_pieces(self, media_type: &str, pieces: Pieces) -> Self {
        let mut response = self.with("content-type", media_type);
        response.body = Body::Pieces(pieces);
        response
    }

    /// Sets a body that is made from memory while it is sent, of about so many bytes.
    pub fn with_parts(self, media_type: &str, parts: Parts, about: u64) -> Self {
        let mut response = self.with("content-type", media_type);
        response.body = Body::Parts(parts, about);
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
