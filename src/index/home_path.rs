//! Where a resource lies inside its home: decoded segments, relative to the home.

use std::fmt;

/// A path inside a home; without segments it is the home itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HomePath(Vec<String>);

impl HomePath {
    /// The home itself.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// A path of decoded segments.
    pub fn new<S: Into<String>>(segments: impl IntoIterator<Item = S>) -> Self {
        Self(segments.into_iter().map(Into::into).collect())
    }

    /// The segments.
    pub fn segments(&self) -> &[String] {
        &self.0
    }

    /// Whether this is the home itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The last segment; absent for the home.
    pub fn name(&self) -> Option<&str> {
        self.0.last().map(String::as_str)
    }

    /// The collection that holds this; absent for the home.
    pub fn parent(&self) -> Option<Self> {
        let (_, rest) = self.0.split_last()?;
        Some(Self(rest.to_vec()))
    }

    /// Parent and name; absent for the home.
    pub fn split(&self) -> Option<(Self, &str)> {
        let (name, rest) = self.0.split_last()?;
        Some((Self(rest.to_vec()), name))
    }

    /// The path of a member.
    pub fn join(&self, name: &str) -> Self {
        let mut segments = Vec::with_capacity(self.0.len() + 1);
        segments.extend_from_slice(&self.0);
        segments.push(name.to_owned());
        Self(segments)
    }

    /// Whether `other` is this path or lies below it.
    pub fn contains(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }

    /// The same path with `from` at its beginning replaced by `to`.
    pub fn moved(&self, from: &Self, to: &Self) -> Option<Self> {
        let rest = self.0.strip_prefix(from.0.as_slice())?;
        Some(Self(to.0.iter().chain(rest).cloned().collect()))
    }
}

impl fmt::Display for HomePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("/"))
    }
}
