//! Follows what others do to the files of an open home.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::disk::{Dir, EntryKind, Stat};
use crate::index::{CollectionKind, Edit, HomePath};
use crate::store::reconcile::Reconciler;
use crate::store::transaction::Directories;
use crate::store::{StoreError, oddity};

use super::{Home, Writer, disk_path, name_of};

/// A change of a file this shortly before it is looked at may hide another one.
const FRESH_NS: i64 = 50_000_000;
/// How long directories are trusted of whose changes the system does not tell.
const GLANCE: Duration = Duration::from_secs(1);

/// The directories as they were seen last, and when.
#[derive(Debug, Default)]
pub(super) struct Glance {
    at: Option<Instant>,
    seen: Vec<(PathBuf, i64)>,
}

impl Home {
    /// Looks at all files of the home that are not as they were left; says how many changes there
    /// were.
    pub fn reconcile(&self) -> Result<usize, StoreError> {
        let mut writer = self.writer.lock();
        self.reconcile_with(&mut writer, |reconciler, dir| reconciler.home(dir))
    }

    /// Looks at what lies at these paths, which somebody may have changed; says how many changes
    /// there were.
    pub fn refresh(&self, paths: &[HomePath]) -> Result<usize, StoreError> {
        let snapshot = self.snapshot();
        let now = self.options.clock.now();
        let racy_ns = now.timestamp_nanos_opt().unwrap_or(i64::MAX) - FRESH_NS;
        let directories = Directories::default();
        // Most is what was written here, and needs neither the writer nor more than one call.
        let is_known = |path: &&HomePath| {
            let found = self.stat(&directories, path).ok().flatten();
            let known = snapshot.object(path).map(|object| object.stat);
            found.is_some() && found == known && found.is_some_and(|stat| stat.changed_ns < racy_ns)
        };
        let changed: Vec<HomePath> = paths.iter().filter(|path| !is_known(path)).cloned().collect();
        if changed.is_empty() {
            return Ok(0);
        }
        let mut writer = self.writer.lock();
        self.refresh_locked(&mut writer, &changed)
    }

    /// What the system says of the regular file at `path`.
    fn stat(&self, within: &Directories, path: &HomePath) -> Result<Option<Stat>, StoreError> {
        let Some((parent, name)) = path.split() else { return Ok(None) };
        let dir = within.open(&self.tree, &self.relative, &disk_path(&parent)?)?;
        let found = match dir {
            Some(dir) => dir.stat(&name_of(name)?)?,
            None => None,
        };
        Ok(found.filter(|(kind, _)| *kind == EntryKind::File).map(|(_, stat)| stat))
    }

    fn refresh_locked(&self, writer: &mut Writer, paths: &[HomePath]) -> Result<usize, StoreError> {
        self.reconcile_with(writer, |reconciler, dir| {
            for path in paths {
                self.refresh_one(reconciler, dir, path)?;
            }
            Ok(())
        })
    }

    /// Looks at the attributes of what lies at these paths, which somebody may have changed.
    pub fn refresh_attributes(&self, paths: &[HomePath]) -> Result<usize, StoreError> {
        let mut writer = self.writer.lock();
        self.reconcile_with(&mut writer, |reconciler, home| {
            for path in paths {
                if reconciler.work.collection(path).is_none() {
                    self.refresh_one(reconciler, home, path)?;
                } else if let Some(dir) = self.tree.dir(&self.relative.join(disk_path(path)?))? {
                    reconciler.own_properties(&dir, path)?;
                }
            }
            Ok(())
        })
    }

    /// Looks at the directories, if nobody did for a moment: for homes of whose changes the
    /// system does not tell. A file changed in place is found by the next sweep.
    pub(in crate::store) fn glance(&self) {
        let Some(mut glance) = self.glance.try_lock() else { return };
        if glance.at.is_some_and(|at| at.elapsed() < GLANCE) {
            return;
        }
        let seen = self.directory_times();
        let same = glance.seen == seen;
        if !same && glance.at.is_some() {
            // Own writes come here too, and cost one look at the files.
            let (guid, how) = (&*self.guid, "looked for");
            match self.reconcile() {
                Ok(0) => {}
                Ok(changes) => {
                    tracing::info!(guid, changes, how, "files were changed past the server");
                }
                Err(error) => tracing::warn!(%error, guid, "cannot follow changes"),
            }
        }
        *glance = Glance { at: Some(Instant::now()), seen };
    }

    fn directory_times(&self) -> Vec<(PathBuf, i64)> {
        let snapshot = self.snapshot();
        let mut waiting = vec![(self.relative.clone(), snapshot.root().clone())];
        let mut times = Vec::new();
        while let Some((path, collection)) = waiting.pop() {
            for (name, child) in collection.collections() {
                if let Ok(name) = name_of(name) {
                    waiting.push((path.join(name), child.clone()));
                }
            }
            if let Ok(Some(dir)) = self.tree.dir(&path) {
                times.push((path, dir.own_stat().map_or(0, |stat| stat.modified_ns)));
            }
        }
        times
    }

    /// A path whose collection is not known yet is found with the collection.
    fn refresh_one(
        &self,
        reconciler: &mut Reconciler,
        home: &Dir,
        path: &HomePath,
    ) -> Result<(), StoreError> {
        let mut path = path.clone();
        while let Some((parent, name)) = path.split() {
            let known = reconciler.work.collection(&parent).map(|parent| parent.kind);
            // The first calendar object in a collection makes a calendar of it.
            let promotes = known == Some(CollectionKind::Plain) && name.ends_with(".ics");
            if known.is_some() && !promotes {
                let name = name_of(name)?;
                return match self.tree.dir(&self.relative.join(disk_path(&parent)?))? {
                    Some(dir) => reconciler.named(&dir, &name, &path),
                    None => Ok(()),
                };
            }
            path = parent;
        }
        reconciler.home(home)
    }

    fn reconcile_with(
        &self,
        writer: &mut Writer,
        f: impl FnOnce(&mut Reconciler, &Dir) -> Result<(), StoreError>,
    ) -> Result<usize, StoreError> {
        let now = self.options.clock.now();
        let racy_ns = now.timestamp_nanos_opt().unwrap_or(i64::MAX) - FRESH_NS;
        let known = (*self.snapshot()).clone();
        let Some(dir) = self.dir()? else { return Err(StoreError::NotFound(HomePath::root())) };
        let mut reconciler = Reconciler::new(&dir, known, now.timestamp(), racy_ns)?;
        f(&mut reconciler, &dir)?;
        writer.overflow = std::mem::take(&mut reconciler.overflow);
        let changes = reconciler.edits.iter().filter(|edit| !matches!(edit, Edit::Stat { .. }));
        let changes = changes.count();
        if !reconciler.edits.is_empty() {
            oddity::tell(dir.path(), &self.snapshot(), &reconciler.work, &reconciler.edits);
            let state = (&*reconciler.edits, reconciler.work);
            self.publish(&mut writer.log, now.timestamp(), Some(&dir), state);
        }
        if changes > 0 {
            self.set_edited();
        }
        Ok(changes)
    }

    /// Whether files may have changed past the server since the last time somebody asked.
    pub fn take_edited(&self) -> bool {
        self.edited.swap(false, Ordering::Relaxed)
    }

    /// There is something left to look at.
    pub fn set_edited(&self) {
        self.edited.store(true, Ordering::Relaxed);
    }

    /// Follows a change that a transaction found.
    pub(super) fn follow(&self, writer: &mut Writer, stale: Option<HomePath>) {
        if let Some(path) = stale
            && let Err(error) = self.refresh_locked(writer, &[path])
        {
            tracing::warn!(%error, guid = self.guid, "cannot read what was changed");
        }
    }
}
