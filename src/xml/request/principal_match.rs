//! `DAV:principal-match` (RFC 3744 §9.3).

use super::{Selection, check_root, malformed};
use crate::dav::name::DAV;
use crate::dav::{Name, Result};
use crate::xml::Element;

/// The body of the report.
#[derive(Clone, Debug, PartialEq)]
pub struct PrincipalMatch {
    /// What points to the current user.
    pub by: MatchBy,
    /// The properties asked for.
    pub selection: Selection,
}

/// How members are matched with the current user.
#[derive(Clone, Debug, PartialEq)]
pub enum MatchBy {
    /// Members that are the user, or a group with the user in it.
    Itself,
    /// Members whose property of this name points to the user.
    Property(Name),
}

impl PrincipalMatch {
    /// Reads the body.
    pub fn read(root: &Element) -> Result<Self> {
        check_root(root, &Name::dav("principal-match"))?;
        let property = root.child(DAV, "principal-property");
        let by = match (root.child(DAV, "self"), property) {
            (Some(_), None) => MatchBy::Itself,
            (None, Some(property)) => {
                let mut names = property.elements().map(|element| element.name.clone());
                match (names.next(), names.next()) {
                    (Some(name), None) => MatchBy::Property(name),
                    _ => return Err(malformed("principal-property holds one property")),
                }
            }
            _ => return Err(malformed("one of self and principal-property is needed")),
        };
        Ok(Self { by, selection: Selection::of_report(root)? })
    }
}
