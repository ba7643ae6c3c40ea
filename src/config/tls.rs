//! `[tls]`: listening with TLS.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// `[tls]`: listening with TLS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Addresses with ports.
    pub listen: Vec<SocketAddr>,
    /// PEM file with the certificate and those above it, the server's own first.
    pub certificate: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
    /// Whether clients that come without TLS are sent here.
    pub redirect: bool,
    /// How long browsers shall use TLS only (Strict-Transport-Security); 0: nothing is said.
    pub hsts_seconds: u64,
}

/// What the two files hold.
pub struct Pem {
    /// The certificate and those above it.
    pub certificate: Vec<u8>,
    /// The private key.
    pub key: Vec<u8>,
}

impl Tls {
    /// Whether there is a certificate.
    pub fn is_on(&self) -> bool {
        !self.certificate.as_os_str().is_empty()
    }

    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        if !self.listen.is_empty() && !self.is_on() {
            return Err(("certificate", "is needed to listen with TLS".to_owned()));
        }
        if self.is_on() && self.key.as_os_str().is_empty() {
            return Err(("certificate", "needs a key beside it".to_owned()));
        }
        if self.redirect && self.listen.is_empty() {
            return Err(("redirect", "needs a place to go: [tls] listen".to_owned()));
        }
        Ok(())
    }

    /// Certificate and key as they are on the disk; none where none is configured.
    pub fn read(&self) -> Result<Option<Pem>, ConfigError> {
        if !self.is_on() {
            return Ok(None);
        }
        let read = |file: &Path| {
            std::fs::read(file).map_err(|error| ConfigError {
                file: file.to_owned(),
                line: None,
                reason: format!("cannot be read: {error}"),
            })
        };
        Ok(Some(Pem { certificate: read(&self.certificate)?, key: read(&self.key)? }))
    }
}
