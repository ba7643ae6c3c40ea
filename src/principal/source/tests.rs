use std::path::Path;

use super::{SourceError, load, parse_toml};
use crate::principal::record::{AutoScheduleMode, Record, RecordType};
use crate::principal::source::Accounts;

fn fixture(name: &str) -> Accounts {
    load(&Path::new("fixtures/directory").join(name)).unwrap()
}

fn named<'a>(accounts: &'a Accounts, name: &str) -> &'a Record {
    accounts.records.iter().find(|record| record.short_names.iter().any(|n| n == name)).unwrap()
}

#[test]
fn reads_our_own_form() {
    let accounts = fixture("accounts.toml");
    assert_eq!(accounts.realm, "Example");
    assert_eq!(accounts.records.len(), 9);
    let alice = named(&accounts, "al");
    assert_eq!(alice.emails, ["alice@example.com", "alice@example.org"]);
    assert_eq!(alice.addresses.last().unwrap(), "urn:example:alice");
    assert!(alice.secret.hash.is_some() && alice.secret.plain.is_none());
    let carol = named(&accounts, "carol");
    assert_eq!(carol.full_name, "carol");
    assert_eq!(carol.guid, named(&fixture("accounts.toml"), "carol").guid);
    assert_eq!(named(&accounts, "staff").members.len(), 2);
    let delegation = &accounts.proxies[&alice.guid];
    assert_eq!(delegation.read, [named(&accounts, "staff").guid.clone()]);
    assert_eq!(delegation.write, [named(&accounts, "bob").guid.clone()]);
    assert_eq!(accounts.admins, [named(&accounts, "root").guid.clone()]);
    let room = named(&accounts, "room-1");
    assert_eq!(room.auto_schedule, AutoScheduleMode::AcceptIfFree);
    assert_eq!(room.auto_accept_group.as_ref(), Some(&named(&accounts, "staff").guid));
    assert_eq!(named(&accounts, "projector").auto_schedule, AutoScheduleMode::Automatic);
    assert!(named(&accounts, "root").addresses.is_empty());
    assert_eq!(accounts.sudoers.len(), 1);
}

#[test]
fn reads_the_reference_systems_form() {
    let accounts = fixture("accounts.xml");
    assert_eq!(accounts.realm, "Test & Realm");
    assert_eq!(accounts.records.len(), 1 + 12 + 1 + 2 + 1 + 1);
    let admin = named(&accounts, "root");
    assert_eq!(admin.secret.plain.as_deref(), Some("admin"));
    assert_eq!(admin.addresses, ["mailto:admin@example.com"]);
    let user = named(&accounts, "user12");
    assert_eq!(user.guid, "user12");
    assert_eq!(user.secret.plain.as_deref(), Some("pass12"));
    assert_eq!(user.last_name.as_deref(), Some(" 12%"));
    assert_eq!(user.emails, ["user12@example.com"]);
    let quiet = named(&accounts, "quiet");
    assert!(!quiet.calendar_enabled && quiet.addresses.is_empty());
    assert_eq!(quiet.guid.len(), 36);
    assert_eq!(named(&accounts, "managers").members.len(), 2);
    assert_eq!(named(&accounts, "leads").members, ["user02"]);
    let room = named(&accounts, "mercury");
    assert_eq!(room.auto_schedule, AutoScheduleMode::Automatic);
    assert_eq!(accounts.proxies[&room.guid].read, ["user03"]);
    assert_eq!(named(&accounts, "transporter").auto_schedule, AutoScheduleMode::None);
}

#[test]
fn reads_the_conformance_accounts() {
    let accounts = fixture("accounts.json");
    assert_eq!(accounts.admins, ["0C8BDE62-E600-4696-83D3-8B5ECABDFD2E"]);
    let room = named(&accounts, "pretend");
    assert_eq!((room.guid.as_str(), room.record_type), ("pretend", RecordType::Location));
    assert_eq!(room.street_address.as_deref(), Some("1 Loop"));
    assert_eq!(accounts.proxies["pretend"].write, ["20000000-0000-0000-0000-000000000001"]);
    let resource = named(&accounts, "resource01");
    assert_eq!(resource.auto_schedule, AutoScheduleMode::DeclineIfBusy);
    assert!(!named(&accounts, "group01").calendar_enabled);
}

#[test]
fn says_what_is_wrong_on_which_line() {
    for (text, message) in [
        ("[[user]]\nname = 'a'\npasword = 'x'", "line 3: unknown field `pasword`"),
        ("[[user]]\nname = 'a'\n\n[[user]]\nname = 'a'", "line 4: a second record called users:a"),
        ("[[user]]\nname = 'a'\npassword = 'x'", "line 1: password holds a hash"),
        ("[[group]]\nname = 'a'\nmembers = 'b'", "line 1: there is no record called b"),
        ("\n[[group]]\nname = 'a'\ncalendar = true", "line 2: a group has no calendars"),
        ("[[user]]\nname = 'a/b'", "line 1: \"a/b\" cannot be a name"),
        ("[[user]]\nname = []", "line 1: a record without a name"),
        ("[[user]]\nname = 'a'\nguid = '../x'", "line 1: \"../x\" cannot be a GUID"),
        ("[[user]]\nname='a'\nguid='abcd'\n[[user]]\nname='b'\nguid='ABCD'", "line 4: a second"),
        ("[[location]]\nname='a'\nauto_schedule = 'maybe'", "line 3: auto_schedule is one of"),
        ("admins = ['nobody']", "line 1: there is no record called nobody"),
        ("realm = 'a\"b'", "line 1: the realm"),
        ("realm = ", "line 1"),
        ("[[user]]\nname='a'\nmembers='a'", "line 1: only groups have members"),
    ] {
        let error = parse_toml(text).unwrap_err();
        assert!(error.starts_with(message), "{text}: {error}");
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, text, message) in [
        ("a.xml", "<accounts>\n<user>\n<uidd/></user></accounts>", "line 3: unknown element uidd"),
        ("b.xml", "<accounts>\n<sudo/></accounts>", "line 2: unknown element sudo"),
        ("c.xml", "<accounts>\n<user repeat='2'><uid>a</uid></user></accounts>", "line 2: repeat"),
        ("d.xml", "<accounts><user>", "line 1: the file ends too early"),
        ("e.xml", "<a><b><c><d><e><f><g><h><i></i></h></g></f></e></d></c></b></a>", "line 1: el"),
        ("f.xml", "<accounts>&lol;</accounts>", "line 1: unknown entity lol"),
        ("g.json", "{\"users\": [\n{}]}", "line 2: missing field"),
        ("h.yaml", "", "an accounts file ends in"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let error = load(&path).unwrap_err().to_string();
        assert!(error.contains(message) && error.contains(name), "{name}: {error}");
    }
    let missing = load(Path::new("no/such/file.toml")).unwrap_err();
    assert!(matches!(missing, SourceError::Io { .. }), "{missing}");
}
