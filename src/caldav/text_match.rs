//! `CALDAV:text-match` (RFC 4791 §9.7.5), with the match types of Apple's query-extended.

use super::collation::Collation;

/// Where in the value the text has to stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MatchType {
    /// Anywhere: the only kind RFC 4791 has.
    #[default]
    Contains,
    /// At the start.
    StartsWith,
    /// At the end.
    EndsWith,
    /// The whole value.
    Equals,
}

impl MatchType {
    /// Reads the attribute value.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "contains" => Some(Self::Contains),
            "starts-with" => Some(Self::StartsWith),
            "ends-with" => Some(Self::EndsWith),
            "equals" => Some(Self::Equals),
            _ => None,
        }
    }
}

/// A condition on a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextMatch {
    folded: String,
    collation: Collation,
    match_type: MatchType,
    /// Whether the condition holds where the text is *not* found.
    pub negated: bool,
}

impl TextMatch {
    /// A condition that looks for `text`.
    pub fn new(text: &str, collation: Collation, match_type: MatchType, negated: bool) -> Self {
        Self { folded: collation.fold(text).into_owned(), collation, match_type, negated }
    }

    /// Whether the text is found in `value`; [`negated`](Self::negated) is left to the caller,
    /// who knows over how many values the negation goes.
    pub fn found_in(&self, value: &str) -> bool {
        let value = self.collation.fold(value);
        match self.match_type {
            MatchType::Contains => value.contains(&self.folded),
            MatchType::StartsWith => value.starts_with(&self.folded),
            MatchType::EndsWith => value.ends_with(&self.folded),
            MatchType::Equals => *value == *self.folded,
        }
    }

    /// The text itself when only values equal to it byte for byte can match: what an index of
    /// exact values can answer.
    pub fn exact(&self) -> Option<&str> {
        let exact = self.match_type == MatchType::Equals && self.collation == Collation::Octet;
        (exact && !self.negated).then_some(&self.folded)
    }
}

#[cfg(test)]
mod tests {
    use super::{Collation, MatchType, TextMatch};

    #[test]
    fn finds_text_where_it_should_stand() {
        for (kind, text, value, found) in [
            ("contains", "NCH", "Lunch or dinner", true),
            ("contains", "lunch!", "Lunch or dinner", false),
            ("contains", "", "", true),
            ("starts-with", "lunch", "Lunch or dinner", true),
            ("starts-with", "or", "Lunch or dinner", false),
            ("ends-with", "DINNER", "Lunch or dinner", true),
            ("ends-with", "Lunch", "Lunch or dinner", false),
            ("equals", "lunch OR dinner", "Lunch or dinner", true),
            ("equals", "lunch", "Lunch or dinner", false),
        ] {
            let kind = MatchType::parse(kind).unwrap();
            let condition = TextMatch::new(text, Collation::AsciiCasemap, kind, false);
            assert_eq!(condition.found_in(value), found, "{kind:?} {text}");
        }
        assert_eq!(MatchType::parse("like"), None);
    }
}
