//! One structured line per request; never bodies, queries or credentials.

use std::net::IpAddr;
use std::time::Instant;

use crate::dav::{Method, Request};
use crate::metrics::{self, Phase};

/// What is known of a request when its answer has been sent or given up.
#[derive(Debug)]
pub struct Line {
    /// The method, or `REPORT(name)`.
    pub method: String,
    /// The path as it was asked for.
    pub path: String,
    /// The status of the answer.
    pub status: u16,
    /// Bytes of body that were sent.
    pub bytes: u64,
    /// The method, as far as it is known.
    pub kind: Option<Method>,
    /// When the head had arrived.
    pub started: Instant,
    /// When the body had arrived.
    pub received: Option<Instant>,
    /// When the answer began.
    pub answered: Option<Instant>,
    /// Whether nothing is written or counted.
    pub silent: bool,
    /// Who asked; empty for nobody.
    pub user: String,
    /// The client's address.
    pub client: Option<IpAddr>,
}

impl Line {
    /// The line of a request that has not even been understood yet.
    pub fn begin(method: &str, path: &str, client: Option<IpAddr>, started: Instant) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            status: 0,
            bytes: 0,
            kind: Method::parse(method),
            started,
            received: None,
            answered: None,
            silent: false,
            user: String::new(),
            client,
        }
    }

    /// What the understood request adds.
    pub fn describe(&mut self, request: &Request) {
        self.client = request.origin.client;
        self.method = match request.method {
            Method::Report => match root_element(&request.body) {
                Some(name) => format!("REPORT({name})"),
                None => "REPORT".to_owned(),
            },
            method => method.as_str().to_owned(),
        };
    }

    /// Writes the line.
    pub fn write(self) {
        if self.silent {
            return;
        }
        self.count();
        let client = self.client.map(|address| address.to_string());
        let user = if self.user.is_empty() { "-" } else { &self.user };
        let ms = self.started.elapsed().as_micros() as f64 / 1000.0;
        tracing::info!(
            target: "access",
            client = client.as_deref().unwrap_or("-"),
            user,
            method = self.method,
            path = self.path,
            status = self.status,
            bytes = self.bytes,
            ms,
        );
    }
}

impl Line {
    fn count(&self) {
        let (Some(received), Some(answered)) = (self.received, self.answered) else { return };
        metrics::count_request(self.kind, self.status);
        let time = |phase, time| metrics::count_time(self.kind, phase, time);
        time(Phase::Receive, received.duration_since(self.started));
        time(Phase::Answer, answered.duration_since(received));
        time(Phase::Send, answered.elapsed());
    }
}

/// The local name of the root element, found without parsing: only good for a log line.
fn root_element(body: &[u8]) -> Option<&str> {
    let head = &body[..body.len().min(512)];
    let mut rest = head;
    loop {
        let at = memchr::memchr(b'<', rest)?;
        rest = &rest[at + 1..];
        if !matches!(rest.first(), Some(b'?' | b'!')) {
            break;
        }
    }
    let end = rest.iter().position(|byte| b" \t\r\n/>".contains(byte))?;
    let name = std::str::from_utf8(&rest[..end]).ok()?;
    let local = name.rsplit(':').next().unwrap_or(name);
    local.chars().all(|c| c.is_ascii_alphanumeric() || c == '-').then_some(local)
}

#[cfg(test)]
mod tests {
    use super::root_element;

    #[test]
    fn names_the_report() {
        for (body, name) in [
            (
                "<?xml version=\"1.0\"?>\n<!-- x --><C:calendar-query xmlns:C=\"x\">",
                Some("calendar-query"),
            ),
            ("<sync-collection>", Some("sync-collection")),
            ("<D:expand-property/>", Some("expand-property")),
            ("<a\u{1b}[31m>", None),
            ("", None),
            ("<", None),
        ] {
            assert_eq!(root_element(body.as_bytes()), name, "{body}");
        }
    }
}
