//! Where notifications come from: inotify through `notify`, or nothing at all where that is not
//! to be had (network file systems, too many directories); then the caller polls.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};

use notify::event::{EventKind, ModifyKind};
use notify::{Config, ErrorKind, Event, EventKindMask, RecommendedWatcher, RecursiveMode, Watcher};

/// One thing that was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Something at this path is new or different.
    Changed(PathBuf),
    /// The attributes, owner or mode of what is at this path.
    Attributes(PathBuf),
    /// Something at this path is gone.
    Removed(PathBuf),
    /// Notifications were lost.
    Lost,
    /// From now on some will be missing: the system watches no more directories.
    Blind,
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
        // Opening and reading, which the server does all the time, is not asked for.
        let config = Config::default().with_event_kinds(EventKindMask::CORE);
        let made = RecommendedWatcher::new(move |event| forward(event, &told), config);
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
    let event = match event {
        Ok(event) => event,
        Err(error) => {
            let full = matches!(error.kind, ErrorKind::MaxFilesWatch);
            let _ = told.send(if full { Seen::Blind } else { Seen::Lost });
            return;
        }
    };
    if event.need_rescan() {
        let _ = told.send(Seen::Lost);
    }
    let seen = match event.kind {
        EventKind::Access(_) => return,
        EventKind::Remove(_) => Seen::Removed,
        EventKind::Modify(ModifyKind::Metadata(_)) => Seen::Attributes,
        EventKind::Modify(_) | EventKind::Create(_) | EventKind::Any | EventKind::Other => {
            Seen::Changed
        }
    };
    for path in event.paths {
        let _ = told.send(seen(path));
    }
}
