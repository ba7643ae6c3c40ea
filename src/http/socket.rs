//! Where connections come from: TCP, TCP with TLS, a Unix socket, sockets that systemd opened
//! (`LISTEN_FDS`; those whose name in `LISTEN_FDNAMES` is `tls` speak TLS).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use listenfd::ListenFd;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// A socket that listens.
#[derive(Debug)]
pub(super) struct Socket {
    kind: Kind,
    pub(super) tls: bool,
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    Unix(UnixListener, #[expect(dead_code, reason = "it acts when dropped")] Unlink),
}

/// Removes the file of a Unix socket that is ours.
#[derive(Debug)]
struct Unlink(Option<PathBuf>);

impl Drop for Unlink {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = rustix::fs::unlink(path);
        }
    }
}

/// A connection that was accepted.
pub(super) enum Accepted {
    Tcp(TcpStream, IpAddr),
    Unix(UnixStream),
}

impl Socket {
    pub(super) async fn tcp(address: SocketAddr, tls: bool) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await.map_err(|error| named(address, error))?;
        Ok(Self { kind: Kind::Tcp(listener), tls })
    }

    /// Takes the place of a socket that nobody listens on any more, but of nothing else.
    pub(super) async fn unix(path: &Path) -> io::Result<Self> {
        let bound = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                let refused = UnixStream::connect(path)
                    .await
                    .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
                if refused {
                    rustix::fs::unlink(path)?;
                }
                UnixListener::bind(path)
            }
            bound => bound,
        };
        let listener = bound.map_err(|error| named(path.display(), error))?;
        Ok(Self { kind: Kind::Unix(listener, Unlink(Some(path.to_owned()))), tls: false })
    }

    /// A Unix socket for the server's own user. It gets its name when nobody else may open it.
    pub(super) async fn private(path: &Path) -> io::Result<Self> {
        let early = path.with_extension("new");
        let _ = rustix::fs::unlink(&early);
        let listener = UnixListener::bind(&early).map_err(|error| named(path.display(), error))?;
        let own = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::chmod(&early, own)?;
        rustix::fs::rename(&early, path)?;
        Ok(Self { kind: Kind::Unix(listener, Unlink(Some(path.to_owned()))), tls: false })
    }

    /// The sockets that systemd opened for us; usually none.
    pub(super) fn inherited() -> io::Result<Vec<Self>> {
        let mut given = ListenFd::from_env();
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let names: Vec<&str> = names.split(':').collect();
        let mut sockets = Vec::new();
        for at in 0..given.len() {
            let tls = names.get(at) == Some(&"tls");
            if let Ok(Some(listener)) = given.take_tcp_listener(at) {
                listener.set_nonblocking(true)?;
                sockets.push(Self { kind: Kind::Tcp(TcpListener::from_std(listener)?), tls });
            } else if let Ok(Some(listener)) = given.take_unix_listener(at) {
                listener.set_nonblocking(true)?;
                let listener = UnixListener::from_std(listener)?;
                sockets.push(Self { kind: Kind::Unix(listener, Unlink(None)), tls });
            }
        }
        Ok(sockets)
    }

    /// Its address; none for a Unix socket.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        match &self.kind {
            Kind::Tcp(listener) => listener.local_addr().ok(),
            Kind::Unix(..) => None,
        }
    }

    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match &self.kind {
            Kind::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                let _ = stream.set_nodelay(true);
                Ok(Accepted::Tcp(stream, address.ip()))
            }
            Kind::Unix(listener, _) => Ok(Accepted::Unix(listener.accept().await?.0)),
        }
    }
}

fn named(what: impl std::fmt::Display, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot listen on {what}: {error}"))
}
