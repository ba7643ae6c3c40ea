//! `DAV:acl` as the body of the ACL method (RFC 3744 §8.1). What an ACE means is `acl`'s business.

use super::document;
use crate::dav::name::DAV;
use crate::dav::{Error, Name, Precondition, Result};
use crate::limits;
use crate::xml::Element;

/// The body of an ACL request.
#[derive(Clone, Debug, PartialEq)]
pub struct Acl {
    /// The `DAV:ace` elements in order.
    pub aces: Vec<Element>,
}

impl Acl {
    /// Reads the body.
    pub fn parse(body: &[u8]) -> Result<Self> {
        let root = document(body, &Name::dav("acl"))?;
        let aces: Vec<Element> = root.children_named(DAV, "ace").cloned().collect();
        if aces.len() > limits::ACES {
            return Err(Error::from(Precondition::LimitedNumberOfAces));
        }
        Ok(Self { aces })
    }
}
