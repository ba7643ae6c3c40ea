//! Bytes to tree (RFC 5545 §3.4–3.6): iterative, bounded by `limits`, strict on structure and
//! lenient on values.

use bytes::Bytes;

use super::component::{Component, Item};
use super::property::Property;
use super::scan::{Lines, is_name, split};
use crate::limits;

/// Why some bytes are not iCalendar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ParseError {
    /// Physical line, from 1.
    pub line: usize,
    /// The reason in words.
    pub reason: String,
}

/// Reads exactly one VCALENDAR.
pub fn parse(bytes: &[u8]) -> Result<Component, ParseError> {
    let mut calendars = Parser::new(bytes, 1).run(1)?;
    calendars.pop().ok_or_else(|| ParseError { line: 1, reason: "no VCALENDAR".to_owned() })
}

/// Reads any number of VCALENDARs one after the other, as exported files may hold them; they may
/// be a hundred times as large as one object.
pub fn parse_stream(bytes: &[u8]) -> Result<Vec<Component>, ParseError> {
    Parser::new(bytes, 100).run(limits::COMPONENTS)
}

struct Parser {
    source: Bytes,
    open: Vec<Component>,
    done: Vec<Component>,
    components: usize,
    /// How many objects there may be in it.
    objects: usize,
}

impl Parser {
    fn new(bytes: &[u8], objects: usize) -> Self {
        let source = Bytes::copy_from_slice(bytes);
        Self { source, open: Vec::new(), done: Vec::new(), components: 0, objects }
    }

    fn run(mut self, calendars: usize) -> Result<Vec<Component>, ParseError> {
        let source = self.source.clone();
        let mut last = 1;
        let mut from = 0;
        for (count, line) in Lines::new(&source).enumerate() {
            last = line.number;
            let fail = |reason: &str| ParseError { line: line.number, reason: reason.to_owned() };
            if count >= limits::CONTENT_LINES * self.objects {
                return Err(fail("more lines than this server reads"));
            }
            let text = line.unfold(&source).ok_or_else(|| fail("not UTF-8"))?;
            let text = match count {
                0 => text.strip_prefix('\u{feff}').unwrap_or(&text),
                _ => &text,
            };
            if text.is_empty() && count == 0 {
                continue; // blank lines before BEGIN become part of it
            }
            let raw = source.slice(from..line.range.end);
            from = line.range.end;
            if self.done.len() >= calendars {
                return Err(fail("text after the end of the calendar"));
            }
            self.line(text, raw).map_err(|reason| fail(&reason))?;
        }
        match self.open.last() {
            Some(open) => {
                let reason = format!("{} is never ended", open.name());
                Err(ParseError { line: last, reason })
            }
            None => Ok(self.done),
        }
    }

    fn line(&mut self, text: &str, raw: Bytes) -> Result<(), String> {
        let parts = split(text)?;
        if parts.name.eq_ignore_ascii_case("BEGIN") {
            return self.begin(parts.value.trim_end(), raw);
        }
        if parts.name.eq_ignore_ascii_case("END") {
            return self.end(parts.value.trim_end(), raw);
        }
        let Some(open) = self.open.last_mut() else {
            return Err("the calendar does not begin with BEGIN:VCALENDAR".to_owned());
        };
        let property = Property::read(parts.name, parts.parameters, parts.value, raw);
        open.items_mut().push(Item::Property(property));
        Ok(())
    }

    fn begin(&mut self, name: &str, raw: Bytes) -> Result<(), String> {
        if name.is_empty() {
            return Err("BEGIN without a name".to_owned());
        }
        if !is_name(name) {
            let reason = "a component name with a character that is not a letter, digit or hyphen";
            return Err(reason.to_owned());
        }
        let is_calendar = name.eq_ignore_ascii_case("VCALENDAR");
        if self.open.is_empty() != is_calendar {
            return Err(match is_calendar {
                true => "a VCALENDAR inside another component".to_owned(),
                false => "the calendar does not begin with BEGIN:VCALENDAR".to_owned(),
            });
        }
        self.components += 1;
        let many = self.components > limits::COMPONENTS * self.objects;
        if many || self.open.len() >= limits::COMPONENT_DEPTH {
            return Err("more components than this server reads".to_owned());
        }
        let mut component = Component::new(name);
        component.begin = Some(raw);
        self.open.push(component);
        Ok(())
    }

    fn end(&mut self, name: &str, raw: Bytes) -> Result<(), String> {
        let Some(mut component) = self.open.pop() else {
            return Err(format!("END:{name} without its BEGIN"));
        };
        if !component.name().eq_ignore_ascii_case(name) {
            return Err(format!("END:{name} where {} is open", component.name()));
        }
        component.end = Some(raw);
        match self.open.last_mut() {
            Some(parent) => parent.items_mut().push(Item::Component(component)),
            None => self.done.push(component),
        }
        Ok(())
    }
}
