//! An HTTP/1.1 client over one kept-alive connection, many of them on one thread. It measures, so
//! it copies little; statuses are checked by whoever asks.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use memchr::memmem;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One request, complete.
#[derive(Clone)]
pub struct Call {
    pub method: &'static str,
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Call {
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn body(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("Content-Type", media_type)
    }
}

/// Whom to ask, and as whom.
#[derive(Clone)]
pub struct Account {
    pub address: SocketAddr,
    /// Value of the header field; empty: there is none.
    pub authorization: String,
    /// How long an answer may take.
    pub patience: Duration,
}

impl Account {
    pub fn new(address: SocketAddr, user: &str, password: &str) -> Self {
        let secret = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        let patience = Duration::from_secs(120);
        Self { address, authorization: format!("Basic {secret}"), patience }
    }
}

/// A connection that is opened again when the server closes it.
pub struct Client {
    account: Account,
    stream: Option<TcpStream>,
    /// The request on its way out.
    out: Vec<u8>,
    /// What arrived.
    buffer: Vec<u8>,
    /// The body of a chunked answer.
    joined: Vec<u8>,
}

/// Where the body of an answer is.
enum Body {
    Buffered(usize, usize),
    Joined,
}

impl Client {
    pub fn new(account: Account) -> Self {
        let (out, buffer, joined) = (Vec::new(), Vec::new(), Vec::new());
        Self { account, stream: None, out, buffer, joined }
    }

    /// Sends a request; the status and the body of the answer.
    pub async fn send(&mut self, call: &Call) -> io::Result<(u16, &[u8])> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.account.address).await?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        self.write_request(call);
        let exchange = async {
            stream.write_all(&self.out).await?;
            self.buffer.clear();
            read_answer(&mut stream, &mut self.buffer, &mut self.joined, call.method).await
        };
        let answer = tokio::time::timeout(self.account.patience, exchange).await;
        let (status, body, close) = answer.map_err(|_| io::ErrorKind::TimedOut)??;
        if !close {
            self.stream = Some(stream);
        }
        Ok(match body {
            Body::Buffered(start, end) => (status, &self.buffer[start..end]),
            Body::Joined => (status, &self.joined),
        })
    }

    /// Sends and insists on one of these statuses.
    pub async fn expect(&mut self, call: &Call, statuses: &[u16]) -> io::Result<&[u8]> {
        let (status, body) = self.send(call).await?;
        if statuses.contains(&status) {
            return Ok(body);
        }
        let text = String::from_utf8_lossy(&body[..body.len().min(400)]).into_owned();
        Err(io::Error::other(format!("{} {}: {status} {text}", call.method, call.path)))
    }

    fn write_request(&mut self, call: &Call) {
        self.out.clear();
        let address = self.account.address.to_string();
        let length = call.body.len().to_string();
        let mut line = |parts: &[&str]| {
            parts.iter().for_each(|part| self.out.extend_from_slice(part.as_bytes()));
            self.out.extend_from_slice(b"\r\n");
        };
        line(&[call.method, " ", &call.path, " HTTP/1.1"]);
        line(&["Host: ", &address]);
        if !self.account.authorization.is_empty() {
            line(&["Authorization: ", &self.account.authorization]);
        }
        for (name, value) in &call.headers {
            line(&[name, ": ", value]);
        }
        if !call.body.is_empty() {
            line(&["Content-Length: ", &length]);
        }
        line(&[]);
        self.out.extend_from_slice(&call.body);
    }
}

async fn read_answer(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    joined: &mut Vec<u8>,
    method: &str,
) -> io::Result<(u16, Body, bool)> {
    let head = loop {
        if let Some(end) = memmem::find(buffer, b"\r\n\r\n") {
            break end + 4;
        }
        more(stream, buffer).await?;
    };
    let text = String::from_utf8_lossy(&buffer[..head]);
    // HTTP/1.0 ends a connection with its answer unless it says otherwise.
    let (mut length, mut chunked, mut close) = (0usize, false, text.starts_with("HTTP/1.0"));
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(io::Error::other)?;
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            chunked = value.contains("chunked");
        } else if name.eq_ignore_ascii_case("connection") {
            // An offer to change the protocol (`Upgrade`) does not end anything.
            let says = |word| value.split(',').any(|v| v.trim().eq_ignore_ascii_case(word));
            close = says("close") || close && !says("keep-alive");
        }
    }
    drop(text);
    if chunked {
        read_chunks(stream, buffer, head, joined).await?;
        return Ok((status, Body::Joined, close));
    }
    if method == "HEAD" || status == 204 || status == 304 {
        length = 0;
    }
    buffer.reserve((head + length).saturating_sub(buffer.len()));
    while buffer.len() < head + length {
        more(stream, buffer).await?;
    }
    Ok((status, Body::Buffered(head, head + length), close))
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.reserve(32 * 1024);
    match stream.read_buf(buffer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

async fn read_chunks(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    mut at: usize,
    joined: &mut Vec<u8>,
) -> io::Result<()> {
    joined.clear();
    loop {
        let end = loop {
            match memmem::find(&buffer[at..], b"\r\n") {
                Some(end) => break at + end,
                None => more(stream, buffer).await?,
            }
        };
        let text = String::from_utf8_lossy(&buffer[at..end]);
        let size = text.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
        drop(text);
        let start = end + 2;
        while buffer.len() < start + size + 2 {
            more(stream, buffer).await?;
        }
        if size == 0 {
            return Ok(());
        }
        joined.extend_from_slice(&buffer[start..start + size]);
        at = start + size + 2;
        if at == buffer.len() {
            buffer.clear();
            at = 0;
        }
    }
}
