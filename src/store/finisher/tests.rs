//! A disk that does not catch up, or fails.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use super::*;
use crate::store::{Durability, SpoolEntry, Store, StoreOptions};

const MOST: usize = 4;
const ENTRIES: usize = 20;
const PATIENCE: Duration = Duration::from_secs(30);

/// A store whose queue nobody clears, with work in it.
fn store(root: &Path) -> Arc<Store> {
    let options = StoreOptions { durability: Durability::None, ..StoreOptions::default() };
    let store = Store::open(root, options).unwrap();
    for n in 0..ENTRIES {
        store.spool().add(&SpoolEntry { id: format!("m-{n:02}"), body: vec![b'x'; 50] }).unwrap();
    }
    store
}

/// What the queue would hold after a death.
fn after_a_death(root: &Path) -> usize {
    let other = tempfile::tempdir().unwrap();
    std::fs::create_dir(other.path().join("spool")).unwrap();
    for file in std::fs::read_dir(root.join("spool")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), other.path().join("spool").join(file.file_name())).unwrap();
    }
    let options = StoreOptions { durability: Durability::None, ..StoreOptions::default() };
    Store::open(other.path(), options).unwrap().spool().list().unwrap().len()
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "not yet: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn who_finishes_waits_while_the_disk_is_behind_and_nothing_is_lost() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    let (go_on, syncs) = mpsc::channel::<()>();
    // Every sync waits; when nobody is there any more who could let it go on, it goes on.
    let sync = move || {
        let _ = syncs.recv();
        Ok(())
    };
    let finisher = Finisher::start(store.spool.clone(), MOST, sync);
    let behind = || finisher.shared.finished.lock().slots.len();
    let finish = |n: usize| finisher.finish(store.spool.hide(&format!("m-{n:02}")));
    finish(0);
    wait_until("the disk is asked", || behind() == 0);
    (1..=MOST).for_each(finish);
    assert_eq!(behind(), MOST);
    let next = AtomicUsize::new(MOST + 1);
    let finished = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= ENTRIES {
                        return;
                    }
                    finish(n);
                    finished.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!((finished.load(Ordering::Relaxed), behind()), (0, MOST), "nobody waited");
        assert_eq!(store.spool().list().unwrap().len(), ENTRIES - (MOST + 1) - 3);
        assert_eq!(after_a_death(root.path()), ENTRIES);
        go_on.send(()).unwrap();
        wait_until("one sync lets them go on", || finished.load(Ordering::Relaxed) > 0);
        drop(go_on);
        wait_until("all are finished", || finished.load(Ordering::Relaxed) == ENTRIES - MOST - 1);
    });
    drop(finisher);
    assert_eq!(after_a_death(root.path()), 0);
}

#[test]
fn work_stays_when_the_disk_fails_and_nobody_waits_for_ever() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    let fails = || Err(StoreError::UidBusy("as the test wants".to_owned()));
    let finisher = Finisher::start(store.spool.clone(), MOST, fails);
    for n in 0..ENTRIES {
        finisher.finish(store.spool.hide(&format!("m-{n:02}")));
    }
    drop(finisher);
    assert_eq!(after_a_death(root.path()), ENTRIES);
}
