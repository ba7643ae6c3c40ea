//! What the index of a home takes in memory, counted by the allocator: a home is opened over
//! generated objects, and closed again; and one comes to as many while it is open.
//! `cargo bench --bench memory`.
#![allow(missing_docs)]

#[path = "load/data.rs"]
#[allow(dead_code)]
mod data;

use std::alloc::System;
use std::fs;
use std::path::Path;

use bytes::Bytes;
use daybook::store::{
    CollectionKind, Durability, HomePath, PropertyChanges, Provision, Store, StoreOptions,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const GUID: &str = "MEMORY00-0000-0000-0000-000000000000";

/// Bytes and allocations that are live.
fn live() -> (i64, i64) {
    let stats = ALLOCATOR.stats();
    let bytes = stats.bytes_allocated as i64 - stats.bytes_deallocated as i64;
    (bytes, stats.allocations as i64 - stats.deallocations as i64)
}

/// What is live besides what was before, for each object.
fn tell(way: &str, objects: u64, before: (i64, i64)) {
    let after = live();
    let per_object = |value: i64| value as f64 / objects as f64;
    let (bytes, blocks) = (per_object(after.0 - before.0), per_object(after.1 - before.1));
    println!("{way}\t{objects}\t{bytes:.0}\t{blocks:.2}");
}

fn main() {
    println!("index\tobjects\tbytes_per_object\tallocations_per_object");
    for objects in [1_000, 10_000] {
        let root = tempfile::tempdir().expect("a scratch folder");
        let home = Path::new("calendars/__uids__").join(&GUID[..2]).join(&GUID[2..4]).join(GUID);
        let folder = root.path().join(home).join("calendar");
        fs::create_dir_all(&folder).expect("a folder");
        for number in 0..objects {
            let object = data::object(data::Seed::of(1, 10_000), number);
            fs::write(folder.join(object.name), object.text).expect("room on the disk");
        }
        for way in ["made", "loaded"] {
            let store = Store::open(root.path(), StoreOptions::default()).expect("a store");
            let before = live();
            let home = store.home(GUID).expect("a home that opens").expect("a home");
            tell(way, objects, before);
            drop(home);
        }
        written(objects);
    }
}

/// A home that comes to so many objects while it is open.
fn written(objects: u64) {
    let root = tempfile::tempdir().expect("a scratch folder");
    let options = StoreOptions { durability: Durability::None, ..StoreOptions::default() };
    let store = Store::open(root.path(), options).expect("a store");
    let home = store.provision(GUID, &Provision::default()).expect("a home");
    let calendar = HomePath::new(["calendar"]);
    let none = PropertyChanges::none();
    let made = home.write(|tx| tx.make_collection(&calendar, CollectionKind::Calendar, &none));
    made.expect("a calendar");
    let before = live();
    for number in 0..objects {
        let object = data::object(data::Seed::of(1, 10_000), number);
        let (path, text) = (calendar.join(&object.name), Bytes::from(object.text));
        home.write(|tx| tx.put(&path, &text, None, &none).map(drop)).expect("room on the disk");
    }
    tell("written", objects, before);
}
