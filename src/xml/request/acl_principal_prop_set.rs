//! `DAV:acl-principal-prop-set` (RFC 3744 §9.2).

use super::{Selection, check_root};
use crate::dav::{Name, Result};
use crate::xml::Element;

/// The body of the report.
#[derive(Clone, Debug, PartialEq)]
pub struct AclPrincipalPropSet {
    /// The properties asked for of each principal in the ACL.
    pub selection: Selection,
}

impl AclPrincipalPropSet {
    /// Reads the body.
    pub fn read(root: &Element) -> Result<Self> {
        check_root(root, &Name::dav("acl-principal-prop-set"))?;
        Ok(Self { selection: Selection::of_report(root)? })
    }
}
