//! Membership: nested groups and proxy groups. Every walk visits each principal once and at most
//! `limits::GROUP_MEMBERS` of them, so circles of groups end.

use std::collections::HashSet;
use std::sync::Arc;

use super::delegates::ProxyKind;
use super::directory::Directory;
use super::record::{Record, RecordType};
use crate::limits;

impl Directory {
    /// The direct members of a group.
    pub fn members_of(&self, guid: &str) -> Vec<&Arc<Record>> {
        self.by_guid(guid)
            .map(|group| group.members.iter().filter_map(|guid| self.by_guid(guid)).collect())
            .unwrap_or_default()
    }

    /// The members of a group and of the groups in it, groups included.
    pub fn all_members_of(&self, guid: &str) -> Vec<&Arc<Record>> {
        walk(self.members_of(guid), guid, |record| self.members_of(&record.guid))
    }

    /// The groups that hold a record directly.
    pub fn direct_groups_of(&self, guid: &str) -> Vec<&Arc<Record>> {
        self.direct_groups(guid).collect()
    }

    /// The groups that hold a record, directly or through other groups.
    pub fn groups_of(&self, guid: &str) -> Vec<&Arc<Record>> {
        walk(self.direct_groups_of(guid), guid, |group| self.direct_groups_of(&group.guid))
    }

    /// Whether `guid` is in the group, directly or through other groups.
    pub fn is_member(&self, group: &str, guid: &str) -> bool {
        self.groups_of(guid).iter().any(|found| found.guid == group)
    }

    /// The delegates of an owner, and the members of delegates that are groups.
    pub fn all_delegates_of(&self, owner: &str, kind: ProxyKind) -> Vec<&Arc<Record>> {
        walk(self.delegates_of(owner, kind), "", |record| self.members_of(&record.guid))
    }

    /// The owners that made the record itself a delegate.
    pub fn direct_owners_for(&self, guid: &str, kind: ProxyKind) -> Vec<&Arc<Record>> {
        let owners = self.delegated.get(guid).map_or(&[][..], Vec::as_slice);
        let of_kind = owners.iter().filter(|(found, _)| *found == kind);
        of_kind.filter_map(|(_, owner)| self.by_guid(owner)).collect()
    }

    /// The owners that made the record, or a group it is in, a delegate
    /// (`CS:calendar-proxy-read-for`, `CS:calendar-proxy-write-for`).
    pub fn owners_for(&self, guid: &str, kind: ProxyKind) -> Vec<&Arc<Record>> {
        let mut owners = self.direct_owners_for(guid, kind);
        for group in self.groups_of(guid) {
            owners.extend(self.direct_owners_for(&group.guid, kind));
        }
        let mut seen = HashSet::new();
        owners.retain(|owner| seen.insert(owner.guid.as_str()));
        owners
    }

    /// Whether `guid` is a delegate of `owner`, itself or through a group.
    pub fn is_delegate(&self, owner: &str, kind: ProxyKind, guid: &str) -> bool {
        let listed = self.delegation(owner).map_or(&[][..], |delegation| delegation.of(kind));
        if listed.is_empty() {
            return false;
        }
        listed.iter().any(|member| member == guid)
            || self.groups_of(guid).iter().any(|group| listed.contains(&group.guid))
    }

    /// Whether the record, or a group it is in, is an administrator.
    pub fn is_admin(&self, guid: &str) -> bool {
        self.is_listed(self.admins(), guid)
    }

    /// Whether the record, or a group it is in, may read everything.
    pub fn is_reader(&self, guid: &str) -> bool {
        self.is_listed(self.readers(), guid)
    }

    fn is_listed(&self, list: &[String], guid: &str) -> bool {
        !list.is_empty()
            && (list.iter().any(|listed| listed == guid)
                || self.groups_of(guid).iter().any(|group| list.contains(&group.guid)))
    }
}

/// Follows `next` from `first`, breadth first; `start` itself is never part of the result.
fn walk<'a>(
    first: Vec<&'a Arc<Record>>,
    start: &str,
    next: impl Fn(&'a Arc<Record>) -> Vec<&'a Arc<Record>>,
) -> Vec<&'a Arc<Record>> {
    let mut seen: HashSet<&str> = HashSet::new();
    let mut found = Vec::new();
    let mut pending: std::collections::VecDeque<_> = first.into();
    while let Some(record) = pending.pop_front() {
        if record.guid == start || !seen.insert(&record.guid) {
            continue;
        }
        found.push(record);
        if found.len() == limits::GROUP_MEMBERS {
            tracing::warn!(limit = limits::GROUP_MEMBERS, "group too large: the rest is left out");
            break;
        }
        if record.record_type == RecordType::Group {
            pending.extend(next(record));
        }
    }
    found
}
