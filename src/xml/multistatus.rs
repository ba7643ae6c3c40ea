//! `DAV:multistatus` (RFC 4918 §13) written response by response, so that an answer grows with the
//! network and not in memory.

use std::io;

use super::Writer;
use super::error_body::{write_error, write_error_with};
use crate::dav::response::Sink;
use crate::dav::{Error, Name};

const MULTISTATUS: Name = Name::dav("multistatus");
const RESPONSE: Name = Name::dav("response");
const PROPSTAT: Name = Name::dav("propstat");
const PROP: Name = Name::dav("prop");
const STATUS: Name = Name::dav("status");

/// Bytes gathered before they go out.
const CHUNK_BYTES: usize = 64 * 1024;
/// Room for the response that goes beyond.
const ROOM_BYTES: usize = CHUNK_BYTES / 16;

/// A multistatus answer in the making.
pub struct Multistatus<'a> {
    out: &'a mut dyn Sink,
    writer: Writer,
}

/// The content of one `DAV:response` in propstat form.
pub struct Propstats<'a> {
    writer: &'a mut Writer,
}

impl<'a> Multistatus<'a> {
    /// Opens the document.
    pub fn begin(out: &'a mut dyn Sink) -> Self {
        Self::begin_of(out, 0)
    }

    /// Opens a document of about so many bytes.
    pub fn begin_of(out: &'a mut dyn Sink, about: u64) -> Self {
        let about = usize::try_from(about).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        let mut writer = if about > 0 { room(about) } else { Writer::default() };
        writer.open_document(&MULTISTATUS);
        Self { out, writer }
    }

    /// Goes on with a document after `pause`.
    pub fn resume(out: &'a mut dyn Sink) -> Self {
        Self { out, writer: Writer { out: Vec::with_capacity(CHUNK_BYTES + ROOM_BYTES) } }
    }

    /// Gives away what was written so far, so that the rest can be written later.
    pub fn pause(self) -> io::Result<()> {
        self.out.give(self.writer.out)
    }

    /// A response whose content is `DAV:propstat` elements.
    pub fn response(
        &mut self,
        href: &str,
        content: impl FnOnce(&mut Propstats<'_>),
    ) -> io::Result<()> {
        write_response(&mut self.writer, href, content);
        self.flush_when(CHUNK_BYTES)
    }

    /// A response for a whole resource: status and, where there is one, the reason.
    pub fn status(&mut self, href: &str, error: &Error, prefix: &str) -> io::Result<()> {
        self.writer.open(&RESPONSE);
        self.writer.href(href);
        write_status(&mut self.writer, error.status);
        if error.precondition.is_some() {
            write_error(&mut self.writer, error, prefix);
        }
        if let Some(description) = &error.description {
            self.writer.leaf(&Name::dav("responsedescription"), description);
        }
        self.writer.close(&RESPONSE);
        self.flush_when(CHUNK_BYTES)
    }

    /// A response for a change that failed, with more to say inside `DAV:error`.
    pub fn failed(
        &mut self,
        href: &str,
        error: &Error,
        prefix: &str,
        more: impl FnOnce(&mut Writer),
    ) -> io::Result<()> {
        self.writer.open(&RESPONSE);
        self.writer.href(href);
        write_status(&mut self.writer, error.status);
        write_error_with(&mut self.writer, error, prefix, more);
        if let Some(description) = &error.description {
            self.writer.leaf(&Name::dav("responsedescription"), description);
        }
        self.writer.close(&RESPONSE);
        self.flush_when(CHUNK_BYTES)
    }

    /// A response for a whole resource that has nothing but a status.
    pub fn bare_status(&mut self, href: &str, status: u16) -> io::Result<()> {
        self.status(href, &Error::status(status), "")
    }

    /// An element beside the responses, such as `DAV:sync-token` (RFC 6578 §6.2).
    pub fn beside(&mut self, content: impl FnOnce(&mut Writer)) -> io::Result<()> {
        content(&mut self.writer);
        self.flush_when(CHUNK_BYTES)
    }

    /// Closes the document.
    pub fn finish(mut self) -> io::Result<()> {
        self.writer.close(&MULTISTATUS);
        self.out.give(self.writer.out)
    }

    fn flush_when(&mut self, bytes: usize) -> io::Result<()> {
        if self.writer.out.len() < bytes {
            return Ok(());
        }
        let next = room(CHUNK_BYTES);
        self.out.give(std::mem::replace(&mut self.writer, next).out)
    }
}

/// A writer for so many bytes and the response that goes beyond, so that it does not grow.
fn room(bytes: usize) -> Writer {
    let mut writer = Writer::default();
    writer.out.reserve_exact(bytes + ROOM_BYTES);
    writer
}

/// Bytes of a document beside its responses.
pub fn frame_bytes() -> u64 {
    let mut writer = Writer::default();
    writer.open_document(&MULTISTATUS);
    writer.close(&MULTISTATUS);
    writer.out.len() as u64
}

/// A `DAV:response` inside another element, as `DAV:expand-property` answers (RFC 3253 §3.8).
pub fn write_response(writer: &mut Writer, href: &str, content: impl FnOnce(&mut Propstats<'_>)) {
    writer.open(&RESPONSE);
    writer.href(href);
    let before = writer.out.len();
    content(&mut Propstats { writer });
    if writer.out.len() == before {
        // RFC 4918 §14.24 wants a propstat or a status.
        write_status(writer, 200);
    }
    writer.close(&RESPONSE);
}

/// `DAV:propstat` elements without a response around them (RFC 5689 §5.2).
pub fn write_propstats(writer: &mut Writer, content: impl FnOnce(&mut Propstats<'_>)) {
    content(&mut Propstats { writer });
}

impl Propstats<'_> {
    /// A status for the whole response, instead of any propstat.
    pub fn status_only(&mut self, status: u16) {
        write_status(self.writer, status);
    }

    /// The properties that share a status.
    pub fn propstat(&mut self, status: u16, properties: impl FnOnce(&mut Writer)) {
        self.failed_propstat(&Error::status(status), "", properties);
    }

    /// The properties that share a failure, with its precondition and its sentence.
    pub fn failed_propstat(
        &mut self,
        error: &Error,
        prefix: &str,
        properties: impl FnOnce(&mut Writer),
    ) {
        self.writer.open(&PROPSTAT);
        self.writer.element(&PROP, properties);
        write_status(self.writer, error.status);
        if error.precondition.is_some() {
            write_error(self.writer, error, prefix);
        }
        if let Some(description) = &error.description {
            self.writer.leaf(&Name::dav("responsedescription"), description);
        }
        self.writer.close(&PROPSTAT);
    }

    /// The usual pair: a fragment of properties found, and names of those that are not there.
    pub fn found_and_missing<'n>(
        &mut self,
        found: &str,
        missing: impl IntoIterator<Item = &'n Name>,
    ) {
        let mut missing = missing.into_iter().peekable();
        if !found.is_empty() || missing.peek().is_none() {
            self.propstat(200, |writer| writer.raw(found));
        }
        if missing.peek().is_some() {
            self.propstat(404, |writer| missing.for_each(|name| writer.empty(name)));
        }
    }
}

fn write_status(writer: &mut Writer, status: u16) {
    writer.leaf(&STATUS, &status_line(status));
}

/// `HTTP/1.1 200 OK`, as `DAV:status` wants it (RFC 4918 §14.28).
pub fn status_line(status: u16) -> String {
    let reason = http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Unknown");
    format!("HTTP/1.1 {status} {reason}")
}
