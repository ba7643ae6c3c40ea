//! Slots: what they are after deaths, power failures and people with fingers.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::store::tests::{ALICE, event, initial, path};
use crate::store::{Durability, Home, PropertyChanges, Store, StoreOptions, check};

fn root() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        tempfile::tempdir_in(memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}

fn open(root: &Path) -> Arc<Store> {
    let durability = Durability::Full;
    Store::open(root, StoreOptions { durability, ..StoreOptions::default() }).unwrap()
}

fn entry(id: &str, body: &[u8]) -> SpoolEntry {
    SpoolEntry { id: id.to_owned(), body: body.to_vec() }
}

fn ids(store: &Store) -> Vec<String> {
    store.spool().list().unwrap().into_iter().map(|entry| entry.id).collect()
}

/// Writes an event with work to be done.
fn put(home: &Home, name: &str, text: &str, work: &str) {
    home.write(|tx| {
        if !work.is_empty() {
            tx.enqueue(entry(work, text.as_bytes()));
        }
        tx.put(&path(&format!("calendar/{name}.ics")), &event(text), None, &PropertyChanges::none())
    })
    .unwrap();
}

fn files(root: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(root.join("spool")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

fn states(root: &Path) -> Vec<String> {
    let state = |path: &PathBuf| {
        let content = fs::read(path).unwrap();
        String::from_utf8_lossy(&content[..content.len().min(8)]).trim().to_owned()
    };
    files(root).iter().map(state).collect()
}

/// As if the power had failed before the state of a slot was on the disk.
fn set_state(file: &Path, state: &[u8; 8]) {
    let mut content = fs::read(file).unwrap();
    content[..8].copy_from_slice(state);
    fs::write(file, content).unwrap();
}

#[test]
fn a_slot_is_used_again_when_it_is_durably_free() {
    let root = root();
    let store = open(root.path());
    let home = store.provision(ALICE, &initial()).unwrap();
    put(&home, "a", "a", "m-1");
    assert_eq!(states(root.path()), ["work"]);
    store.spool().remove("m-1").unwrap();
    put(&home, "b", "b", "m-2");
    assert_eq!(states(root.path()), ["free", "work"], "not known to be durable");
    store.sync().unwrap();
    put(&home, "c", "c", "m-3");
    assert_eq!(states(root.path()), ["work", "work"]);
    assert_eq!(store.spool().list().unwrap(), [entry("m-2", b"b"), entry("m-3", b"c")]);
    store.finish("m-2");
    assert_eq!(ids(&store), ["m-3"]);
    drop((home, store));
    assert_eq!(states(root.path()), ["work", "free"]);
    let store = open(root.path());
    assert_eq!(ids(&store), ["m-3"]);
    // Whether what is free was written down before the power failed nobody knows.
    let home = store.provision(ALICE, &initial()).unwrap();
    put(&home, "d", "d", "m-4");
    assert_eq!(states(root.path()), ["work", "free", "work"]);
}

#[test]
fn shorter_work_leaves_nothing_of_longer_work() {
    let root = root();
    let store = open(root.path());
    store.spool().add(&entry("long", &[b'x'; 9000])).unwrap();
    store.spool().remove("long").unwrap();
    store.sync().unwrap();
    store.spool().add(&entry("short", b"text")).unwrap();
    let text = fs::read_to_string(&files(root.path())[0]).unwrap();
    assert_eq!(text.len(), 12_288);
    assert!(text.trim_end().ends_with("\ntext"), "{text}");
    assert_eq!(store.spool().list().unwrap(), [entry("short", b"text")]);
}

#[test]
fn pending_work_is_judged_by_its_witness() {
    let root = root();
    {
        let store = open(root.path());
        let home = store.provision(ALICE, &initial()).unwrap();
        put(&home, "a", "a", "committed");
        put(&home, "b", "b", "not committed");
        put(&home, "c", "c", "torn");
        store.spool().add(&entry("free", b"x")).unwrap();
        store.spool().add(&entry("work", b"x")).unwrap();
        store.spool().remove("free").unwrap();
    }
    let slots = files(root.path());
    slots[..3].iter().for_each(|file| set_state(file, slot::PENDING));
    let home = root.path().join(layout::home_shard(ALICE).unwrap()).join(ALICE);
    fs::remove_file(home.join("calendar/b.ics")).unwrap();
    // Half of it was on the disk.
    let mut torn = fs::read(&slots[2]).unwrap();
    torn[60] ^= 1;
    fs::write(&slots[2], torn).unwrap();
    // A new one was made, and had its length at most.
    fs::write(root.path().join("spool/slot-0006"), [0; 4096]).unwrap();
    fs::write(root.path().join("spool/slot-0007"), b"").unwrap();
    let store = open(root.path());
    assert_eq!(ids(&store), ["committed", "work"]);
    assert_eq!(states(root.path()), ["work", "free", "free", "free", "work", "free", "free"]);
    let report = check::run(root.path(), false).unwrap();
    assert!(!report.findings.iter().any(|found| found.path.starts_with(root.path().join("spool"))));
}

#[test]
fn what_cannot_be_read_is_left_alone_and_told() {
    let root = root();
    {
        let store = open(root.path());
        store.spool().add(&entry("damaged", b"some work")).unwrap();
        store.spool().add(&entry("whole", b"some work")).unwrap();
    }
    let slots = files(root.path());
    let mut damaged = fs::read(&slots[0]).unwrap();
    damaged[62] ^= 1;
    fs::write(&slots[0], &damaged).unwrap();
    fs::write(root.path().join("spool/slot-0003"), b"something of somebody").unwrap();
    let store = open(root.path());
    assert_eq!(ids(&store), ["whole"]);
    // Nobody knew of this one at the start.
    fs::write(root.path().join("spool/slot-0004"), b"from a backup").unwrap();
    store.spool().remove("whole").unwrap();
    for round in 0..4 {
        store.sync().unwrap();
        store.spool().add(&entry(&format!("m-{round}"), b"x")).unwrap();
    }
    assert_eq!(ids(&store), ["m-0", "m-1", "m-2", "m-3"]);
    assert_eq!(fs::read(&slots[0]).unwrap(), damaged);
    let other = |name: &str| fs::read(root.path().join("spool").join(name)).unwrap();
    assert_eq!(other("slot-0003"), b"something of somebody");
    assert_eq!(other("slot-0004"), b"from a backup");
    drop(store);
    let report = check::run(root.path(), false).unwrap();
    let mut told: Vec<_> = report.findings.iter().map(|found| format!("{found:?}")).collect();
    told.retain(|told| told.contains("/spool/slot-"));
    told.sort();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].contains("slot-0001") && told[0].contains("it is damaged"), "{told:?}");
}

#[test]
fn files_from_before_there_were_slots_are_read() {
    let root = root();
    let hash = {
        let store = open(root.path());
        let home = store.provision(ALICE, &initial()).unwrap();
        put(&home, "a", "a", "");
        home.snapshot().object(&path("calendar/a.ics")).unwrap().hash
    };
    let spool = root.path().join("spool");
    let crc = crc32fast::hash(b"text");
    let hash = format!("{:032x}", u128::from_be_bytes(hash));
    let witness = |hash: &str| format!(r#"["{ALICE}",["calendar","a.ics"],"{hash}",false]"#);
    let file = |name: &str, id: &str, witness: &str| {
        let head = format!(r#"{{"id":"{id}","crc":{crc},"witness":{witness}}}"#);
        fs::write(spool.join(name), format!("{head}\ntext   ")).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    fs::write(spool.join("by-hand.work"), "2026\ntext").unwrap();
    file("m-1.work", "m-1", "null");
    file("m-2.pending", "m-2", &witness(&hash));
    file("m-3.pending", "m-3", &witness("0".repeat(32).as_str()));
    file("m-4.pending", "m-4", "null");
    file("m-5.work", "m-0", "null");
    file(".spare-m-6", "m-6", "null");
    let store = open(root.path());
    let wanted = [entry("by-hand", b"text"), entry("m-1", b"text"), entry("m-2", b"text")];
    assert_eq!(store.spool().list().unwrap(), wanted);
    assert_eq!(states(root.path()), ["work", "work", "work"]);
    drop(store);
    assert_eq!(open(root.path()).spool().list().unwrap(), wanted);
}

#[test]
fn many_large_entries_at_once() {
    let root = root();
    let store = open(root.path());
    let body = |number: usize| format!("{number} ").repeat(40_000).trim_end().as_bytes().to_vec();
    std::thread::scope(|scope| {
        for number in 0..100 {
            let (store, body) = (&store, body(number));
            scope.spawn(move || store.spool().add(&entry(&format!("m-{number}"), &body)).unwrap());
        }
    });
    let many: Vec<_> = (100..400).map(|n| entry(&format!("m-{n}"), &body(n % 10))).collect();
    let home = store.provision(ALICE, &initial()).unwrap();
    home.write(|tx| {
        many.iter().for_each(|entry| tx.enqueue(entry.clone()));
        tx.put(&path("calendar/a.ics"), &event("a"), None, &PropertyChanges::none())
    })
    .unwrap();
    assert_eq!(store.spool().len(), 400);
    drop((home, store));
    let store = open(root.path());
    let found = store.spool().list().unwrap();
    assert_eq!(found[100..], many);
    for entry in &found[..100] {
        assert_eq!(entry.body, body(entry.id[2..].parse().unwrap()), "{}", entry.id);
    }
    for entry in &found {
        store.spool().remove(&entry.id).unwrap();
    }
    assert_eq!(files(root.path()).len(), 0, "such large files are not kept");
    for number in 0..400 {
        store.spool().add(&entry(&format!("s-{number}"), b"x")).unwrap();
    }
    (0..400).for_each(|number| store.spool().remove(&format!("s-{number}")).unwrap());
    assert_eq!(files(root.path()).len(), KEPT);
}

#[test]
fn later_work_with_the_same_id_takes_the_place_of_earlier_work() {
    let root = root();
    let store = open(root.path());
    store.spool().add(&entry("refresh", b"1")).unwrap();
    store.spool().add(&entry("refresh", b"2")).unwrap();
    assert_eq!(store.spool().list().unwrap(), [entry("refresh", b"2")]);
    // Work that came after the one that is done stays.
    store.finish("refresh");
    store.spool().add(&entry("refresh", b"3")).unwrap();
    assert_eq!(store.spool().list().unwrap(), [entry("refresh", b"3")]);
    drop(store);
    assert_eq!(open(root.path()).spool().list().unwrap(), [entry("refresh", b"3")]);
}

#[test]
fn a_confirmation_is_durable_before_its_witness_changes() {
    let root = root();
    let store = open(root.path());
    let home = store.provision(ALICE, &initial()).unwrap();
    let certain = |store: &Store| {
        let slots = store.spool().slots.lock();
        slots.taken().map(|(_, taken)| taken.certain).collect::<Vec<_>>()
    };
    put(&home, "a", "a", "m-1");
    put(&home, "b", "b", "m-2");
    assert_eq!(certain(&store), [false, false]);
    put(&home, "c", "c", "");
    put(&home, "b", "b", "");
    assert_eq!(certain(&store), [false, false], "nothing of theirs changed");
    put(&home, "b", "b2", "");
    assert_eq!(certain(&store), [false, true]);
    home.write_deferred(|tx| tx.delete(&path("calendar/a.ics"))).unwrap();
    assert_eq!(certain(&store), [true, true]);
    // The entry of a removal waits for the name to stay empty.
    home.write(|tx| {
        tx.enqueue(entry("m-3", b"gone"));
        tx.delete(&path("calendar/b.ics"))
    })
    .unwrap();
    assert_eq!(certain(&store), [true, true, false]);
    put(&home, "b", "b", "");
    assert_eq!(certain(&store), [true, true, true]);
    // Moving or removing what it lies in counts too, and a sync of all tells of all.
    put(&home, "a", "a", "m-4");
    home.write(|tx| tx.rename(&path("calendar"), &path("other"))).unwrap();
    assert_eq!(certain(&store), [true; 4]);
    home.write(|tx| tx.rename(&path("other"), &path("calendar"))).unwrap();
    put(&home, "a", "a3", "m-5");
    assert_eq!(certain(&store)[4..], [false]);
    store.sync().unwrap();
    assert_eq!(certain(&store), [true; 5]);
}

#[test]
fn a_slot_that_somebody_removed_is_not_written_to() {
    let root = root();
    let store = open(root.path());
    for number in 0..3 {
        store.spool().add(&entry(&format!("m-{number}"), b"x")).unwrap();
    }
    (0..3).for_each(|number| store.spool().remove(&format!("m-{number}")).unwrap());
    store.sync().unwrap();
    fs::remove_dir_all(root.path().join("spool")).unwrap();
    store.spool().add(&entry("m-4", b"x")).unwrap();
    drop(store);
    assert_eq!(ids(&open(root.path())), ["m-4"]);
}
