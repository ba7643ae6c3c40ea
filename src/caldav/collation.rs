//! Collations of text matches (RFC 4790, RFC 5051), as a mapping to a form that compares bytewise.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// How two texts are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Collation {
    /// `i;ascii-casemap`: ASCII letters without case, everything else as it is.
    #[default]
    AsciiCasemap,
    /// `i;octet`: byte for byte.
    Octet,
    /// `i;unicode-casemap`: letters of any script without case, after compatibility decomposition.
    UnicodeCasemap,
}

impl Collation {
    /// Every collation, in the order in which `CALDAV:supported-collation-set` names them.
    pub const ALL: &'static [Collation] =
        &[Collation::AsciiCasemap, Collation::Octet, Collation::UnicodeCasemap];

    /// The registered identifier.
    pub fn identifier(self) -> &'static str {
        match self {
            Self::AsciiCasemap => "i;ascii-casemap",
            Self::Octet => "i;octet",
            Self::UnicodeCasemap => "i;unicode-casemap",
        }
    }

    /// Reads an identifier; `default` is the first one (RFC 4791 §7.5).
    pub fn parse(identifier: &str) -> Option<Self> {
        if identifier == "default" {
            return Some(Self::default());
        }
        Self::ALL.iter().copied().find(|collation| collation.identifier() == identifier)
    }

    /// The form of `text` in which equal means the same bytes.
    pub fn fold(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Octet => Cow::Borrowed(text),
            Self::AsciiCasemap => Cow::Owned(text.to_ascii_lowercase()),
            Self::UnicodeCasemap if text.is_ascii() => Cow::Owned(text.to_ascii_uppercase()),
            Self::UnicodeCasemap => Cow::Owned(text.chars().map(upper).nfkd().collect()),
        }
    }
}

/// The simple upper-case mapping: RFC 5051 §2 maps one character to one character.
fn upper(character: char) -> char {
    let mut mapped = character.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(single), None) => single,
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::Collation;

    #[test]
    fn compares_as_registered() {
        for (collation, left, right, equal) in [
            (Collation::AsciiCasemap, "Meeting", "mEETING", true),
            (Collation::AsciiCasemap, "Ärger", "ärger", false),
            (Collation::Octet, "Meeting", "meeting", false),
            (Collation::UnicodeCasemap, "Ärger", "äRGER", true),
            (Collation::UnicodeCasemap, "Caf\u{e9}", "CAFE\u{301}", true),
            (Collation::UnicodeCasemap, "ΣΊΣΥΦΟΣ", "σίσυφος", true),
            (Collation::UnicodeCasemap, "straße", "STRASSE", false),
        ] {
            assert_eq!(collation.fold(left) == collation.fold(right), equal, "{left} {right}");
        }
    }

    #[test]
    fn reads_identifiers() {
        for collation in Collation::ALL {
            assert_eq!(Collation::parse(collation.identifier()), Some(*collation));
        }
        assert_eq!(Collation::parse("default"), Some(Collation::AsciiCasemap));
        assert_eq!(Collation::parse("i;ascii-*"), None);
        assert_eq!(Collation::parse("i;basic"), None);
    }
}
