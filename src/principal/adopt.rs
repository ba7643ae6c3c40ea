//! People whom another directory vouches for (LDAP, OpenID): which record is theirs, and making one
//! when there is none.
//!
//! Made records are kept in `people.toml` of the data directory, in the form of the accounts file,
//! so that people can be invited, and delegate, whether they are signed in or not.

use std::sync::Arc;

use super::edit::{self, EditError, NewRecord};
use super::live::{PrincipalError, Principals};
use super::record::{Record, RecordType};

/// The file in the data directory.
pub const PEOPLE_FILE: &str = "people.toml";

/// What another directory says of somebody who has just proved who they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// The name they sign in with, as that directory spells it.
    pub name: String,
    /// Their identifier there, if it is a UUID.
    pub guid: Option<String>,
    /// The name for people.
    pub full_name: Option<String>,
    /// Their addresses.
    pub emails: Vec<String>,
}

/// Why somebody who proved who they are has no record.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// There is none, and none may be made.
    #[error("there is no account called {0}")]
    Unknown(String),
    /// The name belongs to an earlier bearer of it.
    #[error("{PEOPLE_FILE} has another person called {0}; remove that entry if it is the same one")]
    OtherPerson(String),
    /// The record could not be made.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The directory could not be read again.
    #[error(transparent)]
    Principal(#[from] PrincipalError),
}

impl Principals {
    /// The record of a person: the user with their GUID, else the user with their name, else a new
    /// one if `make` allows it. A name that was given to somebody else meanwhile opens nothing.
    pub fn adopt(&self, person: &Person, make: bool) -> Result<Arc<Record>, AdoptError> {
        if let Some(record) = self.find_person(person)? {
            return Ok(record);
        }
        let unknown = || AdoptError::Unknown(person.name.clone());
        if !make || person.name.is_empty() {
            return Err(unknown());
        }
        let new = NewRecord {
            names: vec![person.name.clone()],
            guid: Some(person.guid.clone().unwrap_or_else(|| self.guid_of_name(&person.name))),
            full_name: person.full_name.clone(),
            emails: person.emails.clone(),
            ..NewRecord::default()
        };
        let made =
            edit::change(&self.people, |document| edit::add(document, RecordType::User, &new));
        match made {
            // Another request was quicker.
            Ok(()) | Err(EditError::Exists(_)) => self.reload()?,
            Err(error) => return Err(error.into()),
        }
        tracing::info!(name = person.name, "a user was made from another directory");
        self.find_person(person)?.ok_or_else(unknown)
    }

    fn find_person(&self, person: &Person) -> Result<Option<Arc<Record>>, AdoptError> {
        let directory = self.current();
        let is_user = |record: &&Arc<Record>| record.record_type == RecordType::User;
        let by_guid = person.guid.as_deref().and_then(|guid| directory.by_guid(guid));
        if let Some(record) = by_guid.filter(is_user) {
            return Ok(Some(Arc::clone(record)));
        }
        let Some(record) = directory.by_login(&person.name) else { return Ok(None) };
        let expected = person.guid.clone().unwrap_or_else(|| self.guid_of_name(&person.name));
        if directory.was_made(&record.guid) && !record.guid.eq_ignore_ascii_case(&expected) {
            return Err(AdoptError::OtherPerson(person.name.clone()));
        }
        Ok(Some(Arc::clone(record)))
    }

    /// The GUID of people whose directory gives none: the same for the same realm and name.
    fn guid_of_name(&self, name: &str) -> String {
        let realm = format!("daybook people {}", self.current().realm());
        let service = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_DNS, realm.as_bytes());
        uuid::Uuid::new_v5(&service, name.as_bytes()).to_string().to_ascii_uppercase()
    }
}

/// A UUID in the spelling that GUIDs have here, or nothing.
pub fn guid_of(text: &str) -> Option<String> {
    let uuid = uuid::Uuid::parse_str(text.trim()).ok()?;
    Some(uuid.hyphenated().to_string().to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{AdoptError, PEOPLE_FILE, Person};
    use crate::clock::Clock;
    use crate::principal::Principals;

    const DAVE: &str = "DA7E0000-0000-4000-8000-000000000009";

    fn person(name: &str, guid: Option<&str>) -> Person {
        let emails = vec![format!("{name}@example.net")];
        Person { name: name.into(), guid: guid.map(str::to_owned), full_name: None, emails }
    }

    #[test]
    fn finds_makes_and_keeps_apart() {
        let folder = tempfile::tempdir().unwrap();
        let accounts = Path::new("fixtures/directory/accounts.toml");
        let open = || Principals::open(accounts, folder.path(), &[], Clock::system()).unwrap();
        let principals = open();
        let adopt = |person: &Person, make| principals.adopt(person, make);
        assert_eq!(adopt(&person("bob", Some(DAVE)), false).unwrap().name(), "bob");
        let alice = Some("a11ce000-0000-4000-8000-000000000001");
        assert_eq!(adopt(&person("married-name", alice), true).unwrap().name(), "alice");
        assert!(!folder.path().join(PEOPLE_FILE).exists());

        let dave = person("dave", Some(DAVE));
        assert!(matches!(adopt(&dave, false), Err(AdoptError::Unknown(_))));
        assert_eq!(adopt(&dave, true).unwrap().guid, DAVE);
        assert_eq!(adopt(&person("david", Some(DAVE)), true).unwrap().name(), "dave");
        let invited = open().current().by_address("mailto:dave@example.net").cloned();
        assert_eq!(invited.unwrap().guid, DAVE);
        let other = person("dave", Some("00000000-0000-4000-8000-000000000001"));
        assert!(matches!(adopt(&other, true), Err(AdoptError::OtherPerson(_))));

        let erin = adopt(&person("erin", None), true).unwrap();
        assert_eq!(adopt(&person("erin", None), false).unwrap().guid, erin.guid);
        assert!(adopt(&person("../x", None), true).is_err());
        assert!(adopt(&person("", None), true).is_err());
        assert!(open().current().by_login("erin").is_some());
    }
}
