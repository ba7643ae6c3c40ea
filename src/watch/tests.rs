//! Others change the files of a running store.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::store::{
    CollectionKind, Durability, Home, HomePath, PropertyChanges, Provision, ProvisionedCollection,
    Store, StoreOptions, check,
};

const ALICE: &str = "10000000-0000-0000-0000-000000000001";

fn event(uid: &str) -> Bytes {
    Bytes::from(format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
         DTSTART:20260101T100000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    ))
}

struct Running {
    _root: tempfile::TempDir,
    store: Arc<Store>,
    home: Arc<Home>,
    dir: PathBuf,
}

fn running() -> Running {
    let root = tempfile::tempdir().unwrap();
    let options = StoreOptions { durability: Durability::None, ..StoreOptions::default() };
    let store = Store::open(root.path(), options).unwrap();
    let calendar = ProvisionedCollection {
        name: "calendar".to_owned(),
        kind: CollectionKind::Calendar,
        properties: PropertyChanges::none(),
        always: false,
    };
    let initial = Provision { collections: vec![calendar], ..Provision::default() };
    let home = store.provision(ALICE, &initial).unwrap();
    super::start(&store, None).unwrap();
    let dir = home.directory();
    let running = Running { _root: root, store, home, dir };
    // The first file that is seen says that notifications are set up.
    let mut n = 0;
    running.until("set up", || {
        n += 1;
        std::fs::write(running.dir.join("calendar/first.ics"), event(&n.to_string())).unwrap();
        std::thread::sleep(Duration::from_millis(200));
        let first = HomePath::new(["calendar", "first.ics"]);
        running.home.snapshot().object(&first).is_some()
    });
    running
}

impl Running {
    fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !holds() {
            assert!(Instant::now() < deadline, "{what}: {:?}", self.names());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn names(&self) -> Vec<String> {
        let snapshot = self.home.snapshot();
        let mut names = Vec::new();
        for (path, calendar) in snapshot.calendars() {
            for (name, object) in calendar.objects() {
                let uid = object.calendar().map_or("-", |summary| summary.uid());
                names.push(format!("{path}/{name}={uid}"));
            }
        }
        names.retain(|name| !name.starts_with("calendar/first.ics"));
        names
    }

    fn expect(&self, what: &str, names: &[&str]) {
        self.until(what, || self.names() == names);
    }
}

#[test]
fn every_way_of_changing_files_is_followed() {
    let r = running();
    std::fs::remove_file(r.dir.join("calendar/first.ics")).unwrap();
    let at = |name: &str| r.dir.join(name);
    std::fs::write(at("calendar/a.ics"), event("a")).unwrap();
    r.expect("a new file", &["calendar/a.ics=a"]);
    std::fs::write(at("calendar/a.ics"), event("changed")).unwrap();
    r.expect("an edit in place", &["calendar/a.ics=changed"]);
    std::fs::write(at("calendar/.a.ics.swp"), event("swap")).unwrap();
    std::fs::write(at("calendar/a.ics~"), event("backup")).unwrap();
    std::fs::write(at("calendar/.a.new"), event("saved")).unwrap();
    std::fs::rename(at("calendar/.a.new"), at("calendar/a.ics")).unwrap();
    r.expect("a save by renaming", &["calendar/a.ics=saved"]);
    std::fs::rename(at("calendar/a.ics"), at("calendar/b.ics")).unwrap();
    r.expect("a rename", &["calendar/b.ics=saved"]);
    for round in 0..5 {
        let dir = format!("new{round}");
        std::fs::create_dir(at(&dir)).unwrap();
        std::fs::write(at(&format!("{dir}/x.ics")), event("x")).unwrap();
        let expected = format!("{dir}/x.ics=x");
        r.expect("a directory with a file", &["calendar/b.ics=saved", &expected]);
        std::fs::write(at(&format!("{dir}/y.ics")), event("y")).unwrap();
        let second = format!("{dir}/y.ics=y");
        r.expect("a file in it", &["calendar/b.ics=saved", &expected, &second]);
        std::fs::remove_dir_all(at(&dir)).unwrap();
        r.expect("a removed directory", &["calendar/b.ics=saved"]);
    }
    std::fs::create_dir(at("other")).unwrap();
    std::fs::rename(at("calendar/b.ics"), at("other/b.ics")).unwrap();
    r.expect("a move between calendars", &["other/b.ics=saved"]);
    std::fs::rename(at("other"), at("renamed")).unwrap();
    r.expect("a renamed directory", &["renamed/b.ics=saved"]);
    std::fs::write(at("renamed/b.ics"), "nonsense").unwrap();
    r.expect("a damaged file", &["renamed/b.ics=-"]);
    std::fs::remove_file(at(".index")).unwrap();
    r.until("the index comes back", || at(".index").exists());
    assert_eq!(r.home.snapshot().by_uid("saved"), Vec::<HomePath>::new());
    let findings = check::check_home(&r.home).unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
}

#[test]
fn own_writes_change_nothing_twice() {
    let r = running();
    for n in 0..20 {
        let path = HomePath::new(["calendar".to_owned(), format!("{n}.ics")]);
        let content = event(&n.to_string());
        r.home.write(|tx| tx.put(&path, &content, None, &PropertyChanges::none())).unwrap();
    }
    let number = r.home.snapshot().number();
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(r.home.snapshot().number(), number);
    assert_eq!(r.store.opened().len(), 1);
}
