//! Where notifications come from: inotify through `notify`, for the homes that are open, or nothing
//! at all where that is not to be had (network file systems, too many directories); then the
//! caller polls.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use notify::event::{CreateKind, EventKind, ModifyKind, RemoveKind};
use notify::{Config, ErrorKind, Event, EventKindMask, RecommendedWatcher, RecursiveMode};
use parking_lot::Mutex;

use crate::disk::layout;
use crate::store::Watcher;

/// One thing that was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Something at this path is new or different.
    Changed(PathBuf),
    /// The attributes, owner or mode of what is at this path.
    Attributes(PathBuf),
    /// Something at this path is gone.
    Removed(PathBuf),
    /// A directory at this path came, went or has another name.
    Directory(PathBuf),
    /// Notifications were lost.
    Lost,
    /// From now on some will be missing: the system watches no more directories.
    Blind,
}

/// How long notifications gather in the system before they are read. Homes that are opened wait for
/// this too.
const NAP: Duration = Duration::from_millis(10);
/// Between notifications that are read together less time passes.
const PAUSE: Duration = Duration::from_micros(100);

/// An open source of notifications.
#[derive(Debug)]
pub(super) struct Source {
    /// None where the caller polls.
    watcher: Option<Mutex<RecommendedWatcher>>,
    sender: Sender<Seen>,
}

impl Source {
    /// A source that watches nothing yet, and nothing ever if it must not.
    pub(super) fn open(may_watch: bool) -> (Self, Receiver<Seen>) {
        let (sender, receiver) = channel();
        let told = sender.clone();
        // Opening and reading, which the server does all the time, is not asked for. A link in a
        // home is nobody's directory.
        let config =
            Config::default().with_event_kinds(EventKindMask::CORE).with_follow_symlinks(false);
        let mut told_last = Instant::now();
        let made = may_watch.then(|| {
            let told = move |event| {
                // Called for each notification of those that were read at once: after a pause this
                // is the first of them, and more will follow.
                if told_last.elapsed() > PAUSE {
                    std::thread::sleep(NAP);
                }
                forward(event, &told);
                told_last = Instant::now();
            };
            <RecommendedWatcher as notify::Watcher>::new(told, config)
        });
        let watcher = match made {
            Some(Ok(watcher)) => Some(Mutex::new(watcher)),
            Some(Err(error)) => {
                tracing::warn!(%error, "no notifications of changed files: polling instead");
                None
            }
            None => None,
        };
        (Self { watcher, sender }, receiver)
    }

    /// Whether every change is told.
    pub(super) fn is_complete(&self) -> bool {
        self.watcher.is_some()
    }

    /// Watches a home anew: it may be another directory than before, or have some that are not
    /// watched.
    pub(super) fn watch_again(&self, directory: &Path) {
        self.closed(directory);
        self.opening(directory);
    }
}

impl Watcher for Source {
    fn opening(&self, directory: &Path) {
        let Some(watcher) = &self.watcher else { return };
        let watched =
            notify::Watcher::watch(&mut *watcher.lock(), directory, RecursiveMode::Recursive);
        if let Err(error) = watched {
            let gone = match &error.kind {
                ErrorKind::PathNotFound => true,
                ErrorKind::Io(error) => error.kind() == std::io::ErrorKind::NotFound,
                _ => false,
            };
            // Something went away meanwhile: a later look finds what is left.
            let _ = self.sender.send(match gone {
                true => Seen::Directory(directory.to_owned()),
                false => Seen::Blind,
            });
        }
    }

    fn closed(&self, directory: &Path) {
        if let Some(watcher) = &self.watcher {
            // It is not watched when it was removed.
            let _ = notify::Watcher::unwatch(&mut *watcher.lock(), directory);
        }
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
        EventKind::Create(CreateKind::Folder) | EventKind::Remove(RemoveKind::Folder) => {
            Seen::Directory
        }
        EventKind::Remove(_) => Seen::Removed,
        EventKind::Modify(ModifyKind::Metadata(_)) => Seen::Attributes,
        EventKind::Modify(_) | EventKind::Create(_) | EventKind::Any | EventKind::Other => {
            Seen::Changed
        }
    };
    for path in event.paths {
        // Temporary files, ours and those of editors, are no resources, and directories of such
        // names are none either.
        if path.file_name().is_some_and(is_temporary) {
            continue;
        }
        // Of what has another name nobody says whether it is a directory.
        let renamed = matches!(event.kind, EventKind::Modify(ModifyKind::Name(_)));
        let maybe = renamed && path.extension().is_none();
        let _ = told.send(if maybe { Seen::Directory(path) } else { seen(path) });
    }
}

fn is_temporary(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(layout::TEMPORARY.as_bytes())
}
