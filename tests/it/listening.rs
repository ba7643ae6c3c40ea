//! TLS, Unix sockets, sockets from systemd, the listener for metrics.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::harness::{Client, Reply, Server};

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/tls");
    fs::read(folder.join(name)).unwrap()
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A connection to a server that must prove this name.
struct Secure(StreamOwned<ClientConnection, TcpStream>);

impl Secure {
    fn open(address: SocketAddr, name: &'static str) -> std::io::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&fixture("authority.crt")).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(name).unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut secure = Self(StreamOwned::new(connection, stream));
        secure.0.flush()?;
        Ok(secure)
    }

    /// One request; the connection stays open.
    fn health(&mut self) -> Reply {
        self.0.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nok\n") {
            let mut some = [0; 1024];
            let count = self.0.read(&mut some).unwrap();
            assert!(count > 0, "{}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&some[..count]);
        }
        Reply::parse(&answer).unwrap()
    }
}

#[test]
fn tls_with_chain_reload_redirect_and_hsts() {
    let (folder, address) = (tempfile::tempdir().unwrap(), free_address());
    let file = |name: &str| folder.path().join(name);
    let install = |name: &str| {
        fs::write(file("chain.pem"), fixture(&format!("{name}.crt"))).unwrap();
        fs::write(file("key.pem"), fixture(&format!("{name}.key"))).unwrap();
    };
    install("first");
    let mut server = Server::start_with(&format!(
        "[tls]\nlisten = [\"{address}\"]\ncertificate = {:?}\nkey = {:?}\nredirect = true\n\
         hsts_seconds = 5000\n",
        file("chain.pem"),
        file("key.pem")
    ));
    // Its certificate is no certificate in the end.
    server.skip_check();
    let mut old = Secure::open(address, "first.example.com").unwrap();
    assert_eq!(old.health().header("strict-transport-security"), Some("max-age=5000"));
    assert!(Secure::open(address, "second.example.com").is_err());

    let plain = server.client("alice");
    assert_eq!(plain.get("/health").expect(200).header("strict-transport-security"), None);
    for (method, status) in [("GET", 301), ("PROPFIND", 301), ("PUT", 308)] {
        let reply = plain.send(method, "/calendars/?a=b", &[], b"").expect(status);
        let to = format!("https://{address}/calendars/?a=b");
        assert_eq!(reply.header("location"), Some(to.as_str()));
    }

    install("second");
    server.signal("HUP");
    server.wait_for_log("configuration reloaded");
    assert_eq!(old.health().status, 200, "an open connection survives");
    assert_eq!(Secure::open(address, "second.example.com").unwrap().health().status, 200);
    assert!(Secure::open(address, "first.example.com").is_err());

    fs::write(file("chain.pem"), "no certificate").unwrap();
    server.signal("HUP");
    server.wait_for_log("configuration not reloaded");
    assert_eq!(Secure::open(address, "second.example.com").unwrap().health().status, 200);
}

fn ask_health(path: &Path) -> String {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.write_all(b"GET /health HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_unix_socket_is_listened_on_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let mut server = Server::start_with(&format!("[server]\nunix = {path:?}\n"));
    assert!(ask_health(&path).ends_with("ok\n"));
    server.kill();
    assert!(path.exists(), "nobody could remove it");
    server.start_again();
    assert!(ask_health(&path).ends_with("ok\n"));
    assert!(server.stop().success());
    assert!(!path.exists());
}

#[test]
fn sockets_of_systemd_are_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let script = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" serve --demo";
    let mut child = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_daybook")])
        .current_dir(folder.path())
        .stdin(Stdio::from(OwnedFd::from(listener)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The socket listens already: the answer comes as soon as the server is up.
    let reply = Client::new(address, None).get("/health");
    let _ = child.kill();
    let _ = child.wait();
    assert_eq!(reply.expect(200).text(), "ok\n");
}

#[test]
fn metrics_are_served_apart() {
    let address = free_address();
    let server = Server::start_with(&format!("[metrics]\nlisten = [\"{address}\"]\n"));
    let alice = server.client("alice");
    let object = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//T//EN\r\nBEGIN:VEVENT\r\nUID:1\r\n\
                  DTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\n\
                  ORGANIZER:mailto:alice@example.com\r\nATTENDEE:mailto:alice@example.com\r\n\
                  ATTENDEE:mailto:bob@example.com\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    alice.put("/calendars/users/alice/calendar/1.ics", object).expect(201);
    server.anonymous().get("/calendars/").expect(401);
    let counts = Client::new(address, None);
    let text = counts.get("/metrics").expect(200).text();
    for line in [
        "daybook_requests_total{method=\"PUT\",status=\"201\"} 1",
        "daybook_requests_total{method=\"GET\",status=\"401\"} 1",
        "daybook_request_seconds_count{method=\"PUT\",phase=\"answer\"} 1",
        "daybook_messages_delivered_total 1",
        "daybook_homes_open 2",
        "daybook_damaged_files 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("alice"), "{text}");
    counts.get("/calendars/").expect(404);
    server.anonymous().get("/metrics").expect(401);
}
