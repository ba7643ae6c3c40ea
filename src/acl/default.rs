//! The ACL of a resource that nobody gave one, as a table by kind (reference system: its default
//! ACLs). Administrators and read principals are added everywhere by `inherit`.

use super::ace::{Ace, AcePrincipal, PrincipalKey};
use super::privilege::Privilege as P;
use crate::dav::ResourceKind as K;
use crate::principal::{Directory, ProxyKind};

/// What an administrator chooses about access.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// GUIDs of principals that may do everything.
    pub admins: Vec<String>,
    /// GUIDs of principals that may read everything.
    pub readers: Vec<String>,
    /// Whether `/` is readable without signing in.
    pub anonymous_root: bool,
    /// Whether `/calendars/` and the collections by type are readable without signing in.
    pub anonymous_navigation: bool,
    /// Whether free-busy URLs are readable without signing in.
    pub anonymous_free_busy: bool,
    /// Whether CLASS:PRIVATE and CLASS:CONFIDENTIAL keep others from seeing more than busy time.
    pub class_counts: bool,
}

impl Policy {
    /// The policy with the directory's administrators and read principals.
    pub fn of(directory: &Directory) -> Self {
        Self {
            admins: directory.admins().to_vec(),
            readers: directory.readers().to_vec(),
            // Nothing below `/` is shown by it; clients look for DAV:current-user-principal there.
            anonymous_root: true,
            class_counts: true,
            ..Self::default()
        }
    }
}

const READ: &[P] = &[P::Read, P::ReadCurrentUserPrivilegeSet];
const READ_WRITE: &[P] = &[P::Read, P::ReadCurrentUserPrivilegeSet, P::Write];

/// The own ACEs of a resource of this kind; `owner` is the GUID of the home's or principal's owner.
pub fn default_acl(kind: K, owner: Option<&str>, policy: &Policy) -> Vec<Ace> {
    let authenticated = AcePrincipal::Authenticated;
    let everybody = |anonymous| if anonymous { AcePrincipal::All } else { authenticated.clone() };
    let delegates = |kind| {
        let key = PrincipalKey::proxy(owner.unwrap_or_default(), kind);
        AcePrincipal::Principal(key)
    };
    let itself = || AcePrincipal::Principal(PrincipalKey::of(owner.unwrap_or_default()));
    match kind {
        K::Root => vec![Ace::grant(everybody(policy.anonymous_root), READ).protect()],
        K::CalendarsRoot | K::CalendarsType | K::CalendarsUids => {
            vec![Ace::grant(everybody(policy.anonymous_navigation), READ).protect()]
        }
        K::PrincipalsRoot | K::PrincipalType | K::PrincipalUids | K::Principal => {
            vec![Ace::grant(authenticated, READ).protect()]
        }
        K::ProxyPrincipal => vec![
            Ace::grant(authenticated, READ).protect(),
            Ace::grant(itself(), &[P::WriteProperties]).protect(),
        ],
        K::Home => vec![
            Ace::grant(itself(), &[P::All]).protect().inherit(),
            Ace::grant(authenticated, &[P::ReadFreeBusy]).inherit(),
            Ace::grant(delegates(ProxyKind::Read), READ).protect().inherit(),
            Ace::grant(delegates(ProxyKind::Write), READ_WRITE).protect().inherit(),
        ],
        K::Inbox => vec![Ace::grant(authenticated, &[P::ScheduleDeliver, P::Schedule])],
        K::Outbox => {
            vec![Ace::grant(delegates(ProxyKind::Write), &[P::ScheduleSend, P::Schedule]).protect()]
        }
        K::FreeBusyUrl => {
            let mut aces =
                vec![Ace::grant(authenticated, &[P::Read, P::ScheduleDeliver, P::Schedule])];
            if policy.anonymous_free_busy {
                aces.push(Ace::grant(AcePrincipal::Unauthenticated, &[P::Read]));
            }
            aces
        }
        K::Timezones | K::TimezoneStd | K::WellKnown => {
            vec![Ace::grant(AcePrincipal::All, &[P::Read]).protect()]
        }
        // Who may only read still has a colour of his own for the calendar.
        K::Calendar => {
            vec![Ace::grant(delegates(ProxyKind::Read), &[P::WriteProperties]).protect()]
        }
        K::CalendarObject
        | K::InboxItem
        | K::Subscription
        | K::Notifications
        | K::Notification
        | K::Collection
        | K::PlainFile
        | K::Control => Vec::new(),
    }
}

/// Whether the ACL of a kind is fixed: no stored ACEs count, nothing is inherited.
pub fn is_fixed(kind: K) -> bool {
    !kind.in_home() || matches!(kind, K::Home | K::FreeBusyUrl)
}

/// Whether the ACEs that a client sets on a kind of collection are inherited by its members.
pub fn passes_on(kind: K) -> bool {
    matches!(kind, K::Calendar | K::Inbox | K::Outbox)
}
