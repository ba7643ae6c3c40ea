//! Sign-in by other directories' word: an LDAP server for passwords, an OpenID provider for bearer
//! tokens. What they said is remembered for some minutes; what they refused is not.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use super::ldap::{self, Ldap};
use super::oidc::{self, Oidc};
use super::options::Options;
use super::vouched::{Vouched, Voucher};
use crate::principal::{Person, Principals};

/// Minutes a password is believed without trying it again at the LDAP server.
const PASSWORD_MIN: i64 = 15;

/// Why nobody signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The credentials are wrong, or they are nobody's here.
    Wrong,
    /// They were right once: no sign of guessing.
    Expired,
    /// Nobody can say now.
    Unavailable,
}

/// The other directories.
#[derive(Debug)]
pub struct Others {
    ldap: Option<(Ldap, bool)>,
    oidc: Option<(Oidc, bool)>,
    passwords: Vouched,
    tokens: Vouched,
    principals: Arc<Principals>,
}

impl Others {
    /// Those that the options name.
    pub fn new(options: &Options, principals: Arc<Principals>) -> Self {
        let ldap = options.ldap.clone().map(|ldap| (ldap.make_users, ldap));
        let oidc = options.oidc.clone().map(|oidc| (oidc.make_users, oidc));
        Self {
            ldap: ldap.map(|(make, options)| (Ldap::new(options), make)),
            oidc: oidc.map(|(make, options)| (Oidc::new(options), make)),
            passwords: Vouched::default(),
            tokens: Vouched::default(),
            principals,
        }
    }

    /// Whether passwords can be tried elsewhere.
    pub fn take_passwords(&self) -> bool {
        self.ldap.is_some()
    }

    /// Whether bearer tokens are taken.
    pub fn take_tokens(&self) -> bool {
        self.oidc.is_some()
    }

    /// The user whose name and password these are, if that is remembered.
    pub fn know_password(&self, name: &str, password: &str, now: DateTime<Utc>) -> Option<String> {
        self.passwords.knows(&[name, password], now)
    }

    /// The user whose token this is, if that is remembered.
    pub fn know_token(&self, token: &str, now: DateTime<Utc>) -> Option<String> {
        self.tokens.knows(&[token], now)
    }

    /// Tries a name and a password; gives back the user's GUID.
    pub fn check_password(
        &self,
        name: &str,
        password: &str,
        now: DateTime<Utc>,
    ) -> Result<String, Denial> {
        let Some((ldap, make)) = &self.ldap else { return Err(Denial::Wrong) };
        self.passwords.check(&[name, password], now, || {
            let person = ldap.check(name, password).map_err(|refusal| match refusal {
                ldap::Refusal::Wrong => Denial::Wrong,
                other => unavailable(&other),
            })?;
            // An entry that cannot be read may be spelled otherwise: no user is made of it.
            let guid = self.adopt(&person, *make && person.full_name.is_some())?;
            Ok(Voucher { guid, until: now + Duration::minutes(PASSWORD_MIN) })
        })
    }

    /// Looks at a bearer token; gives back the user's GUID.
    pub fn check_token(&self, token: &str, now: DateTime<Utc>) -> Result<String, Denial> {
        let Some((oidc, make)) = &self.oidc else { return Err(Denial::Wrong) };
        self.tokens.check(&[token], now, || {
            let bearer = oidc.check(token, now).map_err(|refusal| match refusal {
                oidc::Refusal::Expired => Denial::Expired,
                oidc::Refusal::Invalid(reason) => {
                    tracing::info!(target: "daybook::auth", "bearer token refused: {reason}");
                    Denial::Wrong
                }
                other => unavailable(&other),
            })?;
            let guid = self.adopt(&bearer.person, *make)?;
            Ok(Voucher { guid, until: bearer.until })
        })
    }

    fn adopt(&self, person: &Person, make: bool) -> Result<String, Denial> {
        match self.principals.adopt(person, make) {
            Ok(record) => Ok(record.guid.clone()),
            Err(error) => {
                tracing::warn!(target: "daybook::auth", name = ?person.name, "not let in: {error}");
                Err(Denial::Wrong)
            }
        }
    }
}

fn unavailable(refusal: &dyn std::fmt::Display) -> Denial {
    tracing::error!(target: "daybook::auth", "nobody can sign in by another directory: {refusal}");
    Denial::Unavailable
}
