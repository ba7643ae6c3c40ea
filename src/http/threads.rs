//! Which thread does what. Quick requests are answered on the thread that reads their connection,
//! so that nobody has to be woken to send the answer. Where they turn out to take long
//! (`store::Lengthy`), the thread gives its duties to another one meanwhile. All others, and long
//! bodies, are for blocking threads. How many threads there can be of both kinds is bounded.

use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit};

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
}

/// Leave to answer one quick request on the thread of its connection.
pub(super) struct OwnThread<'a>(
    #[expect(dead_code, reason = "it acts when dropped")] SemaphorePermit<'a>,
);

impl Threads {
    /// So many requests on the threads of their connections and on blocking ones.
    pub fn new(own: usize, blocking: usize) -> Self {
        Self { own: Semaphore::new(own), blocking: Arc::new(Semaphore::new(blocking)) }
    }

    /// None when so many quick requests are on their own threads already that a blocking one has
    /// to take this one.
    pub(super) fn own(&self) -> Option<OwnThread<'_>> {
        self.own.try_acquire().ok().map(OwnThread)
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
