//! `DAV:propertyupdate` (RFC 4918 §9.2, §14.19).

use super::{document, malformed};
use crate::dav::name::DAV;
use crate::dav::{Name, Result};
use crate::xml::Element;
use crate::xml::element::XML;

/// The body of a PROPPATCH: instructions in document order.
#[derive(Clone, Debug, PartialEq)]
pub struct Proppatch {
    /// What to do, one property each.
    pub instructions: Vec<Instruction>,
}

/// One change to one property.
#[derive(Clone, Debug, PartialEq)]
pub enum Instruction {
    /// Make the property this element, `xml:lang` included where it was in scope (§4.3).
    Set(Element),
    /// Remove the property.
    Remove(Name),
}

impl Instruction {
    /// The property it is about.
    pub fn name(&self) -> &Name {
        match self {
            Self::Set(element) => &element.name,
            Self::Remove(name) => name,
        }
    }
}

impl Proppatch {
    /// Reads the body.
    pub fn parse(body: &[u8]) -> Result<Self> {
        let root = document(body, &Name::dav("propertyupdate"))?;
        let mut instructions = Vec::new();
        let mut groups = 0;
        for group in root.elements().filter(|element| element.name.namespace == DAV) {
            match group.name.local.as_ref() {
                "set" => {
                    let set = properties(&root, group)?;
                    instructions.extend(set.into_iter().map(Instruction::Set));
                }
                "remove" => {
                    let removed = prop(group)?.elements();
                    instructions.extend(removed.map(|e| Instruction::Remove(e.name.clone())));
                }
                _ => continue,
            }
            groups += 1;
        }
        if groups == 0 {
            return Err(malformed("propertyupdate holds neither set nor remove"));
        }
        Ok(Self { instructions })
    }
}

/// The properties of a `DAV:set`, with the language they inherit.
pub(super) fn properties(root: &Element, set: &Element) -> Result<Vec<Element>> {
    let prop = prop(set)?;
    let inherited = [prop, set, root].iter().find_map(|outer| outer.lang());
    let with_lang = |property: &Element| {
        let mut property = property.clone();
        if let (None, Some(lang)) = (property.lang(), inherited) {
            property.set_attribute(Name::new(XML, "lang"), lang);
        }
        property
    };
    Ok(prop.elements().map(with_lang).collect())
}

fn prop(group: &Element) -> Result<&Element> {
    let mut found = group.children_named(DAV, "prop");
    match (found.next(), found.next()) {
        (Some(prop), None) => Ok(prop),
        _ => Err(malformed("set and remove hold exactly one prop")),
    }
}
