//! The tree of privileges (RFC 3744 §3, RFC 4791 §6.1, RFC 6638 §6): every aggregate is the set of
//! its leaves, so that granting all parts is granting the whole.

use crate::dav::name::{CALDAV, DAV};
use crate::dav::{Name, ResourceKind};

macro_rules! privileges {
    ($($variant:ident $namespace:ident $element:literal $leaves:expr, $text:literal;)*) => {
        /// A privilege.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Privilege { $(#[doc = $text] $variant,)* }

        impl Privilege {
            /// Every privilege, aggregates before their parts.
            pub const ALL: &'static [Privilege] = &[$(Privilege::$variant),*];

            /// Its element inside `DAV:privilege`.
            pub const fn name(self) -> Name {
                match self { $(Self::$variant => Name::new($namespace, $element),)* }
            }

            /// The privilege of an element.
            pub fn from_name(name: &Name) -> Option<Self> {
                match (name.namespace.as_ref(), name.local.as_ref()) {
                    $(($namespace, $element) => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// What it allows, for people (`DAV:description`).
            pub fn description(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The leaves it stands for.
            pub const fn leaves(self) -> PrivilegeSet {
                PrivilegeSet(match self { $(Self::$variant => $leaves,)* })
            }
        }
    };
}

const READ_FREE_BUSY: u32 = 1 << 1;
const READ: u32 = 1 | READ_FREE_BUSY;
const WRITE: u32 = 0b1111 << 2;
const DELIVER: u32 = 0b111 << 10;
const SEND: u32 = 0b111 << 13;
const EVERY_LEAF: u32 = (1 << 17) - 1;

privileges! {
    All DAV "all" EVERY_LEAF, "everything";
    Read DAV "read" READ, "read content and properties";
    ReadFreeBusy CALDAV "read-free-busy" READ_FREE_BUSY, "read when its owner is busy";
    Write DAV "write" WRITE, "change content, properties and members";
    WriteProperties DAV "write-properties" 1 << 2, "change properties";
    WriteContent DAV "write-content" 1 << 3, "change content";
    Bind DAV "bind" 1 << 4, "add members";
    Unbind DAV "unbind" 1 << 5, "remove members";
    Unlock DAV "unlock" 1 << 6, "remove the locks of others";
    ReadAcl DAV "read-acl" 1 << 7, "read the access control list";
    WriteAcl DAV "write-acl" 1 << 8, "change the access control list";
    ReadCurrentUserPrivilegeSet DAV "read-current-user-privilege-set" 1 << 9, "read own privileges";
    ScheduleDeliver CALDAV "schedule-deliver" DELIVER, "deliver scheduling messages";
    ScheduleDeliverInvite CALDAV "schedule-deliver-invite" 1 << 10, "deliver invitations";
    ScheduleDeliverReply CALDAV "schedule-deliver-reply" 1 << 11, "deliver replies";
    ScheduleQueryFreebusy CALDAV "schedule-query-freebusy" 1 << 12, "ask for free-busy times";
    ScheduleSend CALDAV "schedule-send" SEND, "send scheduling messages";
    ScheduleSendInvite CALDAV "schedule-send-invite" 1 << 13, "send invitations";
    ScheduleSendReply CALDAV "schedule-send-reply" 1 << 14, "send replies";
    ScheduleSendFreebusy CALDAV "schedule-send-freebusy" 1 << 15, "send free-busy requests";
    Schedule CALDAV "schedule" 1 << 16, "take part in scheduling (older drafts)";
}

/// A set of leaves of the tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PrivilegeSet(u32);

impl PrivilegeSet {
    /// No privilege.
    pub const EMPTY: Self = Self(0);

    /// The leaves of several privileges.
    pub fn of(privileges: &[Privilege]) -> Self {
        privileges.iter().fold(Self::EMPTY, |set, privilege| set.union(privilege.leaves()))
    }

    /// Whether it holds no leaf.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Both together.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What both have.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Without the other's leaves.
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether it holds every leaf of the other; nothing holds the empty set.
    pub fn covers(self, other: Self) -> bool {
        !other.is_empty() && other.0 & !self.0 == 0
    }

    /// Whether it holds a whole privilege.
    pub fn has(self, privilege: Privilege) -> bool {
        self.covers(privilege.leaves())
    }
}

/// Which scheduling privileges a kind of resource has besides the common ones.
fn scheduling(kind: ResourceKind) -> &'static [Privilege] {
    match kind {
        ResourceKind::Inbox | ResourceKind::FreeBusyUrl => {
            &[Privilege::ScheduleDeliver, Privilege::Schedule]
        }
        ResourceKind::Outbox => &[Privilege::ScheduleSend, Privilege::Schedule],
        _ => &[],
    }
}

/// The leaves that mean something on a kind of resource.
pub fn supported(kind: ResourceKind) -> PrivilegeSet {
    let common = PrivilegeSet(0b11_1111_1111);
    let set = common.union(PrivilegeSet::of(scheduling(kind)));
    if kind.in_home() { set } else { set.minus(Privilege::ReadFreeBusy.leaves()) }
}

/// The privileges of a kind of resource, aggregates before their parts: what
/// `DAV:current-user-privilege-set` and `DAV:supported-privilege-set` speak of.
pub fn supported_privileges(kind: ResourceKind) -> impl Iterator<Item = Privilege> {
    let supported = supported(kind);
    Privilege::ALL.iter().copied().filter(move |p| {
        *p == Privilege::All || supported.covers(p.leaves()) || keeps(*p, supported)
    })
}

/// `DAV:read` stays a privilege where its part read-free-busy is none.
fn keeps(privilege: Privilege, supported: PrivilegeSet) -> bool {
    privilege == Privilege::Read && !supported.has(Privilege::ReadFreeBusy)
}

/// The direct parts of an aggregate on a kind of resource.
pub fn parts(privilege: Privilege, kind: ResourceKind) -> Vec<Privilege> {
    use Privilege as P;
    let parts: &[Privilege] = match privilege {
        P::All => &[
            P::Read,
            P::Write,
            P::Unlock,
            P::ReadAcl,
            P::WriteAcl,
            P::ReadCurrentUserPrivilegeSet,
            P::ScheduleDeliver,
            P::ScheduleSend,
            P::Schedule,
        ],
        P::Read => &[P::ReadFreeBusy],
        P::Write => &[P::WriteProperties, P::WriteContent, P::Bind, P::Unbind],
        P::ScheduleDeliver => {
            &[P::ScheduleDeliverInvite, P::ScheduleDeliverReply, P::ScheduleQueryFreebusy]
        }
        P::ScheduleSend => &[P::ScheduleSendInvite, P::ScheduleSendReply, P::ScheduleSendFreebusy],
        _ => &[],
    };
    let known: Vec<Privilege> = supported_privileges(kind).collect();
    parts.iter().copied().filter(|part| known.contains(part)).collect()
}

/// The privileges a set amounts to on a kind of resource, aggregates first.
pub fn amounts_to(set: PrivilegeSet, kind: ResourceKind) -> impl Iterator<Item = Privilege> {
    let supported = supported(kind);
    supported_privileges(kind)
        .filter(move |privilege| set.covers(privilege.leaves().intersection(supported)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_the_one_of_the_clauses() {
        use Privilege as P;
        let tree = |kind| {
            fn walk(privilege: P, kind: ResourceKind, text: &mut String) {
                text.push_str(&privilege.name().local);
                let parts = parts(privilege, kind);
                if !parts.is_empty() {
                    text.push('(');
                    for part in parts {
                        walk(part, kind, text);
                        text.push(' ');
                    }
                    text.push(')');
                }
            }
            let mut text = String::new();
            walk(P::All, kind, &mut text);
            text.replace(" )", ")")
        };
        let common = "write(write-properties write-content bind unbind) unlock read-acl write-acl \
                      read-current-user-privilege-set";
        assert_eq!(tree(ResourceKind::Principal), format!("all(read {common})"));
        let calendar = format!("all(read(read-free-busy) {common}");
        assert_eq!(tree(ResourceKind::Calendar), format!("{calendar})"));
        assert_eq!(
            tree(ResourceKind::Inbox),
            format!(
                "{calendar} schedule-deliver(schedule-deliver-invite schedule-deliver-reply \
                 schedule-query-freebusy) schedule)"
            )
        );
        assert_eq!(
            tree(ResourceKind::Outbox),
            format!(
                "{calendar} schedule-send(schedule-send-invite schedule-send-reply \
                 schedule-send-freebusy) schedule)"
            )
        );
    }

    #[test]
    fn aggregates_are_their_parts() {
        use Privilege as P;
        for privilege in P::ALL {
            assert_eq!(P::from_name(&privilege.name()), Some(*privilege));
            assert!(P::All.leaves().has(*privilege), "{privilege:?}");
            let parts = parts(*privilege, ResourceKind::Outbox);
            if !parts.is_empty() && !matches!(privilege, P::All | P::Read) {
                assert_eq!(PrivilegeSet::of(&parts), privilege.leaves(), "{privilege:?}");
            }
        }
        let all: Vec<P> = amounts_to(P::All.leaves(), ResourceKind::Calendar).collect();
        assert!(all.contains(&P::All) && !all.contains(&P::Schedule));
        let read: Vec<P> = amounts_to(P::Read.leaves(), ResourceKind::Calendar).collect();
        assert_eq!(read, [P::Read, P::ReadFreeBusy]);
        let busy: Vec<P> = amounts_to(P::ReadFreeBusy.leaves(), ResourceKind::Calendar).collect();
        assert_eq!(busy, [P::ReadFreeBusy]);
        let read: Vec<P> = amounts_to(P::Read.leaves(), ResourceKind::Principal).collect();
        assert_eq!(read, [P::Read]);
        assert!(!PrivilegeSet::EMPTY.covers(PrivilegeSet::EMPTY));
        assert_eq!(P::from_name(&Name::dav("schedule")), None);
    }
}
