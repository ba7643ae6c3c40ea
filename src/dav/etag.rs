//! Strong entity tags (RFC 9110 §8.8.3). Ours are hashes of the content, so they survive restarts.

use std::fmt;

/// An entity tag without its quotes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ETag(pub String);

impl ETag {
    /// The tag of a resource with these bytes: 128 bits of BLAKE3 in hexadecimal.
    pub fn of(content: &[u8]) -> Self {
        let hash = blake3::hash(content);
        Self(hash.to_hex().as_str()[..32].to_owned())
    }

    /// Reads `"…"` or `W/"…"`; the flag says whether it was weak.
    pub fn parse(text: &str) -> Option<(Self, bool)> {
        let text = text.trim();
        let (rest, weak) = match text.strip_prefix("W/") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let inner = rest.strip_prefix('"')?.strip_suffix('"')?;
        (!inner.contains('"')).then(|| (Self(inner.to_owned()), weak))
    }
}

/// The quoted form used in headers and in `DAV:getetag`.
impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}
