//! `DAV:mkcol` (RFC 5689 §5.1) and `CALDAV:mkcalendar` (RFC 4791 §9.2): properties to begin with.

use super::proppatch::properties;
use super::{is_blank, malformed};
use crate::dav::name::DAV;
use crate::dav::{Error, Name, Result};
use crate::xml::{Element, parse};

/// The body of an extended MKCOL or of a MKCALENDAR.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mkcol {
    /// The properties in document order, `xml:lang` included where it was in scope.
    pub properties: Vec<Element>,
}

impl Mkcol {
    /// Reads the body of a MKCOL; without one there are no properties. A body of another kind is
    /// answered with 415 (RFC 4918 §9.3).
    pub fn parse(body: &[u8], content_type: Option<&str>) -> Result<Self> {
        Self::read(body, content_type, &Name::dav("mkcol"))
    }

    /// Reads the body of a MKCALENDAR.
    pub fn parse_mkcalendar(body: &[u8], content_type: Option<&str>) -> Result<Self> {
        Self::read(body, content_type, &Name::caldav("mkcalendar"))
    }

    /// The local names of the resource types asked for, if `DAV:resourcetype` is among the
    /// properties (RFC 5689 §3).
    pub fn resource_types(&self) -> Option<Vec<&Name>> {
        let property = self.properties.iter().find(|property| property.is(DAV, "resourcetype"))?;
        Some(property.elements().map(|element| &element.name).collect())
    }

    fn read(body: &[u8], content_type: Option<&str>, name: &Name) -> Result<Self> {
        if is_blank(body) {
            return Ok(Self::default());
        }
        if !content_type.is_none_or(is_xml) {
            return Err(unsupported("the body is not XML"));
        }
        let root = parse(body)?;
        if root.name != *name {
            return Err(unsupported("the body has another root element"));
        }
        if root.child(DAV, "remove").is_some() {
            return Err(malformed("a new collection has no properties to remove"));
        }
        let mut all = Vec::new();
        for set in root.children_named(DAV, "set") {
            all.extend(properties(&root, set)?);
        }
        Ok(Self { properties: all })
    }
}

fn is_xml(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let media_type = media_type.to_ascii_lowercase();
    media_type.is_empty()
        || ["text/xml", "application/xml"].contains(&media_type.as_str())
        || media_type.ends_with("+xml")
}

fn unsupported(reason: &str) -> Error {
    Error::status(415).because(reason)
}
