//! `[server]`: listening, limits of connections, reverse proxies.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::network::Network;

/// `[server]`: listening, limits of connections, reverse proxies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Addresses with ports; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// URL under which clients should reach this server, where `/.well-known/caldav` sends them;
    /// empty: the way they came.
    pub public_url: String,
    /// Path of a Unix socket to listen on as well; empty: none.
    pub unix: PathBuf,
    /// Path prefix under which a reverse proxy shows this server; empty for none.
    pub prefix: String,
    /// Addresses, networks (`10.0.0.0/8`) or `unix` whose X-Forwarded-* fields are believed.
    pub trusted_proxies: Vec<String>,
    /// Connections at one time; further ones are answered 503 and closed.
    pub max_connections: usize,
    /// Time a client has for the head of its (next) request.
    pub header_timeout_seconds: u64,
    /// Time without any progress after which a body is given up, in either direction.
    pub stall_timeout_seconds: u64,
    /// Time that requests have to finish when the server is stopped.
    pub shutdown_timeout_seconds: u64,
    /// Whether XML and other text answers are compressed for clients that are not on this host.
    pub compression: bool,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 8008))],
            public_url: String::new(),
            unix: PathBuf::new(),
            prefix: String::new(),
            trusted_proxies: Vec::new(),
            max_connections: 1000,
            header_timeout_seconds: 30,
            stall_timeout_seconds: 60,
            shutdown_timeout_seconds: 20,
            compression: true,
        }
    }
}

impl Server {
    /// What types cannot say; names the key at fault.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        let prefix = &self.prefix;
        if !prefix.is_empty() && (!prefix.starts_with('/') || prefix.ends_with('/')) {
            return Err(("prefix", "must begin with / and not end with it".to_owned()));
        }
        if ["/calendars", "/principals"].iter().any(|own| prefix == own) {
            return Err(("prefix", "is a path of the server itself".to_owned()));
        }
        let known = |scheme: &&str| self.public_url.starts_with(*scheme);
        if !self.public_url.is_empty() && !["http://", "https://"].iter().any(known) {
            return Err(("public_url", "is not a URL of http or https".to_owned()));
        }
        for proxy in &self.trusted_proxies {
            Network::parse(proxy).map_err(|error| ("trusted_proxies", error))?;
        }
        if self.max_connections == 0 {
            return Err(("max_connections", "must be at least 1".to_owned()));
        }
        Ok(())
    }
}
