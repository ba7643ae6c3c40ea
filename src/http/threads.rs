//! Which thread does what. Quick requests are answered on the thread that reads their connection,
//! so that nobody has to be woken to send the answer. Where they turn out to take long
//! (`store::Lengthy`), the thread gives its duties to another one meanwhile. All others, and long
//! bodies, are for blocking threads. How many threads there can be of both kinds is bounded.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::limits;

/// Quick requests under way on the threads of their connections.
static QUICK: Semaphore = Semaphore::const_new(limits::OWN_THREAD_REQUESTS);
/// Answers under way on blocking threads.
static BLOCKING: Semaphore = Semaphore::const_new(limits::BLOCKING_REQUESTS);

/// Threads beside those of the runtime that all this may take: each request on its connection's
/// thread may make another one necessary.
pub const BESIDE: usize = limits::OWN_THREAD_REQUESTS + limits::BLOCKING_REQUESTS;

/// Leave to answer one quick request on the thread of its connection.
pub(super) struct OwnThread(#[expect(dead_code, reason = "it acts when dropped")] Permit);

type Permit = SemaphorePermit<'static>;

impl OwnThread {
    /// None when so many do so already that a blocking thread has to take this one.
    pub(super) fn enter() -> Option<Self> {
        QUICK.try_acquire().ok().map(Self)
    }
}

/// Does something lengthy on this thread, while another one takes over what the runtime has for it
/// to do. Only for threads of the runtime that servers use; anywhere else it is a plain call.
pub fn aside<R>(work: impl FnOnce() -> R) -> R {
    tokio::task::block_in_place(work)
}

/// Does something on a blocking thread, as soon as there is one.
pub(super) async fn elsewhere(work: impl FnOnce() + Send + 'static) {
    // The semaphore is never closed.
    let permit = BLOCKING.acquire().await;
    tokio::task::spawn_blocking(move || {
        work();
        drop(permit);
    });
}
