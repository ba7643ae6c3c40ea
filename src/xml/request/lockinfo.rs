//! `DAV:lockinfo` (RFC 4918 §9.10, §14.11).

use super::{document, is_blank, malformed};
use crate::dav::name::DAV;
use crate::dav::{Error, Name, Result};
use crate::limits;
use crate::xml::Element;

/// The body of a LOCK that makes a lock.
#[derive(Clone, Debug, PartialEq)]
pub struct LockInfo {
    /// Exclusive, else shared.
    pub exclusive: bool,
    /// What the client says about its owner: the whole `DAV:owner` element.
    pub owner: Option<Element>,
}

impl LockInfo {
    /// Reads the body; an empty one refreshes a lock (§9.10.2).
    pub fn parse(body: &[u8]) -> Result<Option<Self>> {
        if is_blank(body) {
            return Ok(None);
        }
        let root = document(body, &Name::dav("lockinfo"))?;
        let scope = root.child(DAV, "lockscope").ok_or_else(|| malformed("no lockscope"))?;
        let exclusive =
            match (scope.child(DAV, "exclusive").is_some(), scope.child(DAV, "shared").is_some()) {
                (true, false) => true,
                (false, true) => false,
                _ => return Err(malformed("lockscope is neither exclusive nor shared")),
            };
        let kind = root.child(DAV, "locktype").ok_or_else(|| malformed("no locktype"))?;
        if kind.child(DAV, "write").is_none() {
            return Err(Error::status(422).because("only write locks can be taken"));
        }
        let owner = root.child(DAV, "owner").cloned();
        if owner.as_ref().is_some_and(|owner| owner.to_xml().len() > limits::PROPERTY_BYTES) {
            return Err(malformed("the owner of the lock is too long"));
        }
        Ok(Some(Self { exclusive, owner }))
    }
}
