//! One access control entry (RFC 3744 §5.5).

use super::privilege::PrivilegeSet;
use crate::dav::{DavPath, Name};
use crate::principal::{ProxyKind, Record};

/// A principal of this server by what never changes: a GUID, and which of its proxy groups.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PrincipalKey {
    /// The GUID of the record.
    pub guid: String,
    /// One of its proxy groups, or the record itself.
    pub proxy: Option<ProxyKind>,
}

impl PrincipalKey {
    /// A record itself.
    pub fn of(guid: &str) -> Self {
        Self { guid: guid.to_owned(), proxy: None }
    }

    /// A proxy group of a record.
    pub fn proxy(guid: &str, kind: ProxyKind) -> Self {
        Self { guid: guid.to_owned(), proxy: Some(kind) }
    }

    /// Reads a canonical principal path: below `/principals/__uids__/`.
    pub fn from_path(path: &DavPath) -> Option<Self> {
        match path.segments() {
            [a, b, guid] if a == "principals" && b == "__uids__" => Some(Self::of(guid)),
            [a, b, guid, kind] if a == "principals" && b == "__uids__" => {
                Some(Self::proxy(guid, ProxyKind::from_segment(kind)?))
            }
            _ => None,
        }
    }

    /// Its canonical path.
    pub fn path(&self) -> DavPath {
        let path = DavPath::from_segments(["principals", "__uids__", &self.guid], true);
        match self.proxy {
            Some(kind) => path.join(kind.segment(), true),
            None => path,
        }
    }
}

impl From<&Record> for PrincipalKey {
    fn from(record: &Record) -> Self {
        Self::of(&record.guid)
    }
}

/// Whom an ACE is about (RFC 3744 §5.5.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AcePrincipal {
    /// Everybody.
    All,
    /// Everybody who signed in.
    Authenticated,
    /// Everybody who did not.
    Unauthenticated,
    /// The resource itself, if it is a principal, and its members.
    Itself,
    /// The principals that a property of the resource names; `DAV:owner` is the one we have.
    Property(Name),
    /// A principal and its members.
    Principal(PrincipalKey),
    /// A reference that leads to no principal of ours: kept, shown, never matched.
    Foreign(String),
}

impl AcePrincipal {
    fn is_owner(&self, owner: Option<&str>) -> bool {
        match self {
            Self::Principal(key) => key.proxy.is_none() && Some(key.guid.as_str()) == owner,
            Self::Property(name) => *name == Name::dav("owner"),
            _ => false,
        }
    }

    /// Whether both name the same principal on a resource of this owner: `DAV:owner` is the owner
    /// (RFC 3744 §8.1.3).
    pub fn is_same(&self, other: &Self, owner: Option<&str>) -> bool {
        self == other || (self.is_owner(owner) && other.is_owner(owner))
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ace {
    /// Whom it is about.
    pub principal: AcePrincipal,
    /// Whether it is about everybody else instead.
    pub invert: bool,
    /// Whether it grants or denies.
    pub grant: bool,
    /// What. The names as they were given, for showing; `set` decides.
    pub privileges: Vec<super::Privilege>,
    /// Whether a client may not change it.
    pub protected: bool,
    /// Whether members of the collection inherit it (a private marker, never shown).
    pub inheritable: bool,
    /// The href of the collection it comes from, if not from the resource itself.
    pub inherited: Option<DavPath>,
    /// Leaves that it does not speak about although its privileges cover them.
    pub spares: PrivilegeSet,
}

impl Ace {
    /// An ACE that grants.
    pub fn grant(principal: AcePrincipal, privileges: &[super::Privilege]) -> Self {
        Self {
            principal,
            invert: false,
            grant: true,
            privileges: privileges.to_vec(),
            protected: false,
            inheritable: false,
            inherited: None,
            spares: PrivilegeSet::EMPTY,
        }
    }

    /// An ACE that denies.
    pub fn deny(principal: AcePrincipal, privileges: &[super::Privilege]) -> Self {
        Self { grant: false, ..Self::grant(principal, privileges) }
    }

    /// The same ACE, not to be changed by clients.
    pub fn protect(mut self) -> Self {
        self.protected = true;
        self
    }

    /// The same ACE, for members too.
    pub fn inherit(mut self) -> Self {
        self.inheritable = true;
        self
    }

    /// Whether it is about the owner and nobody else, by URL or as `DAV:owner`.
    pub fn is_about_owner(&self, owner: Option<&str>) -> bool {
        !self.invert && self.principal.is_owner(owner)
    }

    /// The leaves it is about.
    pub fn set(&self) -> PrivilegeSet {
        PrivilegeSet::of(&self.privileges).minus(self.spares)
    }
}
