//! One home: its present snapshot for everybody, its writer for one at a time.

use crate::disk::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::Mutex;

use crate::disk::{Dir, Replacing, SyncGroups, Tree, layout};
use crate::index::{Edit, HomePath, Loaded, Log, ObjectEntry, PropertySet, Snapshot};

use super::commit::Late;
use super::overflow::Overflow;
use super::prepared::Prepared;
use super::reconcile::{self, Reconciler};
use super::scheduled::Copies;
use super::store::{Store, StoreOptions};
use super::{Derived, Spool, StoreError, Texts, Transaction, oddity};

mod follow;
mod names;

use follow::Glance;
pub(super) use names::{disk_path, home_path, name_of, read_all};

/// What only the home's writer touches.
#[derive(Debug)]
struct Writer {
    log: Log,
    overflow: Overflow,
}

/// One calendar home.
#[derive(Debug)]
pub struct Home {
    guid: String,
    pub(super) relative: PathBuf,
    pub(super) tree: Arc<Tree>,
    pub(super) spool: Arc<Spool>,
    pub(super) options: StoreOptions,
    derived: Arc<Derived>,
    texts: Arc<Texts>,
    current: ArcSwap<Snapshot>,
    writer: Mutex<Writer>,
    syncs: SyncGroups,
    /// How many times directories may have changed their places.
    pub(super) moves: AtomicU64,
    glance: Mutex<Glance>,
    pub(super) copies: Mutex<Copies>,
    /// Whether files may have changed past the server since somebody asked.
    edited: AtomicBool,
    /// When the home was last asked for, by the store's count of such questions.
    pub(super) asked: AtomicU64,
}

impl Home {
    pub(super) fn open(
        store: &Store,
        guid: &str,
        relative: PathBuf,
    ) -> Result<Arc<Self>, StoreError> {
        let dir = store.tree.dir(&relative)?;
        let dir = dir.ok_or_else(|| StoreError::NotFound(HomePath::root()))?;
        super::intent::redo(&store.tree, &relative, &dir)?;
        reconcile::clean(&dir)?;
        let (known, written_ns, mut log, new) = match Log::load(&dir)? {
            Some(Loaded { snapshot, written_ns, log }) => (snapshot, written_ns, log, false),
            None => {
                let created_s = dir.own_stat()?.modified_ns / 1_000_000_000;
                let epoch = rand::random::<u64>() >> 16;
                let known = Snapshot::new(epoch, created_s, PropertySet::empty());
                (known, 0, Log::default(), true)
            }
        };
        let now = store.options.clock.now();
        let (now_s, before) = (now.timestamp(), known.number());
        let booted_ns = crate::disk::booted_ns(now.timestamp_nanos_opt().unwrap_or(0));
        let trusted_until_ns = trusted_until_ns(written_ns, booted_ns);
        let last = known.clone();
        let mut reconciler = Reconciler::new(&dir, known, now_s, trusted_until_ns)?;
        reconciler.keep_edits = !new;
        reconciler.edit(Edit::Gap);
        reconciler.home(&dir)?;
        super::arrival::end(&dir, &mut reconciler)?;
        let Reconciler { mut work, edits, overflow, .. } = reconciler;
        work.pack();
        match new {
            true => oddity::tell_all(dir.path(), &work),
            false => oddity::tell(dir.path(), &last, &work, &edits),
        }
        if !new && edits.len() > 1 {
            tracing::info!(guid, changes = edits.len() - 1, "the home changed meanwhile");
        }
        if new {
            keep(guid, log.dump(&dir, &work));
        } else {
            keep(guid, log.append(&dir, before, now_s, &edits, &work));
        }
        let copies = match Copies::open(&dir, &work, store.options.keep_scheduled) {
            Ok(copies) => copies,
            Err(error) => {
                tracing::error!(guid, %error, "edits past the server are not scheduled");
                Copies::default()
            }
        };
        Ok(Arc::new(Self {
            guid: guid.to_owned(),
            relative,
            tree: store.tree.clone(),
            spool: store.spool.clone(),
            options: store.options.clone(),
            derived: store.derived.clone(),
            texts: store.texts.clone(),
            current: ArcSwap::from_pointee(work),
            writer: Mutex::new(Writer { log, overflow }),
            syncs: SyncGroups::default(),
            moves: AtomicU64::new(0),
            glance: Mutex::default(),
            copies: Mutex::new(copies),
            edited: AtomicBool::new(true),
            asked: AtomicU64::new(0),
        }))
    }

    /// Whose home it is.
    pub fn guid(&self) -> &str {
        &self.guid
    }

    /// Where it lies on the disk; for messages.
    pub fn directory(&self) -> PathBuf {
        self.tree.path().join(&self.relative)
    }

    /// The home as it is now. Cheap; never changes afterwards.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// The content of a file; none when there is no file.
    pub fn read(&self, path: &HomePath) -> Result<Option<Bytes>, StoreError> {
        let Some(file) = self.open_file(path)? else { return Ok(None) };
        read_all(file, &self.relative).map(Some)
    }

    /// A file for reading; none when there is no file.
    pub fn open_file(&self, path: &HomePath) -> Result<Option<File>, StoreError> {
        if path.is_root() {
            return Ok(None);
        }
        Ok(self.tree.file(&self.relative.join(disk_path(path)?))?)
    }

    /// The content of a file together with the entry that describes exactly this content; none
    /// when there is no file.
    pub fn load(&self, path: &HomePath) -> Result<Option<(Arc<ObjectEntry>, Bytes)>, StoreError> {
        loop {
            let snapshot = self.snapshot();
            let Some(entry) = snapshot.object(path) else { return Ok(None) };
            let Some(content) = self.read(path)? else { return Ok(None) };
            let hash = ObjectEntry::hash_of(&content);
            if hash == entry.hash {
                return Ok(Some((entry.clone(), content)));
            }
            // A write got in between: look again. Without one the file was changed past the
            // server, and what is on the disk counts.
            if Arc::ptr_eq(&snapshot, &self.snapshot()) {
                let mut entry = (**entry).clone();
                entry.hash = hash;
                entry.stat.size = content.len() as u64;
                return Ok(Some((Arc::new(entry), content)));
            }
        }
    }

    /// Does something that takes long on this thread, without others waiting for it who need not.
    pub fn lengthy<R>(&self, work: impl FnOnce() -> R) -> R {
        self.options.lengthy.run(work)
    }

    /// What is remembered of the contents of files.
    pub fn derived(&self) -> &Derived {
        &self.derived
    }

    /// The texts that were made of the contents of files.
    pub fn texts(&self) -> &Texts {
        &self.texts
    }

    /// The dead properties of what lies at `path`.
    pub fn properties(&self, path: &HomePath) -> Result<Arc<PropertySet>, StoreError> {
        let properties = self.current.load().properties(path);
        properties.ok_or_else(|| StoreError::NotFound(path.clone()))
    }

    /// Runs `f` as the home's only writer. When it returns an error nothing has happened; when
    /// it succeeds, everything it did is visible at once and durable.
    pub fn write<R, E: From<StoreError>>(
        &self,
        f: impl FnOnce(&mut Transaction<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        self.lengthy(|| self.run(f, false, None))
    }

    /// The same with a file that was written before, which `f` probably puts.
    pub fn write_prepared<R, E: From<StoreError>>(
        &self,
        prepared: Option<Prepared>,
        f: impl FnOnce(&mut Transaction<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        self.lengthy(|| self.run(f, false, prepared))
    }

    /// The same without waiting for the disk: `Store::sync` makes many such writes durable.
    pub fn write_deferred<R, E: From<StoreError>>(
        &self,
        f: impl FnOnce(&mut Transaction<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        self.lengthy(|| self.run(f, true, None))
    }

    fn run<R, E: From<StoreError>>(
        &self,
        f: impl FnOnce(&mut Transaction<'_>) -> Result<R, E>,
        deferred: bool,
        prepared: Option<Prepared>,
    ) -> Result<R, E> {
        let mut writer = self.writer.lock();
        let mut transaction = Transaction::begin(self, writer.overflow.clone(), deferred, prepared);
        let result = match f(&mut transaction) {
            Ok(result) => result,
            Err(error) => {
                let stale = transaction.stale();
                drop(transaction);
                self.follow(&mut writer, stale);
                return Err(error);
            }
        };
        let copied = transaction.keep_scheduled()?;
        match transaction.commit() {
            Ok(Some(done)) => {
                writer.overflow = done.overflow;
                self.copies.lock().follow(copied);
                let directory = done.directory.as_deref();
                let state = (&*done.edits, done.snapshot);
                self.publish(&mut writer.log, done.now_s, directory, state);
                drop(writer);
                if let Some(late) = done.late {
                    self.end(late)?;
                }
                Ok(result)
            }
            Ok(None) => Ok(result),
            Err(error) => {
                if let StoreError::Changed(path) = &error {
                    self.follow(&mut writer, Some(path.clone()));
                }
                Err(error.into())
            }
        }
    }

    /// Makes what was written durable, together with others who write to the same collection.
    fn end(&self, late: Late) -> Result<(), StoreError> {
        if let Err(error) = self.syncs.sync(&late.directory) {
            self.take_back(&late);
            return Err(error.into());
        }
        if let Some(replaced) = &late.replaced
            && let Err(error) = late.directory.remove_file(replaced)
        {
            tracing::warn!(%error, "after a write");
        }
        Ok(())
    }

    /// Puts back what was there before a write that cannot be made durable, unless somebody wrote
    /// again since.
    fn take_back(&self, late: &Late) {
        let mut writer = self.writer.lock();
        let dir = &late.directory;
        let ours = matches!(dir.stat(&late.name), Ok(Some((_, stat))) if stat.inode == late.inode);
        if ours {
            let undone = match &late.replaced {
                Some(replaced) => dir.rename(replaced, dir, &late.name, Replacing::Exchange),
                None => dir.remove_file(&late.name),
            };
            if let Err(error) = undone {
                tracing::error!(%error, "cannot undo a failed write");
            }
        }
        if let Some(replaced) = &late.replaced {
            let _ = dir.remove_file(replaced);
        }
        self.follow(&mut writer, Some(late.path.clone()));
    }

    /// Makes a new state of the home the present one.
    fn publish(
        &self,
        log: &mut Log,
        now_s: i64,
        directory: Option<&Dir>,
        (edits, snapshot): (&[Edit], Snapshot),
    ) {
        let before = self.current.load().number();
        if let Some(dir) = directory {
            keep(&self.guid, log.append(dir, before, now_s, edits, &snapshot));
        }
        self.current.store(Arc::new(snapshot));
    }

    fn dir(&self) -> Result<Option<Dir>, StoreError> {
        Ok(self.tree.dir(&self.relative)?)
    }

    /// Writes the index file again if somebody removed it.
    pub fn keep_index(&self) {
        let mut writer = self.writer.lock();
        if let Ok(Some(dir)) = self.dir()
            && matches!(dir.stat(layout::INDEX), Ok(None))
        {
            keep(&self.guid, writer.log.dump(&dir, &self.snapshot()));
        }
    }
}

/// A change of a file this shortly before the index was last written may hide another one.
const RACY_NS: i64 = 2_000_000_000;
/// The same where the system was started since: it may have lost content that others than the
/// server wrote, of files whose times and sizes it kept. Linux writes content after 30 s, and looks
/// for it every five.
const UNSYNCED_NS: i64 = 40_000_000_000;
/// Up to which time of change a file is as an index says that was last written then.
pub(super) fn trusted_until_ns(written_ns: i64, booted_ns: Option<i64>) -> i64 {
    // Clocks are set when a system starts: what is close counts as before.
    let since = booted_ns.is_none_or(|booted| written_ns > booted.saturating_add(UNSYNCED_NS));
    written_ns - if since { RACY_NS } else { UNSYNCED_NS }
}

/// The index is derived: a failure to write it costs time later and nothing else.
fn keep(guid: &str, written: crate::disk::Result<()>) {
    if let Err(error) = written {
        tracing::warn!(%error, guid, "cannot write the index");
    }
}
