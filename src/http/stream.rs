//! Bodies that are made while they are sent: a producer on a blocking thread writes into a
//! bounded channel. Short bodies never reach the channel and go out with their length; those that
//! are known to be short are made where they are sent, and so are those that are made of memory
//! only, piece by piece.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::response::Payload;
use crate::dav::response::{self, Producer, Sink, Size};
use crate::limits;

/// Bytes that are copied into one piece, where a producer gives none.
const PIECE_BYTES: usize = 64 * 1024;

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
    let mut pipe = Pipe { pieces: Pieces::default(), start: Some(start), sender: None, stall };
    producer(&mut pipe)?;
    pipe.finish()
}

/// Runs a producer of not much to its end.
pub(super) fn whole(producer: Producer) -> io::Result<Payload> {
    let mut pieces = Pieces::default();
    producer(&mut pieces)?;
    pieces.end_piece();
    Ok(Payload::full(pieces.ready))
}

/// A body that is made here, as far as it can be sent.
pub(super) struct Making {
    make: response::Parts,
    /// Bytes that are still to come, where the client was told.
    left: Option<u64>,
    /// Bytes since the thread did something else.
    busy: usize,
}

impl Making {
    /// The body's beginning.
    pub(super) fn begin(make: response::Parts, size: Size) -> io::Result<Payload> {
        let left = match size {
            Size::Exact(bytes) => Some(bytes),
            Size::About(_) => None,
        };
        let mut making = Self { make, left, busy: 0 };
        let (pieces, last) = making.make()?;
        Ok(if last { Payload::full(pieces) } else { Payload::making(pieces, making) })
    }

    /// How many bytes are still to come, where that is known.
    pub(super) fn left(&self) -> Option<u64> {
        self.left
    }

    /// Whether the thread shall see to others before the next piece is made.
    pub(super) fn rests(&mut self) -> bool {
        let rests = self.busy >= limits::RESPONSE_BUSY_BYTES;
        if rests {
            self.busy = 0;
        }
        rests
    }

    /// The next piece, and whether it is the last. After an error the body is never complete.
    pub(super) fn next(&mut self) -> io::Result<(Vec<Bytes>, bool)> {
        let made = catch_unwind(AssertUnwindSafe(|| self.make()));
        let made = made.unwrap_or_else(|_| Err(io::Error::other("panic")));
        made.inspect_err(|error| tracing::error!(%error, "body failed"))
    }

    fn make(&mut self) -> io::Result<(Vec<Bytes>, bool)> {
        let mut pieces = Pieces::default();
        let more = (self.make)(&mut pieces)?;
        pieces.end_piece();
        self.busy += pieces.gathered;
        if let Some(left) = &mut self.left {
            let rest = left.checked_sub(pieces.gathered as u64);
            *left = rest
                .filter(|rest| more == (*rest > 0))
                .ok_or_else(|| io::Error::other("it is not as long as was told"))?;
        }
        Ok((pieces.ready, !more))
    }
}

/// What a producer wrote, in pieces of some size.
#[derive(Default)]
struct Pieces {
    ready: Vec<Bytes>,
    /// Bytes of it.
    gathered: usize,
    /// The beginning of the next piece.
    buffer: Vec<u8>,
}

impl Pieces {
    fn end_piece(&mut self) {
        let piece = std::mem::take(&mut self.buffer);
        self.push(piece);
    }

    fn push(&mut self, piece: Vec<u8>) {
        if !piece.is_empty() {
            self.gathered += piece.len();
            self.ready.push(piece.into());
        }
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE_BYTES {
            self.end_piece();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Pieces {
    fn give(&mut self, piece: Vec<u8>) -> io::Result<()> {
        self.end_piece();
        self.push(piece);
        Ok(())
    }
}

/// Pieces that go to the network when there are enough of them.
struct Pipe<F> {
    pieces: Pieces,
    start: Option<F>,
    sender: Option<mpsc::Sender<Vec<Bytes>>>,
    stall: Duration,
}

impl<F: FnOnce(Payload)> Pipe<F> {
    fn finish(mut self) -> io::Result<()> {
        self.pieces.end_piece();
        let pieces = std::mem::take(&mut self.pieces.ready);
        match self.start.take() {
            Some(start) => start(Payload::full(pieces)),
            None => {
                if !pieces.is_empty() {
                    self.send(pieces)?;
                }
                self.send(Vec::new())?;
            }
        }
        Ok(())
    }

    /// Hands over what was gathered, if it is enough.
    fn forward(&mut self) -> io::Result<()> {
        let enough = match self.start {
            Some(_) => limits::RESPONSE_WHOLE_BYTES,
            None => limits::RESPONSE_CHUNK_BYTES,
        };
        if self.pieces.gathered < enough {
            return Ok(());
        }
        self.pieces.gathered = 0;
        let pieces = std::mem::take(&mut self.pieces.ready);
        self.send(pieces)
    }

    fn send(&mut self, pieces: Vec<Bytes>) -> io::Result<()> {
        if let Some(start) = self.start.take() {
            let (sender, receiver) = mpsc::channel(limits::RESPONSE_CHUNKS);
            self.sender = Some(sender);
            start(Payload::chunks(pieces, receiver));
            return Ok(());
        }
        let Some(sender) = &self.sender else { return Ok(()) };
        // A client that reads nothing must not hold this thread for ever.
        match Handle::current().block_on(timeout(self.stall, sender.send(pieces))) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl<F: FnOnce(Payload)> Write for Pipe<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.pieces.write(bytes)?;
        self.forward()?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<F: FnOnce(Payload)> Sink for Pipe<F> {
    fn give(&mut self, piece: Vec<u8>) -> io::Result<()> {
        self.pieces.give(piece)?;
        self.forward()
    }
}
