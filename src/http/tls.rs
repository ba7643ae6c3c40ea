//! TLS (RFC 8446) by rustls: certificate chain and key from PEM files. A reload replaces both for
//! connections to come; those that are open go on.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

use crate::config::{ConfigError, Tls};

/// Certificate and key as the handshake needs them; none where none is configured.
pub fn load(tls: &Tls) -> Result<Option<Arc<ServerConfig>>, ConfigError> {
    let Some(pem) = tls.read()? else { return Ok(None) };
    let wrong =
        |file: &Path, reason: String| ConfigError { file: file.to_owned(), line: None, reason };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem.certificate).collect();
    let chain = chain.map_err(|error| wrong(&tls.certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(wrong(&tls.certificate, "holds no certificate".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(&pem.key);
    let key = key.map_err(|error| wrong(&tls.key, error.to_string()))?;
    let config = configure(chain, key);
    config
        .map(|config| Some(Arc::new(config)))
        .map_err(|error| wrong(&tls.certificate, format!("does not go with the key: {error}")))
}

fn configure(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
