//! The live directory: the current snapshot, kept in step with five files.
//!
//! The accounts file is the administrator's; `delegates.toml`, `auto-schedule.toml` and
//! `groups.toml` in the data directory hold what was set through the server or its tools and win
//! over the accounts file;
//! `people.toml` there holds users whom another directory vouches for.
//! Every file may be edited beside a running server; a broken file is logged and the last good
//! state stays.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use super::adopt::PEOPLE_FILE;
use super::delegates::{self, Delegation, Delegations, ProxyKind};
use super::directory::Directory;
use super::file::{self, Stamp};
use super::membership::{self, Memberships};
use super::record::{AutoScheduleMode, RecordType};
use super::source::{self, Accounts, SourceError};
use crate::clock::Clock;

/// Milliseconds between two looks at the files.
const CHECK_EVERY_MS: i64 = 1000;

/// Why the directory cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum PrincipalError {
    /// The accounts file.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// `delegates.toml`, `auto-schedule.toml` or `groups.toml` cannot be read or written.
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
    /// `delegates.toml`, `auto-schedule.toml` or `groups.toml` does not make sense.
    #[error("{0}: {1}")]
    Content(PathBuf, String),
    /// There is no record with this GUID.
    #[error("there is no principal {0}")]
    Unknown(String),
    /// Users and groups answer for themselves.
    #[error("automatic scheduling is for locations and resources; {0} is neither")]
    NotAutomatic(String),
    /// Only groups have members.
    #[error("{0} is no group")]
    NotGroup(String),
}

/// The directory as it is now. Shared by everything that looks people up.
#[derive(Debug)]
pub struct Principals {
    accounts: PathBuf,
    delegates: PathBuf,
    auto_schedule: PathBuf,
    pub(super) people: PathBuf,
    groups: PathBuf,
    hosts: Vec<String>,
    clock: Clock,
    pub(super) current: ArcSwap<Directory>,
    checked_ms: AtomicI64,
    files: Mutex<Files>,
}

/// What was last read, with the stamps by which changes are noticed.
#[derive(Debug)]
struct Files {
    stamps: [Option<Stamp>; 5],
    accounts: Accounts,
    delegations: Delegations,
    modes: HashMap<String, AutoScheduleMode>,
    memberships: Memberships,
}

impl Principals {
    /// Reads the accounts file and what was set in the data directory. `hosts`: see
    /// [`Directory::new`].
    pub fn open(
        accounts: &Path,
        data: &Path,
        hosts: &[String],
        clock: Clock,
    ) -> Result<Arc<Self>, PrincipalError> {
        let (delegates, auto_schedule) =
            (data.join("delegates.toml"), data.join("auto-schedule.toml"));
        let (people, groups) = (data.join(PEOPLE_FILE), data.join("groups.toml"));
        let files = Files {
            stamps: [accounts, &delegates, &auto_schedule, &people, &groups].map(file::stamp),
            accounts: load(accounts, &people)?,
            delegations: read_delegates(&delegates)?,
            modes: read_modes(&auto_schedule)?,
            memberships: read_memberships(&groups)?,
        };
        let directory = files.directory(hosts);
        Ok(Arc::new(Self {
            accounts: accounts.to_owned(),
            delegates,
            auto_schedule,
            people,
            groups,
            hosts: hosts.to_vec(),
            checked_ms: AtomicI64::new(clock.now().timestamp_millis()),
            clock,
            current: ArcSwap::from_pointee(directory),
            files: Mutex::new(files),
        }))
    }

    /// The current snapshot. Looks at the files at most once a second.
    pub fn current(&self) -> Arc<Directory> {
        let now = self.clock.now().timestamp_millis();
        let checked = self.checked_ms.load(Ordering::Relaxed);
        if !(0..CHECK_EVERY_MS).contains(&(now - checked))
            && self
                .checked_ms
                .compare_exchange(checked, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            self.refresh(false);
        }
        self.current.load_full()
    }

    /// Reads the files again, changed or not; errors are logged and returned.
    pub fn reload(&self) -> Result<(), PrincipalError> {
        self.refresh(true).map_or(Ok(()), Err)
    }

    fn refresh(&self, always: bool) -> Option<PrincipalError> {
        let mut files = self.files.lock();
        let own = [&self.delegates, &self.auto_schedule, &self.people, &self.groups];
        let paths = [&self.accounts, own[0], own[1], own[2], own[3]];
        let stamps = paths.map(|path| file::stamp(path));
        if !always && stamps == files.stamps {
            return None;
        }
        let mut failure = None;
        let mut note = |error: PrincipalError| {
            tracing::error!(%error, "directory not reloaded; the last good state stays");
            failure = Some(error);
        };
        if always || stamps[0] != files.stamps[0] || stamps[3] != files.stamps[3] {
            match load(&self.accounts, &self.people) {
                Ok(accounts) => files.accounts = accounts,
                Err(error) => note(error),
            }
        }
        if always || stamps[1] != files.stamps[1] {
            match read_delegates(&self.delegates) {
                Ok(delegations) => files.delegations = delegations,
                Err(error) => note(error),
            }
        }
        if always || stamps[2] != files.stamps[2] {
            match read_modes(&self.auto_schedule) {
                Ok(modes) => files.modes = modes,
                Err(error) => note(error),
            }
        }
        if always || stamps[4] != files.stamps[4] {
            match read_memberships(&self.groups) {
                Ok(memberships) => files.memberships = memberships,
                Err(error) => note(error),
            }
        }
        files.stamps = stamps;
        let directory = files.directory(&self.hosts);
        tracing::info!(records = directory.all().count(), "directory read");
        self.current.store(Arc::new(directory));
        failure
    }

    /// Replaces one list of delegates of an owner; members are GUIDs. What is on disk is read
    /// again under a lock first, so a tool and the server do not undo each other.
    pub fn set_delegates(
        &self,
        owner: &str,
        kind: ProxyKind,
        members: &[String],
    ) -> Result<(), PrincipalError> {
        self.change_delegation(owner, |delegation| *delegation.of_mut(kind) = members.to_vec())
    }

    /// Changes the delegates of an owner.
    pub fn change_delegation(
        &self,
        owner: &str,
        change: impl FnOnce(&mut Delegation),
    ) -> Result<(), PrincipalError> {
        let mut files = self.files.lock();
        let io = |error| PrincipalError::Io(self.delegates.clone(), error);
        let _lock = file::lock(&self.delegates).map_err(io)?;
        let directory = self.current.load();
        let owner = directory.by_guid(owner).ok_or(PrincipalError::Unknown(owner.to_owned()))?;
        let mut delegations = read_delegates(&self.delegates)?;
        let seeded = || files.accounts.proxies.get(&owner.guid).cloned();
        let delegation =
            delegations.entry(owner.guid.clone()).or_insert_with(|| seeded().unwrap_or_default());
        change(delegation);
        let name = |guid: &str| {
            let record = directory.by_guid(guid)?;
            Some(format!("{}:{}", record.record_type, record.name()))
        };
        file::replace(&self.delegates, &delegates::print(&delegations, name)).map_err(io)?;
        files.stamps[1] = file::stamp(&self.delegates);
        files.delegations = delegations;
        self.current.store(Arc::new(directory.with_delegations(files.all_delegations())));
        Ok(())
    }

    /// Sets what happens to invitations of a location or resource.
    pub fn set_auto_schedule(
        &self,
        guid: &str,
        mode: AutoScheduleMode,
    ) -> Result<(), PrincipalError> {
        let mut files = self.files.lock();
        let io = |error| PrincipalError::Io(self.auto_schedule.clone(), error);
        let _lock = file::lock(&self.auto_schedule).map_err(io)?;
        let directory = self.current.load();
        let record = directory.by_guid(guid).ok_or(PrincipalError::Unknown(guid.to_owned()))?;
        let automatic = matches!(record.record_type, RecordType::Location | RecordType::Resource);
        if mode != AutoScheduleMode::None && !automatic {
            let name = format!("{}:{}", record.record_type, record.name());
            return Err(PrincipalError::NotAutomatic(name));
        }
        let mut modes = read_modes(&self.auto_schedule)?;
        modes.insert(record.guid.clone(), mode);
        file::replace(&self.auto_schedule, &print_modes(&modes, &directory)).map_err(io)?;
        files.stamps[2] = file::stamp(&self.auto_schedule);
        files.modes = modes;
        self.current.store(Arc::new(files.directory(&self.hosts)));
        Ok(())
    }
}

impl Principals {
    /// Adds members to a group and takes some out, beside what the accounts file says; all are
    /// GUIDs. Unknown ones are refused.
    pub fn change_members(
        &self,
        group: &str,
        added: &[String],
        removed: &[String],
    ) -> Result<(), PrincipalError> {
        let mut files = self.files.lock();
        let io = |error| PrincipalError::Io(self.groups.clone(), error);
        let _lock = file::lock(&self.groups).map_err(io)?;
        let directory = self.current.load();
        let known = |guid: &str| {
            let record = directory.by_guid(guid);
            record.cloned().ok_or_else(|| PrincipalError::Unknown(guid.to_owned()))
        };
        let group = known(group)?;
        if group.record_type != RecordType::Group {
            let name = format!("{}:{}", group.record_type, group.name());
            return Err(PrincipalError::NotGroup(name));
        }
        let guids = |all: &[String]| -> Result<Vec<String>, PrincipalError> {
            all.iter().map(|guid| Ok(known(guid)?.guid.clone())).collect()
        };
        let (added, removed) = (guids(added)?, guids(removed)?);
        let mut memberships = read_memberships(&self.groups)?;
        membership::change(&mut memberships, &group.guid, &added, &removed);
        file::replace(&self.groups, &membership::print(&memberships)).map_err(io)?;
        files.stamps[4] = file::stamp(&self.groups);
        files.memberships = memberships;
        self.current.store(Arc::new(files.directory(&self.hosts)));
        Ok(())
    }
}

impl Files {
    fn directory(&self, hosts: &[String]) -> Directory {
        let mut accounts = self.accounts.clone();
        membership::apply(&mut accounts.records, &self.memberships);
        Directory::new(accounts, &self.delegations, &self.modes, hosts)
    }

    fn all_delegations(&self) -> Delegations {
        let mut all = self.accounts.proxies.clone();
        all.extend(self.delegations.iter().map(|(owner, set)| (owner.clone(), set.clone())));
        all
    }
}

fn load(accounts: &Path, people: &Path) -> Result<Accounts, PrincipalError> {
    let text = file::read(people).map_err(|e| PrincipalError::Io(people.to_owned(), e))?;
    Ok(source::load_with(accounts, &text.unwrap_or_default())?)
}

fn read_delegates(path: &Path) -> Result<Delegations, PrincipalError> {
    let text = file::read(path).map_err(|error| PrincipalError::Io(path.to_owned(), error))?;
    delegates::parse(&text.unwrap_or_default())
        .map_err(|error| PrincipalError::Content(path.to_owned(), error.to_string()))
}

fn read_memberships(path: &Path) -> Result<Memberships, PrincipalError> {
    let text = file::read(path).map_err(|error| PrincipalError::Io(path.to_owned(), error))?;
    toml::from_str(&text.unwrap_or_default())
        .map_err(|error| PrincipalError::Content(path.to_owned(), error.to_string()))
}

fn read_modes(path: &Path) -> Result<HashMap<String, AutoScheduleMode>, PrincipalError> {
    let content = |reason: String| PrincipalError::Content(path.to_owned(), reason);
    let text = file::read(path).map_err(|error| PrincipalError::Io(path.to_owned(), error))?;
    let words: BTreeMap<String, String> =
        toml::from_str(&text.unwrap_or_default()).map_err(|error| content(error.to_string()))?;
    let mode = |(guid, word): (String, String)| match AutoScheduleMode::parse(&word) {
        Some(mode) => Ok((guid, mode)),
        None => Err(content(format!("{guid}: no such mode: {word}"))),
    };
    words.into_iter().map(mode).collect()
}

fn print_modes(modes: &HashMap<String, AutoScheduleMode>, directory: &Directory) -> String {
    let mut text = String::from(
        "# What happens to invitations, by GUID: none, accept-if-free, decline-if-busy,\n\
         # automatic, accept-always or decline-always. Kept by the server; edits are seen\n\
         # at once.\n",
    );
    for (guid, mode) in modes.iter().collect::<BTreeMap<_, _>>() {
        text.push_str(&format!("{} = \"{mode}\"", delegates::quoted(guid)));
        match directory.by_guid(guid) {
            Some(record) => {
                text.push_str(&format!(" # {}:{}\n", record.record_type, record.name()));
            }
            None => text.push('\n'),
        }
    }
    text
}

#[cfg(test)]
mod tests;
