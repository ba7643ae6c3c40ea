//! Every system call of every kind of transaction fails once, and the process dies there once:
//! afterwards there is the old or the new state, and the new one if it was acknowledged.

use std::collections::BTreeMap;
use std::path::Path;

use crate::dav::Name;
use crate::disk::fault::{Fault, arm, disarm};
use crate::index::summary;

use super::tests::{ALICE, assert_true, event, initial, path};
use super::*;

type Action = fn(&mut Transaction<'_>) -> Result<(), StoreError>;

const EIO: i32 = 5;
const EMFILE: i32 = 24;
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;
const EDQUOT: i32 = 122;

fn note(value: &str) -> PropertyChanges {
    let name = |local: &str| Name::owned("urn:x", local);
    let xml = |local: &str| format!("<{local} xmlns=\"urn:x\">{value}</{local}>");
    PropertyChanges::none().with(name("one"), xml("one")).with(name("two"), xml("two"))
}

fn scenarios() -> Vec<(&'static str, Action)> {
    vec![
        ("put a new file", |tx| {
            tx.put(&path("calendar/n.ics"), &event("n"), None, &note("1")).map(|_| ())
        }),
        ("replace a file", |tx| {
            tx.put(&path("calendar/a.ics"), &event("n"), None, &note("1")).map(|_| ())
        }),
        ("prepare a file", |tx| {
            tx.put(&path("calendar/a.ics"), &event("n"), None, &note("1")).map(|_| ())
        }),
        ("prepare a new file", |tx| {
            tx.put(&path("calendar/n.ics"), &event("n"), None, &note("1")).map(|_| ())
        }),
        ("delete a file", |tx| tx.delete(&path("calendar/a.ics"))),
        ("delete a collection", |tx| tx.delete(&path("calendar"))),
        ("move a file", |tx| tx.rename(&path("calendar/a.ics"), &path("inbox/z.ics"))),
        ("move a file over another", |tx| {
            tx.delete(&path("calendar/b.ics"))?;
            tx.rename(&path("calendar/a.ics"), &path("calendar/b.ics"))
        }),
        ("copy a file", |tx| tx.copy(&path("calendar/a.ics"), &path("inbox/z.ics"))),
        ("make a calendar", |tx| {
            tx.make_collection(&path("new"), CollectionKind::Calendar, &note("1"))
        }),
        ("deliver a message", deliver),
        ("deliver a message and answer", |tx| {
            deliver(tx)?;
            tx.enqueue(SpoolEntry { id: "answer".to_owned(), body: b"yes".to_vec() });
            Ok(())
        }),
        ("deliver an invitation", |tx| arrive(tx, "n")),
        ("deliver an update", |tx| arrive(tx, "a")),
        ("deliver an answer", |tx| {
            arrive(tx, "a")?;
            tx.enqueue(SpoolEntry { id: "refresh".to_owned(), body: b"all".to_vec() });
            Ok(())
        }),
        ("copy a collection", |tx| tx.copy(&path("calendar"), &path("copy"))),
        ("patch a file", |tx| tx.patch_properties(&path("calendar/a.ics"), &note("2"))),
        ("patch a collection", |tx| tx.patch_properties(&path("calendar"), &note("2"))),
        ("patch a file, with more than a large attribute may hold", |tx| {
            let xml =
                |n: u8| format!("<p xmlns=\"urn:x\">{}</p>", "y".repeat(5000 + usize::from(n)));
            let changes = note("2").with(Name::owned("urn:x", "p"), xml(0));
            tx.patch_properties(&path("calendar/a.ics"), &changes)
        }),
        ("large properties", |tx| {
            let changes = (0..9u8).fold(note("3"), |changes, n| {
                let text: String =
                    (0..150u32).map(|i| format!("{:x}", i * 7919 * u32::from(n + 1))).collect();
                changes.with(Name::owned("urn:x", format!("p{n}")), format!("<p>{text}</p>"))
            });
            tx.put(&path("calendar/a.ics"), &event("n"), None, &changes).map(|_| ())
        }),
        ("several things", |tx| {
            tx.put(&path("inbox/m.ics"), &event("m"), None, &note("1"))?;
            tx.put(&path("calendar/a.ics"), &event("n"), None, &note("4"))?;
            tx.delete(&path("calendar/b.ics"))?;
            tx.rename(&path("calendar"), &path("moved"))?;
            tx.put(&path("moved/c.ics"), &event("c"), None, &PropertyChanges::none())?;
            tx.patch_properties(&path("moved"), &note("5"))?;
            tx.enqueue(SpoolEntry { id: "work".to_owned(), body: b"do it".to_vec() });
            Ok(())
        }),
    ]
}

/// What delivery does in a recipient's home: the copy, then the message.
fn deliver(tx: &mut Transaction<'_>) -> Result<(), StoreError> {
    tx.put(&path("calendar/a.ics"), &event("a2"), None, &note("9"))?;
    tx.put(&path("inbox/m.ics"), &event("m"), None, &note("1"))?;
    Ok(())
}

/// The same as deliveries do it: the copy is marked with the message.
fn arrive(tx: &mut Transaction<'_>, copy: &str) -> Result<(), StoreError> {
    const ID: &str = "0f168477-cf3d-45d3-ae60-9875ea02c4d1";
    let marked = PropertyChanges::none().with(DELIVERED, arrival::mark(ID));
    tx.put(&path(&format!("calendar/{copy}.ics")), &event("a2"), None, &marked)?;
    let message = path(&format!("inbox/{ID}.ics"));
    let content = Content::new(event("m"), summary::of_bytes(&event("m")));
    tx.put_message(&message, &content, &PropertyChanges::none())?;
    Ok(())
}

/// Everything a client could see of the home.
fn state(home: &Home, store: &Store) -> BTreeMap<String, String> {
    let mut seen = BTreeMap::new();
    look(home, &HomePath::root(), &mut seen);
    let work: Vec<_> = store.spool().list().unwrap().into_iter().map(|entry| entry.id).collect();
    seen.insert("spool".to_owned(), work.join(" "));
    seen
}

fn look(home: &Home, at: &HomePath, seen: &mut BTreeMap<String, String>) {
    for (name, entry) in home.snapshot().children(at) {
        let path = at.join(&name);
        let content = home.read(&path).unwrap();
        let all = format!("{content:?} {:?}", entry.properties());
        seen.insert(path.to_string(), blake3::hash(all.as_bytes()).to_string());
        if entry.collection().is_some() {
            look(home, &path, seen);
        }
    }
}

fn open(root: &Path, durability: Durability) -> (std::sync::Arc<Store>, std::sync::Arc<Home>) {
    let store = Store::open(root, StoreOptions { durability, ..StoreOptions::default() }).unwrap();
    let home = store.provision(ALICE, &initial()).unwrap();
    (store, home)
}

/// A home with two events, and a queue that had work before.
fn begin(root: &Path) {
    let (store, home) = open(root, Durability::None);
    let earlier = SpoolEntry { id: "earlier".to_owned(), body: vec![b'x'; 3000] };
    store.spool().add(&earlier).unwrap();
    store.spool().remove("earlier").unwrap();
    for name in ["a", "b"] {
        home.write(|tx| {
            tx.put(&path(&format!("calendar/{name}.ics")), &event(name), None, &note("0"))
        })
        .unwrap();
    }
}

/// A fast directory, but for what needs attributes that overflow.
fn directory(name: &str) -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if !name.contains("large") && memory.is_dir() {
        let root = tempfile::tempdir_in(memory).unwrap();
        if Store::open(root.path(), StoreOptions::default()).is_ok() {
            return root;
        }
    }
    tempfile::tempdir().unwrap()
}

type State = BTreeMap<String, String>;

/// Runs one scenario with a fault at the `n`-th call; false when there is no such call.
fn strike(
    name: &str,
    action: Action,
    n: usize,
    fault: Fault,
    (old, new): (&State, &State),
) -> bool {
    let root = directory(name);
    begin(root.path());
    let (store, home) = open(root.path(), Durability::Full);
    // That the queue has a free slot is durable.
    store.sync().unwrap();
    arm(n, fault);
    let result = match name {
        "prepare a file" => home
            .prepare(&path("calendar/a.ics"), &event("n"), None, &note("1"))
            .and_then(|prepared| home.write_prepared(prepared, action)),
        "prepare a new file" => home
            .prepare(&path("calendar/n.ics"), &event("n"), None, &note("1"))
            .and_then(|prepared| home.write_prepared(prepared, action)),
        _ if name.starts_with("deliver") => home.write_deferred(action),
        _ => home.write(action),
    };
    let met = disarm();
    let context = format!("{name}, call {n}, {fault:?}, {result:?}");
    if let (Fault::Fail(code), Err(error)) = (fault, &result) {
        // What a client is told: 507 where room is short, else 503, and that it may try again.
        let clear = match error {
            StoreError::Full(_) => [ENOSPC, EDQUOT].contains(&code),
            StoreError::Disk(disk) => disk.may_pass() && ![ENOSPC, EDQUOT].contains(&code),
            _ => false,
        };
        assert!(clear, "{context}: told as something else");
    }
    if fault != Fault::Die {
        // The server lives on: what it tells is what is there.
        assert!(result.is_ok() || state(&home, &store) == *old, "{context}: half done");
        assert_eq!(check::check_home(&home).unwrap(), [], "{context}");
    }
    drop((home, store));
    let (store, home) = open(root.path(), Durability::None);
    assert_true(&home);
    let found = state(&home, &store);
    assert!(found == *new || (result.is_err() && found == *old), "{context}:\n{found:#?}");
    met
}

fn strike_all(fault: Fault) {
    for (name, action) in scenarios() {
        let root = directory(name);
        begin(root.path());
        let (store, home) = open(root.path(), Durability::None);
        let old = state(&home, &store);
        home.write(action).unwrap();
        let new = state(&home, &store);
        let calls = (0..).take_while(|n| strike(name, action, *n, fault, (&old, &new))).count();
        assert!(calls > 2 && calls < 1000, "{name}: {calls} calls");
    }
}

#[test]
fn dying_anywhere_leaves_the_old_or_the_new_state() {
    strike_all(Fault::Die);
}

#[test]
fn an_error_anywhere_leaves_the_old_state() {
    strike_all(Fault::Fail(EIO));
}

#[test]
fn a_full_disk_anywhere_leaves_the_old_state() {
    strike_all(Fault::Fail(ENOSPC));
}

#[test]
fn a_quota_anywhere_leaves_the_old_state() {
    strike_all(Fault::Fail(EDQUOT));
}

#[test]
fn too_many_open_files_anywhere_leave_the_old_state() {
    strike_all(Fault::Fail(EMFILE));
}

#[test]
fn a_read_only_disk_anywhere_leaves_the_old_state() {
    strike_all(Fault::Fail(EROFS));
}

/// Opens and uses what a death left, and dies at the `n`-th call of it; whether there was one.
fn mend_until(root: &Path, n: usize) -> bool {
    arm(n, Fault::Die);
    let opened = Store::open(root, StoreOptions::default());
    drop(opened.and_then(|store| store.provision(ALICE, &initial()).map(|home| (store, home))));
    disarm()
}

#[test]
fn dying_while_a_death_is_mended_changes_nothing() {
    for name in [
        "several things",
        "deliver a message and answer",
        "deliver an invitation",
        "patch a collection",
    ] {
        let (_, action) = scenarios().into_iter().find(|(found, _)| *found == name).unwrap();
        let root = directory(name);
        begin(root.path());
        let (store, home) = open(root.path(), Durability::None);
        let old = state(&home, &store);
        home.write(action).unwrap();
        let new = state(&home, &store);
        for first in (3..).step_by(11) {
            let mut met = true;
            for second in (0..).step_by(3).take_while(|second| *second < 600) {
                let root = directory(name);
                begin(root.path());
                let (store, home) = open(root.path(), Durability::Full);
                arm(first, Fault::Die);
                let _ = match name.starts_with("deliver an") {
                    true => home.write_deferred(action),
                    false => home.write(action),
                };
                met = disarm();
                drop((home, store));
                let again = mend_until(root.path(), second);
                let (store, home) = open(root.path(), Durability::None);
                let found = state(&home, &store);
                let context = format!("{name}, calls {first} and {second}");
                assert!(found == old || found == new, "{context}:\n{found:#?}");
                assert_true(&home);
                if !again {
                    break;
                }
            }
            if !met {
                break;
            }
        }
    }
}

#[test]
fn a_home_is_made_wholly_or_not_at_all() {
    const BOB: &str = "20000000-0000-0000-0000-000000000002";
    for fault in [Fault::Die, Fault::Fail(EIO), Fault::Fail(ENOSPC)] {
        for n in 0.. {
            let root = directory("a home");
            let (store, _) = open(root.path(), Durability::Full);
            arm(n, fault);
            let made = store.provision(BOB, &initial()).is_ok();
            let met = disarm();
            drop(store);
            let (store, _) = open(root.path(), Durability::None);
            assert!(!made || store.home(BOB).unwrap().is_some(), "call {n}, {fault:?}");
            if let Some(home) = store.home(BOB).unwrap() {
                let names = home.snapshot().children(&HomePath::root()).count();
                assert_eq!(names, 3, "call {n}, {fault:?}: half a home");
            }
            let home = store.provision(BOB, &initial()).unwrap();
            assert_true(&home);
            if !met {
                break;
            }
        }
    }
}

#[test]
fn a_move_between_homes_never_loses_the_file() {
    // Two transactions (`method/transfer`): the target is durable before the source goes.
    const BOB: &str = "20000000-0000-0000-0000-000000000002";
    for fault in [Fault::Die, Fault::Fail(EIO)] {
        for n in 0.. {
            let root = directory("two homes");
            begin(root.path());
            let (store, alice) = open(root.path(), Durability::Full);
            let bob = store.provision(BOB, &initial()).unwrap();
            let content = event("a");
            arm(n, fault);
            let moved = bob
                .write(|tx| tx.put(&path("calendar/a.ics"), &content, None, &note("0")).map(|_| ()))
                .and_then(|()| alice.write(|tx| tx.delete(&path("calendar/a.ics"))));
            let met = disarm();
            drop((alice, bob, store));
            let (store, alice) = open(root.path(), Durability::None);
            let bob = store.home(BOB).unwrap().unwrap();
            let at = |home: &Home| home.read(&path("calendar/a.ics")).unwrap();
            let (source, target) = (at(&alice), at(&bob));
            let context = format!("call {n}, {fault:?}");
            assert!(source.is_some() || target.as_ref() == Some(&content), "{context}: lost");
            if moved.is_ok() {
                assert_eq!((source, target), (None, Some(content)), "{context}");
            }
            if !met {
                break;
            }
        }
    }
}
