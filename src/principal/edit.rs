//! Changing our own accounts file for the tools. Comments, order and spelling of everything that
//! is not asked for stay; the result is read back before it replaces the file.

use std::io;
use std::path::{Path, PathBuf};

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, value};

use super::file;
use super::record::{AutoScheduleMode, RecordType};
use super::source;

/// Why an accounts file was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The file cannot be read or written.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// The file, as it is or as it would be, does not make sense.
    #[error("{0}, {1}")]
    Content(PathBuf, String),
    /// Only our own form can be edited.
    #[error("{0}: only .toml accounts files can be changed by this command")]
    Form(PathBuf),
    /// The name is taken.
    #[error("there is already a record called {0}")]
    Exists(String),
    /// The name is unknown.
    #[error("there is no record called {0}")]
    Missing(String),
}

/// What a new record is like.
#[derive(Clone, Debug, Default)]
pub struct NewRecord {
    /// Its names.
    pub names: Vec<String>,
    /// Its GUID, if it must be a certain one.
    pub guid: Option<String>,
    /// Its name for people.
    pub full_name: Option<String>,
    /// Its e-mail addresses.
    pub emails: Vec<String>,
    /// Its password hash.
    pub password: Option<String>,
    /// Its members, if it is a group.
    pub members: Vec<String>,
    /// What happens to invitations.
    pub auto_schedule: Option<AutoScheduleMode>,
    /// Whether it may do everything.
    pub admin: bool,
}

/// The text a file begins with when a command makes it.
const HEADER: &str = "# Accounts of this calendar server. Edits are seen at once.\n";

/// Changes a file under its lock: whoever edits it by command at the same time
/// waits.
pub fn change(
    path: &Path,
    edit: impl FnOnce(&mut DocumentMut) -> Result<(), EditError>,
) -> Result<(), EditError> {
    if path.extension().is_none_or(|ending| ending != "toml") {
        return Err(EditError::Form(path.to_owned()));
    }
    let io = |error| EditError::Io(path.to_owned(), error);
    let content = |reason: String| EditError::Content(path.to_owned(), reason);
    let _lock = file::lock(path).map_err(io)?;
    let before = file::read(path).map_err(io)?;
    let head = if before.is_none() { HEADER } else { "" };
    let text = before.unwrap_or_default();
    source::parse_toml(&text).map_err(content)?;
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| content(error.to_string()))?;
    edit(&mut document)?;
    let text = format!("{head}{document}");
    source::parse_toml(&text).map_err(content)?;
    file::replace(path, &text).map_err(io)
}

/// Adds a record at the end of its kind.
pub fn add(
    document: &mut DocumentMut,
    record_type: RecordType,
    record: &NewRecord,
) -> Result<(), EditError> {
    for name in &record.names {
        if tables(document, record_type).is_some_and(|all| all.iter().any(|t| is_called(t, name))) {
            return Err(EditError::Exists(format!("{record_type}:{name}")));
        }
    }
    let mut table = Table::new();
    table["name"] = match record.names.as_slice() {
        [name] => value(name),
        names => value(Array::from_iter(names)),
    };
    let texts =
        [("guid", &record.guid), ("full_name", &record.full_name), ("password", &record.password)];
    for (key, text) in texts {
        if let Some(text) = text {
            table[key] = value(text);
        }
    }
    for (key, list) in [("email", &record.emails), ("members", &record.members)] {
        if !list.is_empty() {
            table[key] = value(Array::from_iter(list));
        }
    }
    if let Some(mode) = record.auto_schedule {
        table["auto_schedule"] = value(mode.as_str());
    }
    let all = document
        .entry(key(record_type))
        .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    if let Some(all) = all.as_array_of_tables_mut() {
        all.push(table);
    }
    if let Some(name) = record.names.first().filter(|_| record.admin) {
        let admins = document.entry("admins").or_insert_with(|| value(Array::new()));
        if let Some(admins) = admins.as_array_mut() {
            admins.push(format!("{record_type}:{name}"));
        }
    }
    Ok(())
}

/// Sets the password hash of a record, in place of any other secret it has.
pub fn set_password(
    document: &mut DocumentMut,
    record_type: RecordType,
    name: &str,
    hash: &str,
) -> Result<(), EditError> {
    let missing = || EditError::Missing(format!("{record_type}:{name}"));
    let all = tables(document, record_type).ok_or_else(missing)?;
    let table = all.iter_mut().find(|table| is_called(table, name)).ok_or_else(missing)?;
    table.remove("plain_password");
    table.remove("digest");
    table["password"] = value(hash);
    Ok(())
}

/// Sets the hashes for Digest of a record.
pub fn set_digests(
    document: &mut DocumentMut,
    record_type: RecordType,
    name: &str,
    digests: &[String],
) -> Result<(), EditError> {
    let missing = || EditError::Missing(format!("{record_type}:{name}"));
    let all = tables(document, record_type).ok_or_else(missing)?;
    let table = all.iter_mut().find(|table| is_called(table, name)).ok_or_else(missing)?;
    table["digest"] = value(Array::from_iter(digests));
    Ok(())
}

/// Removes a record, and its name from every list that has it.
pub fn remove(
    document: &mut DocumentMut,
    record_type: RecordType,
    name: &str,
) -> Result<(), EditError> {
    let missing = || EditError::Missing(format!("{record_type}:{name}"));
    let all = tables(document, record_type).ok_or_else(missing)?;
    let index = all.iter().position(|table| is_called(table, name)).ok_or_else(missing)?;
    let gone = all.get(index).cloned().ok_or_else(missing)?;
    all.remove(index);
    let names: Vec<String> = texts(gone.get("name"));
    let guid = texts(gone.get("guid"));
    let is_gone = |text: &str| {
        let typed = text.strip_prefix(record_type.segment()).and_then(|t| t.strip_prefix(':'));
        names.iter().any(|name| name == typed.unwrap_or(text))
            || guid.iter().any(|guid| guid.eq_ignore_ascii_case(text))
    };
    for list in ["admins", "readers"] {
        strike(document.get_mut(list), &is_gone);
    }
    for record_type in RecordType::ALL {
        let Some(all) = tables(document, record_type) else { continue };
        for table in all.iter_mut() {
            for list in ["members", "read_proxies", "write_proxies"] {
                strike(table.get_mut(list), &is_gone);
            }
            if texts(table.get("auto_accept_group")).iter().any(|text| is_gone(text)) {
                table.remove("auto_accept_group");
            }
        }
    }
    Ok(())
}

fn strike(item: Option<&mut Item>, is_gone: &impl Fn(&str) -> bool) {
    let Some(item) = item else { return };
    if let Some(array) = item.as_array_mut() {
        array.retain(|entry| !entry.as_str().is_some_and(is_gone));
    } else if item.as_str().is_some_and(is_gone) {
        *item = value(Array::new());
    }
}

fn key(record_type: RecordType) -> &'static str {
    match record_type {
        RecordType::User => "user",
        RecordType::Group => "group",
        RecordType::Location => "location",
        RecordType::Resource => "resource",
    }
}

fn tables(document: &mut DocumentMut, record_type: RecordType) -> Option<&mut ArrayOfTables> {
    document.get_mut(key(record_type))?.as_array_of_tables_mut()
}

fn is_called(table: &Table, name: &str) -> bool {
    texts(table.get("name")).iter().any(|known| known == name)
}

/// One text or a list of texts.
fn texts(item: Option<&Item>) -> Vec<String> {
    match item {
        Some(item) => match (item.as_str(), item.as_array()) {
            (Some(text), _) => vec![text.to_owned()],
            (_, Some(list)) => {
                list.iter().filter_map(|text| text.as_str()).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        },
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{EditError, NewRecord, add, change, remove, set_password};
    use crate::principal::record::RecordType;
    use crate::principal::source;

    #[test]
    fn changes_what_is_asked_for_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accounts.toml");
        let before = fs::read_to_string("fixtures/directory/accounts.toml").unwrap();
        fs::write(&path, &before).unwrap();
        let dave = NewRecord {
            names: vec!["dave".into()],
            full_name: Some("Dave \"D\"".into()),
            emails: vec!["dave@example.com".into()],
            admin: true,
            ..NewRecord::default()
        };
        change(&path, |document| add(document, RecordType::User, &dave)).unwrap();
        change(&path, |document| set_password(document, RecordType::User, "bob", "$x$y")).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let kept = before.lines().filter(|line| text.lines().any(|other| other == *line)).count();
        assert!(kept + 3 >= before.lines().count(), "{text}");
        let accounts = source::load(&path).unwrap();
        let bob = accounts.records.iter().find(|record| record.name() == "bob").unwrap();
        assert_eq!(bob.secret.hash.as_deref(), Some("$x$y"));
        assert!(bob.secret.plain.is_none());
        assert_eq!(accounts.admins.len(), 2);
        let again = change(&path, |document| add(document, RecordType::User, &dave));
        assert!(matches!(again, Err(EditError::Exists(_))));
        for name in ["alice", "dave", "bob"] {
            change(&path, |document| remove(document, RecordType::User, name)).unwrap();
        }
        change(&path, |document| remove(document, RecordType::Group, "staff")).unwrap();
        let accounts = source::load(&path).unwrap();
        assert_eq!((accounts.records.len(), accounts.admins.len()), (6, 1));
        let gone = change(&path, |document| remove(document, RecordType::User, "bob"));
        assert!(matches!(gone, Err(EditError::Missing(_))));
    }

    #[test]
    fn makes_a_file_and_refuses_what_would_break_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new.toml");
        let alice = NewRecord { names: vec!["alice".into()], ..NewRecord::default() };
        change(&path, |document| add(document, RecordType::User, &alice)).unwrap();
        let before = fs::read_to_string(&path).unwrap();
        let bad = NewRecord { names: vec!["a/b".into()], ..NewRecord::default() };
        let refused = change(&path, |document| add(document, RecordType::User, &bad));
        assert!(matches!(refused, Err(EditError::Content(_, _))));
        assert_eq!(fs::read_to_string(&path).unwrap(), before);
        let xml = change(&folder.path().join("a.xml"), |_| Ok(()));
        assert!(matches!(xml, Err(EditError::Form(_))));
    }
}
