//! Request paths as decoded segments (RFC 3986 §3.3). A `DavPath` is never a file path: only
//! `disk::layout` turns a segment into a file name, by its own rules.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::limits;

/// The time-zone service: below it a segment may have slashes in it.
const TIMEZONES: &str = "stdtimezones";

/// What stays as it is in a segment of an href: RFC 3986 `pchar` without sub-delimiters that
/// clients are known to encode differently.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@')
    .remove(b':')
    .remove(b'!')
    .remove(b'$')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=');

/// Why a text is not a path of this server. A request for one is answered with 414 where it is too
/// long, else with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The text does not begin with `/`.
    #[error("the path does not begin with /")]
    NotAbsolute,
    /// A percent sign without two hexadecimal digits, or bytes that are no UTF-8.
    #[error("the path is not percent-encoded UTF-8")]
    Encoding,
    /// `.` or `..`, an encoded slash or a control character.
    #[error("the path has a segment that no resource can have")]
    Segment,
    /// Longer or deeper than `limits` allow.
    #[error("the path is too long")]
    Length,
}

/// An absolute path: decoded segments and whether it ended with a slash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DavPath {
    segments: Vec<String>,
    slash: bool,
}

impl DavPath {
    /// The path `/`.
    pub fn root() -> Self {
        Self { segments: Vec::new(), slash: true }
    }

    /// Reads the path part of a request target or of an href. Empty segments are dropped.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let rest = text.strip_prefix('/').ok_or(PathError::NotAbsolute)?;
        let mut segments = Vec::new();
        for raw in rest.split('/').filter(|raw| !raw.is_empty()) {
            if segments.len() == limits::PATH_SEGMENTS {
                return Err(PathError::Length);
            }
            // Identifiers of time zones have slashes in them, which RFC 7808 §4.1 has encoded.
            let slashes = segments.first().is_some_and(|first| first == TIMEZONES);
            segments.push(decode(raw, slashes)?);
        }
        Ok(Self { slash: segments.is_empty() || rest.ends_with('/'), segments })
    }

    /// A path from decoded segments; `slash` says whether it names a collection.
    pub fn from_segments<S: Into<String>>(
        segments: impl IntoIterator<Item = S>,
        slash: bool,
    ) -> Self {
        let segments: Vec<String> = segments.into_iter().map(Into::into).collect();
        Self { slash: slash || segments.is_empty(), segments }
    }

    /// The decoded segments.
    pub fn segments(&self) -> &[String] {
        &self.segments
    }

    /// Whether the path ends with a slash.
    pub fn has_slash(&self) -> bool {
        self.slash
    }

    /// The last segment; absent for the root.
    pub fn name(&self) -> Option<&str> {
        self.segments.last().map(String::as_str)
    }

    /// The collection that holds this resource; absent for the root.
    pub fn parent(&self) -> Option<Self> {
        let (_, rest) = self.segments.split_last()?;
        Some(Self { segments: rest.to_vec(), slash: true })
    }

    /// The path of a member.
    pub fn join(&self, name: &str, slash: bool) -> Self {
        let mut segments = self.segments.clone();
        segments.push(name.to_owned());
        Self { segments, slash }
    }

    /// The same path with or without a trailing slash.
    pub fn with_slash(mut self, slash: bool) -> Self {
        self.slash = slash || self.segments.is_empty();
        self
    }

    /// Whether `other` is this path or lies below it; slashes at the end do not count.
    pub fn contains(&self, other: &Self) -> bool {
        other.segments.starts_with(&self.segments)
    }

    /// The percent-encoded absolute path, without prefix.
    pub fn href(&self) -> String {
        let mut text = String::with_capacity(16 + self.segments.len() * 16);
        for segment in &self.segments {
            text.push('/');
            encode_segment(segment, |part| text.push_str(part));
        }
        if self.slash {
            text.push('/');
        }
        text
    }
}

impl fmt::Display for DavPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.href())
    }
}

/// Bytes that stand for themselves in every segment.
const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] =
            (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'-' | b'.' | b'_');
        byte += 1;
    }
    table
};

/// Gives the percent-encoded form of a segment piece by piece.
pub fn encode_segment<'a>(segment: &'a str, mut give: impl FnMut(&'a str)) {
    // Most names need nothing.
    if segment.bytes().all(|byte| PLAIN[usize::from(byte)]) {
        return give(segment);
    }
    utf8_percent_encode(segment, SEGMENT).for_each(give);
}

fn decode(raw: &str, slashes: bool) -> Result<String, PathError> {
    let mut escapes = raw.split('%');
    escapes.next();
    for escape in escapes {
        let digits = escape.as_bytes();
        if digits.len() < 2 || !digits[..2].iter().all(u8::is_ascii_hexdigit) {
            return Err(PathError::Encoding);
        }
    }
    let text = percent_decode_str(raw).decode_utf8().map_err(|_| PathError::Encoding)?;
    let wrong = |c: char| c.is_control() || (c == '/' && !slashes);
    if text == "." || text == ".." || text.contains(wrong) {
        return Err(PathError::Segment);
    }
    if text.len() > limits::PATH_SEGMENT_BYTES {
        return Err(PathError::Length);
    }
    Ok(text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::{DavPath, PathError};

    #[test]
    fn round_trips_names_that_people_have() {
        for (text, segments, href) in [
            ("/", vec![], "/"),
            ("/a//b/", vec!["a", "b"], "/a/b/"),
            (
                "/calendars/users/a%40b.c/",
                vec!["calendars", "users", "a@b.c"],
                "/calendars/users/a@b.c/",
            ),
            ("/x/50%25%20off.ics", vec!["x", "50% off.ics"], "/x/50%25%20off.ics"),
            (
                "/stdtimezones/zones/Europe%2FParis",
                vec!["stdtimezones", "zones", "Europe/Paris"],
                "/stdtimezones/zones/Europe%2FParis",
            ),
            ("/x/%E3%81%BE.ics", vec!["x", "ま.ics"], "/x/%E3%81%BE.ics"),
        ] {
            let path = DavPath::parse(text).unwrap();
            assert_eq!(path.segments(), segments, "{text}");
            assert_eq!(path.href(), href, "{text}");
            assert_eq!(DavPath::parse(&path.href()).unwrap(), path, "{text}");
        }
    }

    #[test]
    fn refuses_what_no_resource_can_be_called() {
        for (text, error) in [
            ("a", PathError::NotAbsolute),
            ("/%", PathError::Encoding),
            ("/%4", PathError::Encoding),
            ("/%zz", PathError::Encoding),
            ("/%ff", PathError::Encoding),
            ("/a/../b", PathError::Segment),
            ("/a/%2e%2E/b", PathError::Segment),
            ("/a%2Fb", PathError::Segment),
            ("/a%00", PathError::Segment),
        ] {
            assert_eq!(DavPath::parse(text), Err(error), "{text}");
        }
        assert_eq!(DavPath::parse(&format!("/{}", "a".repeat(241))), Err(PathError::Length));
        assert_eq!(DavPath::parse(&"/a".repeat(33)), Err(PathError::Length));
    }
}
