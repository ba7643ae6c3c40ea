//! One connection: HTTP/1.1, or HTTP/2 with prior knowledge (RFC 9113 §3.3), by its first bytes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use super::exchange::{Arrival, exchange};
use super::pace::Paced;
use super::proxy::Peer;
use super::tap::{RawHead, Tapped};
use super::{Site, Transport};
use crate::limits;

const HTTP2_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Serves a connection until its end. Only the client's mistakes are lost here; they are worth
/// a debug line.
pub(super) async fn serve<S>(stream: S, peer: Peer, site: Arc<Site>, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let transport = site.transport.load_full();
    let mut stream = Paced::new(stream, transport.stall_timeout);
    let first = first_bytes(&mut stream);
    let outcome = match tokio::time::timeout(transport.header_timeout, first).await {
        Ok(Ok(first)) if first == HTTP2_PREFACE => {
            let stream = Tapped::new(stream, first, RawHead::finished());
            http2(stream, peer, site, &transport, watcher).await
        }
        Ok(Ok(first)) if first.is_empty() => Ok(()),
        Ok(Ok(first)) => {
            let raw = RawHead::default();
            let stream = Tapped::new(stream, first, raw.clone());
            http1(stream, Arrival { peer, raw: Some(raw) }, site, &transport, watcher).await
        }
        Ok(Err(_)) | Err(_) => Ok(()),
    };
    if let Err(error) = outcome {
        tracing::debug!(client = ?peer.address, %error, "connection ended");
    }
}

/// The bytes that tell the protocols apart; fewer when the connection ends before.
async fn first_bytes(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(HTTP2_PREFACE.len());
    while bytes.len() < HTTP2_PREFACE.len() && HTTP2_PREFACE.starts_with(&bytes) {
        if stream.take((HTTP2_PREFACE.len() - bytes.len()) as u64).read_buf(&mut bytes).await? == 0
        {
            break;
        }
    }
    Ok(bytes)
}

async fn http1<S>(
    stream: S,
    arrival: Arrival,
    site: Arc<Site>,
    transport: &Transport,
    watcher: Watcher,
) -> hyper::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| exchange(Arc::clone(&site), arrival.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(transport.header_timeout)
        .max_headers(limits::REQUEST_HEADER_COUNT)
        .max_buf_size(limits::REQUEST_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    watcher.watch(connection).await
}

async fn http2<S>(
    stream: S,
    peer: Peer,
    site: Arc<Site>,
    transport: &Transport,
    watcher: Watcher,
) -> hyper::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let arrival = Arrival { peer, raw: None };
    let service = service_fn(move |request| exchange(Arc::clone(&site), arrival.clone(), request));
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(transport.header_timeout))
        .keep_alive_timeout(Duration::from_secs(20))
        .max_concurrent_streams(limits::CONCURRENT_STREAMS)
        .max_header_list_size(limits::REQUEST_HEAD_BYTES as u32)
        .serve_connection(TokioIo::new(stream), service);
    watcher.watch(connection).await
}
