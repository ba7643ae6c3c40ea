//! `[directory]` and `[auth]`: who the users are, and how they sign in.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::network::Network;

/// `[directory]`: who the users are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Directory {
    /// The accounts file: TOML, or the XML of the reference system.
    pub file: PathBuf,
    /// Names of this server, with port where it is not the scheme's own: principal URLs that begin
    /// with them are calendar user addresses.
    pub hosts: Vec<String>,
}

impl Default for Directory {
    fn default() -> Self {
        Self { file: PathBuf::from("accounts.toml"), hosts: Vec::new() }
    }
}

/// `[auth]`: how they sign in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// Whether HTTP Basic is offered.
    pub basic: bool,
    /// Whether HTTP Digest is offered: works only for accounts whose password or `digest` hash is
    /// in the accounts file.
    pub digest: bool,
    /// Header in which a proxy names the user it has signed in; empty: none.
    pub remote_user_header: String,
    /// Peers whose header is believed: addresses, networks, `unix`.
    pub remote_user_peers: Vec<String>,
    /// htpasswd file whose bcrypt hashes win over the accounts file; empty: none.
    pub htpasswd: PathBuf,
    /// Wrong passwords from one client address within the window before it must wait; 0: any.
    pub failures_per_address: u32,
    /// Wrong passwords for one name within the window before it must wait; 0: any.
    pub failures_per_name: u32,
    /// The window over which they count, and how long the wait is.
    pub failure_window_seconds: u32,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            basic: true,
            digest: false,
            remote_user_header: String::new(),
            remote_user_peers: Vec::new(),
            htpasswd: PathBuf::new(),
            failures_per_address: 20,
            failures_per_name: 50,
            failure_window_seconds: 300,
        }
    }
}

impl Auth {
    /// What types cannot say; names the key at fault.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        for peer in &self.remote_user_peers {
            Network::parse(peer).map_err(|error| ("remote_user_peers", error))?;
        }
        Ok(())
    }
}
