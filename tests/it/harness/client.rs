//! A small blocking HTTP/1.1 client: one connection per request, bytes in, bytes out.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Somebody who sends requests to one server.
#[derive(Clone, Debug)]
pub struct Client {
    address: SocketAddr,
    authorization: Option<String>,
}

impl Client {
    /// A client with or without Basic credentials.
    pub fn new(address: SocketAddr, credentials: Option<(&str, &str)>) -> Self {
        let authorization = credentials.map(|(name, password)| {
            format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
        });
        Self { address, authorization }
    }

    /// Sends one request and reads the answer.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        self.send_raw(&self.request(method, path, headers, body))
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        text += "Connection: close\r\n";
        let given = |name: &str| headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        if let Some(authorization) = self.authorization.as_ref().filter(|_| !given("authorization"))
        {
            text += &format!("Authorization: {authorization}\r\n");
        }
        if !body.is_empty() || matches!(method, "PUT" | "POST" | "REPORT" | "PROPFIND") {
            text += &format!("Content-Length: {}\r\n", body.len());
        }
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        let mut bytes = (text + "\r\n").into_bytes();
        bytes.extend_from_slice(body);
        bytes
    }

    /// Sends these bytes and reads one answer to the end of the connection.
    pub fn send_raw(&self, bytes: &[u8]) -> Reply {
        let mut stream = self.connect();
        // A server that refuses early closes while we still write: its answer counts.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        Reply::parse(&answer).unwrap_or_else(|| {
            panic!("no answer to {:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(200)]))
        })
    }

    /// A bare connection.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    /// GET.
    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    /// PUT of a calendar object.
    pub fn put(&self, path: &str, calendar: &str) -> Reply {
        self.send("PUT", path, &[("Content-Type", "text/calendar")], calendar.as_bytes())
    }

    /// PUT to a server that may die meanwhile; none when there was no complete answer.
    pub fn try_put(&self, path: &str, calendar: &str) -> Option<Reply> {
        self.try_send("PUT", path, &[("Content-Type", "text/calendar")], calendar.as_bytes())
    }

    /// A request to a server that may die meanwhile; none when there was no complete answer.
    pub fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Option<Reply> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
        stream.write_all(&self.request(method, path, headers, body)).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        Reply::parse(&answer)
    }

    /// DELETE.
    pub fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, &[], b"")
    }

    /// PROPFIND; an empty body asks for all properties.
    pub fn propfind(&self, path: &str, depth: &str, body: &str) -> Reply {
        self.send("PROPFIND", path, &[("Depth", depth)], body.as_bytes())
    }

    /// REPORT.
    pub fn report(&self, path: &str, depth: &str, body: &str) -> Reply {
        self.send("REPORT", path, &[("Depth", depth)], body.as_bytes())
    }
}

/// A complete answer.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The header fields in order.
    pub headers: Vec<(String, String)>,
    /// The body without its transfer coding.
    pub body: Vec<u8>,
}

impl Reply {
    /// Reads the last answer in `bytes`; interim ones (100 Continue) are skipped.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status: u16 = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let body = &bytes[end + 4..];
        if (100..200).contains(&status) {
            return Self::parse(body);
        }
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        let mut reply = Self { status, headers, body: Vec::new() };
        reply.body = match (reply.header("transfer-encoding"), reply.header("content-length")) {
            (Some(_), _) => chunked(body),
            (None, Some(length)) => body[..body.len().min(length.parse().unwrap_or(0))].to_vec(),
            (None, None) => body.to_vec(),
        };
        Some(reply)
    }

    /// A header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The reply itself, if it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?}\n{}", self.headers, self.text());
        self
    }
}

fn chunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&rest[..end]).unwrap_or("0");
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        rest = &rest[end + 2..];
        if size == 0 || rest.len() < size {
            break;
        }
        body.extend_from_slice(&rest[..size]);
        rest = rest[size..].strip_prefix(b"\r\n").unwrap_or_default();
    }
    body
}
