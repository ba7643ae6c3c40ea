//! Removes work from the queue when what it did is durable: on a thread of its own, one sync of
//! the file system for everything that was finished meanwhile.
//!
//! Until then the work is still there after a crash and done again, which changes nothing.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::disk::Tree;

use super::{Spool, StoreError};

/// What is finished within this time is removed together.
const TOGETHER: Duration = Duration::from_millis(100);

/// The thread; dropping this waits until everything is removed.
#[derive(Debug)]
pub(super) struct Finisher {
    ids: Option<Sender<String>>,
    thread: Option<JoinHandle<()>>,
}

impl Finisher {
    pub(super) fn start(tree: Arc<Tree>, spool: Arc<Spool>) -> Self {
        let (ids, finished) = channel();
        let builder = std::thread::Builder::new().name("finisher".to_owned());
        match builder.spawn(move || run(&tree, &spool, &finished)) {
            Ok(thread) => Self { ids: Some(ids), thread: Some(thread) },
            Err(error) => {
                tracing::error!(%error, "finished work stays in the queue until the next start");
                Self { ids: None, thread: None }
            }
        }
    }

    /// This work is done.
    pub(super) fn finish(&self, id: &str) {
        if let Some(ids) = &self.ids {
            let _ = ids.send(id.to_owned());
        }
    }
}

impl Drop for Finisher {
    fn drop(&mut self) {
        self.ids = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(tree: &Tree, spool: &Spool, finished: &Receiver<String>) {
    while let Ok(first) = finished.recv() {
        let mut ids = vec![first];
        let until = Instant::now() + TOGETHER;
        while let Ok(id) = finished.recv_timeout(until.saturating_duration_since(Instant::now())) {
            ids.push(id);
            if Instant::now() >= until {
                break;
            }
        }
        if let Err(error) = remove(tree, spool, &ids) {
            tracing::warn!(%error, count = ids.len(), "finished work stays in the queue");
        }
    }
}

fn remove(tree: &Tree, spool: &Spool, ids: &[String]) -> Result<(), StoreError> {
    if let Some(dir) = tree.dir(Path::new("."))? {
        dir.sync_file_system()?;
    }
    ids.iter().try_for_each(|id| spool.remove(id))
}
