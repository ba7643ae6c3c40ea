use std::fs;

use chrono::{Duration, TimeZone, Utc};

use super::{PrincipalError, Principals};
use crate::clock::Clock;
use crate::principal::delegates::ProxyKind;
use crate::principal::record::{AutoScheduleMode, RecordType};

const ALICE: &str = "A11CE000-0000-4000-8000-000000000001";
const BOB: &str = "B0B00000-0000-4000-8000-000000000002";

fn accounts() -> String {
    fs::read_to_string("fixtures/directory/accounts.toml").unwrap()
}

#[test]
fn notices_edits_within_a_second_and_survives_broken_ones() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("accounts.toml");
    fs::write(&path, accounts()).unwrap();
    let clock = Clock::simulated(Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap());
    let principals = Principals::open(&path, folder.path(), &[], clock.clone()).unwrap();
    fs::write(&path, accounts() + "\n[[user]]\nname = 'dave'\n").unwrap();
    assert!(principals.current().by_login("dave").is_none());
    clock.advance(Duration::milliseconds(1001));
    assert!(principals.current().by_login("dave").is_some());
    fs::write(&path, "[[user]\n").unwrap();
    clock.advance(Duration::seconds(2));
    assert!(principals.current().by_login("dave").is_some());
    assert!(principals.reload().is_err());
    fs::write(&path, accounts()).unwrap();
    principals.reload().unwrap();
    assert!(principals.current().by_login("dave").is_none());
}

#[test]
fn what_is_set_lives_at_once_and_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("accounts.toml");
    fs::write(&path, accounts()).unwrap();
    let open = || Principals::open(&path, folder.path(), &[], Clock::system()).unwrap();
    let principals = open();
    let tool = open();
    assert!(principals.current().is_delegate(ALICE, ProxyKind::Write, BOB));
    principals.set_delegates(BOB, ProxyKind::Write, &[ALICE.to_owned()]).unwrap();
    assert!(principals.current().is_delegate(BOB, ProxyKind::Write, ALICE));
    // A tool that has not seen that change does not undo it, nor the proxies of the file.
    tool.change_delegation(ALICE, |delegation| delegation.read.clear()).unwrap();
    for principals in [&tool, &open()] {
        assert!(principals.current().is_delegate(BOB, ProxyKind::Write, ALICE));
        assert!(principals.current().is_delegate(ALICE, ProxyKind::Write, BOB));
        assert!(principals.current().delegation(ALICE).unwrap().read.is_empty());
    }
    let room = principals.current().by_name(RecordType::Location, "room-1").unwrap().guid.clone();
    principals.set_auto_schedule(&room, AutoScheduleMode::DeclineAlways).unwrap();
    principals.reload().unwrap();
    for principals in [&principals, &open()] {
        let directory = principals.current();
        let record = directory.by_guid(&room).unwrap();
        assert_eq!(record.auto_schedule, AutoScheduleMode::DeclineAlways);
        assert!(directory.is_delegate(BOB, ProxyKind::Write, ALICE));
    }
    let refused = principals.set_auto_schedule(ALICE, AutoScheduleMode::Automatic);
    assert!(matches!(refused, Err(PrincipalError::NotAutomatic(_))));
    let unknown = principals.set_delegates("NOBODY", ProxyKind::Read, &[]);
    assert!(matches!(unknown, Err(PrincipalError::Unknown(_))));
}
