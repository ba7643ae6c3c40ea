//! TEXT (RFC 5545 §3.3.11): backslash escapes.

/// Undoes escapes; an unknown one loses its backslash, a lone last backslash stays.
pub fn unescape(raw: &str) -> String {
    if !raw.contains('\\') {
        return raw.to_owned();
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match rest.next() {
            Some('n' | 'N') => out.push('\n'),
            Some(escaped) => out.push(escaped),
            None => out.push('\\'),
        }
    }
    out
}

/// Escapes backslash, semicolon, comma and line breaks; CRLF counts as one break.
///
/// NUL, which the scanner does not read, is left out. Other control characters have no place in
/// TEXT, but what came with them as text and went out as jCal comes back with them.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' | ';' | ',' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => {
                rest.next_if_eq(&'\n');
                out.push_str("\\n");
            }
            '\0' => {}
            c => out.push(c),
        }
    }
    out
}

/// Splits a raw value at separators that no backslash protects; the pieces stay escaped.
pub fn split(raw: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    raw.split(move |c| {
        let cut = c == separator && !escaped;
        escaped = c == '\\' && !escaped;
        cut
    })
}
