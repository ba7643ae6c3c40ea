//! The decision (RFC 3744 §6): ACEs in order, the first that speaks about a privilege decides it,
//! what nobody speaks about is denied.

use super::ace::Ace;
use super::privilege::{Privilege, PrivilegeSet, parts, supported};
use super::view::{ActorView, ResourceView};
use crate::dav::error::Detail;
use crate::dav::{DavPath, Error, Precondition, ResourceKind};

/// What the actor may do on a resource of this kind whose ACEs are `aces` (own before inherited).
pub fn granted(
    kind: ResourceKind,
    aces: &[Ace],
    resource: ResourceView<'_>,
    actor: &ActorView,
) -> PrivilegeSet {
    let mut granted = PrivilegeSet::EMPTY;
    let mut pending = supported(kind);
    for ace in aces {
        let speaks = ace.set().intersection(pending);
        if speaks.is_empty() || resource.matches(&ace.principal, actor) == ace.invert {
            continue;
        }
        pending = pending.minus(speaks);
        if ace.grant {
            granted = granted.union(speaks);
        }
        if pending.is_empty() {
            break;
        }
    }
    granted
}

/// Whether a privilege is nothing but the sum of its parts.
pub fn is_sum(privilege: Privilege, kind: ResourceKind) -> bool {
    own_leaves(privilege, kind).is_empty()
}

/// What a privilege is beside its parts: `read` is more than `read-free-busy`.
fn own_leaves(privilege: Privilege, kind: ResourceKind) -> PrivilegeSet {
    let leaves = privilege.leaves().intersection(supported(kind));
    parts(privilege, kind).into_iter().fold(leaves, |own, part| own.minus(part.leaves()))
}

/// The ACE that decides about one privilege for the actor: for `daybook access explain`.
pub fn deciding<'a>(
    kind: ResourceKind,
    aces: &'a [Ace],
    resource: ResourceView<'_>,
    actor: &ActorView,
    privilege: Privilege,
) -> Option<&'a Ace> {
    let own = own_leaves(privilege, kind);
    let wanted = if own.is_empty() { privilege.leaves() } else { own };
    let wanted = wanted.intersection(supported(kind));
    aces.iter().find(|ace| {
        !ace.set().intersection(wanted).is_empty()
            && resource.matches(&ace.principal, actor) != ace.invert
    })
}

/// Which of the needed privileges are missing on a resource of this kind.
pub fn missing(kind: ResourceKind, has: PrivilegeSet, needed: &[Privilege]) -> Vec<Privilege> {
    let supported = supported(kind);
    let lacks = |needed: &&Privilege| !has.covers(needed.leaves().intersection(supported));
    needed.iter().filter(lacks).copied().collect()
}

/// 403 with `DAV:need-privileges` (RFC 3744 §7.1.1). For anonymous requests the caller answers the
/// authenticator's challenge instead.
pub fn need_privileges(lacks: &[(&DavPath, Vec<Privilege>)]) -> Error {
    let mut resources = Vec::new();
    for (path, privileges) in lacks {
        let href = path.href();
        resources.extend(privileges.iter().map(|privilege| (href.clone(), privilege.name())));
    }
    Error::from(Precondition::NeedPrivileges).holding(Detail::Privileges(resources))
}

#[cfg(test)]
mod tests;
