//! Changes that others make to the files: seen through the system's notifications, read back
//! through `store`. Sends nothing to anybody (`docs/scheduling.md` says why).
//!
//! Homes that are not open are left alone: opening reconciles them. Our own writes make
//! notifications too; what they are about is already known and costs one `stat`.

mod source;
mod waiting;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::store::{Store, StoreError};

use source::Source;
use waiting::Waiting;

/// After the last notification this long nothing is read: whoever writes is probably not done.
const QUIET: Duration = Duration::from_millis(120);
/// How long notifications gather before they are read: waking up for each of them costs more than
/// all else about it, and our own writes make hundreds.
const NAP: Duration = Duration::from_millis(40);
/// What was changed more shortly ago may change again unseen, and would be read in any case.
const SETTLED: Duration = Duration::from_millis(60);
/// No change waits longer than this.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long the thread sleeps when nothing happens.
const IDLE: Duration = Duration::from_millis(500);
/// How often open homes are looked at when the system tells nothing of them.
const POLL: Duration = Duration::from_secs(20);
/// How often they are looked at in any case.
const SWEEP: Duration = Duration::from_secs(15 * 60);

/// Follows the files of `store` on a thread of its own, as long as the store lives. With `poll`
/// the system's notifications are not asked for, and open homes are looked at that often.
pub fn start(store: &Arc<Store>, poll: Option<Duration>) -> std::io::Result<()> {
    let network = store.is_on_network();
    if network && poll.is_none() {
        tracing::warn!("the data directory is on a network file system: polling ([data])");
    }
    let source = Source::open(store.path(), poll.is_none() && !network);
    let source = Arc::new(source.map_err(std::io::Error::other)?);
    let complete = source.is_complete();
    store.set_watched(complete);
    store.tell(source.clone());
    let watch = Watch {
        store: Arc::downgrade(store),
        source,
        poll: poll.unwrap_or(POLL),
        complete,
        later: BTreeMap::new(),
    };
    let builder = std::thread::Builder::new().name("watch".to_owned());
    builder.spawn(move || watch.run()).map(|_| ())
}

/// The thread's own.
struct Watch {
    store: Weak<Store>,
    source: Arc<Source>,
    poll: Duration,
    /// Whether every change is told.
    complete: bool,
    /// Homes in which directories came or went, and when that was.
    later: BTreeMap<Arc<str>, Instant>,
}

impl Watch {
    fn run(mut self) {
        // What changed before the notifications were set up has been told by nobody.
        let mut waiting = Waiting { everything: true, ..Waiting::default() };
        let mut swept = Instant::now();
        loop {
            self.collect(&mut waiting);
            let Some(store) = self.store.upgrade() else { return };
            if self.complete && !self.source.is_complete() {
                tracing::warn!("too many directories to be told of all changes: polling as well");
                self.complete = false;
                store.set_watched(false);
            }
            let sweep = if self.complete { SWEEP } else { self.poll };
            if swept.elapsed() >= sweep {
                waiting.everything = true;
                swept = Instant::now();
            }
            self.remember(&mut waiting);
            self.follow(&store, std::mem::take(&mut waiting));
        }
    }

    /// Waits until something is told, and then until nothing more is for a moment.
    fn collect(&self, waiting: &mut Waiting) {
        let idle = if waiting.everything { Duration::ZERO } else { IDLE };
        if !self.source.wait(idle) {
            return;
        }
        let first = Instant::now();
        let mut last = first;
        // Most of what is told is about temporary files: then there is nothing to wait for.
        while last.elapsed() < QUIET {
            std::thread::sleep(NAP);
            if self.source.read(waiting) {
                last = Instant::now();
            }
            if waiting.is_empty() {
                return;
            }
            if first.elapsed() > PATIENCE {
                return std::thread::sleep(SETTLED);
            }
        }
    }

    /// Whatever is done in a directory before it is watched is told by nobody, and with many that
    /// change names it may be told of the wrong one: such homes are looked at once more, when all
    /// is quiet again.
    fn remember(&mut self, waiting: &mut Waiting) {
        let now = Instant::now();
        for guid in std::mem::take(&mut waiting.directories) {
            self.later.insert(guid, now);
        }
        let due = self.later.extract_if(.., |_, at| at.elapsed() > PATIENCE);
        waiting.homes.extend(due.map(|(guid, _)| guid));
    }

    /// Looks at everything that was told.
    fn follow(&self, store: &Store, mut waiting: Waiting) {
        let how = if waiting.everything { "looked for" } else { "told" };
        if waiting.everything {
            waiting.homes.extend(store.opened().iter().map(|home| Arc::from(home.guid())));
        }
        for guid in &waiting.homes {
            waiting.paths.remove(guid);
            waiting.attributes.remove(guid);
            if let Some(home) = store.opened_home(guid) {
                self.source.watch_again(&home.directory());
                tell(guid, home.reconcile(), store, how);
            }
        }
        for (guid, paths) in waiting.paths {
            let paths: Vec<_> = paths.into_iter().collect();
            let home = store.opened_home(&guid);
            tell(&guid, home.map_or(Ok(0), |home| home.refresh(&paths)), store, how);
        }
        for (guid, paths) in waiting.attributes {
            let paths: Vec<_> = paths.into_iter().collect();
            let home = store.opened_home(&guid);
            tell(&guid, home.map_or(Ok(0), |home| home.refresh_attributes(&paths)), store, how);
        }
        for guid in &waiting.indexes {
            if let Some(home) = store.opened_home(guid) {
                home.keep_index();
            }
        }
    }
}

/// `how` a change was noticed: somebody told of it, or all was looked at.
fn tell(guid: &str, followed: Result<usize, StoreError>, store: &Store, how: &str) {
    match followed {
        Ok(0) => {}
        Ok(changes) => tracing::info!(guid, changes, how, "files were changed past the server"),
        Err(StoreError::NotFound(_)) => {
            tracing::warn!(guid, "the home is gone from the disk");
            store.forget(guid);
        }
        Err(error) => tracing::warn!(guid, %error, "cannot follow changes"),
    }
}
