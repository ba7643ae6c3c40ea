//! Accounts files. Three forms are read, told apart by the file's ending: our TOML (`.toml`),
//! the reference system's accounts XML (`.xml`) and the conformance accounts (`.json`).

mod accounts_json;
mod accounts_toml;
mod accounts_xml;
mod resolve;

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use super::adopt::PEOPLE_FILE;
use super::file;
use super::record::{AutoScheduleMode, RecordType, Secret};

pub use resolve::Accounts;

/// Why an accounts file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file cannot be read.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// The file can be read but not understood.
    #[error("{path}, line {line}: {reason}")]
    Content {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// The name does not tell which form the file has.
    #[error("{path}: an accounts file ends in .toml, .xml or .json")]
    Ending {
        /// The file.
        path: PathBuf,
    },
}

/// What is wrong on which line.
#[derive(Debug, PartialEq, Eq)]
struct Flaw {
    line: usize,
    reason: String,
}

impl Flaw {
    fn new(line: usize, reason: impl Into<String>) -> Self {
        Self { line, reason: reason.into() }
    }

    /// A flaw at a byte offset of the text.
    fn at(text: &str, offset: usize, reason: impl Into<String>) -> Self {
        let before = &text.as_bytes()[..offset.min(text.len())];
        Self::new(memchr::memchr_iter(b'\n', before).count() + 1, reason)
    }
}

/// How a file names another record: a GUID, `type:name`, or a name alone.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reference {
    record_type: Option<RecordType>,
    text: String,
}

impl Reference {
    /// Reads `users:alice`, `(users)alice`, `alice` or a GUID.
    fn parse(text: &str) -> Self {
        let text = text.trim();
        let typed = match text.strip_prefix('(') {
            Some(rest) => rest.split_once(')'),
            None => text.split_once(':'),
        };
        if let Some((segment, name)) = typed
            && let Some(record_type) = RecordType::from_segment(segment)
        {
            return Self { record_type: Some(record_type), text: name.to_owned() };
        }
        Self { record_type: None, text: text.to_owned() }
    }
}

/// A record as a file describes it, before references are looked up.
#[derive(Clone, Debug)]
struct Entry {
    line: usize,
    record_type: RecordType,
    guid: Option<String>,
    short_names: Vec<String>,
    full_name: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    emails: Vec<String>,
    addresses: Vec<String>,
    calendar_enabled: bool,
    members: Vec<Reference>,
    read_proxies: Vec<Reference>,
    write_proxies: Vec<Reference>,
    auto_schedule: Option<AutoScheduleMode>,
    auto_accept_group: Option<Reference>,
    street_address: Option<String>,
    geographic_location: Option<String>,
    secret: Secret,
}

impl Entry {
    fn new(line: usize, record_type: RecordType) -> Self {
        Self {
            line,
            record_type,
            guid: None,
            short_names: Vec::new(),
            full_name: None,
            first_name: None,
            last_name: None,
            emails: Vec::new(),
            addresses: Vec::new(),
            calendar_enabled: record_type != RecordType::Group,
            members: Vec::new(),
            read_proxies: Vec::new(),
            write_proxies: Vec::new(),
            auto_schedule: None,
            auto_accept_group: None,
            street_address: None,
            geographic_location: None,
            secret: Secret::default(),
        }
    }
}

/// A name that may act as anybody (`X-Authorize-As`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sudoer {
    /// The name to sign in with.
    pub name: String,
    /// The password.
    pub secret: Secret,
}

/// A whole file before references are looked up.
#[derive(Debug, Default)]
struct Draft {
    realm: Option<String>,
    entries: Vec<Entry>,
    admins: Vec<(usize, Reference)>,
    readers: Vec<(usize, Reference)>,
    sudoers: Vec<Sudoer>,
    /// GUIDs of entries that were made when people first signed in.
    made: Vec<String>,
    /// Whether a reference to a record that does not exist is an error or only worth a warning.
    strict: bool,
}

impl Draft {
    /// Adds users whose names and GUIDs are not taken.
    fn add_people(&mut self, people: Vec<Entry>) {
        let users = |entry: &&Entry| entry.record_type == RecordType::User;
        let taken: HashSet<String> = self
            .entries
            .iter()
            .filter(users)
            .flat_map(|entry| entry.short_names.iter().cloned())
            .chain(self.entries.iter().filter_map(|entry| Some(entry.guid.clone()?.to_lowercase())))
            .collect();
        for mut person in people {
            let guid = person.guid.as_ref().map(|guid| guid.to_lowercase());
            if person.record_type != RecordType::User
                || guid.is_some_and(|guid| taken.contains(&guid))
                || person.short_names.iter().any(|name| taken.contains(name))
            {
                continue;
            }
            // Only the other directory knows their passwords.
            person.secret = Secret::default();
            self.made.extend(person.guid.clone());
            self.entries.push(person);
        }
    }
}

/// Reads an accounts file.
pub fn load(path: &Path) -> Result<Accounts, SourceError> {
    load_with(path, "")
}

/// Reads an accounts file and adds the users of `people`, the text of a second one in our own
/// form. Names and GUIDs of the accounts file win: people who have one of them are left out.
pub fn load_with(path: &Path, people: &str) -> Result<Accounts, SourceError> {
    let io = |error| SourceError::Io { path: path.to_owned(), error };
    let text = file::read(path)
        .and_then(|text| text.ok_or_else(|| io::ErrorKind::NotFound.into()))
        .map_err(io)?;
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let draft = match ending.to_ascii_lowercase().as_str() {
        "toml" => accounts_toml::read(&text),
        "xml" => accounts_xml::read(&text),
        "json" => accounts_json::read(&text),
        _ => return Err(SourceError::Ending { path: path.to_owned() }),
    };
    let added = accounts_toml::read(people).unwrap_or_else(|Flaw { line, reason }| {
        tracing::error!(line, "{PEOPLE_FILE} is left out: {reason}");
        Draft::default()
    });
    let whole = draft.and_then(|mut draft| {
        draft.add_people(added.entries);
        resolve::resolve(draft)
    });
    whole.map_err(|Flaw { line, reason }| SourceError::Content {
        path: path.to_owned(),
        line,
        reason,
    })
}

/// Reads the text of an accounts file in our own form; for tests and checks before writing.
pub fn parse_toml(text: &str) -> Result<Accounts, String> {
    accounts_toml::read(text)
        .and_then(resolve::resolve)
        .map_err(|flaw| format!("line {}: {}", flaw.line, flaw.reason))
}

#[cfg(test)]
mod tests;
