//! Properties of files: lost by an editor, taken away by a client, too large for attributes.

use super::*;

#[test]
fn attributes_lost_by_an_editor_are_put_back() {
    let root = tempfile::tempdir().unwrap();
    let calendar = home_dir(root.path()).join("calendar");
    let store = open(root.path());
    let home = store.provision(ALICE, &initial()).unwrap();
    let note = Name::owned("urn:x", "note");
    let change = PropertyChanges::none().with(note.clone(), "<note xmlns=\"urn:x\">1</note>");
    home.write(|tx| tx.put(&path("calendar/a.ics"), &event("a"), None, &change)).unwrap();
    std::fs::write(calendar.join(".a.new"), event("b")).unwrap();
    std::fs::rename(calendar.join(".a.new"), calendar.join("a.ics")).unwrap();
    assert_eq!(home.reconcile().unwrap(), 1);
    assert!(home.properties(&path("calendar/a.ics")).unwrap().get(&note).is_some());
    assert_true(&home);
}

/// A writer that dies before it tells the index leaves a file as bare as an editor does.
#[test]
fn attributes_taken_away_by_a_client_stay_away() {
    let root = tempfile::tempdir().unwrap();
    let note = Name::owned("urn:x", "note");
    let (at, index) = (path("calendar/a.ics"), home_dir(root.path()).join(".index"));
    let write = |home: &Home, uid: &str, changes: &PropertyChanges| {
        home.write(|tx| tx.put(&at, &event(uid), None, changes).map(|_| ())).unwrap();
    };
    {
        let store = open(root.path());
        let home = store.provision(ALICE, &initial()).unwrap();
        write(&home, "a", &PropertyChanges::none().with(note.clone(), "<note xmlns=\"urn:x\"/>"));
        let before = std::fs::read(&index).unwrap();
        write(&home, "b", &PropertyChanges::none().without(note.clone()));
        drop((home, store));
        std::fs::write(&index, before).unwrap();
    }
    let store = open(root.path());
    let home = store.home(ALICE).unwrap().unwrap();
    let snapshot = home.snapshot();
    let entry = snapshot.object(&at).unwrap();
    assert_eq!(entry.calendar().unwrap().uid(), "b");
    assert_eq!(entry.properties.get(&note), None);
    assert_true(&home);
}

#[test]
fn properties_that_do_not_fit_are_kept_beside() {
    let root = tempfile::tempdir().unwrap();
    let large = |n: u32| {
        let text: String =
            (0..3000u32).map(|i| format!("{:x}", i.wrapping_mul(n + 77_777))).collect();
        format!("<p xmlns=\"urn:x\">{text}</p>")
    };
    let name = |n: u32| Name::owned("urn:x", format!("p{n}"));
    let long = Name::owned(format!("urn:{}", "x".repeat(300)), "p");
    let changes = (0..6)
        .fold(PropertyChanges::none(), |changes, n| changes.with(name(n), large(n)))
        .with(long.clone(), "<p>long</p>");
    let verify = |home: &Home, at: &str| {
        let set = home.properties(&path(at)).unwrap();
        for n in 0..6 {
            assert_eq!(set.get(&name(n)).map(|xml| &**xml), Some(&*large(n)), "{at}");
        }
        assert!(set.get(&long).is_some());
        assert_true(home);
    };
    {
        let store = open(root.path());
        let home = store.provision(ALICE, &initial()).unwrap();
        put(&home, "calendar/a.ics", &event("a")).unwrap();
        home.write(|tx| tx.patch_properties(&path("calendar/a.ics"), &changes)).unwrap();
        put(&home, "calendar/a.ics", &event("b")).unwrap();
        home.write(|tx| tx.patch_properties(&path("calendar"), &changes)).unwrap();
        verify(&home, "calendar/a.ics");
        home.write(|tx| tx.rename(&path("calendar"), &path("work"))).unwrap();
        home.write(|tx| tx.copy(&path("work"), &path("copy"))).unwrap();
        verify(&home, "copy/a.ics");
    }
    let store = open(root.path());
    let home = store.home(ALICE).unwrap().unwrap();
    for at in ["work", "work/a.ics", "copy", "copy/a.ics"] {
        verify(&home, at);
    }
    home.write(|tx| tx.delete(&path("copy"))).unwrap();
    let without = (0..6).fold(PropertyChanges::none().without(long), |c, n| c.without(name(n)));
    home.write(|tx| tx.patch_properties(&path("work"), &without)).unwrap();
    home.write(|tx| tx.patch_properties(&path("work/a.ics"), &without)).unwrap();
    assert_true(&home);
    let file = home_dir(root.path()).join(".overflow/properties.json");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "{}");
}
