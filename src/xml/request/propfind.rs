//! `DAV:propfind` (RFC 4918 §9.1, §14.20).

use super::{Selection, document, is_blank, malformed};
use crate::dav::name::DAV;
use crate::dav::{Name, Result};
use crate::xml::Element;

/// The media type of jCal.
const JCAL: &str = "application/calendar+json";

/// The body of a PROPFIND.
#[derive(Clone, Debug, PartialEq)]
pub struct Propfind {
    /// The properties asked for.
    pub selection: Selection,
    /// Properties that are wanted as jCal (RFC 7265; the attribute is the reference system's).
    pub json: Vec<Name>,
}

impl Propfind {
    /// Reads the body; an empty one asks for all properties.
    pub fn parse(body: &[u8]) -> Result<Self> {
        if is_blank(body) {
            let selection = Selection::AllProp { include: Vec::new() };
            return Ok(Self { selection, json: Vec::new() });
        }
        let root = document(body, &Name::dav("propfind"))?;
        let selection = Selection::read(&root)?;
        let selection = selection.ok_or_else(|| malformed("propfind asks for nothing"))?;
        let asked = root.children_named(DAV, "prop").flat_map(Element::elements);
        let json = asked.filter(|e| e.attribute("content-type") == Some(JCAL));
        Ok(Self { selection, json: json.map(|element| element.name.clone()).collect() })
    }
}
