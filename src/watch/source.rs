//! Where notifications come from: inotify, for the homes that are open, or nothing at all where
//! that is not to be had (network file systems, too many directories); then the caller polls.
//!
//! The directories of a home are watched one by one. Each of our own writes is told a dozen times
//! under its temporary name: such notifications end here, before anything is done about them.

use std::collections::{BTreeMap, HashMap};
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{CreateFlags, Event, ReadFlags, Reader, WatchFlags};
use rustix::fs::inotify::{add_watch, init, remove_watch};
use rustix::io::Errno;

use crate::disk::{EntryKind, Tree, layout};
use crate::store::{HomePath, Watcher};

use super::waiting::Waiting;

/// What is told of a directory: all that changes names in it, content or attributes of its files.
const MEMBERS: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::DONT_FOLLOW)
    .union(WatchFlags::EXCL_UNLINK);
/// What is told of a home besides: of the others their parents tell.
const ITSELF: WatchFlags = WatchFlags::DELETE_SELF.union(WatchFlags::MOVE_SELF);
/// Directories nested in each other that are watched; the store looks no deeper.
const DEPTH: usize = 16;
/// Bytes that are read at once: some hundred notifications.
const READ_BYTES: usize = 32 * 1024;
/// Notifications that are taken before anything is done about them.
const READ_MOST: usize = 100_000;

/// An open source of notifications.
#[derive(Debug)]
pub(super) struct Source {
    /// None where the caller polls.
    inotify: Option<OwnedFd>,
    tree: Tree,
    watched: Mutex<Watched>,
    /// Whether some notifications are missing: the system watches no more directories.
    blind: AtomicBool,
}

/// Which directory a notification is about.
#[derive(Debug, Default)]
struct Watched {
    places: HashMap<i32, (Arc<str>, HomePath)>,
    homes: HashMap<Arc<str>, BTreeMap<HomePath, i32>>,
}

impl Watched {
    fn insert(&mut self, watch: i32, guid: &Arc<str>, path: &HomePath) {
        // A directory that changed its place is watched under the same number.
        self.forget(watch);
        self.places.insert(watch, (guid.clone(), path.clone()));
        self.homes.entry(guid.clone()).or_default().insert(path.clone(), watch);
    }

    fn forget(&mut self, watch: i32) {
        let Some((guid, path)) = self.places.remove(&watch) else { return };
        let Some(home) = self.homes.get_mut(&guid) else { return };
        if home.get(&path) == Some(&watch) {
            home.remove(&path);
        }
        if home.is_empty() {
            self.homes.remove(&guid);
        }
    }

    /// The directories of a home at `path` and below.
    fn below(&self, guid: &str, path: &HomePath) -> Vec<(HomePath, i32)> {
        let home = self.homes.get(guid).into_iter().flatten();
        let below = home.filter(|(place, _)| path.contains(place));
        below.map(|(place, watch)| (place.clone(), *watch)).collect()
    }
}

impl Source {
    /// A source for the data directory `root` that watches nothing yet, and nothing ever if it
    /// must not.
    pub(super) fn open(root: &Path, may_watch: bool) -> crate::disk::Result<Self> {
        let inotify = match may_watch.then(|| init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)) {
            Some(Ok(inotify)) => Some(inotify),
            Some(Err(error)) => {
                tracing::warn!(%error, "no notifications of changed files: polling instead");
                None
            }
            None => None,
        };
        let (watched, blind) = Default::default();
        Ok(Self { inotify, tree: Tree::open(root)?, watched, blind })
    }

    /// Whether every change is told.
    pub(super) fn is_complete(&self) -> bool {
        self.inotify.is_some() && !self.blind.load(Ordering::Relaxed)
    }

    /// Waits until there is something to read, but not longer than this.
    pub(super) fn wait(&self, most: Duration) -> bool {
        let Some(inotify) = &self.inotify else {
            std::thread::sleep(most);
            return false;
        };
        let mut fds = [PollFd::new(inotify, PollFlags::IN)];
        let most = Timespec::try_from(most).ok();
        matches!(poll(&mut fds, most.as_ref()), Ok(1..))
    }

    /// Takes what was told; whether there was anything to look at.
    pub(super) fn read(&self, waiting: &mut Waiting) -> bool {
        let Some(inotify) = &self.inotify else { return false };
        let mut buffer = vec![MaybeUninit::uninit(); READ_BYTES];
        let mut reader = Reader::new(inotify, &mut buffer);
        let mut found = false;
        for _ in 0..READ_MOST {
            match reader.next() {
                Ok(event) => found |= self.take(inotify, &event, waiting),
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
        }
        found
    }

    fn take(&self, inotify: &OwnedFd, event: &Event<'_>, waiting: &mut Waiting) -> bool {
        let (name, events) = (event.file_name().map(CStr::to_bytes), event.events());
        if name.is_some_and(|name| name.starts_with(layout::TEMPORARY.as_bytes())) {
            return false;
        }
        if events.contains(ReadFlags::QUEUE_OVERFLOW) {
            waiting.everything = true;
            return true;
        }
        let mut watched = self.watched.lock();
        if events.contains(ReadFlags::IGNORED) {
            watched.forget(event.wd());
            return false;
        }
        let Some((guid, place)) = watched.places.get(&event.wd()) else { return false };
        let Some(name) = name else {
            let gone = ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::UNMOUNT;
            return events.intersects(gone) && waiting.homes.insert(guid.clone());
        };
        if name == layout::INDEX.as_bytes() {
            let removed = place.is_root() && events.contains(ReadFlags::DELETE);
            return removed && waiting.indexes.insert(guid.clone());
        }
        // What has a name that no resource has is none, and directories of such names neither.
        let segment = std::str::from_utf8(name).ok().and_then(layout::segment);
        let Some(segment) = segment else { return false };
        let (guid, path) = (guid.clone(), place.join(&segment));
        if !events.contains(ReadFlags::ISDIR) {
            waiting.file(&guid, path, events.contains(ReadFlags::ATTRIB));
            return true;
        }
        if events.contains(ReadFlags::MOVED_FROM) {
            for (_, watch) in watched.below(&guid, &path) {
                watched.forget(watch);
                let _ = remove_watch(inotify, watch);
            }
        }
        let known = watched.homes.get(&guid).is_some_and(|home| home.contains_key(&path));
        drop(watched);
        if events.contains(ReadFlags::ATTRIB) && known {
            waiting.file(&guid, path, true);
            return true;
        }
        // It is new here, or could not be read before.
        if events.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO | ReadFlags::ATTRIB) {
            self.watch_below(inotify, &guid, &path);
        }
        waiting.directory(&guid, path);
        true
    }

    /// Watches a directory of a home and all below it; says which.
    fn watch_below(&self, inotify: &OwnedFd, guid: &Arc<str>, from: &HomePath) -> Vec<i32> {
        let mut found = Vec::new();
        let Some(home) = layout::home_shard(guid) else { return found };
        let home = home.join(&**guid);
        let mut ahead = vec![from.clone()];
        while let Some(path) = ahead.pop() {
            let Some(relative) = on_disk(&home, &path) else { continue };
            let events = if path.is_root() { MEMBERS | ITSELF } else { MEMBERS };
            let mut watched = self.watched.lock();
            match add_watch(inotify, self.tree.path().join(&relative), events) {
                Ok(watch) => {
                    watched.insert(watch, guid, &path);
                    found.push(watch);
                }
                Err(Errno::NOSPC | Errno::NOMEM) => {
                    self.blind.store(true, Ordering::Relaxed);
                    return found;
                }
                // It went meanwhile, which its parent tells, or is closed to the server.
                Err(_) => continue,
            }
            drop(watched);
            // Watched first and read then: what comes in between is told.
            let Ok(Some(dir)) = self.tree.dir(&relative) else { continue };
            let Ok((listed, _)) = dir.list() else { continue };
            let directories = listed.into_iter().filter(|it| it.kind == EntryKind::Directory);
            let segments = directories.filter_map(|it| layout::segment(&it.name));
            if path.segments().len() < DEPTH {
                ahead.extend(segments.map(|segment| path.join(&segment)));
            }
        }
        found
    }

    /// Watches a home anew: it may be another directory than before, or have some that are not
    /// watched.
    pub(super) fn watch_again(&self, directory: &Path) {
        let (Some(inotify), Some(guid)) = (&self.inotify, guid_of(directory)) else { return };
        let found = self.watch_below(inotify, &guid, &HomePath::root());
        self.unwatch(inotify, &guid, |watch| !found.contains(&watch));
    }

    fn unwatch(&self, inotify: &OwnedFd, guid: &str, which: impl Fn(i32) -> bool) {
        let mut watched = self.watched.lock();
        for (_, watch) in watched.below(guid, &HomePath::root()) {
            if which(watch) {
                watched.forget(watch);
                // It is not watched when it was removed.
                let _ = remove_watch(inotify, watch);
            }
        }
    }
}

impl Watcher for Source {
    fn opening(&self, directory: &Path) {
        if let (Some(inotify), Some(guid)) = (&self.inotify, guid_of(directory)) {
            self.watch_below(inotify, &guid, &HomePath::root());
        }
    }

    fn closed(&self, directory: &Path) {
        if let (Some(inotify), Some(guid)) = (&self.inotify, guid_of(directory)) {
            self.unwatch(inotify, &guid, |_| true);
        }
    }
}

/// Whose home this directory is.
fn guid_of(directory: &Path) -> Option<Arc<str>> {
    directory.file_name()?.to_str().map(Arc::from)
}

/// Where a directory of a home is, below the data directory.
fn on_disk(home: &Path, path: &HomePath) -> Option<PathBuf> {
    let mut names = path.segments().iter().map(|segment| layout::file_name(segment).ok());
    names.try_fold(home.to_owned(), |at, name| Some(at.join(name?)))
}
