//! Sockets: accepts connections up to the limit and ends them gracefully.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::proxy::Peer;
use super::{Site, connection};

/// Sockets that listen and do not accept yet.
#[derive(Debug)]
pub struct Listener {
    sockets: Vec<TcpListener>,
}

impl Listener {
    /// Binds every address.
    pub async fn bind(addresses: &[SocketAddr]) -> io::Result<Self> {
        let mut sockets = Vec::with_capacity(addresses.len());
        for address in addresses {
            let socket = TcpListener::bind(address).await.map_err(|error| {
                io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
            })?;
            sockets.push(socket);
        }
        Ok(Self { sockets })
    }

    /// Where it listens; port 0 has become a real one.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect()
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
    socket: TcpListener,
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
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, mostly: wait for some to come back.
                tracing::warn!(%error, "cannot accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let place = Place::take(&open);
        if place.number > site.transport.load().max_connections {
            tracing::warn!(client = %address.ip(), open = place.number, "too many connections");
            tokio::spawn(refuse(stream, place));
            continue;
        }
        let _ = stream.set_nodelay(true);
        let peer = Peer { address: Some(address.ip()), tls: false };
        let (site, watcher) = (Arc::clone(&site), graceful.watcher());
        tokio::spawn(async move {
            connection::serve(stream, peer, site, watcher).await;
            drop(place);
        });
    }
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
async fn refuse(mut stream: TcpStream, place: Place) {
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
