//! `DAV:expand-property` (RFC 3253 §3.8).

use super::{check_root, malformed};
use crate::dav::name::DAV;
use crate::dav::{Name, Result};
use crate::xml::{Element, is_ncname};

/// The body of the report.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpandProperty {
    /// The properties asked for.
    pub properties: Vec<Expansion>,
}

/// A property, and what is asked of the resources whose hrefs it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Expansion {
    /// Its name.
    pub name: Name,
    /// Properties of the resources it points to; when there are none it is not expanded.
    pub properties: Vec<Expansion>,
}

impl Expansion {
    /// Whether hrefs in the property are to be followed.
    pub fn expands(&self) -> bool {
        !self.properties.is_empty()
    }
}

impl ExpandProperty {
    /// Reads the body; its nesting is bounded by the reader's.
    pub fn read(root: &Element) -> Result<Self> {
        check_root(root, &Name::dav("expand-property"))?;
        Ok(Self { properties: expansions(root)? })
    }
}

fn expansions(parent: &Element) -> Result<Vec<Expansion>> {
    parent
        .children_named(DAV, "property")
        .map(|property| {
            let local = property.attribute("name").unwrap_or_default();
            if !is_ncname(local) {
                return Err(malformed("a property without a name"));
            }
            let namespace = property.attribute("namespace").unwrap_or(DAV);
            let name = Name::owned(namespace, local);
            Ok(Expansion { name, properties: expansions(property)? })
        })
        .collect()
}
