//! What the machine can do at best: the same file work without a server.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Names of written files.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Durable replacements per second: temporary file, fsync, rename, fsync of the directory.
pub fn durable_writes(folder: &Path, threads: usize, length: Duration) -> f64 {
    let done: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| scope.spawn(move || write_until(folder, worker, length)))
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("no writer panics")).sum()
    });
    done as f64 / length.as_secs_f64()
}

fn write_until(folder: &Path, worker: usize, length: Duration) -> usize {
    let folder = folder.join(format!("raw-{worker}"));
    fs::create_dir_all(&folder).expect("the folder can be made");
    let directory = File::open(&folder).expect("the folder opens");
    let content = vec![b'x'; 1500];
    let started = Instant::now();
    let mut done = 0;
    while started.elapsed() < length {
        let temporary = folder.join(".tmp");
        let mut file = File::create(&temporary).expect("a temporary file");
        file.write_all(&content).expect("room on the disk");
        file.sync_all().expect("fsync works");
        // Never a name that is there: ext4 takes its time to give an inode out again, and whoever
        // makes files after it waits for that.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        fs::rename(&temporary, folder.join(format!("{number}.ics"))).expect("rename works");
        directory.sync_all().expect("fsync of a directory works");
        done += 1;
    }
    done
}
