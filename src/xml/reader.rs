//! The checked reader (RFC 4918 §8.2, §17, §20.6): bytes to one `Element`, or a reason. It refuses
//! DTDs outright, expands nothing but the five predefined entities, and checks what `quick-xml`
//! leaves to its user: one root, nothing unclosed, names, characters, prefixes, depth and size.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};

use super::element::{Attribute, Element, Node, XML};
use super::syntax::{first_bad_char, is_char, is_ncname};
use crate::dav::name::{APPLE_ICAL, CALDAV, CALENDARSERVER, DAV};
use crate::dav::{Error, Name, Precondition};
use crate::limits;

/// Why a body is not XML this server reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// A DTD, and with it every entity a client could define.
    #[error("document type declarations are not accepted")]
    Dtd,
    /// An encoding other than UTF-8, UTF-16 with byte order mark, US-ASCII or ISO-8859-1.
    #[error("the encoding {0} is not supported")]
    Encoding(String),
    /// Deeper or larger than `limits` allow.
    #[error("the document has too many {0}")]
    TooLarge(&'static str),
    /// Not well-formed or not namespace-well-formed.
    #[error("not well-formed near byte {position}: {reason}")]
    Malformed {
        /// Offset in the decoded text.
        position: u64,
        /// What is wrong.
        reason: String,
    },
}

impl From<XmlError> for Error {
    fn from(error: XmlError) -> Self {
        let answer = match error {
            XmlError::Dtd => Error::from(Precondition::NoExternalEntities),
            _ => Error::status(400),
        };
        answer.because(error.to_string())
    }
}

/// Reads one document.
pub fn parse(bytes: &[u8]) -> Result<Element, XmlError> {
    let text = decode(bytes)?;
    if let Some(at) = first_bad_char(&text) {
        return Err(malformed(at as u64, "a character that XML does not allow"));
    }
    let mut reader = quick_xml::Reader::from_str(&text);
    reader.config_mut().expand_empty_elements = true;
    reader.config_mut().check_comments = true;
    let mut tree = Tree::default();
    loop {
        let before = reader.buffer_position();
        let event = reader
            .read_event()
            .map_err(|error| malformed(reader.error_position(), &error.to_string()))?;
        let done = tree.take(event).map_err(|problem| match problem {
            Problem::Text(reason) => malformed(before, &reason),
            Problem::Other(error) => error,
        })?;
        if done {
            break;
        }
    }
    tree.root.ok_or_else(|| malformed(reader.buffer_position(), "there is no element"))
}

fn malformed(position: u64, reason: &str) -> XmlError {
    XmlError::Malformed { position, reason: reason.to_owned() }
}

/// Bytes to characters, by byte order mark first and by declaration second.
fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, XmlError> {
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes).map(Cow::Owned),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes).map(Cow::Owned),
        _ if declared_latin1(bytes) => Ok(bytes.iter().map(|&byte| char::from(byte)).collect()),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, XmlError> {
    std::str::from_utf8(bytes)
        .map(Cow::Borrowed)
        .map_err(|error| malformed(error.valid_up_to() as u64, "not UTF-8"))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, XmlError> {
    let (units, rest) = bytes.as_chunks::<2>();
    let units = units.iter().map(|pair| unit(*pair));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.ok().filter(|_| rest.is_empty()).ok_or_else(|| malformed(0, "not UTF-16"))
}

fn declared_latin1(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(100)];
    let declaration = head.split(|&byte| byte == b'>').next().unwrap_or_default();
    declaration.starts_with(b"<?xml")
        && String::from_utf8_lossy(declaration).to_ascii_lowercase().contains("iso-8859-1")
}

enum Problem {
    Text(String),
    Other(XmlError),
}

impl From<&str> for Problem {
    fn from(reason: &str) -> Self {
        Problem::Text(reason.to_owned())
    }
}

impl From<quick_xml::Error> for Problem {
    fn from(error: quick_xml::Error) -> Self {
        Problem::Text(error.to_string())
    }
}

/// The tree in the making.
#[derive(Default)]
struct Tree {
    root: Option<Element>,
    open: Vec<Element>,
    bindings: Vec<Binding>,
    nodes: usize,
    started: bool,
}

/// A namespace declaration: prefix (empty for the default), namespace, depth of its element.
struct Binding {
    prefix: String,
    namespace: String,
    depth: usize,
}

impl Tree {
    /// Takes one event; true at the end of the document.
    fn take(&mut self, event: Event<'_>) -> Result<bool, Problem> {
        let first = !std::mem::replace(&mut self.started, true);
        match event {
            Event::Start(start) | Event::Empty(start) => self.start(&start)?,
            Event::End(_) => self.end()?,
            Event::Text(text) => {
                if text.contains("]]>") {
                    return Err("]]> in character data".into());
                }
                self.text(&text.xml10_content())?;
            }
            Event::CData(_) if self.open.is_empty() => return Err("CDATA outside the root".into()),
            Event::CData(text) => self.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => self.reference(&reference)?,
            Event::DocType(_) => return Err(Problem::Other(XmlError::Dtd)),
            Event::Decl(declaration) => check_declaration(&declaration, first)?,
            Event::Comment(_) => {}
            Event::PI(instruction) => {
                let target = instruction.target();
                if !is_ncname(target) || target.eq_ignore_ascii_case("xml") {
                    return Err("a processing instruction with a bad name".into());
                }
            }
            Event::Eof if self.open.is_empty() => return Ok(true),
            Event::Eof => return Err("the document ends inside an element".into()),
        }
        Ok(false)
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), Problem> {
        if self.root.is_some() {
            return Err("a second root element".into());
        }
        if self.open.len() == limits::XML_DEPTH {
            return Err(Problem::Other(XmlError::TooLarge("levels")));
        }
        self.count()?;
        let mut plain = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(quick_xml::Error::from)?;
            self.count()?;
            if attribute.value.contains('<') {
                return Err("< in an attribute value".into());
            }
            let value = attribute.normalized_value(XmlVersion::Explicit1_0)?.into_owned();
            if first_bad_char(&value).is_some() {
                return Err("a reference to a character that XML does not allow".into());
            }
            match split(attribute.key.as_ref())? {
                ("", "xmlns") => self.bind("", value)?,
                ("xmlns", prefix) => self.bind(prefix, value)?,
                (prefix, local) => plain.push((prefix.to_owned(), local.to_owned(), value)),
            }
            if plain.len() + self.bindings.len() > limits::XML_ATTRIBUTES {
                return Err(Problem::Other(XmlError::TooLarge("attributes")));
            }
        }
        let name = start.name();
        let (prefix, local) = split(name.as_ref())?;
        let mut element = Element::new(self.name(prefix, local)?);
        element.prefix = kept(prefix);
        for (prefix, local, value) in plain {
            let namespace = if prefix.is_empty() { "".into() } else { self.resolve(&prefix)? };
            let name = Name { namespace, local: local.into() };
            if element.attributes.iter().any(|known| known.name == name) {
                return Err("an attribute given twice".into());
            }
            element.attributes.push(Attribute { name, value, prefix: kept(&prefix) });
        }
        self.open.push(element);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Problem> {
        let depth = self.open.len();
        let element = self.open.pop().ok_or("an end tag without a start tag")?;
        while self.bindings.pop_if(|binding| binding.depth >= depth).is_some() {}
        match self.open.last_mut() {
            Some(parent) => parent.children.push(Node::Element(element)),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Problem> {
        let Some(element) = self.open.last_mut() else {
            let blank = text.chars().all(|c| matches!(c, ' ' | '\t' | '\r' | '\n'));
            return if blank { Ok(()) } else { Err("text outside the root element".into()) };
        };
        match element.children.last_mut() {
            _ if text.is_empty() => {}
            Some(Node::Text(before)) => before.push_str(text),
            _ => element.children.push(Node::Text(text.to_owned())),
        }
        Ok(())
    }

    fn reference(&mut self, reference: &BytesRef<'_>) -> Result<(), Problem> {
        if self.open.is_empty() {
            return Err("a reference outside the root element".into());
        }
        let mut buffer = [0; 4];
        let text = match reference.resolve_char_ref()? {
            Some(c) if is_char(c) => c.encode_utf8(&mut buffer),
            Some(_) => return Err("a reference to a character that XML does not allow".into()),
            None => match reference.as_ref() {
                "amp" => "&",
                "lt" => "<",
                "gt" => ">",
                "apos" => "'",
                "quot" => "\"",
                _ => return Err("a reference to an entity that is not defined".into()),
            },
        };
        self.text(text)
    }

    fn count(&mut self) -> Result<(), Problem> {
        self.nodes += 1;
        if self.nodes > limits::XML_NODES {
            return Err(Problem::Other(XmlError::TooLarge("elements and attributes")));
        }
        Ok(())
    }

    fn bind(&mut self, prefix: &str, namespace: String) -> Result<(), Problem> {
        const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
        match prefix {
            "xml" if namespace == XML => return Ok(()),
            "xml" | "xmlns" => return Err("a reserved prefix is declared".into()),
            _ if namespace == XML || namespace == XMLNS => {
                return Err("a reserved namespace is declared".into());
            }
            "" => {}
            _ if namespace.is_empty() => return Err("a prefix is bound to no namespace".into()),
            _ => {}
        }
        let depth = self.open.len() + 1;
        self.bindings.push(Binding { prefix: prefix.to_owned(), namespace, depth });
        Ok(())
    }

    fn name(&self, prefix: &str, local: &str) -> Result<Name, Problem> {
        let namespace = self.resolve(prefix)?;
        // The element of which requests have thousands.
        let local = if local == "href" { "href".into() } else { local.to_owned().into() };
        Ok(Name { namespace, local })
    }

    fn resolve(&self, prefix: &str) -> Result<Cow<'static, str>, Problem> {
        let found = self.bindings.iter().rev().find(|binding| binding.prefix == prefix);
        match found {
            Some(binding) => Ok(known_namespace(&binding.namespace)),
            None if prefix.is_empty() => Ok("".into()),
            None if prefix == "xml" => Ok(XML.into()),
            None => Err(Problem::Text(format!("the prefix {prefix} is not declared"))),
        }
    }
}

/// Spares an allocation for the namespaces every request uses.
fn known_namespace(namespace: &str) -> Cow<'static, str> {
    let known = [DAV, CALDAV, CALENDARSERVER, APPLE_ICAL, ""];
    match known.into_iter().find(|known| *known == namespace) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(namespace.to_owned()),
    }
}

fn kept(prefix: &str) -> Option<Box<str>> {
    (!prefix.is_empty()).then(|| prefix.into())
}

/// Splits a qualified name and checks both halves.
fn split(name: &str) -> Result<(&str, &str), Problem> {
    let (prefix, local) = match name.split_once(':') {
        Some((prefix, local)) if is_ncname(prefix) => (prefix, local),
        Some(_) => return Err(Problem::Text(format!("{name} is not a name"))),
        None => ("", name),
    };
    if !is_ncname(local) {
        return Err(Problem::Text(format!("{name} is not a name")));
    }
    Ok((prefix, local))
}

fn check_declaration(declaration: &BytesDecl<'_>, first: bool) -> Result<(), Problem> {
    if !first {
        return Err("an XML declaration that is not at the beginning".into());
    }
    if declaration.version()? != "1.0" {
        return Err("only XML 1.0 is read".into());
    }
    if let Some(encoding) = declaration.encoding() {
        let encoding = encoding.map_err(quick_xml::Error::from)?;
        let known = ["utf-8", "utf8", "utf-16", "us-ascii", "iso-8859-1"];
        if !known.iter().any(|name| encoding.eq_ignore_ascii_case(name)) {
            return Err(Problem::Other(XmlError::Encoding(encoding.into_owned())));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
