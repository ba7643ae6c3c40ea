//! Property parameters (RFC 5545 §3.2) with the caret encoding of RFC 6868.
//!
//! Values are held decoded and without quotes; only `write` knows how they look on a line.

/// One parameter of a property: an upper-case name and its values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Parameter {
    /// Upper-case name.
    pub name: String,
    /// Decoded values, at least one.
    pub values: Vec<String>,
}

impl Parameter {
    /// A parameter with one value.
    pub fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_ascii_uppercase(), values: vec![value.to_owned()] }
    }

    /// The first value.
    pub fn value(&self) -> &str {
        self.values.first().map_or("", String::as_str)
    }
}

/// Undoes RFC 6868 §3.1: `^n` newline, `^^` caret, `^'` double quote; anything else stays.
pub(super) fn decode(raw: &str) -> String {
    if !raw.contains('^') {
        return raw.to_owned();
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw.chars().peekable();
    while let Some(c) = rest.next() {
        let decoded = match (c, rest.peek()) {
            ('^', Some('n')) => '\n',
            ('^', Some('^')) => '^',
            ('^', Some('\'')) => '"',
            _ => {
                out.push(c);
                continue;
            }
        };
        out.push(decoded);
        rest.next();
    }
    out
}

/// Whether a byte is part of a character that is written as it is; of tabs it says no.
fn is_plain(byte: u8) -> bool {
    byte >= 0x20 && !matches!(byte, b'"' | b'^')
}

/// Writes one value: caret-encoded (RFC 6868 §3.1), quoted when it holds `:`, `;` or `,`.
///
/// A line break becomes `^n`. Other control characters have no place in a parameter (RFC 5545
/// §3.1, QSAFE-CHAR), but the scanner reads them, and a line that is written again because another
/// part of it changed keeps what its client put there. NUL is never read and never written.
pub(super) fn encode_into(value: &str, out: &mut String) {
    let quoted = value.contains([':', ';', ',']);
    if quoted {
        out.push('"');
    }
    if value.bytes().all(is_plain) {
        out.push_str(value);
    } else {
        encode_characters(value, out);
    }
    if quoted {
        out.push('"');
    }
}

fn encode_characters(value: &str, out: &mut String) {
    let mut rest = value.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' => {
                rest.next_if_eq(&'\n');
                out.push_str("^n");
            }
            '\n' => out.push_str("^n"),
            '^' => out.push_str("^^"),
            '"' => out.push_str("^'"),
            '\0' => {}
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::encode_into;

    #[test]
    fn values_are_encoded_whatever_they_hold() {
        for (value, written) in [
            ("plain", "plain"),
            ("Grüße ©", "Grüße ©"),
            ("a:b", "\"a:b\""),
            ("say \"a^b\"\nc\td", "say ^'a^^b^'^nc\td"),
            ("a\u{7f}b\u{85}c\u{1}d\0", "a\u{7f}b\u{85}c\u{1}d"),
        ] {
            let mut out = String::new();
            encode_into(value, &mut out);
            assert_eq!(out, written);
        }
    }
}
