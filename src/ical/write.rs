//! Tree to bytes (RFC 5545 §3.1): untouched lines as they were read, new ones with CRLF and
//! folded at 75 octets between characters.

use super::component::{Component, Item};
use super::parameter::encode_into;
use super::property::Property;

/// Octets of a physical line, line end not counted (RFC 5545 §3.1).
const FOLD_AT: usize = 75;

enum Step<'a> {
    Open(&'a Component),
    Close(&'a Component),
    Line(&'a Property),
}

impl Component {
    /// The component as text.
    pub fn to_bytes(&self) -> Vec<u8> {
        // About what an event of some attendees takes.
        let mut out = Vec::with_capacity(2048);
        let mut steps = vec![Step::Open(self)];
        while let Some(step) = steps.pop() {
            match step {
                Step::Line(property) => property.write(&mut out),
                Step::Close(c) => edge(&mut out, c.end.as_deref(), "END:", c.name()),
                Step::Open(c) => {
                    edge(&mut out, c.begin.as_deref(), "BEGIN:", c.name());
                    steps.push(Step::Close(c));
                    steps.extend(c.items().iter().rev().map(|item| match item {
                        Item::Property(property) => Step::Line(property),
                        Item::Component(component) => Step::Open(component),
                    }));
                }
            }
        }
        out
    }
}

impl Property {
    /// The property as one folded content line with its line end.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut Vec<u8>) {
        end_line(out);
        if let Some(source) = self.source() {
            out.extend_from_slice(source);
            return;
        }
        let mut line = String::with_capacity(self.name().len() + self.value().len() + 32);
        line.push_str(self.name());
        for parameter in self.params() {
            line.push(';');
            line.push_str(&parameter.name);
            for (index, value) in parameter.values.iter().enumerate() {
                line.push(if index == 0 { '=' } else { ',' });
                encode_into(value, &mut line);
            }
        }
        line.push(':');
        line.push_str(self.value());
        fold(&line, out);
    }
}

fn edge(out: &mut Vec<u8>, source: Option<&[u8]>, word: &str, name: &str) {
    end_line(out);
    match source {
        Some(source) => out.extend_from_slice(source),
        None => {
            out.extend_from_slice(word.as_bytes());
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// A last line may have come without a line end; whatever follows it needs one.
fn end_line(out: &mut Vec<u8>) {
    if out.last().is_some_and(|b| !matches!(b, b'\r' | b'\n')) {
        out.extend_from_slice(b"\r\n");
    }
}

fn fold(line: &str, out: &mut Vec<u8>) {
    let mut rest = line;
    let mut room = FOLD_AT;
    while rest.len() > room {
        let cut = rest.floor_char_boundary(room);
        out.extend_from_slice(&rest.as_bytes()[..cut]);
        out.extend_from_slice(b"\r\n ");
        rest = &rest[cut..];
        room = FOLD_AT - 1;
    }
    out.extend_from_slice(rest.as_bytes());
    out.extend_from_slice(b"\r\n");
}
