//! Where notifications come from: inotify through `notify`, or nothing at all where that is not
//! to be had (network file systems, too many directories); then the caller polls.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

/// One thing that was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Something at this path is new or different.
    Changed(PathBuf),
    /// Something at this path is gone.
    Removed(PathBuf),
    /// Notifications were lost.
    Lost,
}

/// An open source of notifications.
pub(super) struct Source {
    _watcher: Option<RecommendedWatcher>,
    complete: bool,
    // Kept so that the receiver never finds itself alone.
    _sender: Sender<Seen>,
}

impl Source {
    /// Watches the directory and everything below it.
    pub(super) fn open(path: &Path) -> (Self, Receiver<Seen>) {
        let (sender, receiver) = channel();
        let told = sender.clone();
        let made = notify::recommended_watcher(move |event| forward(event, &told));
        let watched = made.and_then(|mut watcher| {
            watcher.watch(path, RecursiveMode::Recursive)?;
            Ok(watcher)
        });
        let watcher = match watched {
            Ok(watcher) => Some(watcher),
            Err(error) => {
                tracing::warn!(%error, "no notifications of changed files: polling instead");
                None
            }
        };
        let complete = watcher.is_some();
        (Self { _watcher: watcher, complete, _sender: sender }, receiver)
    }

    /// Whether every change is told.
    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }
}

fn forward(event: notify::Result<Event>, told: &Sender<Seen>) {
    let Ok(event) = event else {
        let _ = told.send(Seen::Lost);
        return;
    };
    if event.need_rescan() {
        let _ = told.send(Seen::Lost);
    }
    let removed = match event.kind {
        // Reading makes notifications too; only the end of writing matters.
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
        EventKind::Access(_) => return,
        EventKind::Remove(_) => true,
        EventKind::Modify(ModifyKind::Name(_)) | EventKind::Create(_) | EventKind::Modify(_) => {
            false
        }
        EventKind::Any | EventKind::Other => false,
    };
    for path in event.paths {
        let seen = if removed { Seen::Removed(path) } else { Seen::Changed(path) };
        let _ = told.send(seen);
    }
}
