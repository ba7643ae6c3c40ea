//! Python pickles of protocols 0 to 2, read as data: numbers, texts, lists, and objects as their
//! class name with their state. Only for property values of the reference system's third format.
//!
//! Nothing is ever imported or called. Of the opcodes that call something, the two ways in which
//! Python makes an empty object are understood as "an object of this class"; every other call, and
//! every opcode that such values have no use for, is an error.

use super::value::{Id, Value, Values};
use crate::limits;

/// Why bytes are no pickle that is understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PickleError {
    /// It ends too early, or an opcode finds nothing to work on.
    #[error("the pickle is damaged at byte {0}")]
    Damaged(usize),
    /// It asks for something that is not done.
    #[error("the pickle has the opcode {0:#04x} at byte {1}, which is not understood")]
    Opcode(u8, usize),
    /// It wants to call something.
    #[error("the pickle calls {0}, which nobody does here")]
    Call(String),
    /// It is longer than any property.
    #[error("the pickle is too large")]
    Large,
}

/// Opcodes of one pickle, and values it may make.
const STEPS: usize = 100_000;

type Result<T> = std::result::Result<T, PickleError>;

/// Reads a whole pickle.
pub(super) fn read(bytes: &[u8]) -> Result<(Values, Id)> {
    if bytes.len() > limits::PROPERTY_BYTES * 2 {
        return Err(PickleError::Large);
    }
    let mut machine = Machine { bytes, ..Machine::default() };
    for _ in 0..STEPS {
        if let Some(top) = machine.step()? {
            return Ok((machine.values, top));
        }
    }
    Err(PickleError::Large)
}

#[derive(Default)]
struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    values: Values,
    /// None is a mark.
    stack: Vec<Option<Id>>,
    memo: std::collections::HashMap<u64, Id>,
}

impl<'a> Machine<'a> {
    fn damaged(&self) -> PickleError {
        PickleError::Damaged(self.at)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(count).ok_or_else(|| self.damaged())?;
        let taken = self.bytes.get(self.at..end).ok_or_else(|| self.damaged())?;
        self.at = end;
        Ok(taken)
    }

    fn number(&mut self, bytes: usize) -> Result<u64> {
        let taken = self.take(bytes)?;
        Ok(taken.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn line(&mut self) -> Result<&'a str> {
        let line = self.line_bytes()?;
        std::str::from_utf8(line).map_err(|_| self.damaged())
    }

    fn line_bytes(&mut self) -> Result<&'a [u8]> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|byte| *byte == b'\n').ok_or_else(|| self.damaged())?;
        self.at += length + 1;
        Ok(&rest[..length])
    }

    fn text(&mut self, length: u64) -> Result<Value> {
        let length = usize::try_from(length).map_err(|_| self.damaged())?;
        Ok(Value::Text(String::from_utf8_lossy(self.take(length)?).into_owned()))
    }

    fn push(&mut self, value: Value) {
        let id = self.values.add(value);
        self.stack.push(Some(id));
    }

    fn pop(&mut self) -> Result<Id> {
        self.stack.pop().flatten().ok_or_else(|| self.damaged())
    }

    fn top(&self) -> Result<Id> {
        self.stack.last().copied().flatten().ok_or_else(|| self.damaged())
    }

    /// Everything above the last mark.
    fn above_mark(&mut self) -> Result<Vec<Id>> {
        let mark = self.stack.iter().rposition(Option::is_none).ok_or_else(|| self.damaged())?;
        let above = self.stack.split_off(mark);
        Ok(above.into_iter().flatten().collect())
    }

    fn pairs(&self, flat: &[Id]) -> Result<Vec<(Id, Id)>> {
        if !flat.len().is_multiple_of(2) {
            return Err(self.damaged());
        }
        Ok(flat.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
    }

    /// One opcode; the value of the whole pickle when it was the last one.
    fn step(&mut self) -> Result<Option<Id>> {
        let (start, opcode) = (self.at, self.number(1)? as u8);
        match opcode {
            b'.' => return self.pop().map(Some),
            b'(' => self.stack.push(None),
            b'0' => drop(self.stack.pop().ok_or_else(|| self.damaged())?),
            b'1' => drop(self.above_mark()?),
            b'2' => self.stack.push(Some(self.top()?)),
            0x80 => drop(self.take(1)?),
            b'p' | b'q' | b'r' => {
                let (key, value) = (self.key(opcode)?, self.top()?);
                self.memo.insert(key, value);
            }
            b'g' | b'h' | b'j' => {
                let key = self.key(opcode)?;
                let value = self.memo.get(&key).copied().ok_or_else(|| self.damaged())?;
                self.stack.push(Some(value));
            }
            b'c' | b'R' | b'b' | b'i' | b'o' | 0x81 => self.object(opcode)?,
            b']' | b'l' | b')' | b't' | 0x85..=0x87 | b'}' | b'd' | b'a' | b'e' | b's' | b'u' => {
                self.container(opcode)?;
            }
            _ => match self.scalar(opcode)? {
                Some(value) => self.push(value),
                None => return Err(PickleError::Opcode(opcode, start)),
            },
        }
        Ok(None)
    }

    fn key(&mut self, opcode: u8) -> Result<u64> {
        match opcode {
            b'p' | b'g' => self.line()?.trim().parse().map_err(|_| self.damaged()),
            b'q' | b'h' => self.number(1),
            _ => self.number(4),
        }
    }

    fn scalar(&mut self, opcode: u8) -> Result<Option<Value>> {
        Ok(Some(match opcode {
            b'N' => Value::None,
            0x88 => Value::Number(1),
            0x89 => Value::Number(0),
            b'I' | b'L' => {
                let text = self.line()?.trim().trim_end_matches('L');
                Value::Number(text.parse().map_err(|_| self.damaged())?)
            }
            b'K' => Value::Number(self.number(1)? as i64),
            b'M' => Value::Number(self.number(2)? as i64),
            b'J' => Value::Number(i64::from(self.number(4)? as u32 as i32)),
            b'S' => Value::Text(quoted(self.line()?).ok_or_else(|| self.damaged())?),
            b'V' => Value::Text(raw_unicode(self.line_bytes()?).ok_or_else(|| self.damaged())?),
            b'U' => {
                let length = self.number(1)?;
                self.text(length)?
            }
            b'T' | b'X' => {
                let length = self.number(4)?;
                self.text(length)?
            }
            _ => return Ok(None),
        }))
    }

    fn container(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            b']' => self.push(Value::List(Vec::new())),
            b')' => self.push(Value::List(Vec::new())),
            b'}' => self.push(Value::Map(Vec::new())),
            b'l' | b't' => {
                let members = self.above_mark()?;
                self.push(Value::List(members));
            }
            b'd' => {
                let flat = self.above_mark()?;
                let pairs = self.pairs(&flat)?;
                self.push(Value::Map(pairs));
            }
            0x85..=0x87 => {
                let count = usize::from(opcode - 0x84);
                let at = self.stack.len().checked_sub(count).ok_or_else(|| self.damaged())?;
                let members = self.stack.split_off(at).into_iter().flatten().collect();
                self.push(Value::List(members));
            }
            b'a' | b'e' => {
                let more = if opcode == b'a' { vec![self.pop()?] } else { self.above_mark()? };
                let list = self.top()?;
                match self.values.get_mut(list) {
                    Some(Value::List(members)) => members.extend(more),
                    _ => return Err(self.damaged()),
                }
            }
            _ => {
                let flat = match opcode {
                    b's' => {
                        let value = self.pop()?;
                        vec![self.pop()?, value]
                    }
                    _ => self.above_mark()?,
                };
                let (pairs, map) = (self.pairs(&flat)?, self.top()?);
                match self.values.get_mut(map) {
                    Some(Value::Map(known)) => known.extend(pairs),
                    _ => return Err(self.damaged()),
                }
            }
        }
        Ok(())
    }

    fn object(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            b'c' => {
                let class = self.class()?;
                self.push(class);
            }
            b'i' => {
                let class = self.class()?;
                self.above_mark()?;
                let class = self.values.add(class);
                self.push(Value::Object { class, state: None });
            }
            b'o' => {
                let members = self.above_mark()?;
                let class = *members.first().ok_or_else(|| self.damaged())?;
                self.push(Value::Object { class, state: None });
            }
            b'b' => {
                let (given, object) = (self.pop()?, self.top()?);
                match self.values.get_mut(object) {
                    Some(Value::Object { state, .. }) => *state = Some(given),
                    _ => return Err(self.damaged()),
                }
            }
            0x81 => {
                let (_, class) = (self.pop()?, self.pop()?);
                self.push(Value::Object { class, state: None });
            }
            _ => {
                let (arguments, callable) = (self.pop()?, self.pop()?);
                let class = self.reconstructed(callable, arguments)?;
                self.push(Value::Object { class, state: None });
            }
        }
        Ok(())
    }

    fn class(&mut self) -> Result<Value> {
        let (module, name) = (self.line()?.to_owned(), self.line()?.to_owned());
        Ok(Value::Class { module, name })
    }

    /// The class of which `copy_reg._reconstructor(class, object, None)` makes an object.
    fn reconstructed(&self, callable: Id, arguments: Id) -> Result<Id> {
        match (self.values.get(callable), self.values.get(arguments)) {
            (Some(Value::Class { module, name }), Some(Value::List(arguments)))
                if matches!(module.as_str(), "copy_reg" | "copyreg")
                    && matches!(name.as_str(), "_reconstructor" | "__newobj__") =>
            {
                arguments.first().copied().ok_or_else(|| self.damaged())
            }
            (Some(Value::Class { module, name }), _) => {
                Err(PickleError::Call(format!("{module}.{name}")))
            }
            _ => Err(self.damaged()),
        }
    }
}

/// A Python string literal: quotes of either kind, backslashes for what does not print.
fn quoted(literal: &str) -> Option<String> {
    let literal = literal.trim();
    let quote = literal.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    let inner = literal.strip_prefix(quote)?.strip_suffix(quote)?;
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next()? {
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'x' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits).ok()?.to_owned();
                bytes.push(u8::from_str_radix(&digits, 16).ok()?);
            }
            other => bytes.push(other),
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Python's raw-unicode-escape: Latin-1 with `\u` and four or `\U` and eight digits.
fn raw_unicode(line: &[u8]) -> Option<String> {
    let line: String = line.iter().map(|byte| char::from(*byte)).collect();
    let mut text = String::with_capacity(line.len());
    let mut rest = line.as_str();
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let digits = match after.as_bytes().first() {
            Some(b'u') => 4,
            Some(b'U') => 8,
            _ => {
                text.push('\\');
                rest = after;
                continue;
            }
        };
        let code = u32::from_str_radix(after.get(1..1 + digits)?, 16).ok()?;
        text.push(char::from_u32(code)?);
        rest = &after[1 + digits..];
    }
    text.push_str(rest);
    Some(text)
}
