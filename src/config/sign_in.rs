//! `[ldap]` and `[oidc]`: other directories that vouch for people.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// `[ldap]`: passwords are tried by a bind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ldap {
    /// `ldap://host:389` or `ldaps://host`; empty: no LDAP.
    pub url: String,
    /// Whether TLS is begun on an `ldap://` connection before anything is sent.
    pub starttls: bool,
    /// The name to bind with, `{name}` standing for who signs in; empty: it is searched for.
    pub bind_dn: String,
    /// Where people are searched for.
    pub search_base: String,
    /// How they are searched for.
    pub search_filter: String,
    /// Who searches; empty: nobody in particular.
    pub service_dn: String,
    /// File whose first line is the password of that name.
    pub service_password_file: PathBuf,
    /// The attribute that holds the name.
    pub name_attribute: String,
    /// Whether people without an account get one when they first sign in.
    pub make_users: bool,
    /// Time for each step of a conversation.
    pub timeout_seconds: u64,
}

impl Default for Ldap {
    fn default() -> Self {
        Self {
            url: String::new(),
            starttls: false,
            bind_dn: String::new(),
            search_base: String::new(),
            search_filter: "(&(objectClass=person)(uid={name}))".to_owned(),
            service_dn: String::new(),
            service_password_file: PathBuf::new(),
            name_attribute: "uid".to_owned(),
            make_users: false,
            timeout_seconds: 5,
        }
    }
}

/// `[oidc]`: bearer tokens of an OpenID provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Oidc {
    /// The provider's issuer URL; empty: no bearer tokens.
    pub issuer: String,
    /// What a token's `aud` has to hold.
    pub audience: String,
    /// Where the provider's keys are; empty: what its discovery document says.
    pub jwks_url: String,
    /// Where tokens are asked about (RFC 7662) instead of being checked here; empty: they are not.
    pub introspection_url: String,
    /// As whom they are asked about.
    pub client_id: String,
    /// File whose first line is the secret of that client.
    pub client_secret_file: PathBuf,
    /// The claim that names the user.
    pub name_claim: String,
    /// Whether people without an account get one when they first come.
    pub make_users: bool,
    /// Time for one question to the provider.
    pub timeout_seconds: u64,
}

impl Default for Oidc {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            audience: String::new(),
            jwks_url: String::new(),
            introspection_url: String::new(),
            client_id: String::new(),
            client_secret_file: PathBuf::new(),
            name_claim: "preferred_username".to_owned(),
            make_users: false,
            timeout_seconds: 5,
        }
    }
}

/// The key at fault and why.
type Fault = (&'static str, String);

impl Ldap {
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.url.is_empty() {
            return Ok(());
        }
        if !["ldap://", "ldaps://"].iter().any(|scheme| self.url.starts_with(scheme)) {
            return Err(("url", "begins with ldap:// or ldaps://".to_owned()));
        }
        if self.bind_dn.is_empty() == self.search_base.is_empty() {
            let reason = "set either this or search_base, and not both";
            return Err(("bind_dn", reason.to_owned()));
        }
        let (key, text) = match self.bind_dn.is_empty() {
            true => ("search_filter", &self.search_filter),
            false => ("bind_dn", &self.bind_dn),
        };
        if !text.contains("{name}") {
            return Err((key, "has no {name}".to_owned()));
        }
        Ok(())
    }

    pub(super) fn resolve(&mut self, base: &Path) {
        join(base, &mut self.service_password_file);
    }
}

impl Oidc {
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.issuer.is_empty() {
            return Ok(());
        }
        for (key, url) in [
            ("issuer", &self.issuer),
            ("jwks_url", &self.jwks_url),
            ("introspection_url", &self.introspection_url),
        ] {
            let host = url.strip_prefix("http://").unwrap_or_default();
            let local = ["127.0.0.1", "localhost", "[::1]"].iter().any(|own| {
                host.strip_prefix(own)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
            });
            if !(url.is_empty() || url.starts_with("https://") || local) {
                return Err((key, "begins with https://, unless it is on this host".to_owned()));
            }
        }
        if self.audience.is_empty() && self.introspection_url.is_empty() {
            let reason = "is needed: a token made for another service must not open this one";
            return Err(("audience", reason.to_owned()));
        }
        Ok(())
    }

    pub(super) fn resolve(&mut self, base: &Path) {
        join(base, &mut self.client_secret_file);
    }
}

/// Makes a path that is set relative to a folder.
pub(super) fn join(base: &Path, path: &mut PathBuf) {
    if !path.as_os_str().is_empty() {
        *path = base.join(&*path);
    }
}
