//! `DAV:propfind` (RFC 4918 §9.1, §14.20).

use super::{Selection, document, is_blank, malformed};
use crate::dav::{Name, Result};

/// The body of a PROPFIND.
#[derive(Clone, Debug, PartialEq)]
pub struct Propfind {
    /// The properties asked for.
    pub selection: Selection,
}

impl Propfind {
    /// Reads the body; an empty one asks for all properties.
    pub fn parse(body: &[u8]) -> Result<Self> {
        if is_blank(body) {
            return Ok(Self { selection: Selection::AllProp { include: Vec::new() } });
        }
        let root = document(body, &Name::dav("propfind"))?;
        let selection = Selection::read(&root)?;
        Ok(Self { selection: selection.ok_or_else(|| malformed("propfind asks for nothing"))? })
    }
}
