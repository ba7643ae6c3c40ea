//! A small tree that keeps what RFC 4918 §4.3 asks of dead properties: names, attributes, children
//! and, where it can, prefixes. Any element can be written back on its own.

use std::borrow::Cow;

use super::writer::{escape_attribute, escape_text};
use crate::dav::Name;

/// The namespace bound to the prefix `xml`.
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// An element.
#[derive(Clone, Debug)]
pub struct Element {
    /// Its expanded name.
    pub name: Name,
    /// Its attributes, without namespace declarations.
    pub attributes: Vec<Attribute>,
    /// Its content in document order; text is never empty and never twice in a row after reading.
    pub children: Vec<Node>,
    pub(super) prefix: Option<Box<str>>,
}

/// An attribute with its normalised value.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// Its expanded name; attributes without prefix are in no namespace.
    pub name: Name,
    /// Its value.
    pub value: String,
    pub(super) prefix: Option<Box<str>>,
}

/// Content of an element.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A child element.
    Element(Element),
    /// Characters, unescaped.
    Text(String),
}

/// Prefixes carry no meaning.
impl PartialEq for Element {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.attributes == other.attributes
            && self.children == other.children
    }
}

/// Prefixes carry no meaning.
impl PartialEq for Attribute {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.value == other.value
    }
}

impl Element {
    /// An empty element.
    pub fn new(name: Name) -> Self {
        Self { name, attributes: Vec::new(), children: Vec::new(), prefix: None }
    }

    /// The same element with a further child element.
    pub fn with_child(mut self, child: Element) -> Self {
        self.children.push(Node::Element(child));
        self
    }

    /// The same element with further text.
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.children.push(Node::Text(text.into()));
        self
    }

    /// The same element with an attribute in no namespace.
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.set_attribute(Name::owned("", name), value);
        self
    }

    /// Sets or replaces an attribute.
    pub fn set_attribute(&mut self, name: Name, value: impl Into<String>) {
        let value = value.into();
        match self.attributes.iter_mut().find(|attribute| attribute.name == name) {
            Some(attribute) => attribute.value = value,
            None => self.attributes.push(Attribute { name, value, prefix: None }),
        }
    }

    /// Whether this is `local` in `namespace`.
    pub fn is(&self, namespace: &str, local: &str) -> bool {
        self.name.is(namespace, local)
    }

    /// The value of an attribute in no namespace.
    pub fn attribute(&self, local: &str) -> Option<&str> {
        self.attribute_in("", local)
    }

    /// The value of an attribute.
    pub fn attribute_in(&self, namespace: &str, local: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|attribute| attribute.name.is(namespace, local))?;
        Some(&found.value)
    }

    /// The language of the content, if this very element says so.
    pub fn lang(&self) -> Option<&str> {
        self.attribute_in(XML, "lang")
    }

    /// The child elements.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The first child element called `local` in `namespace`.
    pub fn child(&self, namespace: &str, local: &str) -> Option<&Element> {
        self.elements().find(|element| element.is(namespace, local))
    }

    /// All child elements called `local` in `namespace`.
    pub fn children_named<'a>(
        &'a self,
        namespace: &'a str,
        local: &'a str,
    ) -> impl Iterator<Item = &'a Element> {
        self.elements().filter(move |element| element.is(namespace, local))
    }

    /// The characters directly inside this element.
    pub fn text(&self) -> Cow<'_, str> {
        let mut texts = self.children.iter().filter_map(|node| match node {
            Node::Text(text) => Some(text.as_str()),
            Node::Element(_) => None,
        });
        let first = texts.next().unwrap_or_default();
        match texts.next() {
            None => Cow::Borrowed(first),
            Some(second) => Cow::Owned([first, second].into_iter().chain(texts).collect()),
        }
    }

    /// The element on its own: every namespace it needs is declared inside it. Attributes come
    /// before declarations and in single quotes, which some clients' tests compare literally.
    pub fn to_xml(&self) -> String {
        let mut out = String::with_capacity(128);
        write_element(self, &mut Vec::new(), &mut out);
        out
    }
}

/// Declarations in scope: prefix (empty for the default) and namespace, innermost last.
type Scope = Vec<(String, String)>;

fn bound<'a>(scope: &'a Scope, prefix: &str) -> Option<&'a str> {
    scope.iter().rev().find(|(known, _)| known == prefix).map(|(_, namespace)| namespace.as_str())
}

fn write_element(element: &Element, scope: &mut Scope, out: &mut String) {
    let outer = scope.len();
    let mut declared = String::new();
    let tag = {
        let prefix = match (&element.prefix, element.name.namespace.as_ref()) {
            (_, "") | (None, _) => "",
            (_, XML) => "xml",
            (Some(prefix), _) => prefix,
        };
        declare(prefix, &element.name.namespace, scope, &mut declared);
        qualified(prefix, &element.name.local)
    };
    out.push('<');
    out.push_str(&tag);
    let mut attributes = String::new();
    for attribute in &element.attributes {
        let prefix = attribute_prefix(attribute, outer, scope, &mut declared);
        attributes.push(' ');
        attributes.push_str(&qualified(&prefix, &attribute.name.local));
        attributes.push_str("='");
        escape_attribute(&attribute.value, &mut attributes);
        attributes.push('\'');
    }
    out.push_str(&attributes);
    out.push_str(&declared);
    if element.children.is_empty() {
        out.push_str("/>");
    } else {
        out.push('>');
        for child in &element.children {
            match child {
                Node::Element(child) => write_element(child, scope, out),
                Node::Text(text) => escape_text(text, out),
            }
        }
        out.push_str("</");
        out.push_str(&tag);
        out.push('>');
    }
    scope.truncate(outer);
}

/// Makes `prefix` mean `namespace` from here on. What was bound further out is noted again, so
/// that no later attribute of this element binds the prefix to something else.
fn declare(prefix: &str, namespace: &str, scope: &mut Scope, declared: &mut String) {
    if prefix == "xml" {
        return;
    }
    let present = bound(scope, prefix).unwrap_or_default() == namespace;
    scope.push((prefix.to_owned(), namespace.to_owned()));
    if present {
        return;
    }
    declared.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
    declared.push_str(prefix);
    declared.push_str("='");
    escape_attribute(namespace, declared);
    declared.push('\'');
}

/// A prefix for an attribute that this element (declarations from `outer` on) can still bind.
fn attribute_prefix(
    attribute: &Attribute,
    outer: usize,
    scope: &mut Scope,
    declared: &mut String,
) -> String {
    let namespace = attribute.name.namespace.as_ref();
    match namespace {
        "" => return String::new(),
        XML => return "xml".to_owned(),
        _ => {}
    }
    let wished = attribute.prefix.as_deref().unwrap_or("ns");
    let free = |prefix: &str, scope: &Scope| {
        bound(scope, prefix) == Some(namespace)
            || !scope[outer..].iter().any(|(known, _)| known == prefix)
    };
    let mut prefix = wished.to_owned();
    let mut number = 0;
    while !free(&prefix, scope) {
        number += 1;
        prefix = format!("{wished}{number}");
    }
    declare(&prefix, namespace, scope, declared);
    prefix
}

fn qualified(prefix: &str, local: &str) -> String {
    if prefix.is_empty() { local.to_owned() } else { format!("{prefix}:{local}") }
}
