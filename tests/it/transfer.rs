//! `daybook export` and `daybook import`: what goes out comes back in, what others left is taken
//! as far as it can be, originals stay as they are, and what is not taken is named.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Server, daybook};

fn event(uid: &str, extra: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
         DTSTAMP:20260101T000000Z\r\nDTSTART:20260105T100000Z\r\nSUMMARY:{uid}\r\n{extra}\
         END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

fn run(config: &Path, arguments: &[&str]) -> (i32, String) {
    // `export calendars --config FILE …`, `import --config FILE files …`
    let at = if arguments[0] == "export" { 2 } else { 1 };
    let mut all = arguments[..at].to_vec();
    all.extend(["--config", config.to_str().unwrap()]);
    all.extend(&arguments[at..]);
    let output = daybook(&all).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code().unwrap(), text)
}

/// A configuration for the data directory of a server.
fn config_of(server: &Server) -> PathBuf {
    let data = server.data();
    let config = data.join("transfer.toml");
    fs::write(&config, format!("[data]\nroot = {:?}\n", data.to_str().unwrap())).unwrap();
    config
}

/// A new data directory with accounts, and its configuration.
fn fresh(folder: &Path, accounts: &str) -> PathBuf {
    let config = folder.join("daybook.toml");
    let data = folder.join("data");
    let text = format!(
        "[data]\nroot = {:?}\n[directory]\nfile = {:?}\n",
        data.to_str().unwrap(),
        folder.join("accounts.toml").to_str().unwrap()
    );
    fs::write(&config, text).unwrap();
    fs::write(folder.join("accounts.toml"), accounts).unwrap();
    config
}

const ALICE: &str = "A0000000-0000-4000-8000-00000000000A";
const BOB: &str = "B0000000-0000-4000-8000-00000000000B";
const CAROL: &str = "C0000000-0000-4000-8000-00000000000C";
const ROOM: &str = "D0000000-0000-4000-8000-00000000000D";

fn accounts() -> String {
    let record = |kind: &str, name: &str, guid: &str| {
        format!("[[{kind}]]\nname = {name:?}\nguid = {guid:?}\nplain_password = {name:?}\n")
    };
    [
        record("user", "alice", ALICE),
        record("user", "bob", BOB),
        record("user", "carol", CAROL),
        record("location", "room", ROOM),
    ]
    .concat()
}

/// Content and attributes by path.
type Files = BTreeMap<PathBuf, (Vec<u8>, BTreeMap<String, Vec<u8>>)>;

/// All files below a folder.
fn everything(folder: &Path) -> Files {
    let mut found = BTreeMap::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        let attributes = xattr::list(&path).unwrap().map(|name| {
            let value = xattr::get(&path, &name).unwrap().unwrap_or_default();
            (name.into_string().unwrap(), value)
        });
        let attributes: BTreeMap<_, _> = attributes.collect();
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let content = if kind.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        found.insert(path.strip_prefix(folder).unwrap().to_owned(), (content, attributes));
    }
    found
}

#[test]
fn calendars_go_out_and_come_back() {
    let mut server = Server::start();
    let alice = server.client("alice");
    server.client("bob").propfind("/calendars/users/bob/calendar/", "0", "").expect(207);
    for uid in ["one", "two"] {
        let path = format!("/calendars/users/alice/calendar/{uid}.ics");
        alice.put(&path, &event(uid, "X-ODD:kept\r\n")).expect(201);
    }
    let config = config_of(&server);
    let out = tempfile::tempdir().unwrap();
    let to = out.path().to_str().unwrap();
    let (code, text) = run(&config, &["export", "calendars", "alice", to]);
    assert!(code != 0 && text.contains("another process"), "beside a server: {text}");
    server.stop();
    let (code, text) = run(&config, &["export", "calendars", "alice", to]);
    assert_eq!(code, 0, "{text}");
    let exported = out.path().join("calendar.ics");
    let content = fs::read_to_string(&exported).unwrap();
    assert_eq!(content.matches("BEGIN:VEVENT").count(), 2, "{content}");
    assert_eq!(content.matches("BEGIN:VCALENDAR").count(), 1, "{content}");
    let file = exported.to_str().unwrap();
    let (code, text) = run(&config, &["import", "files", "bob", "calendar", file, "--dry-run"]);
    assert!(code == 0 && text.contains("2 would be taken"), "{text}");
    let folder = out.path().join("more");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("three.ics"), event("three", "")).unwrap();
    fs::write(folder.join("bad.ics"), "BEGIN:VCALENDAR\r\nnothing\r\n").unwrap();
    fs::write(folder.join(".props"), "{}").unwrap();
    let folder = folder.to_str().unwrap();
    let (code, text) = run(&config, &["import", "files", "bob", "calendar", file, folder]);
    assert!(code == 1 && text.contains("3 taken, 0 there already, 1 not taken"), "{text}");
    assert!(text.contains("bad.ics:2: "), "{text}");
    let (code, text) = run(&config, &["import", "files", "bob", "calendar", file, folder]);
    assert!(code == 1 && text.contains("0 taken, 3 there already, 1 not taken"), "{text}");
    assert_eq!(fs::read_to_string(&exported).unwrap(), content);
    let (code, text) = run(&config, &["import", "files", "bob", "nowhere", file]);
    assert!(code == 2 && text.contains("no calendar"), "{text}");
    let (code, text) = run(&config, &["import", "files", "bob", "new", file, "--make"]);
    assert!(code == 0 && text.contains("2 taken"), "{text}");
    server.start_again();
    let bob = server.client("bob");
    let one = bob.get("/calendars/users/bob/calendar/one.ics").expect(200).text();
    assert!(one.contains("UID:one") && one.contains("X-ODD:kept"), "{one}");
    let three = bob.get("/calendars/users/bob/calendar/three.ics").expect(200).text();
    assert_eq!(three, event("three", ""));
    bob.get("/calendars/users/bob/new/two.ics").expect(200);
}

#[test]
fn vdirs_bring_colour_and_name() {
    let folder = tempfile::tempdir().unwrap();
    let config = fresh(folder.path(), &accounts());
    let vdirs = folder.path().join("vdirs");
    for name in ["work", "home"] {
        fs::create_dir_all(vdirs.join(name)).unwrap();
        fs::write(vdirs.join(name).join("displayname"), format!("{name} & more\n")).unwrap();
        fs::write(vdirs.join(name).join("color"), "#ff0000").unwrap();
        fs::write(vdirs.join(name).join("a.ics"), event("a", "")).unwrap();
    }
    fs::write(vdirs.join("work/many.ics"), [event("x", ""), event("y", "")].concat()).unwrap();
    fs::write(vdirs.join("work/notes.txt"), "?").unwrap();
    let before = everything(&vdirs);
    let vdirs_text = vdirs.to_str().unwrap();
    let (code, text) = run(&config, &["import", "vdir", "alice", vdirs_text]);
    assert!(code == 1 && text.contains("4 taken, 0 there already, 1 not taken"), "{text}");
    assert!(text.contains("work/notes.txt: it is no .ics file"), "{text}");
    fs::remove_file(vdirs.join("work/notes.txt")).unwrap();
    let (code, text) = run(&config, &["import", "vdir", "alice", vdirs_text]);
    assert!(code == 0 && text.contains("0 taken, 4 there already"), "{text}");
    let home = folder.path().join(format!("data/calendars/__uids__/A0/00/{ALICE}"));
    assert_eq!(fs::read_to_string(home.join("work/a.ics")).unwrap(), event("a", ""));
    let name = attribute(&home.join("work"), "{DAV:}displayname").unwrap();
    assert!(name.contains(">work &amp; more<"), "{name}");
    let colour = "user.{http:%2F%2Fapple.com%2Fns%2Fical%2F}calendar-color";
    assert!(xattr::get(home.join("home"), colour).unwrap().is_some());
    assert_eq!(before.len() - 1, everything(&vdirs).len());
}

#[test]
fn radicale_collections_come_over() {
    let folder = tempfile::tempdir().unwrap();
    let config = fresh(folder.path(), &accounts());
    let radicale = folder.path().join("radicale");
    let collection = |user: &str, name: &str, props: &str| {
        let path = radicale.join("collection-root").join(user).join(name);
        fs::create_dir_all(path.join(".Radicale.cache/item")).unwrap();
        fs::write(path.join(".Radicale.props"), props).unwrap();
        path
    };
    let work = collection(
        "alice",
        "0a1b",
        r##"{"tag": "VCALENDAR", "D:displayname": "Work", "ICAL:calendar-color": "#00ff00ff",
        "C:supported-calendar-component-set": "VEVENT,VTODO", "C:calendar-description": "d<"}"##,
    );
    fs::write(work.join("one.ics"), event("one", "")).unwrap();
    fs::write(work.join("two.ics"), event("two", "").replace("END:VEVENT", "EDN:VEVENT")).unwrap();
    let people = collection("alice", "people", r#"{"tag": "VADDRESSBOOK"}"#);
    fs::write(people.join("a.vcf"), "BEGIN:VCARD").unwrap();
    collection("bob", "odd", "{");
    collection("nobody", "x", r#"{"tag": "VCALENDAR"}"#);
    fs::write(radicale.join(".Radicale.lock"), "").unwrap();
    let before = everything(&radicale);
    let root = radicale.to_str().unwrap();
    let (code, text) = run(&config, &["import", "--dry-run", "radicale", root]);
    assert!(code == 1 && text.contains("1 would be taken, 0 there already, 4 not"), "{text}");
    assert!(!folder.path().join(format!("data/calendars/__uids__/A0/00/{ALICE}")).exists());
    let (code, text) = run(&config, &["import", "radicale", root]);
    assert!(code == 1 && text.contains("1 taken, 0 there already, 4 not taken"), "{text}");
    for part in [
        "collection-root/alice/0a1b/two.ics:",
        "people: it is no calendar",
        "odd/.Radicale.props: ",
        "nobody: no account is called users:nobody",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (_, text) = run(&config, &["import", "radicale", root]);
    assert!(text.contains("0 taken, 1 there already, 4 not taken"), "{text}");
    let home = folder.path().join(format!("data/calendars/__uids__/A0/00/{ALICE}"));
    assert_eq!(fs::read_to_string(home.join("0a1b/one.ics")).unwrap(), event("one", ""));
    let set = "{urn:ietf:params:xml:ns:caldav}supported-calendar-component-set";
    let set = attribute(&home.join("0a1b"), set).unwrap();
    assert!(set.contains("VEVENT") && set.contains("VTODO"), "{set}");
    assert_eq!(before, everything(&radicale));
    let (code, text) = run(&config, &["import", "radicale", folder.path().to_str().unwrap()]);
    assert!(code == 2 && text.contains("no directory called collection-root"), "{text}");
}

/// The XML of a property that the server stored.
fn attribute(path: &Path, name: &str) -> Option<String> {
    let value = xattr::get(path, format!("user.{name}")).unwrap()?;
    if !value.starts_with(b"x") {
        return Some(String::from_utf8(value).unwrap());
    }
    let mut text = String::new();
    let mut decoder = flate2::read::ZlibDecoder::new(value.as_slice());
    std::io::Read::read_to_string(&mut decoder, &mut text).unwrap();
    Some(text)
}

fn pickled(name: &str) -> Vec<u8> {
    fs::read(format!("fixtures/import/{name}")).unwrap()
}

/// A document root with homes at all three places, attributes of every form, and the databases.
fn document_root(root: &Path) {
    let home = |place: &str| root.join("calendars").join(place);
    let set = |path: &Path, name: &str, value: &[u8]| xattr::set(path, name, value).unwrap();
    let sharded = home(&format!("__uids__/A0/00/{ALICE}"));
    for name in ["calendar", "work", "inbox", "outbox", "dropbox/one.dropbox"] {
        fs::create_dir_all(sharded.join(name)).unwrap();
    }
    fs::write(sharded.join("freebusy"), "").unwrap();
    for (file, content) in [
        ("calendar/one.ics", event("one", "")),
        ("calendar/again.ics", event("one", "")),
        ("calendar/bad.ics", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nnothing\r\n".to_owned()),
        ("calendar/.db.sqlite", "an index".to_owned()),
        ("calendar/.one.ics.rollback", event("one", "")),
        ("work/two.ics", event("two", "")),
        ("inbox/msg.ics", event("three", "")),
        ("dropbox/one.dropbox/plan.txt", "plan".to_owned()),
    ] {
        fs::write(sharded.join(file), content).unwrap();
    }
    symlink("/etc/passwd", sharded.join("calendar/link.ics")).unwrap();
    let calendar = "<?xml version='1.0' encoding='UTF-8'?>\r\n<resourcetype xmlns='DAV:'>\
                    <collection/><calendar xmlns='urn:ietf:params:xml:ns:caldav'/></resourcetype>";
    for name in ["calendar", "work"] {
        set(&sharded.join(name), "user.{DAV:}resourcetype", &zlib(calendar.as_bytes()));
        let tag = "<getctag xmlns='http://calendarserver.org/ns/'>2009-07-01</getctag>";
        let name = sharded.join(name);
        set(&name, "user.{http:%2F%2Fcalendarserver.org%2Fns%2F}getctag", tag.as_bytes());
    }
    // As a Mac wrote them, copied to Linux.
    let colour = "<calendar-color xmlns='http://apple.com/ns/ical/'>#123456FF</calendar-color>";
    let name = "user.WebDAV:{http:%2F%2Fapple.com%2Fns%2Fical%2F}calendar-color";
    set(&sharded.join("work"), name, &zlib(colour.as_bytes()));
    set(&sharded.join("work"), "user.{DAV:}acl", &zlib(&pickled("acl.2.pickle")));
    let name = "user.{urn:ietf:params:xml:ns:caldav}calendar-free-busy-set";
    let busy = "<calendar-free-busy-set xmlns='urn:ietf:params:xml:ns:caldav'><href \
                xmlns='DAV:'>/calendars/users/alice/calendar/</href></calendar-free-busy-set>";
    set(&sharded.join("inbox"), name, busy.as_bytes());
    let name = "user.{urn:ietf:params:xml:ns:caldav}schedule-tag";
    let tag = "<schedule-tag xmlns='urn:ietf:params:xml:ns:caldav'>t1</schedule-tag>";
    set(&sharded.join("calendar/one.ics"), name, tag.as_bytes());
    set(&sharded.join("calendar/one.ics"), "user.{urn:x}broken", b"\x80\x02junk");
    // Before homes were sharded, and before they had GUIDs.
    for (place, uid) in [(format!("__uids__/{BOB}"), "bobs"), ("users/carol".to_owned(), "carols")]
    {
        fs::create_dir_all(home(&place).join("calendar")).unwrap();
        fs::write(home(&place).join("calendar/e.ics"), event(uid, "")).unwrap();
    }
    fs::create_dir_all(home("users/nobody/calendar")).unwrap();
    fs::create_dir_all(home("users/alice/calendar")).unwrap();
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_darwin_calendar_server_comes_over() {
    let folder = tempfile::tempdir().unwrap();
    let config = fresh(folder.path(), &accounts());
    let (root, databases) = (folder.path().join("Documents"), folder.path().join("Data"));
    document_root(&root);
    fs::create_dir(&databases).unwrap();
    for name in ["calendaruserproxy.sqlite", "resourceinfo.sqlite"] {
        fs::copy(format!("fixtures/import/{name}"), databases.join(name)).unwrap();
    }
    let before = (everything(&root), everything(&databases));
    let (root_text, data_text) = (root.to_str().unwrap(), databases.to_str().unwrap());
    let import = ["import", "calendar-server", root_text, "--data-root", data_text];
    let (code, text) = run(&config, &[&import[..], &["--dry-run"]].concat());
    assert!(code == 1 && text.contains("9 would be taken"), "{text}");
    assert!(!folder.path().join("data/delegates.toml").exists());
    let (code, text) = run(&config, &import);
    // Six objects and files of alice's, bob's and carol's; two delegates, one room.
    assert!(code == 1 && text.contains("9 taken, 0 there already, 9 not taken"), "{text}");
    for part in [
        "calendar/one.ics: its UID one is that of calendar/again.ics too",
        "calendar/bad.ics:3: ",
        "calendar/link.ics: it is no regular file",
        "calendar/again.ics",
        "users/alice: there is another home of",
        "users/nobody: no account is called users:nobody",
        "delegate C0000000-0000-4000-8000-00000000000C: of what is not said",
        "of 99999999-0000-4000-8000-000000000009: no account has this GUID",
        "auto-schedule of A0000000-0000-4000-8000-00000000000A: ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(before, (everything(&root), everything(&databases)));
    let (code, text) = run(&config, &import);
    assert!(code == 1 && text.contains("0 taken, 9 there already, 9 not taken"), "{text}");
    let delegates = fs::read_to_string(folder.path().join("data/delegates.toml")).unwrap();
    assert!(delegates.contains(BOB) && delegates.contains(CAROL), "{delegates}");
    let homes = folder.path().join("data/calendars/__uids__");
    let alice = homes.join(format!("A0/00/{ALICE}"));
    assert_eq!(fs::read_to_string(alice.join("work/two.ics")).unwrap(), event("two", ""));
    assert_eq!(fs::read(alice.join("dropbox/one.dropbox/plan.txt")).unwrap(), b"plan");
    assert!(!alice.join("calendar/.db.sqlite").exists());
    let attribute = |place: &str, name: &str| attribute(&alice.join(place), name);
    let colour = attribute("work", "{http:%2F%2Fapple.com%2Fns%2Fical%2F}calendar-color");
    assert!(colour.unwrap().contains("#123456FF"));
    let transparency = "{urn:ietf:params:xml:ns:caldav}schedule-calendar-transp";
    assert!(attribute("work", transparency).unwrap().contains("transparent"));
    assert!(attribute("calendar", transparency).unwrap().contains("opaque"));
    assert_eq!(attribute("work", "{http:%2F%2Fcalendarserver.org%2Fns%2F}getctag"), None);
    for (home, uid) in [(format!("B0/00/{BOB}"), "bobs"), (format!("C0/00/{CAROL}"), "carols")] {
        let content = fs::read_to_string(homes.join(home).join("calendar/e.ics")).unwrap();
        assert_eq!(content, event(uid, ""));
    }
    let (code, text) = run(&config, &["import", "calendar-server", data_text]);
    assert!(code == 2 && text.contains("no directory called calendars"), "{text}");
}

/// Before there was a data root, before rooms had GUIDs; and a terminal sees how far it is.
#[test]
fn what_an_older_server_left_comes_over() {
    let folder = tempfile::tempdir().unwrap();
    let config = fresh(folder.path(), &accounts());
    let root = folder.path().join("Documents");
    let room = root.join("calendars/locations/room/calendar");
    fs::create_dir_all(&room).unwrap();
    fs::write(room.join("e.ics"), event("rooms", "")).unwrap();
    fs::create_dir(root.join("principals")).unwrap();
    let proxies = root.join("principals/.db.calendaruserproxy");
    fs::copy("fixtures/import/calendaruserproxy.sqlite", &proxies).unwrap();
    fs::copy("fixtures/import/resourceinfo.sqlite", root.join("resourceinfo.sqlite")).unwrap();
    let before = everything(&root);
    let command = format!(
        "{} import --config {} calendar-server {}",
        daybook(&[]).get_program().to_str().unwrap(),
        config.display(),
        root.display()
    );
    let terminal = Command::new("script").args(["-qec", &command, "/dev/null"]).output();
    let text = match terminal {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Err(_) => run(&config, &["import", "calendar-server", root.to_str().unwrap()]).1,
    };
    // An event, two delegates, one room.
    assert!(text.contains("4 taken, 0 there already"), "{text}");
    assert_eq!(before, everything(&root));
    let delegates = fs::read_to_string(folder.path().join("data/delegates.toml")).unwrap();
    assert!(delegates.contains(BOB) && delegates.contains(CAROL), "{delegates}");
    let automatic = fs::read_to_string(folder.path().join("data/auto-schedule.toml")).unwrap();
    assert!(automatic.contains(ROOM), "{automatic}");
    let home = folder.path().join(format!("data/calendars/__uids__/D0/00/{ROOM}"));
    let content = fs::read_to_string(home.join("calendar/e.ics")).unwrap();
    assert_eq!(content, event("rooms", ""));
    if Command::new("script").arg("--version").output().is_ok() {
        assert!(text.contains("to go"), "no progress on a terminal: {text:?}");
    }
}

#[test]
fn an_adopted_home_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("Documents");
    document_root(&root);
    // The demo's alice has another GUID: her home is where it was before there were any.
    let old = root.join("calendars/users/alice");
    fs::remove_dir_all(&old).unwrap();
    fs::rename(root.join(format!("calendars/__uids__/A0/00/{ALICE}")), &old).unwrap();
    let mut server = Server::start();
    server.stop();
    let config = config_of(&server);
    let (_, text) = run(&config, &["import", "calendar-server", root.to_str().unwrap()]);
    assert!(text.contains("taken"), "{text}");
    server.start_again();
    let alice = server.client("alice");
    let home = "/calendars/users/alice/";
    assert_eq!(alice.get(&format!("{home}work/two.ics")).expect(200).text(), event("two", ""));
    let body = "<propfind xmlns='DAV:'><prop><acl/><resourcetype/>\
                <A:calendar-color xmlns:A='http://apple.com/ns/ical/'/></prop></propfind>";
    let answer = alice.propfind(&format!("{home}work/"), "0", body).expect(207).text();
    assert!(answer.contains("#123456FF") && answer.contains("calendar"), "{answer}");
    // The access list named bob by his short name.
    let bob = server.client("bob");
    bob.propfind(&format!("{home}work/"), "0", body).expect(403);
}

/// What `daybook export home` and `import home` must keep of a server's home.
fn shape(home: &Path) -> Files {
    let mut found = everything(home);
    found.retain(|path, _| {
        !path.components().any(|part| part.as_os_str().to_string_lossy().starts_with(".index"))
    });
    // A home keeps what it was about to do last when that only named new files (docs/storage.md, "A
    // write"): it is done, and speaks of inodes. Nothing else ever has an intent.
    for (path, (_, attributes)) in &mut found {
        let Some(intent) = attributes.remove("user.daybook.intent") else { continue };
        assert_eq!(path, Path::new(""), "an intent on something in a home");
        let steps: Vec<serde_json::Value> = serde_json::from_slice(&intent).unwrap();
        for step in steps {
            let from = step["Install"]["from"].as_str().expect("only names for new files stay");
            assert!(!home.join(from).exists(), "{from} has no name yet");
        }
    }
    found
}

#[test]
fn a_home_comes_back_byte_for_byte() {
    let mut server = Server::start();
    let (alice, bob) = (server.client("alice"), server.client("bob"));
    let home = "/calendars/users/alice/";
    let long = format!("X-LONG:{}\r\n", "ä".repeat(30));
    alice.put(&format!("{home}calendar/one.ics"), &event("one", &long)).expect(201);
    alice.send("MKCALENDAR", &format!("{home}work/"), &[], b"").expect(201);
    alice.put(&format!("{home}work/50%25%20%23.ics"), &event("two", "")).expect(201);
    let invitation = event(
        "meeting",
        "ORGANIZER:mailto:bob@example.com\r\nATTENDEE:mailto:bob@example.com\r\n\
         ATTENDEE;RSVP=TRUE:mailto:alice@example.com\r\n",
    );
    bob.put("/calendars/users/bob/calendar/m.ics", &invitation).expect(201);
    let set = |path: &str, property: &str| {
        let body = format!(
            "<D:propertyupdate xmlns:D='DAV:' xmlns:C='urn:ietf:params:xml:ns:caldav' \
             xmlns:A='http://apple.com/ns/ical/'><D:set><D:prop>{property}</D:prop></D:set>\
             </D:propertyupdate>"
        );
        alice.send("PROPPATCH", &format!("{home}{path}"), &[], body.as_bytes()).expect(207);
    };
    set("work/", "<A:calendar-color A:x='\"'>#0F0</A:calendar-color>");
    set("work/", "<A:calendar-order>7</A:calendar-order>");
    // More than attributes hold, and nothing that zlib could make small.
    let noise = (0_u64..4000).map(|n| format!("{:x}&lt;", n.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    set("work/", &format!("<X:big xmlns:X='urn:x'>{}</X:big>", noise.collect::<String>()));
    set("calendar/one.ics", "<X:on-file xmlns:X='urn:x'>v</X:on-file>");
    let default = "<C:schedule-default-calendar-URL><D:href>/calendars/users/alice/work/</D:href>\
                   </C:schedule-default-calendar-URL>";
    set("inbox/", default);
    let data = server.data();
    let link = fs::canonicalize(data.join("calendars/users/alice")).unwrap();
    fs::write(link.join("work/damaged.ics"), "nothing\n").unwrap();
    server.stop();
    let guid = link.file_name().unwrap().to_str().unwrap().to_owned();
    let config = config_of(&server);
    let delegates = format!("[{guid:?}]\nread = []\nwrite = [{BOB:?}]\n");
    fs::write(data.join("delegates.toml"), &delegates).unwrap();
    let out = tempfile::tempdir().unwrap();
    let archive = out.path().join("alice.tar");
    let archive_text = archive.to_str().unwrap();
    let (code, text) = run(&config, &["export", "home", "alice", archive_text]);
    assert_eq!(code, 0, "{text}");
    let (code, text) = run(&config, &["export", "home", "alice", archive_text]);
    assert!(code == 1 && text.contains("alice.tar: "), "it is never overwritten: {text}");
    let before = shape(&link);
    assert!(before.keys().any(|path| path.starts_with(".overflow")), "{:?}", before.keys());
    fs::remove_dir_all(&link).unwrap();
    fs::remove_file(data.join("delegates.toml")).unwrap();
    let (code, text) = run(&config, &["import", "home", "alice", archive_text, "--dry-run"]);
    assert!(code == 0 && text.contains("would be taken") && !link.exists(), "{text}");
    let (code, text) = run(&config, &["import", "home", "alice", archive_text]);
    assert_eq!(code, 0, "{text}");
    let after = shape(&link);
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    for (path, was) in &before {
        assert_eq!(*was, after[path], "{}", path.display());
    }
    let text = fs::read_to_string(data.join("delegates.toml")).unwrap();
    assert!(text.contains(&guid) && text.contains(BOB), "{text}");
    let (code, text) = run(&config, &["import", "home", "alice", archive_text]);
    assert!(code == 0 && text.contains("0 taken,"), "{text}");
    server.start_again();
    let alice = server.client("alice");
    let one = alice.get(&format!("{home}calendar/one.ics")).expect(200).text();
    assert_eq!(one, event("one", &long));
}

#[test]
fn an_archive_reaches_nothing_outside_the_home() {
    let folder = tempfile::tempdir().unwrap();
    let config = fresh(folder.path(), &accounts());
    let archive = folder.path().join("bad.tar");
    let mut tar = tar::Builder::new(fs::File::create(&archive).unwrap());
    let mut add = |name: &str, content: &[u8], kind: tar::EntryType| {
        let mut header = tar::Header::new_gnu();
        // Names that the library would not write.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_entry_type(kind);
        if kind.is_symlink() {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        tar.append(&header, content).unwrap();
    };
    let (file, directory) = (tar::EntryType::Regular, tar::EntryType::Directory);
    let about = format!("format = 1\nguid = {ALICE:?}\nprincipal = \"users:alice\"\n");
    add("home.toml", about.as_bytes(), file);
    add("home/c/", b"", directory);
    add("home/c/.properties.xml", b"<properties collection='calendar'/>", file);
    add("./home/c/good.ics", event("good", "").as_bytes(), file);
    for name in ["../evil.ics", "/evil.ics", "home/../../evil.ics", "home/c/.index", "evil.ics"] {
        add(name, b"evil", file);
    }
    add("home/c/link.ics", b"", tar::EntryType::Symlink);
    add("home/nowhere/x.ics", b"evil", file);
    tar.finish().unwrap();
    let before = everything(folder.path()).len();
    let (code, text) = run(&config, &["import", "home", "alice", archive.to_str().unwrap()]);
    assert!(code == 1 && text.contains("1 taken, 0 there already, 7 not taken"), "{text}");
    let made: Vec<_> = everything(folder.path()).into_keys().collect();
    assert!(made.len() > before, "{made:?}");
    let evil = |path: &PathBuf| path.to_string_lossy().contains("evil");
    assert!(!made.iter().any(evil) && !folder.path().parent().unwrap().join("evil.ics").exists());
    fs::write(&archive, "no archive").unwrap();
    let (code, text) = run(&config, &["import", "home", "alice", archive.to_str().unwrap()]);
    assert!(code != 0 && text.contains("bad.tar"), "{text}");
}
