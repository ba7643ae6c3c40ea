//! Passwords tried by a simple bind at an LDAP server (RFC 4513 §5.1.3), and what it says of
//! people. Blocking: called on threads that may block only, each time on a connection of its own.
//!
//! An empty password never gets here as one: a bind with it would succeed as nobody (§5.1.2).

use std::time::Duration;

use ldap3::{LdapConn, LdapConnSettings, LdapError, LdapResult, Scope, SearchEntry};
use ldap3::{dn_escape, ldap_escape};

use crate::config;
use crate::principal::adopt::guid_of;
use crate::principal::{Person, file};

/// `invalidCredentials` (RFC 4511 appendix A).
const INVALID_CREDENTIALS: u32 = 49;
/// Longest name that is asked for.
const NAME_BYTES_MAX: usize = 256;

/// Why an LDAP server does not vouch for somebody.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Wrong name or password.
    #[error("the name or the password is wrong")]
    Wrong,
    /// The server cannot be reached or does not do its part.
    #[error("the LDAP server: {0}")]
    Unavailable(String),
}

impl From<LdapError> for Refusal {
    fn from(error: LdapError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// An LDAP server.
#[derive(Clone, Debug)]
pub struct Ldap {
    options: config::Ldap,
}

impl Ldap {
    /// The server that a configuration names.
    pub fn new(options: config::Ldap) -> Self {
        Self { options }
    }

    /// Tries a name and a password.
    pub fn check(&self, name: &str, password: &str) -> Result<Person, Refusal> {
        if password.is_empty() || name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(Refusal::Wrong);
        }
        let mut connection = self.connect()?;
        let person = if self.options.bind_dn.is_empty() {
            self.search_and_bind(&mut connection, name, password)
        } else {
            self.bind_and_read(&mut connection, name, password)
        };
        let _ = connection.unbind();
        person
    }

    fn connect(&self) -> Result<LdapConn, Refusal> {
        let settings = LdapConnSettings::new()
            .set_conn_timeout(self.timeout())
            .set_starttls(self.options.starttls);
        Ok(LdapConn::with_settings(settings, &self.options.url)?)
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(self.options.timeout_seconds.max(1))
    }

    /// The template names the entry; it is read with its own rights.
    fn bind_and_read(
        &self,
        connection: &mut LdapConn,
        name: &str,
        password: &str,
    ) -> Result<Person, Refusal> {
        let dn = self.options.bind_dn.replace("{name}", &dn_escape(name));
        self.bind(connection, &dn, password)?;
        match self.find(connection, &dn, Scope::Base, "(objectClass=*)") {
            Ok(Some(entry)) => Ok(self.person(entry, name)),
            // Whoever may not read their own entry is known by name only.
            Ok(None) => Ok(Person { name: name.to_owned(), ..Person::default() }),
            Err(refusal) => Err(refusal),
        }
    }

    /// A search finds the entry, with the rights of the service account.
    fn search_and_bind(
        &self,
        connection: &mut LdapConn,
        name: &str,
        password: &str,
    ) -> Result<Person, Refusal> {
        if !self.options.service_dn.is_empty() {
            let secret = self.service_password()?;
            self.bind(connection, &self.options.service_dn, &secret).map_err(|refusal| {
                match refusal {
                    Refusal::Wrong => Refusal::Unavailable("refuses the service account".into()),
                    other => other,
                }
            })?;
        }
        let filter = self.options.search_filter.replace("{name}", &ldap_escape(name));
        let base = &self.options.search_base;
        match self.find(connection, base, Scope::Subtree, &filter)? {
            Some(entry) => {
                self.bind(connection, &entry.dn, password)?;
                Ok(self.person(entry, name))
            }
            None => {
                // An unknown name costs the steps of a wrong password.
                let _ = self.bind(connection, &format!("cn=nobody,{base}"), password);
                Err(Refusal::Wrong)
            }
        }
    }

    fn bind(&self, connection: &mut LdapConn, dn: &str, password: &str) -> Result<(), Refusal> {
        let result = connection.with_timeout(self.timeout()).simple_bind(dn, password)?;
        match result.rc {
            0 => Ok(()),
            // No such entry, wrong password, no password, locked: nobody is told which.
            INVALID_CREDENTIALS | 16 | 19 | 32 | 34 | 48 | 50 | 53 => Err(Refusal::Wrong),
            _ => Err(unavailable(&result)),
        }
    }

    /// The one entry that a search finds; two are none.
    fn find(
        &self,
        connection: &mut LdapConn,
        base: &str,
        scope: Scope,
        filter: &str,
    ) -> Result<Option<SearchEntry>, Refusal> {
        let attributes =
            [self.options.name_attribute.as_str(), "cn", "displayName", "mail", "entryUUID"];
        let search =
            connection.with_timeout(self.timeout()).search(base, scope, filter, attributes)?;
        let result = &search.1;
        // noSuchObject and insufficientAccessRights: nothing that may be seen.
        if !matches!(result.rc, 0 | 32 | 50) {
            return Err(unavailable(result));
        }
        let mut entries =
            search.0.into_iter().filter(|entry| !entry.is_ref() && !entry.is_intermediate());
        match (entries.next(), entries.next()) {
            (Some(entry), None) => Ok(Some(SearchEntry::construct(entry))),
            (None, _) => Ok(None),
            (Some(_), Some(_)) => {
                tracing::warn!(filter, "LDAP: more than one entry, so nobody signs in");
                Ok(None)
            }
        }
    }

    fn person(&self, entry: SearchEntry, typed: &str) -> Person {
        // Attribute names come back in the server's spelling.
        let values = |wanted: &str| {
            let found = entry.attrs.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, values)| values.as_slice()).unwrap_or_default()
        };
        let names = values(&self.options.name_attribute);
        let name = names
            .iter()
            .find(|name| name.eq_ignore_ascii_case(typed))
            .or(names.first())
            .map_or(typed, String::as_str);
        let full_name = values("displayName").first().or(values("cn").first()).cloned();
        Person {
            name: name.to_owned(),
            guid: values("entryUUID").first().and_then(|text| guid_of(text)),
            full_name,
            emails: values("mail").to_vec(),
        }
    }

    fn service_password(&self) -> Result<String, Refusal> {
        let path = &self.options.service_password_file;
        match file::read(path) {
            Ok(Some(text)) => Ok(text.lines().next().unwrap_or_default().to_owned()),
            Ok(None) => Err(Refusal::Unavailable(format!("{} is missing", path.display()))),
            Err(error) => Err(Refusal::Unavailable(format!("{}: {error}", path.display()))),
        }
    }
}

fn unavailable(result: &LdapResult) -> Refusal {
    Refusal::Unavailable(format!("answers {} {}", result.rc, result.text))
}
