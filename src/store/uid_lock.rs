//! Mutual exclusion of scheduling operations on one UID, across all homes: first come, first
//! served, with a time-out (reference: 60 s).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// How long an operation waits for another one on the same UID.
pub(super) const TIME_OUT: Duration = Duration::from_secs(60);

/// Who waits for which UID, in the order of arrival; the first one holds it.
#[derive(Debug, Default)]
pub(super) struct UidLocks {
    queues: Mutex<HashMap<Arc<str>, VecDeque<u64>>>,
    moved: Condvar,
}

/// Holds a UID until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct UidGuard {
    locks: Arc<UidLocks>,
    uid: Arc<str>,
    ticket: u64,
}

impl UidLocks {
    /// Waits for the UID; none when it took too long.
    pub(super) fn lock(self: &Arc<Self>, uid: &str, wait: Duration) -> Option<UidGuard> {
        let deadline = Instant::now() + wait;
        let uid: Arc<str> = Arc::from(uid);
        let mut queues = self.queues.lock();
        let queue = queues.entry(uid.clone()).or_default();
        let ticket = queue.back().map_or(0, |last| last + 1);
        queue.push_back(ticket);
        let mut out_of_time = false;
        while queues.get(&uid).and_then(|queue| queue.front()) != Some(&ticket) && !out_of_time {
            out_of_time = self.moved.wait_until(&mut queues, deadline).timed_out();
        }
        let held = queues.get(&uid).and_then(|queue| queue.front()) == Some(&ticket);
        drop(queues);
        // Dropping the guard of a waiter takes its ticket out of the queue.
        let guard = UidGuard { locks: self.clone(), uid, ticket };
        held.then_some(guard)
    }
}

impl Drop for UidGuard {
    fn drop(&mut self) {
        let mut queues = self.locks.queues.lock();
        if let Some(queue) = queues.get_mut(&self.uid) {
            queue.retain(|ticket| *ticket != self.ticket);
            if queue.is_empty() {
                queues.remove(&self.uid);
            }
        }
        self.locks.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::UidLocks;

    #[test]
    fn one_holds_a_uid_and_others_wait_or_give_up() {
        let locks = Arc::new(UidLocks::default());
        let held = locks.lock("a", Duration::ZERO).unwrap();
        assert!(locks.lock("b", Duration::ZERO).is_some());
        assert!(locks.lock("a", Duration::from_millis(5)).is_none());
        let other = locks.clone();
        let waiting =
            std::thread::spawn(move || other.lock("a", Duration::from_secs(10)).is_some());
        std::thread::sleep(Duration::from_millis(10));
        drop(held);
        assert!(waiting.join().unwrap());
        assert!(locks.queues.lock().is_empty());
    }
}
