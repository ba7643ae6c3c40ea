//! Which thread does what. Quick requests are answered on the thread that reads their connection,
//! so that nobody has to be woken to send the answer. Where they turn out to take long
//! (`store::Lengthy`), the thread gives its duties to another one meanwhile. So it does with those
//! that wait for the disk, but only as long as nothing else is under way: threads that take over
//! begin one after the other, which costs more than handing over when there are many. All others,
//! and long bodies that are not made of pieces or parts, are for blocking threads. How many threads
//! there can be of both kinds is bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::Pace;
use crate::limits;

/// Threads beside those of the runtime that all this may take: each request on its connection's
/// thread may make another one necessary.
pub const BESIDE: usize = limits::OWN_THREAD_REQUESTS + limits::BLOCKING_REQUESTS;

/// How many requests may be answered where at the same time; one for all sites of a runtime.
#[derive(Debug)]
pub struct Threads {
    /// Quick requests under way on the threads of their connections.
    own: Semaphore,
    /// Answers under way on blocking threads.
    blocking: Arc<Semaphore>,
    /// Requests that are being answered anywhere.
    under_way: AtomicUsize,
}

/// Leave to answer one quick request on the thread of its connection.
pub(super) struct OwnThread<'a>(
    #[expect(dead_code, reason = "it acts when dropped")] SemaphorePermit<'a>,
);

/// A request that is being answered.
pub(super) struct UnderWay<'a> {
    threads: &'a Threads,
    /// Whether there was no other one when it began.
    alone: bool,
}

impl Threads {
    /// So many requests on the threads of their connections and on blocking ones.
    pub fn new(own: usize, blocking: usize) -> Self {
        let (own, blocking) = (Semaphore::new(own), Arc::new(Semaphore::new(blocking)));
        Self { own, blocking, under_way: AtomicUsize::new(0) }
    }

    /// A request begins to be answered.
    pub(super) fn begin(&self) -> UnderWay<'_> {
        let alone = self.under_way.fetch_add(1, Ordering::Relaxed) == 0;
        UnderWay { threads: self, alone }
    }

    /// Does something on a blocking thread, as soon as there is one.
    pub(super) async fn elsewhere(&self, work: impl FnOnce() + Send + 'static) {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.blocking).acquire_owned().await;
        tokio::task::spawn_blocking(move || {
            work();
            drop(permit);
        });
    }
}

impl UnderWay<'_> {
    /// None when a blocking thread has to take this one: it may take long, or it will wait and
    /// is not alone, or so many are on their own threads already.
    pub(super) fn own(&self, pace: Pace) -> Option<OwnThread<'_>> {
        match pace {
            Pace::Quick => {}
            Pace::Waiting if self.alone => {}
            Pace::Waiting | Pace::Slow => return None,
        }
        self.threads.own.try_acquire().ok().map(OwnThread)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.threads.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for Threads {
    fn default() -> Self {
        Self::new(limits::OWN_THREAD_REQUESTS, limits::BLOCKING_REQUESTS)
    }
}

/// Does something lengthy on this thread, while another one takes over what the runtime has for it
/// to do. Only for threads of the runtime that servers use; anywhere else it is a plain call.
pub fn aside<R>(work: impl FnOnce() -> R) -> R {
    tokio::task::block_in_place(work)
}
