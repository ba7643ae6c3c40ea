//! From a file's entries to records: names checked, GUIDs made, references looked up.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use uuid::Uuid;

use super::{Draft, Entry, Flaw, Reference, Sudoer};
use crate::principal::address::normalise_address;
use crate::principal::delegates::{Delegation, Delegations};
use crate::principal::record::{AutoScheduleMode, Record, RecordType};

/// The realm of a file that names none.
const DEFAULT_REALM: &str = "Daybook";

/// What an accounts file says.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// The realm of challenges.
    pub realm: String,
    /// All records.
    pub records: Vec<Arc<Record>>,
    /// GUIDs of principals that may do everything.
    pub admins: Vec<String>,
    /// GUIDs of principals that may read everything.
    pub readers: Vec<String>,
    /// Names that may act as anybody.
    pub sudoers: Vec<Sudoer>,
    /// The proxies that the file names; what was set later wins over them.
    pub proxies: Delegations,
    /// GUIDs of users who are here because another directory vouched for them.
    pub made: Vec<String>,
}

/// Names and GUIDs of a file, to look references up in.
struct Names {
    by_guid: HashMap<String, String>,
    by_name: HashMap<(RecordType, String), String>,
    strict: bool,
}

impl Names {
    fn find(&self, line: usize, reference: &Reference) -> Result<Option<String>, Flaw> {
        let named = |kind| self.by_name.get(&(kind, reference.text.clone()));
        let found = match reference.record_type {
            Some(kind) => named(kind),
            None => self
                .by_guid
                .get(&reference.text.to_ascii_lowercase())
                .or_else(|| RecordType::ALL.into_iter().find_map(named)),
        };
        if found.is_none() {
            let reason = format!("there is no record called {}", reference.text);
            if self.strict {
                return Err(Flaw::new(line, reason));
            }
            tracing::warn!(line, "{reason}");
        }
        Ok(found.cloned())
    }

    fn all(&self, line: usize, references: &[Reference]) -> Result<Vec<String>, Flaw> {
        let mut guids = Vec::with_capacity(references.len());
        for reference in references {
            if let Some(guid) = self.find(line, reference)?
                && !guids.contains(&guid)
            {
                guids.push(guid);
            }
        }
        Ok(guids)
    }
}

pub(super) fn resolve(mut draft: Draft) -> Result<Accounts, Flaw> {
    let realm = draft.realm.take().unwrap_or_else(|| DEFAULT_REALM.to_owned());
    if realm.contains(|c: char| c.is_control() || c == '"' || c == '\\') {
        return Err(Flaw::new(1, "the realm holds quotes, backslashes or control characters"));
    }
    for entry in &mut draft.entries {
        check_names(entry)?;
        if entry.guid.is_none() {
            entry.guid = Some(name_based_guid(&realm, entry));
        }
    }
    let names = index(&draft)?;
    let mut records = Vec::with_capacity(draft.entries.len());
    let mut proxies = BTreeMap::new();
    for entry in draft.entries {
        let read = names.all(entry.line, &entry.read_proxies)?;
        let write = names.all(entry.line, &entry.write_proxies)?;
        let record = record(entry, &names)?;
        if !(read.is_empty() && write.is_empty()) {
            proxies.insert(record.guid.clone(), Delegation { read, write });
        }
        records.push(Arc::new(record));
    }
    let listed = |list: &[(usize, Reference)]| -> Result<Vec<String>, Flaw> {
        let mut guids = Vec::new();
        for (line, reference) in list {
            guids.extend(names.find(*line, reference)?);
        }
        Ok(guids)
    };
    Ok(Accounts {
        admins: listed(&draft.admins)?,
        readers: listed(&draft.readers)?,
        sudoers: draft.sudoers,
        realm,
        records,
        proxies,
        made: draft.made,
    })
}

/// Names and GUIDs become path segments and file names.
fn check_names(entry: &Entry) -> Result<(), Flaw> {
    if entry.short_names.is_empty() {
        return Err(Flaw::new(entry.line, "a record without a name"));
    }
    for name in &entry.short_names {
        let unfit = |c: char| c == '/' || c == ':' || c.is_control();
        if name.is_empty() || name.len() > 200 || name.starts_with('.') || name.contains(unfit) {
            return Err(Flaw::new(entry.line, format!("{name:?} cannot be a name")));
        }
    }
    if let Some(guid) = &entry.guid {
        let fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if !(4..=128).contains(&guid.len()) || guid.starts_with('.') || !guid.chars().all(fit) {
            let reason = format!("{guid:?} cannot be a GUID: 4 to 128 letters, digits and -_.");
            return Err(Flaw::new(entry.line, reason));
        }
    }
    Ok(())
}

/// The GUID of a record for which the file gives none: the same for the same realm, type and names.
fn name_based_guid(realm: &str, entry: &Entry) -> String {
    let service = Uuid::new_v5(&Uuid::NAMESPACE_DNS, format!("daybook realm {realm}").as_bytes());
    let name = format!("{}:{}", entry.record_type, entry.short_names.join(","));
    Uuid::new_v5(&service, name.as_bytes()).hyphenated().to_string().to_ascii_uppercase()
}

fn index(draft: &Draft) -> Result<Names, Flaw> {
    let mut names =
        Names { by_guid: HashMap::new(), by_name: HashMap::new(), strict: draft.strict };
    for entry in &draft.entries {
        let guid = entry.guid.clone().unwrap_or_default();
        let own: HashSet<&String> = entry.short_names.iter().collect();
        for name in own {
            let key = (entry.record_type, name.clone());
            if names.by_name.insert(key, guid.clone()).is_some() {
                let reason = format!("a second record called {}:{name}", entry.record_type);
                return Err(Flaw::new(entry.line, reason));
            }
        }
        if names.by_guid.insert(guid.to_ascii_lowercase(), guid.clone()).is_some() {
            return Err(Flaw::new(entry.line, format!("a second record with the GUID {guid}")));
        }
    }
    Ok(names)
}

fn record(entry: Entry, names: &Names) -> Result<Record, Flaw> {
    if entry.record_type != RecordType::Group && !entry.members.is_empty() {
        return Err(Flaw::new(entry.line, "only groups have members"));
    }
    let members = names.all(entry.line, &entry.members)?;
    let auto_accept_group = match &entry.auto_accept_group {
        Some(group) => names.find(entry.line, group)?,
        None => None,
    };
    let emails: Vec<String> = entry.emails.iter().map(|mail| mail.trim().to_lowercase()).collect();
    let mut addresses = Vec::new();
    if entry.calendar_enabled || entry.record_type == RecordType::Group {
        let mailto = emails.iter().map(|mail| format!("mailto:{mail}"));
        for address in mailto.chain(entry.addresses) {
            let address = normalise_address(&address);
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
    }
    let full_name = entry.full_name.filter(|name| !name.trim().is_empty());
    Ok(Record {
        guid: entry.guid.unwrap_or_default(),
        record_type: entry.record_type,
        full_name: full_name.unwrap_or_else(|| entry.short_names[0].clone()),
        short_names: entry.short_names,
        first_name: entry.first_name,
        last_name: entry.last_name,
        emails,
        addresses,
        calendar_enabled: entry.calendar_enabled,
        members,
        auto_schedule: entry
            .auto_schedule
            .unwrap_or_else(|| AutoScheduleMode::default_for(entry.record_type)),
        auto_accept_group,
        street_address: entry.street_address,
        geographic_location: entry.geographic_location,
        secret: entry.secret,
    })
}
