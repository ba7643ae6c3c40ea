//! Bodies that are made while they are sent: a producer on a blocking thread writes into a
//! bounded channel. Short bodies never reach the channel and go out with their length.

use std::io::{self, Write};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::response::Payload;
use crate::dav::response::Producer;
use crate::limits;

/// Runs a producer to its end on this (blocking) thread.
///
/// `start` gets the payload once: complete when it is short, else as soon as the first chunk is
/// full. When the producer fails or panics before that, `start` is not called; when it does so
/// later, the channel ends without its last word and the client sees a body cut off.
pub(super) fn run(
    producer: Producer,
    stall: Duration,
    start: impl FnOnce(Payload),
) -> io::Result<()> {
    let mut pipe = Pipe { buffer: BytesMut::new(), start: Some(start), sender: None, stall };
    producer(&mut pipe)?;
    pipe.finish()
}

struct Pipe<F> {
    buffer: BytesMut,
    start: Option<F>,
    sender: Option<mpsc::Sender<Option<Bytes>>>,
    stall: Duration,
}

impl<F: FnOnce(Payload)> Pipe<F> {
    fn finish(mut self) -> io::Result<()> {
        let rest = self.buffer.split().freeze();
        match self.start.take() {
            Some(start) => start(Payload::Full(rest)),
            None => {
                if !rest.is_empty() {
                    self.send(Some(rest))?;
                }
                self.send(None)?;
            }
        }
        Ok(())
    }

    fn send(&mut self, chunk: Option<Bytes>) -> io::Result<()> {
        if let Some(start) = self.start.take() {
            let (sender, receiver) = mpsc::channel(limits::RESPONSE_CHUNKS);
            self.sender = Some(sender);
            start(Payload::Chunks(receiver));
        }
        let Some(sender) = &self.sender else { return Ok(()) };
        // A client that reads nothing must not hold this thread for ever.
        match Handle::current().block_on(timeout(self.stall, sender.send(chunk))) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl<F: FnOnce(Payload)> Write for Pipe<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.is_empty() && bytes.len() >= limits::RESPONSE_CHUNK_BYTES {
            self.send(Some(Bytes::copy_from_slice(bytes)))?;
            return Ok(bytes.len());
        }
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= limits::RESPONSE_CHUNK_BYTES {
            let chunk = std::mem::take(&mut self.buffer).freeze();
            self.send(Some(chunk))?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
