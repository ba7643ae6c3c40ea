//! Bytes ⇄ requests (RFC 9110, 9112, 9113): the only module that knows the network library.
//!
//! `listener` accepts, `connection` speaks HTTP/1.1 or HTTP/2, `exchange` carries one request
//! through `request` → an [`Application`] → `response` → `access_log`. The application is the
//! `pipeline`; it is synchronous, like everything below it.

pub mod access_log;
pub mod connection;
pub mod exchange;
pub mod listener;
pub mod local;
pub mod metrics_page;
pub mod pace;
pub mod pipeline;
pub mod proxy;
pub mod request;
pub mod response;
pub mod socket;
pub mod stream;
pub mod tap;
pub mod threads;
pub mod tls;
pub mod well_known;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio_rustls::rustls::ServerConfig;

use crate::config::{Config, Network};
use crate::dav::{Request, Response};
use threads::Threads;

/// What answers requests.
pub trait Application: Send + Sync + 'static {
    /// Answers one request. May block, may panic: the client gets a 500 then.
    fn answer(&self, request: &Request) -> Answered;

    /// How long `answer` holds others up.
    fn pace(&self, request: &Request) -> Pace {
        let _ = request;
        Pace::Slow
    }
}

/// How long others have to wait for the thread that answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// So little that nobody notices, but for what is done inside of `store::Lengthy`.
    Quick,
    /// The same; and it certainly waits inside of `store::Lengthy`.
    Waiting,
    /// Nobody knows.
    Slow,
}

/// An answer and what the access log wants to know about it.
#[derive(Debug, Default)]
pub struct Answered {
    /// The answer.
    pub response: Response,
    /// Who asked: `alice`, or `alice as bob`; empty for nobody.
    pub user: String,
    /// Whether it waits until `limits::REFUSAL_MS` after the request.
    pub unhurried: bool,
}

impl From<Response> for Answered {
    fn from(response: Response) -> Self {
        Self { response, ..Self::default() }
    }
}

/// What connections need to know; replaced as a whole when the configuration is reloaded.
#[derive(Clone, Debug)]
pub struct Transport {
    prefix: String,
    trusted: Vec<Network>,
    max_connections: usize,
    header_timeout: Duration,
    stall_timeout: Duration,
    compression: bool,
    body_bytes: usize,
    tls: Option<Arc<ServerConfig>>,
    redirect: Option<Redirect>,
    hsts_seconds: u64,
    silent: bool,
}

/// Where clients that come without TLS are sent.
#[derive(Clone, Debug)]
enum Redirect {
    /// A scheme and an authority.
    To(String),
    /// The host they asked for, at this port.
    Port(u16),
}

impl Transport {
    /// With certificate and key; without, sockets for TLS accept nobody.
    pub fn with_tls(self, tls: Option<Arc<ServerConfig>>) -> Self {
        Self { tls, ..self }
    }

    /// As seen from the same host: no proxy, no TLS.
    pub fn local(self) -> Self {
        Self { prefix: String::new(), trusted: Vec::new(), redirect: None, ..self }
    }

    /// Without lines in the access log and without being counted.
    pub fn silent(self) -> Self {
        Self { silent: true, ..self }
    }
}

impl From<&Config> for Transport {
    fn from(config: &Config) -> Self {
        let server = &config.server;
        Self {
            prefix: server.prefix.clone(),
            trusted: Network::parse_all(&server.trusted_proxies),
            max_connections: server.max_connections,
            header_timeout: Duration::from_secs(server.header_timeout_seconds),
            stall_timeout: Duration::from_secs(server.stall_timeout_seconds),
            compression: server.compression,
            body_bytes: config.limits.body_bytes,
            tls: None,
            redirect: redirect(config),
            hsts_seconds: config.tls.hsts_seconds,
            silent: false,
        }
    }
}

fn redirect(config: &Config) -> Option<Redirect> {
    let url = config.server.public_url.trim_end_matches('/');
    match config.tls.listen.first() {
        Some(_) if config.tls.redirect && url.starts_with("https://") => {
            Some(Redirect::To(url.to_owned()))
        }
        Some(address) if config.tls.redirect => Some(Redirect::Port(address.port())),
        _ => None,
    }
}

/// An application with the transport it is reached by.
pub struct Site {
    /// What answers.
    pub application: Arc<dyn Application>,
    /// How it is reached.
    pub transport: ArcSwap<Transport>,
    /// Where it answers.
    pub threads: Arc<Threads>,
}

impl Site {
    /// Puts an application behind a transport.
    pub fn new(
        application: Arc<dyn Application>,
        transport: Transport,
        threads: &Arc<Threads>,
    ) -> Arc<Self> {
        let (transport, threads) = (ArcSwap::from_pointee(transport), Arc::clone(threads));
        Arc::new(Self { application, transport, threads })
    }
}
