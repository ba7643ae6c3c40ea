//! Strong entity tags (RFC 9110 §8.8.3). Ours are hashes of the content, so they survive restarts.

use std::fmt;

/// Stands between the tag of a resource and what tells one of its representations from others.
const VARIANT: char = '.';

/// An entity tag without its quotes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ETag(pub String);

impl ETag {
    /// The tag of a resource with these bytes: 128 bits of BLAKE3 in hexadecimal.
    pub fn of(content: &[u8]) -> Self {
        let hash = blake3::hash(content);
        Self(hash.to_hex().as_str()[..32].to_owned())
    }

    /// The tag of another representation of the resource that has this tag, such as its jCal
    /// (RFC 9110 §8.8.3.3): none of the other representations, and none of another state, has it.
    pub fn variant(&self, representation: &[u8]) -> Self {
        let hash = blake3::hash(representation);
        Self(format!("{}{VARIANT}{}", self.0, &hash.to_hex().as_str()[..16]))
    }

    /// Whether this is the tag of a resource in the state that has the tag `current`, or that of
    /// one of its representations: for changes all of them say the same.
    pub fn is_of(&self, current: &Self) -> bool {
        self.0.strip_prefix(&current.0).is_some_and(|rest| {
            rest.is_empty() || rest.strip_prefix(VARIANT).is_some_and(|hash| hash.len() == 16)
        })
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
