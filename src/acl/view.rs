//! The facts that evaluation needs, taken from the directory once for a request.

use std::collections::HashSet;

use super::ace::{AcePrincipal, PrincipalKey};
use crate::dav::Name;
use crate::principal::{Directory, ProxyKind};

/// Who asks, with every principal they are or belong to.
#[derive(Clone, Debug, Default)]
pub struct ActorView {
    guid: Option<String>,
    is: HashSet<PrincipalKey>,
    admin: bool,
}

impl ActorView {
    /// Somebody who did not sign in.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// A signed-in principal: itself, its groups, and the proxy groups that hold any of those.
    pub fn of(directory: &Directory, guid: &str) -> Self {
        let mut is = HashSet::from([PrincipalKey::of(guid)]);
        is.extend(directory.groups_of(guid).iter().map(|group| PrincipalKey::of(&group.guid)));
        for kind in ProxyKind::ALL {
            let owners = directory.owners_for(guid, kind);
            is.extend(owners.iter().map(|owner| PrincipalKey::proxy(&owner.guid, kind)));
        }
        Self { guid: Some(guid.to_owned()), is, admin: directory.is_admin(guid) }
    }

    /// The view of an actor that may be anonymous.
    pub fn of_actor(directory: &Directory, guid: Option<&str>) -> Self {
        guid.map_or_else(Self::anonymous, |guid| Self::of(directory, guid))
    }

    /// The GUID, if signed in.
    pub fn guid(&self) -> Option<&str> {
        self.guid.as_deref()
    }

    /// Whether nobody signed in.
    pub fn is_anonymous(&self) -> bool {
        self.guid.is_none()
    }

    /// Whether this is an administrator.
    pub fn is_admin(&self) -> bool {
        self.admin
    }

    /// Whether the actor is this principal or belongs to it.
    pub fn is(&self, key: &PrincipalKey) -> bool {
        self.is.contains(key)
    }

    /// Whether the actor is a delegate of `owner` of this kind.
    pub fn is_delegate_of(&self, owner: &str, kind: ProxyKind) -> bool {
        self.is(&PrincipalKey::proxy(owner, kind))
    }
}

/// What an ACE may ask about the resource it stands on.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResourceView<'a> {
    /// GUID of the owner (`DAV:owner`).
    pub owner: Option<&'a str>,
    /// The principal that the resource itself is.
    pub principal: Option<&'a PrincipalKey>,
}

impl ResourceView<'_> {
    /// Whether an ACE for `principal` on this resource is about the actor.
    pub fn matches(&self, principal: &AcePrincipal, actor: &ActorView) -> bool {
        match principal {
            AcePrincipal::All => true,
            AcePrincipal::Authenticated => !actor.is_anonymous(),
            AcePrincipal::Unauthenticated => actor.is_anonymous(),
            AcePrincipal::Itself => self.principal.is_some_and(|key| actor.is(key)),
            AcePrincipal::Property(name) => {
                *name == Name::dav("owner")
                    && self.owner.is_some_and(|owner| actor.is(&PrincipalKey::of(owner)))
            }
            AcePrincipal::Principal(key) => actor.is(key),
            AcePrincipal::Foreign(_) => false,
        }
    }
}
