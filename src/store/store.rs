//! All homes of one data directory.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::Clock;
use crate::dav::Name;
use crate::disk::{self, EntryKind, Tree, attribute, layout, lock};

use crate::index::ObjectEntry;
use crate::limits;

use super::finisher::Finisher;
use super::uid_lock::{TIME_OUT, UidLocks};
use super::{Derived, Home, Lengthy, Provision, Spool, StoreError, Texts, UidGuard};

/// When written files are on the disk for sure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// When the write returns.
    #[default]
    Full,
    /// When the operating system gets round to it: for tests and throw-away data.
    None,
}

/// What an administrator may choose.
#[derive(Clone, Debug, Default)]
pub struct StoreOptions {
    /// Where the time comes from.
    pub clock: Clock,
    /// When written files are on the disk.
    pub durability: Durability,
    /// Bytes a home may hold; none for no limit.
    pub quota_bytes: Option<u64>,
    /// Bytes of memory that open homes may take, about; none for no limit.
    pub index_memory_bytes: Option<u64>,
    /// Whether homes keep copies of what was last scheduled, so that edits past the server can be
    /// scheduled; none: as each home has it.
    pub keep_scheduled: Option<bool>,
    /// Bytes of memory for the texts of contents.
    pub text_memory_bytes: u64,
    /// What to do around work that takes long.
    pub lengthy: Lengthy,
}

/// Somebody who wants to know of changes past the server.
pub trait Watcher: std::fmt::Debug + Send + Sync {
    /// A home is about to be read: from now on its changes are of interest.
    fn opening(&self, directory: &Path);
    /// Nobody uses the home any more.
    fn closed(&self, directory: &Path);
}

/// Homes that may be opened at the same time, at most.
const OPENERS: usize = 16;

/// One data directory.
#[derive(Debug)]
pub struct Store {
    pub(super) tree: Arc<Tree>,
    pub(super) options: StoreOptions,
    pub(super) spool: Arc<Spool>,
    pub(super) derived: Arc<Derived>,
    pub(super) texts: Arc<Texts>,
    homes: Mutex<HashMap<String, Arc<Home>>>,
    /// Held while a home is opened; which one, its GUID says.
    opening: [Mutex<()>; OPENERS],
    uids: Arc<UidLocks>,
    watcher: OnceLock<Arc<dyn Watcher>>,
    unwatched: AtomicBool,
    asked: AtomicU64,
    /// What `asked` was when homes were closed because others had grown.
    looked: AtomicU64,
    /// None where nothing is made durable. Ends before the lock is given back.
    finisher: Option<Finisher>,
    _lock: lock::DataLock,
}

impl Store {
    /// Opens the data directory `root`, which is made when it is missing.
    pub fn open(root: &Path, options: StoreOptions) -> Result<Arc<Self>, StoreError> {
        let root = disk::make_root(root)?;
        let tree = Arc::new(Tree::open(&root)?);
        let held = lock::lock(&root)?;
        let held = held.ok_or_else(|| StoreError::InUse(root.display().to_string()))?;
        probe_attributes(&tree)?;
        tree.make_dirs(&[layout::CALENDARS, layout::UIDS].iter().collect::<PathBuf>())?;
        let full = options.durability == Durability::Full;
        let spool = Arc::new(Spool::new(tree.clone(), full));
        let finisher = full.then(|| {
            let synced = tree.clone();
            let sync = move || Ok(synced.sync_file_system()?);
            Finisher::start(spool.clone(), limits::FINISHED_BEHIND, sync)
        });
        let texts = usize::try_from(options.text_memory_bytes).unwrap_or(usize::MAX);
        let store = Arc::new(Self {
            tree,
            options,
            spool,
            derived: Arc::default(),
            texts: Arc::new(Texts::new(texts)),
            homes: Mutex::default(),
            opening: Default::default(),
            uids: Arc::default(),
            watcher: OnceLock::new(),
            unwatched: AtomicBool::new(false),
            asked: AtomicU64::new(0),
            looked: AtomicU64::new(0),
            finisher,
            _lock: held,
        });
        store.spool.recover(|witness| {
            let Some(home) = store.home(&witness.guid)? else { return Ok(false) };
            if witness.copy {
                return Ok(home.has_copy(witness));
            }
            let content = home.read(&witness.path)?;
            Ok(content.map(|content| ObjectEntry::hash_of(&content)) == witness.hash)
        })?;
        Ok(store)
    }

    /// Where the data directory is.
    pub fn path(&self) -> &Path {
        self.tree.path()
    }

    /// The home of `guid`; none when there is none on the disk.
    pub fn home(&self, guid: &str) -> Result<Option<Arc<Home>>, StoreError> {
        let opened = self.opened_home(guid);
        if let Some(home) = opened {
            home.asked.store(self.asked.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
            if self.unwatched.load(Ordering::Relaxed) {
                home.glance();
            }
            return Ok(Some(home));
        }
        let Some(shard) = layout::home_shard(guid) else { return Ok(None) };
        self.options.lengthy.run(|| self.open_home(guid, shard.join(guid)))
    }

    fn open_home(&self, guid: &str, relative: PathBuf) -> Result<Option<Arc<Home>>, StoreError> {
        if self.tree.dir(&relative)?.is_none() {
            return Ok(None);
        }
        // Opening tidies up what a crash left, so nobody may write to the home meanwhile.
        let _opening = self.opening[opener(guid)].lock();
        if let Some(home) = self.homes.lock().get(guid) {
            return Ok(Some(home.clone()));
        }
        if let Some(watcher) = self.watcher.get() {
            watcher.opening(&self.tree.path().join(&relative));
        }
        let opened = Home::open(self, guid, relative)?;
        opened.asked.store(self.asked.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        let mut homes = self.homes.lock();
        homes.insert(guid.to_owned(), opened.clone());
        if let Some(limit) = self.options.index_memory_bytes {
            for home in close_some(&mut homes, limit, u64::MAX) {
                self.closed(&home);
            }
        }
        Ok(Some(opened))
    }

    /// Closes homes that nobody uses when open ones have grown beyond the memory that they may
    /// take. Those that were asked for since the last call stay: they would be opened again.
    pub fn close_unused(&self) {
        let Some(limit) = self.options.index_memory_bytes else { return };
        let since = self.looked.swap(self.asked.load(Ordering::Relaxed), Ordering::Relaxed);
        let mut homes = self.homes.lock();
        for home in close_some(&mut homes, limit, since) {
            self.closed(&home);
        }
    }

    /// The home of `guid`, if it is open.
    pub fn opened_home(&self, guid: &str) -> Option<Arc<Home>> {
        self.homes.lock().get(guid).cloned()
    }

    /// All open homes.
    pub fn opened(&self) -> Vec<Arc<Home>> {
        self.homes.lock().values().cloned().collect()
    }

    /// Whether the system tells of every change of files; otherwise homes are looked at on use.
    pub fn set_watched(&self, watched: bool) {
        self.unwatched.store(!watched, Ordering::Relaxed);
    }

    /// Closes a home that is gone from the disk.
    pub fn forget(&self, guid: &str) {
        let mut homes = self.homes.lock();
        if let Some(home) = homes.remove(guid) {
            self.closed(&home);
        }
    }

    /// Does something that takes long on this thread, without others waiting for it who need not.
    pub fn lengthy<R>(&self, work: impl FnOnce() -> R) -> R {
        self.options.lengthy.run(work)
    }

    /// To be called with the map of homes held, so that nobody opens the home again before.
    fn closed(&self, home: &Home) {
        if let Some(watcher) = self.watcher.get() {
            watcher.closed(&home.directory());
        }
    }

    /// Tells `watcher` of homes that are opened from now on, and of those that are.
    pub fn tell(&self, watcher: Arc<dyn Watcher>) {
        if self.watcher.set(watcher.clone()).is_ok() {
            self.opened().iter().for_each(|home| watcher.opening(&home.directory()));
        }
    }

    /// Whether the files lie on a network file system, where others may change them unseen.
    pub fn is_on_network(&self) -> bool {
        self.tree.is_on_network()
    }

    /// The home of `guid`, made with everything in `initial` where it is missing.
    pub fn provision(&self, guid: &str, initial: &Provision) -> Result<Arc<Home>, StoreError> {
        self.options.lengthy.run(|| super::provision::provision(self, guid, initial))
    }

    /// The GUIDs of all homes on the disk, in order.
    pub fn homes(&self) -> Result<Vec<String>, StoreError> {
        homes_in(&self.tree)
    }

    /// Throws away what is known of a home and reads its files again; false where there is none.
    pub(super) fn rebuild(&self, guid: &str) -> Result<bool, StoreError> {
        let Some(shard) = layout::home_shard(guid) else { return Ok(false) };
        let Some(dir) = self.tree.dir(&shard.join(guid))? else { return Ok(false) };
        self.forget(guid);
        dir.remove_file(layout::INDEX)?;
        Ok(self.home(guid)?.is_some())
    }

    /// Waits until no other operation works on this UID, at most 60 s.
    pub fn uid_lock(&self, uid: &str) -> Result<UidGuard, StoreError> {
        let wait = || self.lengthy(|| self.uids.lock(uid, TIME_OUT));
        let held = self.uids.lock(uid, Duration::ZERO).or_else(wait);
        held.ok_or_else(|| StoreError::UidBusy(uid.to_owned()))
    }

    /// Work that is committed but not yet done.
    pub fn spool(&self) -> &Spool {
        &self.spool
    }

    /// Work of the queue is done: its entry goes when what it wrote is durable, which nobody has
    /// to wait for.
    pub fn finish(&self, id: &str) {
        match &self.finisher {
            Some(finisher) => finisher.finish(self.spool.hide(id)),
            None => {
                if let Err(error) = self.spool.remove(id) {
                    tracing::warn!(%error, id, "finished work stays in the queue");
                }
            }
        }
    }

    /// Makes everything written with `Home::write_deferred` so far durable.
    pub fn sync(&self) -> Result<(), StoreError> {
        if self.options.durability == Durability::Full {
            self.spool.clear(&[], || Ok(self.tree.sync_file_system()?))?;
        }
        Ok(())
    }
}

/// The GUIDs of all homes on the disk, in order.
pub(super) fn homes_in(tree: &Tree) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    let uids: PathBuf = [layout::CALENDARS, layout::UIDS].iter().collect();
    let Some(uids) = tree.dir(&uids)? else { return Ok(found) };
    for first in uids.list()?.0 {
        let Some(first) = uids.open_dir(&first.name)? else { continue };
        for second in first.list()?.0 {
            let Some(second) = first.open_dir(&second.name)? else { continue };
            let homes = second.list()?.0.into_iter();
            let homes = homes.filter(|home| home.kind == EntryKind::Directory);
            found.extend(homes.map(|home| home.name).filter(|guid| layout::is_guid(guid)));
        }
    }
    found.sort();
    Ok(found)
}

/// Writes, reads and removes one attribute, so that a mount without them is told at once.
fn probe_attributes(tree: &Tree) -> Result<(), StoreError> {
    let path = tree.path().display().to_string();
    let refuse = |reason: String| StoreError::NoAttributes { path: path.clone(), reason };
    let name = Name::calendarserver("probe");
    let value = "<probe xmlns=\"http://calendarserver.org/ns/\"/>";
    let dir = tree.dir(Path::new("."))?;
    let dir = dir.ok_or_else(|| refuse("it is no directory".to_owned()))?;
    match attribute::set(&dir, dir.path(), &name, value) {
        Ok(()) => {}
        Err(attribute::SetError::NoRoom) => return Ok(()),
        Err(attribute::SetError::Failed(error)) => return Err(refuse(error.source.to_string())),
    }
    let read = attribute::read_all(&dir, dir.path())?;
    attribute::remove(&dir, dir.path(), &name)?;
    if read.iter().any(|(found, xml)| *found == name && xml == value) {
        Ok(())
    } else {
        Err(refuse("what is written cannot be read".to_owned()))
    }
}

/// Closes the homes that nobody uses and nobody asked for the longest, until the others take no
/// more memory than they may; says which. What is closed is in its log. Homes that were asked for
/// since `since`, by the store's count, stay.
fn close_some(homes: &mut HashMap<String, Arc<Home>>, limit: u64, since: u64) -> Vec<Arc<Home>> {
    let mut closed = Vec::new();
    let mut taken: u64 = homes.values().map(|home| home.snapshot().memory_bytes()).sum();
    if taken <= limit {
        return closed;
    }
    // With the map held nobody can begin to use a home that only the map knows.
    let unused = homes.values().filter(|home| Arc::strong_count(home) == 1);
    let mut unused: Vec<_> =
        unused.map(|home| (home.asked.load(Ordering::Relaxed), home.guid().to_owned())).collect();
    unused.retain(|(asked, _)| *asked < since);
    unused.sort_unstable();
    // Down to nine tenths, so that not every opening closes another one.
    for (_, guid) in unused {
        if taken <= limit / 10 * 9 {
            break;
        }
        if let Some(home) = homes.remove(&guid) {
            taken = taken.saturating_sub(home.snapshot().memory_bytes());
            closed.push(home);
        }
    }
    closed
}

/// Which lock keeps others from opening the same home.
fn opener(guid: &str) -> usize {
    crc32fast::hash(guid.as_bytes()) as usize % OPENERS
}
