//! The directory: an immutable snapshot of all records with the indices that look-ups need.

use std::collections::HashMap;
use std::sync::Arc;

use super::address::spelling;
use super::delegates::{Delegation, Delegations, ProxyKind};
use super::record::{AutoScheduleMode, Record, RecordType};
use super::source::{Accounts, Sudoer};
use crate::dav::DavPath;

/// All records and who may act for whom, at one moment. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Directory {
    base: Arc<Base>,
    pub(super) delegations: Arc<Delegations>,
    /// Delegate GUID → owners, for both kinds.
    pub(super) delegated: Arc<HashMap<String, Vec<(ProxyKind, String)>>>,
}

/// What an accounts file gives; rebuilt only when that file changes.
#[derive(Debug)]
struct Base {
    realm: String,
    records: Vec<Arc<Record>>,
    by_guid: HashMap<String, usize>,
    by_name: HashMap<RecordType, HashMap<String, usize>>,
    by_address: HashMap<String, usize>,
    /// Member GUID → groups that hold it directly.
    groups: HashMap<String, Vec<usize>>,
    admins: Vec<String>,
    readers: Vec<String>,
    sudoers: Vec<Sudoer>,
    made: Vec<String>,
    hosts: Vec<String>,
    /// Users in an order that nobody can know who does not know their passwords' hashes.
    decoys: Vec<([u8; 32], usize)>,
}

impl Directory {
    /// A directory of these accounts. `delegations` and `modes` are what was set by owners and
    /// administrators; `hosts` are the names (with port, where it is not the scheme's own) under
    /// which this server's URLs are calendar user addresses.
    pub fn new(
        accounts: Accounts,
        delegations: &Delegations,
        modes: &HashMap<String, AutoScheduleMode>,
        hosts: &[String],
    ) -> Self {
        let mut records = accounts.records;
        for record in &mut records {
            if let Some(mode) = modes.get(&record.guid)
                && record.auto_schedule != *mode
            {
                Arc::make_mut(record).auto_schedule = *mode;
            }
        }
        let mut base = Base {
            realm: accounts.realm,
            by_guid: HashMap::new(),
            by_name: HashMap::new(),
            by_address: HashMap::new(),
            groups: HashMap::new(),
            admins: accounts.admins,
            readers: accounts.readers,
            sudoers: accounts.sudoers,
            made: accounts.made,
            hosts: hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            decoys: Vec::new(),
            records,
        };
        base.index();
        let mut all = accounts.proxies;
        all.extend(delegations.iter().map(|(owner, set)| (owner.clone(), set.clone())));
        let none =
            Self { base: Arc::new(base), delegations: Arc::default(), delegated: Arc::default() };
        none.with_delegations(all)
    }

    /// The same records with other delegates.
    pub(super) fn with_delegations(&self, delegations: Delegations) -> Self {
        let mut delegated: HashMap<String, Vec<(ProxyKind, String)>> = HashMap::new();
        for (owner, delegation) in &delegations {
            for kind in ProxyKind::ALL {
                for member in delegation.of(kind) {
                    delegated.entry(member.clone()).or_default().push((kind, owner.clone()));
                }
            }
        }
        Self {
            base: Arc::clone(&self.base),
            delegations: Arc::new(delegations),
            delegated: Arc::new(delegated),
        }
    }

    /// The realm of authentication challenges.
    pub fn realm(&self) -> &str {
        &self.base.realm
    }

    /// All records of a type in the order of the accounts file.
    pub fn records(&self, record_type: RecordType) -> impl Iterator<Item = &Arc<Record>> {
        self.base.records.iter().filter(move |record| record.record_type == record_type)
    }

    /// All records.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.base.records.iter()
    }

    /// The record with this GUID, in any case.
    pub fn by_guid(&self, guid: &str) -> Option<&Arc<Record>> {
        let base = &self.base;
        base.by_guid
            .get(guid)
            .or_else(|| base.by_guid.get(&guid.to_ascii_lowercase()))
            .map(|index| &base.records[*index])
    }

    /// The record with this short name. `resources` also finds locations and groups whose name no
    /// resource has: clients of the reference system keep such URLs.
    pub fn by_name(&self, record_type: RecordType, name: &str) -> Option<&Arc<Record>> {
        let find = |kind| self.base.by_name.get(&kind).and_then(|names| names.get(name));
        let index = match record_type {
            RecordType::Resource => find(RecordType::Resource)
                .or_else(|| find(RecordType::Location))
                .or_else(|| find(RecordType::Group)),
            other => find(other),
        };
        index.map(|index| &self.base.records[*index])
    }

    /// The user who signs in with this name: a short name or an e-mail address.
    pub fn by_login(&self, name: &str) -> Option<&Arc<Record>> {
        self.by_name(RecordType::User, name).or_else(|| {
            let address = name.contains('@').then(|| format!("mailto:{}", name.to_lowercase()))?;
            let record = self.lookup(&address)?;
            (record.record_type == RecordType::User).then_some(record)
        })
    }

    /// The user whose sign-in a name is refused like that nobody has: always the same for a name,
    /// as a real one's would be, and spread over everybody, so that accounts whose passwords are
    /// kept otherwise than most do not stand out. None without users.
    pub fn decoy(&self, name: &str) -> Option<&Arc<Record>> {
        let decoys = &self.base.decoys;
        let wanted = *blake3::hash(name.as_bytes()).as_bytes();
        let at = decoys.partition_point(|(place, _)| *place < wanted);
        let (_, index) = decoys.get(at).or_else(|| decoys.first())?;
        Some(&self.base.records[*index])
    }

    /// The record of a principal path (`/principals/__uids__/GUID/`, `/principals/TYPE/NAME/`).
    pub fn by_path(&self, path: &DavPath) -> Option<&Arc<Record>> {
        match path.segments() {
            [root, kind, name] if root == "principals" => self.by_segments(kind, name),
            _ => None,
        }
    }

    /// The record of the two segments below `/principals/` or `/calendars/`.
    pub fn by_segments(&self, kind: &str, name: &str) -> Option<&Arc<Record>> {
        match kind {
            "__uids__" => self.by_guid(name),
            other => self.by_name(RecordType::from_segment(other)?, name),
        }
    }

    /// The record that a calendar user address belongs to: mailto, urn:uuid, urn:x-uid, principal
    /// paths and http(s) URLs of this server. Records without calendars have no addresses; groups
    /// do, as they can be invited.
    pub fn by_address(&self, address: &str) -> Option<&Arc<Record>> {
        let address = spelling(address);
        let found = self.lookup(&address).or_else(|| {
            if let Some(guid) =
                address.strip_prefix("urn:uuid:").or_else(|| address.strip_prefix("urn:x-uid:"))
            {
                return self.by_guid(guid);
            }
            let path = match address.split_once("://") {
                Some(("http" | "https", rest)) => {
                    let (host, path) = rest.split_at(rest.find('/')?);
                    self.base.hosts.iter().any(|known| known == host).then_some(path)?
                }
                _ => &address,
            };
            self.by_path(&DavPath::parse(path).ok()?)
        })?;
        (found.calendar_enabled || found.record_type == RecordType::Group).then_some(found)
    }

    /// Whether an address is one of the principal with that GUID.
    pub fn is_address_of(&self, address: &str, guid: &str) -> bool {
        address.strip_prefix("urn:x-uid:") == Some(guid)
            || self.by_address(address).is_some_and(|record| record.guid == guid)
    }

    fn lookup(&self, normal: &str) -> Option<&Arc<Record>> {
        self.base.by_address.get(normal).map(|index| &self.base.records[*index])
    }

    /// All addresses of a record (`CALDAV:calendar-user-address-set`), the preferred one first.
    pub fn addresses_of(&self, record: &Record) -> Vec<String> {
        if !record.calendar_enabled && record.record_type != RecordType::Group {
            return Vec::new();
        }
        let mut addresses = record.addresses.clone();
        addresses.push(format!("urn:x-uid:{}", record.guid));
        addresses.push(format!("urn:uuid:{}", record.guid));
        let paths = std::iter::once(record.principal_path()).chain(record.alternate_paths());
        let paths: Vec<String> = paths.map(|path| path.href()).collect();
        for host in &self.base.hosts {
            for scheme in ["https", "http"] {
                addresses.extend(paths.iter().map(|path| format!("{scheme}://{host}{path}")));
            }
        }
        addresses.extend(paths);
        addresses
    }

    /// GUIDs of principals that may do everything.
    pub fn admins(&self) -> &[String] {
        &self.base.admins
    }

    /// GUIDs of principals that may read everything.
    pub fn readers(&self) -> &[String] {
        &self.base.readers
    }

    /// Whether this user is here because another directory vouched for them.
    pub fn was_made(&self, guid: &str) -> bool {
        self.base.made.iter().any(|made| made == guid)
    }

    /// The name that may act as anybody.
    pub fn sudoer(&self, name: &str) -> Option<&Sudoer> {
        self.base.sudoers.iter().find(|sudoer| sudoer.name == name)
    }

    /// The delegates of an owner as they were set, unknown GUIDs included.
    pub fn delegation(&self, owner: &str) -> Option<&Delegation> {
        self.delegations.get(owner)
    }

    /// The direct delegates of one kind that exist.
    pub fn delegates_of(&self, owner: &str, kind: ProxyKind) -> Vec<&Arc<Record>> {
        let listed = self.delegation(owner).map_or(&[][..], |delegation| delegation.of(kind));
        listed.iter().filter_map(|guid| self.by_guid(guid)).collect()
    }

    pub(super) fn direct_groups(&self, guid: &str) -> impl Iterator<Item = &Arc<Record>> {
        let indices = self.base.groups.get(guid).map_or(&[][..], Vec::as_slice);
        indices.iter().map(|index| &self.base.records[*index])
    }
}

impl Base {
    fn index(&mut self) {
        for (index, record) in self.records.iter().enumerate() {
            if record.record_type == RecordType::User {
                self.decoys.push((record.secret.place(&record.guid), index));
            }
            self.by_guid.insert(record.guid.to_ascii_lowercase(), index);
            self.by_guid.insert(record.guid.clone(), index);
            let names = self.by_name.entry(record.record_type).or_default();
            for name in &record.short_names {
                names.insert(name.clone(), index);
            }
            for address in &record.addresses {
                if let Some(first) = self.by_address.get(address) {
                    let (first, second) = (self.records[*first].name(), record.name());
                    tracing::warn!(%address, first, second, "two records with one address");
                } else {
                    self.by_address.insert(address.clone(), index);
                }
            }
            for member in &record.members {
                self.groups.entry(member.clone()).or_default().push(index);
            }
        }
        self.decoys.sort_unstable();
    }
}

#[cfg(test)]
mod tests;
