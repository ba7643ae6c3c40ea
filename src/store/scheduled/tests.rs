//! Copies of what was last scheduled change with their objects, whatever fails or dies.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::disk::fault::{Fault, arm, disarm};
use crate::store::tests::{ALICE, event, initial, path};
use crate::store::{
    Durability, Home, LastScheduled, PropertyChanges, SpoolEntry, Store, StoreError, StoreOptions,
    Transaction,
};

fn meeting(uid: &str, summary: &str) -> Bytes {
    let text = String::from_utf8(event(uid).to_vec()).unwrap();
    let people = format!("SUMMARY:{summary}\r\nORGANIZER:mailto:a@x\r\nATTENDEE:mailto:b@x\r\n");
    Bytes::from(text.replace("END:VEVENT", &format!("{people}END:VEVENT")))
}

fn open(root: &Path, keep: Option<bool>) -> (Arc<Store>, Arc<Home>) {
    let options = StoreOptions {
        durability: Durability::None,
        keep_scheduled: keep,
        ..StoreOptions::default()
    };
    let store = Store::open(root, options).unwrap();
    let home = store.provision(ALICE, &initial()).unwrap();
    (store, home)
}

fn put(home: &Home, name: &str, content: &Bytes) -> Result<(), StoreError> {
    home.write(|tx| {
        tx.put(&path(&format!("calendar/{name}")), content, None, &PropertyChanges::none())
            .map(|_| ())
    })
}

fn edits(home: &Home) -> Vec<String> {
    let edits = home.unscheduled().into_iter();
    edits.map(|edit| edit.path.map_or("gone".to_owned(), |path| path.to_string())).collect()
}

/// What somebody else writes, and the server sees.
fn edit(home: &Home, name: &str, content: Option<&Bytes>) {
    let file = home.directory().join("calendar").join(name);
    match content {
        Some(content) => std::fs::write(file, content).unwrap(),
        None => std::fs::remove_file(file).unwrap(),
    }
    home.reconcile().unwrap();
}

#[test]
fn only_edits_past_the_server_differ() {
    let root = tempfile::tempdir().unwrap();
    let (store, home) = open(root.path(), Some(true));
    put(&home, "a.ics", &meeting("a", "1")).unwrap();
    put(&home, "b.ics", &meeting("b", "1")).unwrap();
    put(&home, "alone.ics", &event("alone")).unwrap();
    put(&home, "a.ics", &meeting("a", "2")).unwrap();
    home.write(|tx| -> Result<(), StoreError> {
        tx.make_collection(
            &path("other"),
            crate::store::CollectionKind::Calendar,
            &PropertyChanges::none(),
        )?;
        tx.rename(&path("calendar/b.ics"), &path("other/b.ics"))?;
        tx.put(&path("other/c.ics"), &meeting("c", "1"), None, &PropertyChanges::none())?;
        Ok(())
    })
    .unwrap();
    assert_eq!(edits(&home), [""; 0]);
    edit(&home, "alone.ics", Some(&event("alone2")));
    assert_eq!(edits(&home), [""; 0]);
    edit(&home, "a.ics", Some(&meeting("a", "3")));
    assert_eq!(edits(&home), ["calendar/a.ics"]);
    // What the server does to the object would hide the edit: it has to wait.
    assert!(matches!(put(&home, "a.ics", &meeting("a", "4")), Err(StoreError::Changed(_))));
    let found = home.unscheduled().remove(0);
    let LastScheduled::Copy(copy) = home.last_scheduled(&found).unwrap() else { panic!("no copy") };
    assert_eq!(copy, meeting("a", "2"));
    home.refuse(&found);
    assert_eq!((edits(&home), home.refused()), (vec![], 1));
    put(&home, "a.ics", &meeting("a", "4")).unwrap();
    assert_eq!((edits(&home), home.refused()), (vec![], 0));
    // Attendees added, attendees removed.
    edit(&home, "alone.ics", Some(&meeting("alone", "1")));
    edit(&home, "a.ics", Some(&event("a")));
    let mut found = edits(&home);
    found.sort();
    assert_eq!(found, ["calendar/a.ics", "calendar/alone.ics"]);
    drop((home, store));
    // Nobody looks after the copies for a while: they go.
    let (store, home) = open(root.path(), Some(false));
    assert!(!home.directory().join(".scheduled").exists());
    drop((home, store));
    let (_store, home) = open(root.path(), Some(true));
    assert_eq!(edits(&home), [""; 0]);
    home.write(|tx| tx.delete(&path("other"))).unwrap();
    assert_eq!(edits(&home), [""; 0]);
}

#[test]
fn tools_keep_copies_where_there_are_some() {
    let root = tempfile::tempdir().unwrap();
    let (store, home) = open(root.path(), Some(true));
    put(&home, "a.ics", &meeting("a", "1")).unwrap();
    drop((home, store));
    let (store, home) = open(root.path(), None);
    put(&home, "a.ics", &meeting("a", "2")).unwrap();
    drop((home, store));
    let (_store, home) = open(root.path(), Some(true));
    assert_eq!(edits(&home), [""; 0]);
}

type Action = fn(&mut Transaction<'_>) -> Result<(), StoreError>;

/// Tells others of the edit of `a.ics` and does what a client's PUT of the same bytes would.
fn tell_of_content(tx: &mut Transaction<'_>) -> Result<(), StoreError> {
    tx.put(&path("calendar/a.ics"), &meeting("a", "2"), None, &PropertyChanges::none())?;
    tell(tx)
}

fn tell(tx: &mut Transaction<'_>) -> Result<(), StoreError> {
    tx.settle("a");
    tx.enqueue(SpoolEntry { id: "message".to_owned(), body: b"tell".to_vec() });
    Ok(())
}

#[test]
fn an_edit_is_waiting_or_told_whatever_fails() {
    let memory = Path::new("/dev/shm");
    for fault in [Fault::Die, Fault::Fail(5), Fault::Fail(28)] {
        for (content, action) in
            [(Some(meeting("a", "2")), tell_of_content as Action), (None, tell as Action)]
        {
            for n in 0.. {
                let root = match memory.is_dir() {
                    true => tempfile::tempdir_in(memory).unwrap(),
                    false => tempfile::tempdir().unwrap(),
                };
                let (store, home) = open(root.path(), Some(true));
                put(&home, "a.ics", &meeting("a", "1")).unwrap();
                edit(&home, "a.ics", content.as_ref());
                assert_eq!(edits(&home).len(), 1);
                arm(n, fault);
                let result = home.write(action);
                let met = disarm();
                let context = format!("call {n}, {fault:?}, {result:?}, {content:?}");
                if fault != Fault::Die {
                    assert_eq!(edits(&home).is_empty(), result.is_ok(), "{context}");
                }
                drop((home, store));
                let (store, home) = open(root.path(), Some(true));
                let told = store.spool().holds("message");
                assert_eq!(edits(&home).is_empty(), told, "{context}");
                assert!(told || result.is_err(), "{context}");
                if !met {
                    assert!(n > 10, "{n} calls");
                    break;
                }
            }
        }
    }
}
