//! Own and inherited ACEs together (RFC 3744 §5.5.4, §5.7).

use super::ace::{Ace, AcePrincipal, PrincipalKey};
use super::default::{Policy, default_acl, is_fixed};
use super::privilege::Privilege;
use crate::dav::{DavPath, Name, ResourceKind};

/// One resource on the way from the home to the resource in question.
#[derive(Clone, Debug)]
pub struct Link {
    /// What it is.
    pub kind: ResourceKind,
    /// Where it is.
    pub path: DavPath,
    /// The ACEs that a client stored on it, if one did.
    pub stored: Option<Vec<Ace>>,
    /// What its content keeps from everybody but its owner.
    pub withheld: Withheld,
}

/// What an object's access level keeps from everybody but its owner, administrators and read
/// principals (apple-caldav-privateevents §4.2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Withheld {
    /// Nothing.
    #[default]
    Nothing,
    /// Writing. What is read is a part of the content, which `caldav::redact` cuts out.
    Writing,
    /// Reading and writing. That the time is busy is no secret.
    Everything,
}

impl Withheld {
    fn ace(self) -> Option<Ace> {
        let privileges: &[Privilege] = match self {
            Self::Nothing => return None,
            Self::Writing => &[Privilege::Write],
            Self::Everything => &[Privilege::Read, Privilege::Write],
        };
        let owner = AcePrincipal::Property(Name::dav("owner"));
        let spares = Privilege::ReadFreeBusy.leaves();
        Some(Ace { invert: true, spares, ..Ace::deny(owner, privileges).protect() })
    }
}

/// The ACEs that hold for the last link: administrators and the owner, then own before inherited,
/// nearest collection first. `chain` begins at the home; for resources outside of homes it is the
/// resource alone.
///
/// What the home protects for its owner stands before what clients set, so nobody can lock the
/// owner out by denying something to everybody (RFC 3744 §5.5.3, §8.1.1).
pub fn effective(chain: &[Link], owner: Option<&str>, policy: &Policy) -> Vec<Ace> {
    let Some((last, above)) = chain.split_last() else { return Vec::new() };
    let mut aces = rulers(policy);
    aces.extend(last.withheld.ace());
    let own_from = aces.len();
    aces.extend(own(last, owner, policy));
    if is_fixed(last.kind) && last.kind != ResourceKind::FreeBusyUrl {
        return aces;
    }
    for link in above.iter().rev() {
        let inherited = own(link, owner, policy).into_iter().filter(|ace| ace.inheritable);
        let inherited = inherited.map(|ace| Ace { inherited: Some(link.path.clone()), ..ace });
        let (owners, others): (Vec<Ace>, Vec<Ace>) =
            inherited.partition(|ace| ace.protected && ace.is_about_owner(owner));
        aces.splice(own_from..own_from, owners);
        aces.extend(others);
        if is_fixed(link.kind) {
            break;
        }
    }
    aces
}

/// The own ACEs of a resource without administrators: what is stored, or else the default; of the
/// default the protected ones always.
fn own(link: &Link, owner: Option<&str>, policy: &Policy) -> Vec<Ace> {
    let default = default_acl(link.kind, owner, policy);
    match &link.stored {
        Some(stored) if !is_fixed(link.kind) => {
            let mut aces: Vec<Ace> = default.into_iter().filter(|ace| ace.protected).collect();
            aces.extend(stored.iter().cloned());
            aces
        }
        _ => default,
    }
}

/// Administrators and read principals stand first on every resource.
fn rulers(policy: &Policy) -> Vec<Ace> {
    let ace = |guid: &String, privileges: &[Privilege]| {
        Ace::grant(AcePrincipal::Principal(PrincipalKey::of(guid)), privileges).protect()
    };
    let read = [Privilege::Read, Privilege::ReadCurrentUserPrivilegeSet];
    let admins = policy.admins.iter().map(|guid| ace(guid, &[Privilege::All]));
    admins.chain(policy.readers.iter().map(|guid| ace(guid, &read))).collect()
}
