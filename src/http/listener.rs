//! Sockets: accepts connections up to the limit and ends them gracefully.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::proxy::Peer;
use super::socket::{Accepted, Socket};
use super::{Site, connection};
use crate::config::Config;
use crate::metrics;

/// Sockets that listen and do not accept yet.
#[derive(Debug)]
pub struct Listener {
    sockets: Vec<Socket>,
}

impl Listener {
    /// Binds addresses without TLS.
    pub async fn bind(addresses: &[SocketAddr]) -> io::Result<Self> {
        let mut sockets = Vec::with_capacity(addresses.len());
        for address in addresses {
            sockets.push(Socket::tcp(*address, false).await?);
        }
        Ok(Self { sockets })
    }

    /// Everything that is configured; what systemd opened stands in for all of it.
    pub async fn open(config: &Config) -> io::Result<Self> {
        let sockets = Socket::inherited()?;
        if !sockets.is_empty() {
            return Ok(Self { sockets });
        }
        let mut listener = Self::bind(&config.server.listen).await?;
        for address in &config.tls.listen {
            listener.sockets.push(Socket::tcp(*address, true).await?);
        }
        if !config.server.unix.as_os_str().is_empty() {
            listener.sockets.push(Socket::unix(&config.server.unix).await?);
        }
        Ok(listener)
    }

    /// The socket in the data directory for those who may write to it.
    pub async fn local(path: &Path) -> io::Result<Self> {
        Ok(Self { sockets: vec![Socket::private(path).await?] })
    }

    /// Listens nowhere.
    pub fn nowhere() -> Self {
        Self { sockets: Vec::new() }
    }

    /// Where it listens, and whether with TLS; port 0 has become a real one.
    pub fn addresses(&self) -> Vec<(SocketAddr, bool)> {
        self.sockets.iter().filter_map(|socket| Some((socket.address()?, socket.tls))).collect()
    }

    /// Serves until `stop` says true, then lets requests finish for at most `patience`.
    pub async fn serve(self, site: Arc<Site>, stop: watch::Receiver<bool>, patience: Duration) {
        let open = Arc::new(AtomicUsize::new(0));
        let graceful = GracefulShutdown::new();
        let accepting = self.sockets.into_iter().map(|socket| {
            let (site, stop, open) = (Arc::clone(&site), stop.clone(), Arc::clone(&open));
            accept(socket, site, stop, open, &graceful)
        });
        let accepting: Vec<_> = accepting.collect();
        futures_join(accepting).await;
        if tokio::time::timeout(patience, graceful.shutdown()).await.is_err() {
            tracing::warn!("requests were still under way when the server ended");
        }
    }
}

/// Waits for all; the sockets are few.
async fn futures_join<F: Future<Output = ()>>(futures: Vec<F>) {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|context| {
        futures.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if futures.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

async fn accept(
    socket: Socket,
    site: Arc<Site>,
    mut stop: watch::Receiver<bool>,
    open: Arc<AtomicUsize>,
    graceful: &GracefulShutdown,
) {
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let accepted = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, mostly: wait for some to come back.
                tracing::warn!(%error, "cannot accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (site, watcher, place) = (Arc::clone(&site), graceful.watcher(), Place::take(&open));
        let peer = |address| Peer { address, tls: socket.tls };
        match accepted {
            Accepted::Tcp(stream, address) => {
                tokio::spawn(admit(stream, peer(Some(address)), site, watcher, place));
            }
            Accepted::Unix(stream) => {
                tokio::spawn(admit(stream, peer(None), site, watcher, place));
            }
        }
    }
}

/// Serves a connection if there is room for it.
async fn admit<S>(stream: S, peer: Peer, site: Arc<Site>, watcher: Watcher, place: Place)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    metrics::count_connection();
    let transport = site.transport.load_full();
    if place.number > transport.max_connections {
        tracing::warn!(client = ?peer.address, open = place.number, "too many connections");
        // Without a handshake a client of TLS would not understand the answer.
        if !peer.tls {
            refuse(stream, place).await;
        }
        return;
    }
    if !peer.tls {
        return connection::serve(stream, peer, site, watcher).await;
    }
    let Some(tls) = &transport.tls else { return };
    let shaking = TlsAcceptor::from(Arc::clone(tls)).accept(stream);
    match tokio::time::timeout(transport.header_timeout, shaking).await {
        Ok(Ok(stream)) => connection::serve(stream, peer, site, watcher).await,
        Ok(Err(error)) => tracing::debug!(client = ?peer.address, %error, "no TLS"),
        Err(_) => tracing::debug!(client = ?peer.address, "no TLS within the time"),
    }
    drop(place);
}

/// One of the connections that are open.
struct Place {
    open: Arc<AtomicUsize>,
    number: usize,
}

impl Place {
    fn take(open: &Arc<AtomicUsize>) -> Self {
        Self { number: open.fetch_add(1, Ordering::Relaxed) + 1, open: Arc::clone(open) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Tells a client to come back later, without reading what it wants.
async fn refuse(mut stream: impl AsyncWrite + Unpin, place: Place) {
    drop(place);
    // Spread, so that those turned away do not come back all at once.
    let seconds = rand::random_range(5..30);
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: {seconds}\r\nContent-Length: 0\r\n\
         Connection: close\r\n\r\n"
    );
    let _ = tokio::time::timeout(Duration::from_secs(1), async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    })
    .await;
}
