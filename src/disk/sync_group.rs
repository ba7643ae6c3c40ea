//! Directories made durable together: one fsync answers for everybody who changed the directory
//! before it began.
//!
//! Whoever comes first does the work; those who come while it runs wait for the next one, of
//! which one of them is the first again.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use super::{Dir, DiskError, Result};

/// The directories that are being made durable, by inode.
#[derive(Debug, Default)]
pub struct SyncGroups(Mutex<HashMap<u64, Arc<Group>>>);

#[derive(Debug, Default)]
struct Group {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// How many times the work was begun.
    begun: u64,
    /// The last time that ended.
    ended: u64,
    running: bool,
    /// The last time that failed.
    failed: u64,
}

impl SyncGroups {
    /// Makes the names of the directory durable that were given before the call.
    pub fn sync(&self, dir: &Dir) -> Result<()> {
        self.share(dir.identity()?.inode, dir.path(), || dir.sync())
    }

    /// Returns when `sync` ran for this directory from its beginning to its end since the call.
    fn share(&self, inode: u64, path: &Path, sync: impl FnOnce() -> Result<()>) -> Result<()> {
        let group = self.0.lock().entry(inode).or_default().clone();
        let result = group.sync(path, sync);
        let mut groups = self.0.lock();
        // The map and this call: nobody else looks at it.
        if Arc::strong_count(&group) == 2 {
            groups.remove(&inode);
        }
        result
    }
}

impl Group {
    fn sync(&self, path: &Path, sync: impl FnOnce() -> Result<()>) -> Result<()> {
        let mut state = self.state.lock();
        let wanted = state.begun + 1;
        while state.running && state.ended < wanted {
            self.ended.wait(&mut state);
        }
        if state.ended >= wanted {
            let failed = state.failed >= wanted;
            let error = || DiskError::new("sync", path, std::io::Error::other("it failed"));
            return if failed { Err(error()) } else { Ok(()) };
        }
        state.begun += 1;
        state.running = true;
        let number = state.begun;
        drop(state);
        let result = sync();
        let mut state = self.state.lock();
        state.running = false;
        state.ended = number;
        if result.is_err() {
            state.failed = number;
        }
        self.ended.notify_all();
        result
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::SyncGroups;

    #[test]
    fn many_share_one_and_nobody_trusts_one_that_had_begun() {
        let groups = SyncGroups::default();
        let (written, durable, runs) =
            (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let mine = written.fetch_add(1, Ordering::SeqCst) + 1;
                        let sync = || {
                            let seen = written.load(Ordering::SeqCst);
                            std::thread::sleep(Duration::from_millis(1));
                            durable.fetch_max(seen, Ordering::SeqCst);
                            runs.fetch_add(1, Ordering::SeqCst);
                            Ok(())
                        };
                        groups.share(1, Path::new("a"), sync).unwrap();
                        assert!(durable.load(Ordering::SeqCst) >= mine);
                    }
                });
            }
        });
        assert!(runs.load(Ordering::SeqCst) < 200, "{runs:?} runs for 320 writes");
        assert!(groups.0.lock().is_empty());
    }

    #[test]
    fn a_failure_is_told_to_all_who_waited_for_it() {
        let groups = SyncGroups::default();
        let fail = || Err(super::DiskError::new("sync", Path::new("a"), std::io::Error::other("")));
        assert!(groups.share(1, Path::new("a"), fail).is_err());
        assert!(groups.share(1, Path::new("a"), || Ok(())).is_ok());
    }
}
