//! A request as every layer below `http` sees it: decoded, bounded, complete.

use bytes::Bytes;
use http::HeaderMap;

use super::{DavPath, Method};

/// One request. `http::request` makes it; nothing below knows the network library.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The decoded path, without the prefix a reverse proxy may have added.
    pub path: DavPath,
    /// The raw query, without `?`.
    pub query: Option<String>,
    /// All header fields.
    pub headers: HeaderMap,
    /// The whole body, within the limit of its kind.
    pub body: Bytes,
    /// How the client reached us; needed to write and to read absolute URLs.
    pub origin: Origin,
}

/// The client's view of this server: scheme, authority and path prefix (RFC 9110 §4.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// `http` or `https`.
    pub scheme: String,
    /// Host and port as the client wrote them.
    pub authority: String,
    /// Path prefix of a reverse proxy, without trailing slash; usually empty.
    pub prefix: String,
    /// The client's address, after trusted proxies; absent on a Unix socket.
    pub client: Option<std::net::IpAddr>,
    /// Who is at the other end of the connection: the client, or the last proxy before us.
    pub peer: Option<std::net::IpAddr>,
}

impl Request {
    /// The text of a header field, if present once and readable.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The href of `path` for this client, prefix included.
    pub fn href(&self, path: &DavPath) -> String {
        format!("{}{}", self.origin.prefix, path.href())
    }
}
