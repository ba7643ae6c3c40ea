//! What the ACL method may do to a resource (RFC 3744 §8.1.1). The new list replaces everything
//! that is neither protected nor inherited.

use super::ace::Ace;
use super::default::passes_on;
use super::privilege::supported;
use crate::dav::{Error, Precondition, ResourceKind};

/// The ACEs to store on a resource of this kind and owner whose ACEs are now `current`, or the
/// precondition that fails. Deny and grant may come in any order (no restriction of RFC 3744
/// §5.6.3), but what one principal gets stands before what it does not get (reference system §5.8).
pub fn replace(
    kind: ResourceKind,
    owner: Option<&str>,
    current: &[Ace],
    wanted: Vec<Ace>,
) -> Result<Vec<Ace>, Error> {
    for ace in &wanted {
        let conflict = |standing: &&Ace| conflicts(standing, ace, owner);
        if let Some(standing) = current.iter().find(conflict) {
            return Err(match standing.inherited {
                Some(_) => Precondition::NoInheritedAceConflict,
                None => Precondition::NoProtectedAceConflict,
            }
            .into());
        }
    }
    for (index, ace) in wanted.iter().enumerate().filter(|(_, ace)| ace.grant) {
        let denied = |earlier: &Ace| {
            !earlier.grant
                && earlier.invert == ace.invert
                && earlier.principal.is_same(&ace.principal, owner)
        };
        if wanted[..index].iter().any(denied) {
            return Err(Precondition::DenyBeforeGrant.into());
        }
    }
    let supported = supported(kind);
    let unknown = |ace: &Ace| {
        ace.privileges
            .iter()
            .any(|p| *p != super::Privilege::All && p.leaves().intersection(supported).is_empty())
    };
    if wanted.iter().any(unknown) {
        return Err(Precondition::NotSupportedPrivilege.into());
    }
    let passes_on = passes_on(kind);
    Ok(wanted
        .into_iter()
        .map(|ace| Ace { inheritable: ace.inheritable || passes_on, ..ace })
        .collect())
}

/// Whether a wanted ACE says no where a protected one says yes, or the other way round, about the
/// same principal. What is said about a wider circle is no conflict: it is about all the others.
fn conflicts(standing: &Ace, wanted: &Ace, owner: Option<&str>) -> bool {
    standing.protected
        && standing.grant != wanted.grant
        && standing.principal.is_same(&wanted.principal, owner)
        && standing.invert == wanted.invert
        && !standing.set().intersection(wanted.set()).is_empty()
}
