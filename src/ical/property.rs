//! One content line (RFC 5545 §3.1): name, parameters, raw value.
//!
//! Keeps the bytes it was read from until something changes it; equality looks at the meaning,
//! not at folding or letter case of names. Clones share the line until one of them is changed:
//! scheduling copies objects far more often than it changes a line.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;

use super::parameter::Parameter;
use super::value::text;

/// A property of a component. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Property(Arc<Line>);

#[derive(Clone, Debug)]
struct Line {
    name: String,
    parameters: Vec<Parameter>,
    value: String,
    /// The line as read, line end included; `None` once changed.
    source: Option<Bytes>,
}

impl PartialEq for Property {
    fn eq(&self, other: &Self) -> bool {
        let (one, other) = (&*self.0, &*other.0);
        std::ptr::eq(one, other)
            || (one.name == other.name
                && one.parameters == other.parameters
                && one.value == other.value)
    }
}

impl Eq for Property {}

impl Hash for Property {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.0.name, &self.0.parameters, &self.0.value).hash(state);
    }
}

impl Property {
    /// A new property; `value` is raw (see [`Property::text_value`] for TEXT).
    ///
    /// Line breaks cannot stand in a raw value and are dropped.
    pub fn new(name: &str, value: &str) -> Self {
        Self(Arc::new(Line {
            name: name.to_ascii_uppercase(),
            parameters: Vec::new(),
            value: without_breaks(value),
            source: None,
        }))
    }

    /// A new property whose value is TEXT: escaped on the way in.
    pub fn text_value(name: &str, value: &str) -> Self {
        Self::new(name, &text::escape(value))
    }

    pub(super) fn read(name: &str, parameters: Vec<Parameter>, value: &str, source: Bytes) -> Self {
        let name = name.to_ascii_uppercase();
        Self(Arc::new(Line { name, parameters, value: value.to_owned(), source: Some(source) }))
    }

    /// The line to be changed: its own, and no longer as it was read.
    fn change(&mut self) -> &mut Line {
        let line = Arc::make_mut(&mut self.0);
        line.source = None;
        line
    }

    /// This property with one more parameter.
    #[must_use]
    pub fn with_param(mut self, name: &str, value: &str) -> Self {
        self.change().parameters.push(Parameter::new(name, value));
        self
    }

    /// Adds a parameter with all its values.
    pub fn add_param(&mut self, parameter: Parameter) {
        self.change().parameters.push(parameter);
    }

    /// Upper-case name, group prefix included if the line had one.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The raw value: unfolded, still escaped.
    pub fn value(&self) -> &str {
        &self.0.value
    }

    /// The value read as TEXT, escapes undone (RFC 5545 §3.3.11).
    pub fn text(&self) -> String {
        text::unescape(&self.0.value)
    }

    /// The value read as a list of TEXT, such as CATEGORIES.
    pub fn text_list(&self) -> Vec<String> {
        text::split(&self.0.value, ',').map(text::unescape).collect()
    }

    /// Replaces the raw value.
    pub fn set_value(&mut self, value: &str) {
        if self.0.value != value {
            self.change().value = without_breaks(value);
        }
    }

    /// Replaces the value by escaped TEXT.
    pub fn set_text(&mut self, value: &str) {
        self.set_value(&text::escape(value));
    }

    /// All parameters in source order.
    pub fn params(&self) -> &[Parameter] {
        &self.0.parameters
    }

    /// First value of the first parameter of that name, in any case.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.param_values(name).next()
    }

    /// Every value of every parameter of that name.
    pub fn param_values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .parameters
            .iter()
            .filter(move |p| p.name.eq_ignore_ascii_case(name))
            .flat_map(|p| p.values.iter().map(String::as_str))
    }

    /// Sets the parameter to one value, in place of the first of that name or at the end.
    pub fn set_param(&mut self, name: &str, value: &str) {
        let mut same = self.0.parameters.iter().filter(|p| p.name.eq_ignore_ascii_case(name));
        if let (Some(only), None) = (same.next(), same.next())
            && only.values.len() == 1
            && only.values[0] == value
        {
            return;
        }
        let parameters = &mut self.change().parameters;
        let new = Parameter::new(name, value);
        match parameters.iter().position(|p| p.name == new.name) {
            None => parameters.push(new),
            Some(at) => {
                let mut index = 0;
                parameters.retain(|p| {
                    index += 1;
                    index <= at + 1 || p.name != new.name
                });
                parameters[at] = new;
            }
        }
    }

    /// Removes every parameter of that name; tells whether there was one.
    pub fn remove_param(&mut self, name: &str) -> bool {
        let there = self.params().iter().any(|p| p.name.eq_ignore_ascii_case(name));
        if there {
            self.change().parameters.retain(|p| !p.name.eq_ignore_ascii_case(name));
        }
        there
    }

    /// Removes every parameter.
    pub fn clear_params(&mut self) {
        if !self.0.parameters.is_empty() {
            self.change().parameters.clear();
        }
    }

    /// The line as it was read, when nothing changed it since.
    pub(super) fn source(&self) -> Option<&[u8]> {
        self.0.source.as_deref()
    }

    /// Whether both are written as the same bytes.
    pub(super) fn is_written_like(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self == other && self.source() == other.source())
    }
}

fn without_breaks(value: &str) -> String {
    let mut value = value.to_owned();
    value.retain(|c| c != '\r' && c != '\n');
    value
}
