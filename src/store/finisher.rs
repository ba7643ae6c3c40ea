//! Removes work from the queue when what it did is durable: on a thread of its own, one sync of
//! the file system for everything that was finished meanwhile.
//!
//! Until then the work is still there after a crash and done again, which changes nothing.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::{Spool, StoreError};

/// What is finished within this time is removed together.
const TOGETHER: Duration = Duration::from_millis(100);

/// The thread; dropping this waits until everything is removed.
#[derive(Debug)]
pub(super) struct Finisher {
    shared: Arc<Shared>,
    /// Whoever finishes work waits while the disk has not caught up with so much of it.
    most: usize,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    finished: Mutex<Finished>,
    /// There is something to do at last, or this is the end.
    begin: Condvar,
    /// There is room again.
    room: Condvar,
}

#[derive(Debug, Default)]
struct Finished {
    /// Slots of the queue.
    slots: Vec<u32>,
    ended: bool,
}

impl Finisher {
    /// `sync` makes the whole file system durable; at `most` so much finished work waits for it.
    pub(super) fn start(
        spool: Arc<Spool>,
        most: usize,
        mut sync: impl FnMut() -> Result<(), StoreError> + Send + 'static,
    ) -> Self {
        let shared = Arc::new(Shared::default());
        let theirs = shared.clone();
        let builder = std::thread::Builder::new().name("finisher".to_owned());
        match builder.spawn(move || run(&spool, &theirs, &mut sync)) {
            Ok(thread) => Self { shared, most, thread: Some(thread) },
            Err(error) => {
                tracing::error!(%error, "finished work stays in the queue until the next start");
                Self { shared, most, thread: None }
            }
        }
    }

    /// The work in these slots is done.
    pub(super) fn finish(&self, slots: Vec<u32>) {
        if self.thread.is_none() || slots.is_empty() {
            return;
        }
        let mut finished = self.shared.finished.lock();
        while finished.slots.len() >= self.most {
            self.shared.room.wait(&mut finished);
        }
        // Only the first of many wakes the thread.
        if finished.slots.is_empty() {
            self.shared.begin.notify_one();
        }
        finished.slots.extend(slots);
    }
}

impl Drop for Finisher {
    fn drop(&mut self) {
        self.shared.finished.lock().ended = true;
        self.shared.begin.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(spool: &Spool, shared: &Shared, sync: &mut dyn FnMut() -> Result<(), StoreError>) {
    loop {
        let mut finished = shared.finished.lock();
        while finished.slots.is_empty() && !finished.ended {
            shared.begin.wait(&mut finished);
        }
        if finished.slots.is_empty() {
            return;
        }
        let until = Instant::now() + TOGETHER;
        while !finished.ended && !shared.begin.wait_until(&mut finished, until).timed_out() {}
        let slots = std::mem::take(&mut finished.slots);
        drop(finished);
        shared.room.notify_all();
        if let Err(error) = spool.clear(&slots, &mut *sync) {
            tracing::warn!(%error, count = slots.len(), "finished work stays in the queue");
        }
    }
}

#[cfg(test)]
mod tests;
