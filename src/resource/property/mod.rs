//! Properties of resources: live ones by RFC as tables, dead ones through the store's snapshot.
//! Nothing here opens a file, so a listing costs what the index costs.
//!
//! Must not know methods. Changes go through `change`, which decides and leaves the writing to its
//! caller's transaction.

pub mod acl;
pub mod answer;
pub mod apple;
pub mod calendar;
pub mod change;
pub mod dead;
pub mod principal;
pub mod quota;
pub mod rows;
pub mod scheduling;
pub mod sync;
pub mod webdav;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use chrono::{DateTime, Utc};

use super::Resource;
use super::access::Access;
use crate::config::Config;
use crate::dav::request::Origin;
use crate::dav::{DavPath, Name};
use crate::principal::{Directory, Record};
use crate::xml::Writer;

pub use answer::Asked;
pub use rows::Rows;

/// What all answers to one request have in common. Owns its parts, so that it can go with a body
/// that is made while it is sent.
#[derive(Clone)]
pub struct View {
    /// The directory at the beginning of the request.
    pub directory: Arc<Directory>,
    /// The configuration at the beginning of the request.
    pub config: Arc<Config>,
    /// How the client sees this server.
    pub origin: Origin,
    /// Who asks; nobody for anonymous requests.
    pub actor: Option<Arc<Record>>,
    /// What who asks may do.
    pub access: Access,
    /// Whether the client wants VTIMEZONEs in calendar data (RFC 7809 §7.1).
    pub timezones: Option<bool>,
    /// When.
    pub now: DateTime<Utc>,
    /// Writes the `DAV:activelock` elements of a resource: locks are `method`'s.
    pub active_locks: fn(&View, &Resource) -> String,
}

impl View {
    /// The href of a path for this client.
    pub fn href(&self, path: &DavPath) -> String {
        format!("{}{}", self.origin.prefix, path.href())
    }
}

/// What became of a property that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Its element was written.
    Found,
    /// There is no such property here.
    Missing,
    /// It is there, but not for this user; nothing was written.
    Refused(u16),
}

/// Writes the property's element, or says why not.
pub type Value = fn(&View, &Resource, &mut Writer) -> Answer;

/// One row of a table of live properties.
#[derive(Debug)]
pub struct Live {
    /// Its name.
    pub name: Name,
    /// Whether `DAV:allprop` covers it.
    pub in_allprop: bool,
    /// Whether only the server sets it.
    pub protected: bool,
    /// Computes it; without this the stored property is its value.
    pub value: Option<Value>,
}

impl Live {
    /// A computed property that `DAV:allprop` covers.
    const fn shown(name: Name, value: Value) -> Self {
        Self { name, in_allprop: true, protected: true, value: Some(value) }
    }

    /// A computed property that must be asked for by name.
    const fn named(name: Name, value: Value) -> Self {
        Self { name, in_allprop: false, protected: true, value: Some(value) }
    }

    /// A stored property with a meaning, which must be asked for by name.
    const fn stored(name: Name) -> Self {
        Self { name, in_allprop: false, protected: false, value: None }
    }

    /// The same, but clients may set it; `change` checks what they set.
    const fn writable(mut self) -> Self {
        self.protected = false;
        self
    }

    /// The same, but only the server sets it.
    const fn protected(mut self) -> Self {
        self.protected = true;
        self
    }
}

/// All tables in the order in which `DAV:allprop` answers.
static TABLES: [&[Live]; 8] = [
    webdav::TABLE,
    sync::TABLE,
    acl::TABLE,
    quota::TABLE,
    calendar::TABLE,
    scheduling::TABLE,
    principal::TABLE,
    apple::TABLE,
];

static BY_NAME: LazyLock<HashMap<&'static Name, &'static Live>> =
    LazyLock::new(|| live_properties().map(|live| (&live.name, live)).collect());

/// Every live property.
pub fn live_properties() -> impl Iterator<Item = &'static Live> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// The live property of that name, whether or not a resource has it.
pub fn live(name: &Name) -> Option<&'static Live> {
    BY_NAME.get(name).copied()
}

/// Writes one `DAV:href` for each path inside the property's element.
fn hrefs(
    view: &View,
    name: &Name,
    paths: impl IntoIterator<Item = DavPath>,
    writer: &mut Writer,
) -> Answer {
    writer.element(name, |writer| {
        paths.into_iter().for_each(|path| writer.href(&view.href(&path)));
    });
    Answer::Found
}

/// Writes the property with text in it, if there is any.
fn text(name: &Name, text: Option<&str>, writer: &mut Writer) -> Answer {
    match text {
        Some(text) => {
            writer.leaf(name, text);
            Answer::Found
        }
        None => Answer::Missing,
    }
}

#[cfg(test)]
mod tests;
