//! Our own accounts file: TOML with one table a record. docs/configuration.md describes it and
//! fixtures/directory/accounts.toml shows all of it.

use serde::Deserialize;
use toml::Spanned;

use super::{Draft, Entry, Flaw, Reference, Sudoer};
use crate::principal::record::{AutoScheduleMode, RecordType, Secret};

/// One text or several.
#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Texts {
    #[default]
    None,
    One(String),
    Many(Vec<String>),
}

impl Texts {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::None => Vec::new(),
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }

    fn references(self) -> Vec<Reference> {
        self.into_vec().iter().map(|text| Reference::parse(text)).collect()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    realm: Option<String>,
    #[serde(default)]
    admins: List,
    #[serde(default)]
    readers: List,
    #[serde(default)]
    user: Vec<Spanned<Table>>,
    #[serde(default)]
    group: Vec<Spanned<Table>>,
    #[serde(default)]
    location: Vec<Spanned<Table>>,
    #[serde(default)]
    resource: Vec<Spanned<Table>>,
    #[serde(default)]
    sudoer: Vec<Spanned<SudoTable>>,
}

/// A list of names that may be missing, with its place if it is there.
type List = Option<Spanned<Vec<String>>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: Texts,
    guid: Option<String>,
    full_name: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    #[serde(default)]
    email: Texts,
    #[serde(default)]
    address: Texts,
    password: Option<String>,
    plain_password: Option<String>,
    #[serde(default)]
    digest: Texts,
    calendar: Option<bool>,
    #[serde(default)]
    members: Texts,
    #[serde(default)]
    read_proxies: Texts,
    #[serde(default)]
    write_proxies: Texts,
    auto_schedule: Option<Spanned<String>>,
    auto_accept_group: Option<String>,
    street_address: Option<String>,
    geographic_location: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SudoTable {
    name: String,
    password: Option<String>,
    plain_password: Option<String>,
}

pub(super) fn read(text: &str) -> Result<Draft, Flaw> {
    let document: Document = toml::from_str(text).map_err(|error| {
        Flaw::at(text, error.span().map_or(0, |span| span.start), error.message())
    })?;
    let mut draft = Draft { realm: document.realm, strict: true, ..Draft::default() };
    for (record_type, tables) in [
        (RecordType::User, document.user),
        (RecordType::Group, document.group),
        (RecordType::Location, document.location),
        (RecordType::Resource, document.resource),
    ] {
        for table in tables {
            let line = Flaw::at(text, table.span().start, "").line;
            draft.entries.push(entry(text, line, record_type, table.into_inner())?);
        }
    }
    draft.entries.sort_by_key(|entry| entry.line);
    draft.admins = references(text, document.admins);
    draft.readers = references(text, document.readers);
    for table in document.sudoer {
        let line = Flaw::at(text, table.span().start, "").line;
        let SudoTable { name, password, plain_password } = table.into_inner();
        draft.sudoers.push(Sudoer { name, secret: secret(line, password, plain_password)? });
    }
    Ok(draft)
}

fn references(text: &str, list: List) -> Vec<(usize, Reference)> {
    let Some(list) = list else { return Vec::new() };
    let line = Flaw::at(text, list.span().start, "").line;
    list.into_inner().iter().map(|name| (line, Reference::parse(name))).collect()
}

fn entry(text: &str, line: usize, kind: RecordType, table: Table) -> Result<Entry, Flaw> {
    let mut entry = Entry::new(line, kind);
    entry.guid = table.guid;
    entry.short_names = table.name.into_vec();
    entry.full_name = table.full_name;
    entry.first_name = table.first_name;
    entry.last_name = table.last_name;
    entry.emails = table.email.into_vec();
    entry.addresses = table.address.into_vec();
    entry.secret = secret(line, table.password, table.plain_password)?;
    entry.secret.digests = table.digest.into_vec();
    entry.members = table.members.references();
    entry.read_proxies = table.read_proxies.references();
    entry.write_proxies = table.write_proxies.references();
    entry.auto_accept_group = table.auto_accept_group.as_deref().map(Reference::parse);
    entry.street_address = table.street_address;
    entry.geographic_location = table.geographic_location;
    if let Some(calendar) = table.calendar {
        if calendar && kind == RecordType::Group {
            return Err(Flaw::new(line, "a group has no calendars"));
        }
        entry.calendar_enabled = calendar;
    }
    if let Some(mode) = table.auto_schedule {
        entry.auto_schedule = Some(AutoScheduleMode::parse(mode.get_ref()).ok_or_else(|| {
            let known: Vec<_> = AutoScheduleMode::ALL.iter().map(|mode| mode.as_str()).collect();
            let reason = format!("auto_schedule is one of {}", known.join(", "));
            Flaw::at(text, mode.span().start, reason)
        })?);
    }
    Ok(entry)
}

fn secret(line: usize, hash: Option<String>, plain: Option<String>) -> Result<Secret, Flaw> {
    if hash.as_ref().is_some_and(|hash| !hash.starts_with('$')) {
        let reason = "password holds a hash, as `daybook user passwd` writes it; \
                      a plain password goes into plain_password";
        return Err(Flaw::new(line, reason));
    }
    Ok(Secret { hash, plain, digests: Vec::new() })
}
