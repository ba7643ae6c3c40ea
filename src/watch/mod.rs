//! Changes that others make to the files: seen through the system's notifications, read back
//! through `store`. Sends nothing to anybody (`docs/scheduling.md` says why).
//!
//! Homes that are not open are left alone: opening reconciles them. Our own writes make
//! notifications too; what they are about is already known and costs one `stat`.

mod source;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::disk::layout;
use crate::store::{HomePath, Store, StoreError};

use source::{Seen, Source};

/// After the last notification this long nothing is read: whoever writes is probably not done.
const QUIET: Duration = Duration::from_millis(120);
/// How long notifications gather before they are looked at: waking up for each of them costs more
/// than all else about it, and our own writes make hundreds.
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
    let (source, seen) = Source::open(poll.is_none() && !network);
    let complete = source.is_complete();
    let source = Arc::new(source);
    store.set_watched(complete);
    store.tell(source.clone());
    let watch = Watch {
        store: Arc::downgrade(store),
        homes: store.path().join(layout::CALENDARS).join(layout::UIDS),
        source,
        poll: poll.unwrap_or(POLL),
        complete,
        later: BTreeMap::new(),
    };
    let builder = std::thread::Builder::new().name("watch".to_owned());
    builder.spawn(move || watch.run(&seen)).map(|_| ())
}

/// The thread's own.
struct Watch {
    store: Weak<Store>,
    homes: PathBuf,
    source: Arc<Source>,
    poll: Duration,
    /// Whether every change is told.
    complete: bool,
    /// Homes in which directories came or went, and when that was.
    later: BTreeMap<String, Instant>,
}

impl Watch {
    fn run(mut self, seen: &Receiver<Seen>) {
        // What changed before the notifications were set up has been told by nobody.
        let mut waiting = Waiting { everything: true, ..Waiting::default() };
        let mut swept = Instant::now();
        loop {
            waiting.collect(seen, &self.homes);
            let Some(store) = self.store.upgrade() else { return };
            if waiting.blind && self.complete {
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
        if waiting.everything {
            waiting.homes.extend(store.opened().iter().map(|home| home.guid().to_owned()));
        }
        for guid in &waiting.homes {
            waiting.paths.remove(guid);
            waiting.attributes.remove(guid);
            if let Some(home) = store.opened_home(guid) {
                self.source.watch_again(&home.directory());
                tell(guid, home.reconcile(), store);
            }
        }
        for (guid, paths) in &waiting.paths {
            let paths: Vec<_> = paths.iter().cloned().collect();
            tell(guid, store.opened_home(guid).map_or(Ok(0), |home| home.refresh(&paths)), store);
        }
        for (guid, paths) in &waiting.attributes {
            let paths: Vec<_> = paths.iter().cloned().collect();
            let home = store.opened_home(guid);
            tell(guid, home.map_or(Ok(0), |home| home.refresh_attributes(&paths)), store);
        }
        for guid in &waiting.indexes {
            if let Some(home) = store.opened_home(guid) {
                home.keep_index();
            }
        }
    }
}

/// What is to be looked at.
#[derive(Debug, Default, PartialEq)]
struct Waiting {
    everything: bool,
    blind: bool,
    homes: BTreeSet<String>,
    directories: BTreeSet<String>,
    indexes: BTreeSet<String>,
    paths: BTreeMap<String, BTreeSet<HomePath>>,
    attributes: BTreeMap<String, BTreeSet<HomePath>>,
}

/// What happened to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Changed,
    Attributes,
    Removed,
    Directory,
}

impl Waiting {
    /// Waits for notifications and then until there are no more for a moment.
    fn collect(&mut self, seen: &Receiver<Seen>, homes: &Path) {
        let idle = if self.everything { Duration::ZERO } else { IDLE };
        match seen.recv_timeout(idle) {
            Ok(seen) => self.add(seen, homes),
            Err(RecvTimeoutError::Timeout) => return,
            Err(RecvTimeoutError::Disconnected) => return std::thread::sleep(QUIET),
        }
        let first = Instant::now();
        let mut last = first;
        while last.elapsed() < QUIET {
            std::thread::sleep(NAP);
            while let Ok(seen) = seen.try_recv() {
                self.add(seen, homes);
                last = Instant::now();
            }
            if first.elapsed() > PATIENCE {
                return std::thread::sleep(SETTLED);
            }
        }
    }

    fn add(&mut self, seen: Seen, homes: &Path) {
        match seen {
            Seen::Lost => self.everything = true,
            Seen::Blind => self.blind = true,
            Seen::Directory(path) => self.add_path(&path, homes, What::Directory),
            Seen::Changed(path) => self.add_path(&path, homes, What::Changed),
            Seen::Attributes(path) => self.add_path(&path, homes, What::Attributes),
            Seen::Removed(path) => self.add_path(&path, homes, What::Removed),
        }
    }

    /// Sorts a path below `homes`: XX, YY, GUID, names in the home.
    fn add_path(&mut self, path: &Path, homes: &Path, what: What) {
        let Ok(below) = path.strip_prefix(homes) else { return };
        let names: Option<Vec<&str>> = below
            .components()
            .map(|component| match component {
                Component::Normal(name) => name.to_str(),
                _ => None,
            })
            .collect();
        let Some(names) = names else { return };
        match names.as_slice() {
            [_, _, guid] if what != What::Attributes => {
                self.homes.insert((*guid).to_owned());
            }
            [_, _, guid, name] if what == What::Removed && *name == layout::INDEX => {
                self.indexes.insert((*guid).to_owned());
            }
            [_, _, guid, names @ ..] => {
                let segments: Option<Vec<String>> =
                    names.iter().map(|name| layout::segment(name)).collect();
                if let Some(segments) = segments {
                    if what == What::Directory {
                        self.directories.insert((*guid).to_owned());
                    }
                    let all = match what {
                        What::Attributes => &mut self.attributes,
                        What::Changed | What::Removed | What::Directory => &mut self.paths,
                    };
                    let paths = all.entry((*guid).to_owned()).or_default();
                    paths.insert(HomePath::new(segments));
                }
            }
            _ => {}
        }
    }
}

fn tell(guid: &str, followed: Result<usize, StoreError>, store: &Store) {
    match followed {
        Ok(0) => {}
        Ok(changes) => tracing::info!(guid, changes, "files were changed past the server"),
        Err(StoreError::NotFound(_)) => {
            tracing::warn!(guid, "the home is gone from the disk");
            store.forget(guid);
        }
        Err(error) => tracing::warn!(guid, %error, "cannot follow changes"),
    }
}
