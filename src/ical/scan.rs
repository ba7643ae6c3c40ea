//! The lossless scanner: cuts bytes into content lines (RFC 5545 §3.1) and a line into name,
//! parameters and value.
//!
//! Works on bytes, because a fold may stand inside a UTF-8 sequence. Line ends are CRLF, LF or
//! CR. It never changes anything: every byte of the input belongs to exactly one line.

use std::borrow::Cow;
use std::ops::Range;

use super::parameter::{Parameter, decode};

/// One logical line with all its folds.
pub(super) struct Line {
    /// Number of the first physical line, from 1.
    pub number: usize,
    /// Bytes of the line, its line end and blank lines after it.
    pub range: Range<usize>,
    folded: bool,
}

/// Iterator over the logical lines of some bytes.
pub(super) struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    number: usize,
}

impl<'a> Lines<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, number: 1 }
    }

    /// The index after the physical line that begins at `from`.
    fn physical_end(&self, from: usize) -> usize {
        let rest = &self.bytes[from..];
        match memchr::memchr2(b'\r', b'\n', rest) {
            None => self.bytes.len(),
            Some(at) if rest[at] == b'\r' && rest.get(at + 1) == Some(&b'\n') => from + at + 2,
            Some(at) => from + at + 1,
        }
    }
}

impl Iterator for Lines<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let (start, number) = (self.at, self.number);
        let mut folded = false;
        let mut end = self.physical_end(start);
        self.number += 1;
        loop {
            match self.bytes.get(end) {
                Some(b' ' | b'\t') => folded = true,
                Some(b'\r' | b'\n') => {}
                _ => break,
            }
            end = self.physical_end(end);
            self.number += 1;
        }
        self.at = end;
        Some(Line { number, range: start..end, folded })
    }
}

impl Line {
    /// The line without folds and line ends; `None` when it is not UTF-8.
    pub fn unfold<'a>(&self, bytes: &'a [u8]) -> Option<Cow<'a, str>> {
        let raw = &bytes[self.range.clone()];
        if !self.folded {
            let end = raw.iter().rposition(|b| !matches!(b, b'\r' | b'\n')).map_or(0, |i| i + 1);
            return std::str::from_utf8(&raw[..end]).ok().map(Cow::Borrowed);
        }
        let mut out = Vec::with_capacity(raw.len());
        for (index, physical) in raw.split(|b| matches!(b, b'\r' | b'\n')).enumerate() {
            match physical.first() {
                Some(b' ' | b'\t') if index > 0 => out.extend_from_slice(&physical[1..]),
                _ => out.extend_from_slice(physical),
            }
        }
        String::from_utf8(out).ok().map(Cow::Owned)
    }
}

/// The parts of a content line.
pub(super) struct Parts<'a> {
    pub name: &'a str,
    pub parameters: Vec<Parameter>,
    pub value: &'a str,
}

/// Splits an unfolded line; the error is a reason in words.
pub(super) fn split(line: &str) -> Result<Parts<'_>, &'static str> {
    if memchr::memchr(0, line.as_bytes()).is_some() {
        return Err("a NUL character");
    }
    let end = memchr::memchr2(b';', b':', line.as_bytes()).ok_or("a line without a colon")?;
    let name = &line[..end];
    if name.is_empty() {
        return Err("a line without a property name");
    }
    if !is_name(name) {
        return Err("a property name with a character that is not a letter, digit or hyphen");
    }
    let mut parameters = Vec::new();
    let mut rest = &line[end..];
    while let Some(after) = rest.strip_prefix(';') {
        let (parameter, left) = split_parameter(after)?;
        parameters.push(parameter);
        rest = left;
    }
    let value = rest.strip_prefix(':').ok_or("a parameter that is not followed by a value")?;
    Ok(Parts { name, parameters, value })
}

/// Reads `NAME=value,"value"` and returns it with what follows (`;…` or `:…`).
fn split_parameter(text: &str) -> Result<(Parameter, &str), &'static str> {
    let equals = memchr::memchr3(b'=', b';', b':', text.as_bytes());
    let equals = equals.ok_or("a parameter without a value")?;
    let (name, mut rest) = text.split_at(equals);
    if !is_name(name) {
        return Err("a parameter without a proper name");
    }
    rest = rest.strip_prefix('=').ok_or("a parameter without \"=\"")?;
    let mut values = Vec::with_capacity(1);
    loop {
        let value;
        if let Some(quoted) = rest.strip_prefix('"') {
            let close = quoted.find('"').ok_or("a quote that is never closed")?;
            (value, rest) = (&quoted[..close], &quoted[close + 1..]);
        } else {
            let end = memchr::memchr3(b',', b';', b':', rest.as_bytes());
            let end = end.ok_or("a line without a colon")?;
            (value, rest) = rest.split_at(end);
        }
        values.push(decode(value));
        match rest.bytes().next() {
            Some(b',') => rest = &rest[1..],
            Some(b';' | b':') => break,
            _ => return Err("text between a quoted parameter value and its end"),
        }
    }
    Ok((Parameter { name: name.to_ascii_uppercase(), values }, rest))
}

/// Whether a component, property, parameter or value type may be called that: letters, digits and
/// hyphen, as the RFC says; underscore, dot (vCard groups) and slash are seen in the wild.
pub(super) fn is_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/');
    !name.is_empty() && name.bytes().all(fits)
}
