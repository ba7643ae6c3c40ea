//! What an administrator chooses about signing in.

use std::path::PathBuf;

use super::throttle::Limits;
use crate::config::{self, Network};

/// What an administrator chooses.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether Basic is offered.
    pub basic: bool,
    /// Whether Digest is offered.
    pub digest: bool,
    /// A proxy that signs people in and says who they are.
    pub remote_user: Option<RemoteUser>,
    /// A file whose passwords win over those of the accounts file.
    pub htpasswd: Option<PathBuf>,
    /// Where app passwords are kept, if there are any.
    pub app_passwords: Option<PathBuf>,
    /// A server where passwords are tried by a bind.
    pub ldap: Option<config::Ldap>,
    /// A provider whose bearer tokens are taken.
    pub oidc: Option<config::Oidc>,
    /// Brakes on guessing.
    pub throttle: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            basic: true,
            digest: false,
            remote_user: None,
            htpasswd: None,
            app_passwords: None,
            ldap: None,
            oidc: None,
            throttle: Limits::default(),
        }
    }
}

/// A header that is believed when it comes from certain peers, and from nobody else.
#[derive(Clone, Debug)]
pub struct RemoteUser {
    /// The header's name in lower case (`x-remote-user`).
    pub header: String,
    /// The peers.
    pub peers: Vec<Network>,
}

impl From<&config::Config> for Options {
    fn from(config: &config::Config) -> Self {
        let auth = &config.auth;
        let header = auth.remote_user_header.to_ascii_lowercase();
        let peers = Network::parse_all(&auth.remote_user_peers);
        Self {
            basic: auth.basic,
            digest: auth.digest,
            remote_user: (!header.is_empty()).then_some(RemoteUser { header, peers }),
            htpasswd: Some(auth.htpasswd.clone()).filter(|path| !path.as_os_str().is_empty()),
            app_passwords: Some(config.data.root.join("app-passwords.toml")),
            ldap: Some(config.ldap.clone()).filter(|ldap| !ldap.url.is_empty()),
            oidc: Some(config.oidc.clone()).filter(|oidc| !oidc.issuer.is_empty()),
            throttle: Limits {
                per_address: auth.failures_per_address,
                per_name: auth.failures_per_name,
                window_s: i64::from(auth.failure_window_seconds),
            },
        }
    }
}
