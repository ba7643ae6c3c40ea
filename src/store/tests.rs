//! The store on a real directory.

use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::dav::Name;

mod journal;
mod opening;
mod properties;
mod writing;

const EVENT: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\n\
                     DTSTAMP:20260101T000000Z\r\nDTSTART:20260101T100000Z\r\nEND:VEVENT\r\n\
                     END:VCALENDAR\r\n";
pub(super) const ALICE: &str = "10000000-0000-0000-0000-000000000001";

pub(super) fn path(text: &str) -> HomePath {
    HomePath::new(text.split('/').filter(|segment| !segment.is_empty()))
}

pub(super) fn event(uid: &str) -> Bytes {
    Bytes::from(EVENT.replace("UID:1", &format!("UID:{uid}")))
}

pub(super) fn initial() -> Provision {
    let collection = |name: &str, kind, always| ProvisionedCollection {
        name: name.to_owned(),
        kind,
        properties: PropertyChanges::none(),
        always,
    };
    Provision {
        collections: vec![
            collection("calendar", CollectionKind::Calendar, false),
            collection("inbox", CollectionKind::Inbox, true),
            collection("outbox", CollectionKind::Outbox, true),
        ],
        links: vec![("users".to_owned(), "alice".to_owned())],
        ..Provision::default()
    }
}

fn open(root: &std::path::Path) -> Arc<Store> {
    Store::open(root, StoreOptions { durability: Durability::None, ..StoreOptions::default() })
        .unwrap()
}

fn home_dir(root: &std::path::Path) -> std::path::PathBuf {
    root.join("calendars/__uids__/10/00").join(ALICE)
}

/// The index tells what the files tell (invariant 9).
pub(super) fn assert_true(home: &Home) {
    let findings = check::check_home(home).unwrap();
    assert_eq!(findings, []);
}

fn changes(home: &Home, since: SyncPoint) -> Vec<String> {
    let snapshot = home.snapshot();
    let changes = snapshot.changes_since(&path("calendar"), Some(since), Depth::One).unwrap();
    changes
        .iter()
        .map(|change| match change.kind {
            ChangeKind::Changed(_) => format!("+{}", change.path.name().unwrap()),
            ChangeKind::Removed { .. } => format!("-{}", change.path.name().unwrap()),
        })
        .collect()
}

fn put(home: &Home, at: &str, content: &Bytes) -> Result<(), StoreError> {
    home.write(|tx| tx.put(&path(at), content, None, &PropertyChanges::none()).map(|_| ()))
}

#[test]
fn a_home_is_made_once_and_found_again() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    assert!(store.home(ALICE).unwrap().is_none());
    let home = store.provision(ALICE, &initial()).unwrap();
    assert_eq!(store.homes().unwrap(), [ALICE]);
    let kinds: Vec<_> = home
        .snapshot()
        .children(&HomePath::root())
        .map(|(name, entry)| (name.to_string(), entry.collection().unwrap().kind))
        .collect();
    assert_eq!(
        kinds,
        [
            ("calendar".to_owned(), CollectionKind::Calendar),
            ("inbox".to_owned(), CollectionKind::Inbox),
            ("outbox".to_owned(), CollectionKind::Outbox),
        ]
    );
    assert!(root.path().join("calendars/users/alice/inbox").is_dir());
    assert!(matches!(Store::open(root.path(), StoreOptions::default()), Err(StoreError::InUse(_))));
    home.write(|tx| tx.delete(&path("calendar")).and_then(|()| tx.delete(&path("inbox")))).unwrap();
    let home = store.provision(ALICE, &initial()).unwrap();
    assert!(home.snapshot().entry(&path("inbox")).is_some());
    assert!(home.snapshot().entry(&path("calendar")).is_none());
}
