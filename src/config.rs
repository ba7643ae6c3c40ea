//! The configuration file: one TOML document, every key with a default and its unit in its name.
//!
//! Keys that are not known are errors. Paths are relative to the directory of the file. Each key
//! is described in `docs/configuration.md` and `docs/daybook.toml`; a test compares the three.

mod auth;
mod data;
mod limits;
mod network;
mod scheduling;
mod server;
mod sign_in;
mod tls;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use auth::{Auth, Directory};
pub use data::{Data, Homes};
pub use limits::Limits;
pub use network::Network;
pub use scheduling::{DamagedCopies, ExternalEdits, Orphans, Scheduling};
pub use server::Server;
pub use sign_in::{Ldap, Oidc};
pub use tls::Tls;

/// The whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Listening, limits of connections, reverse proxies.
    pub server: Server,
    /// Listening with TLS.
    pub tls: Tls,
    /// Where the calendars lie.
    pub data: Data,
    /// Who the users are.
    pub directory: Directory,
    /// How they sign in.
    pub auth: Auth,
    /// A directory where passwords are tried by a bind.
    pub ldap: Ldap,
    /// An OpenID provider whose bearer tokens are taken.
    pub oidc: Oidc,
    /// What everybody's home begins with.
    pub homes: Homes,
    /// Invitations and answers.
    pub scheduling: Scheduling,
    /// What of events others see.
    pub privacy: Privacy,
    /// Limits on what clients store and ask.
    pub limits: Limits,
    /// What is written to the log.
    pub log: Log,
    /// What is counted, and who may see it.
    pub metrics: Metrics,
}

/// `[privacy]`: what of events others see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Privacy {
    /// Whether others see of events with CLASS:PRIVATE or CLASS:CONFIDENTIAL only when they are.
    pub class_counts: bool,
    /// Whether `/` is readable without signing in.
    pub anonymous_root: bool,
    /// Whether `/calendars/` and its collections by type are.
    pub anonymous_navigation: bool,
    /// Whether free-busy URLs are.
    pub anonymous_free_busy: bool,
}

impl Default for Privacy {
    fn default() -> Self {
        Self {
            class_counts: true,
            anonymous_root: true,
            anonymous_navigation: false,
            anonymous_free_busy: false,
        }
    }
}

/// `[log]`: what is written to the log (standard error).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug`, or directives such as `info,daybook::http=debug`.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned() }
    }
}

/// `[metrics]`: what is counted, and who may see it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// Addresses on which `/metrics` is answered to everybody, for Prometheus; empty: nowhere.
    pub listen: Vec<SocketAddr>,
}

/// Why a configuration cannot be used, with the place in the file.
#[derive(Debug, thiserror::Error)]
#[error("{}{}: {reason}", file.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// The line, where the reason has one.
    pub line: Option<usize>,
    /// What is wrong.
    pub reason: String,
}

impl Config {
    /// Reads and checks a configuration file.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file).map_err(|error| ConfigError {
            file: file.to_owned(),
            line: None,
            reason: format!("cannot be read: {error}"),
        })?;
        let mut config = Self::parse(&text, file)?;
        let base = file.parent().unwrap_or(Path::new(""));
        if !config.server.unix.as_os_str().is_empty() {
            config.server.unix = base.join(&config.server.unix);
        }
        if config.tls.is_on() {
            config.tls.certificate = base.join(&config.tls.certificate);
            config.tls.key = base.join(&config.tls.key);
        }
        config.data.root = base.join(&config.data.root);
        config.directory.file = base.join(&config.directory.file);
        sign_in::join(base, &mut config.auth.htpasswd);
        config.ldap.resolve(base);
        config.oidc.resolve(base);
        Ok(config)
    }

    /// Reads and checks the text of a configuration file; paths stay as they are written.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| ConfigError {
            file: file.to_owned(),
            line: error.span().map(|span| line_of(text, span.start)),
            reason: error.message().trim().to_owned(),
        })?;
        config.check().map_err(|(key, reason)| ConfigError {
            file: file.to_owned(),
            line: key_line(text, key),
            reason: format!("{key}: {reason}"),
        })?;
        Ok(config)
    }

    /// What types cannot say; names the key at fault.
    fn check(&self) -> Result<(), (&'static str, String)> {
        self.server.check()?;
        self.tls.check()?;
        self.auth.check()?;
        self.ldap.check()?;
        self.oidc.check()?;
        self.limits.check()
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
}

/// The line that sets `key`; keys are unique over all sections where this is used.
fn key_line(text: &str, key: &str) -> Option<usize> {
    let sets = |line: &str| {
        line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    text.lines().position(sets).map(|index| index + 1)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Config;

    #[test]
    fn says_file_line_and_reason() {
        for (text, expected) in [
            ("[server]\nlisten = 5\n", "c.toml:2: "),
            ("[server]\n\nmax_conections = 5\n", "c.toml:3: unknown field `max_conections`"),
            ("[server]\nprefix = \"x\"\n", "c.toml:2: prefix: must begin with /"),
            ("[server]\nprefix = \"/calendars\"\n", "c.toml:2: prefix: is a path"),
            ("[server]\npublic_url = \"x\"\n", "c.toml:2: public_url: is not"),
            ("[server]\ntrusted_proxies = [\"x\"]\n", "c.toml:2: trusted_proxies: "),
            ("[limits]\n\nbody_bytes = 5\n", "c.toml:3: body_bytes: is smaller"),
            ("[limits\n", "c.toml:1: "),
            ("[ldap]\nurl = \"http://x\"\n", "c.toml:2: url: begins"),
            ("[ldap]\nurl = \"ldap://x\"\nbind_dn = \"\"\n", "c.toml:3: bind_dn: set either"),
            ("[ldap]\nurl = \"ldap://x\"\nbind_dn = \"x\"\n", "c.toml:3: bind_dn: has no {name}"),
            ("[oidc]\nissuer = \"http://x/\"\n", "c.toml:2: issuer: begins with https"),
            ("[oidc]\nissuer = \"https://x/\"\naudience = \"\"\n", "c.toml:3: audience: is"),
        ] {
            let error = Config::parse(text, Path::new("c.toml")).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn nothing_written_means_defaults() {
        assert_eq!(Config::parse("", Path::new("c.toml")).unwrap(), Config::default());
    }
}
