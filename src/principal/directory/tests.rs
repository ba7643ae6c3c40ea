use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::Directory;
use crate::principal::delegates::{Delegation, Delegations, ProxyKind};
use crate::principal::record::{Record, RecordType};
use crate::principal::search::{Criterion, Field, MatchType, Search};
use crate::principal::source;

fn directory(delegations: &Delegations) -> Directory {
    let accounts = source::load(Path::new("fixtures/directory/accounts.toml")).unwrap();
    Directory::new(accounts, delegations, &HashMap::new(), &["cal.example.com".to_owned()])
}

fn names<'a>(records: impl IntoIterator<Item = &'a Arc<Record>>) -> Vec<&'a str> {
    let mut names: Vec<_> = records.into_iter().map(|record| record.name()).collect();
    names.sort_unstable();
    names
}

#[test]
fn finds_a_record_by_each_of_its_addresses() {
    let directory = directory(&Delegations::new());
    for (address, name) in [
        ("MAILTO:ALICE@example.com", Some("alice")),
        ("mailto:alice@example.org", Some("alice")),
        ("urn:example:alice", Some("alice")),
        ("urn:uuid:a11ce000-0000-4000-8000-000000000001", Some("alice")),
        ("URN:x-uid:A11CE000-0000-4000-8000-000000000001", Some("alice")),
        ("/principals/users/al", Some("alice")),
        ("/principals/users/alice/", Some("alice")),
        ("/principals/__uids__/A11CE000-0000-4000-8000-000000000001/", Some("alice")),
        ("https://CAL.example.com/principals/users/al%69ce/", Some("alice")),
        ("https://elsewhere.example.com/principals/users/alice/", None),
        ("mailto:staff@example.com", Some("staff")),
        ("/principals/locations/room-1/", Some("room-1")),
        ("/principals/resources/room-1/", Some("room-1")),
        ("/principals/resources/projector/", Some("projector")),
        ("/principals/users/root/", None),
        ("/principals/users/", None),
        ("/principals/users/%ff/", None),
        ("mailto:nobody@example.com", None),
        ("urn:uuid:", None),
        ("", None),
    ] {
        assert_eq!(directory.by_address(address).map(|record| record.name()), name, "{address}");
    }
    let alice = directory.by_name(RecordType::User, "alice").unwrap();
    let addresses = directory.addresses_of(alice);
    for scheme in ["https", "http"] {
        let url = format!("{scheme}://cal.example.com/principals/users/al/");
        assert!(addresses.contains(&url), "{addresses:?}");
    }
    for address in addresses {
        assert_eq!(directory.by_address(&address).map(|r| &r.guid), Some(&alice.guid), "{address}");
    }
    let root = directory.by_name(RecordType::User, "root").unwrap();
    assert!(directory.addresses_of(root).is_empty());
    assert_eq!(directory.by_login("Alice@Example.com").unwrap().guid, alice.guid);
    assert_eq!(directory.by_login("al").unwrap().guid, alice.guid);
    assert!(directory.by_login("staff@example.com").is_none());
    assert!(directory.by_login("room-1").is_none());
}

#[test]
fn follows_nested_groups_through_circles() {
    let directory = directory(&Delegations::new());
    let guid = |name: &str| {
        let found = directory.all().find(|record| record.name() == name);
        found.unwrap().guid.clone()
    };
    assert_eq!(names(directory.members_of(&guid("staff"))), ["alice", "interns"]);
    assert_eq!(names(directory.all_members_of(&guid("staff"))), ["alice", "carol", "interns"]);
    assert_eq!(names(directory.groups_of(&guid("carol"))), ["interns", "staff"]);
    assert_eq!(names(directory.direct_groups_of(&guid("carol"))), ["interns"]);
    assert!(directory.is_member(&guid("staff"), &guid("carol")));
    assert!(!directory.is_member(&guid("staff"), &guid("bob")));
    assert!(directory.is_admin(&guid("root")) && !directory.is_admin(&guid("bob")));
    assert!(directory.is_reader(&guid("backup")));
    // Alice made the group staff a reader, so carol is one through interns.
    assert!(directory.is_delegate(&guid("alice"), ProxyKind::Read, &guid("carol")));
    assert!(!directory.is_delegate(&guid("alice"), ProxyKind::Write, &guid("carol")));
    assert_eq!(names(directory.owners_for(&guid("carol"), ProxyKind::Read)), ["alice"]);
    assert!(directory.direct_owners_for(&guid("carol"), ProxyKind::Read).is_empty());
    assert_eq!(
        names(directory.all_delegates_of(&guid("alice"), ProxyKind::Read)),
        ["alice", "carol", "interns", "staff"]
    );
}

#[test]
fn what_was_set_wins_over_the_accounts_file() {
    let alice = "A11CE000-0000-4000-8000-000000000001";
    let set = Delegation { read: vec!["GONE-GUID".into()], write: Vec::new() };
    let directory = directory(&Delegations::from([(alice.to_owned(), set)]));
    assert!(directory.delegates_of(alice, ProxyKind::Write).is_empty());
    assert!(directory.delegates_of(alice, ProxyKind::Read).is_empty());
    assert_eq!(directory.delegation(alice).unwrap().read, ["GONE-GUID"]);
}

#[test]
fn searches_by_each_field() {
    let directory = directory(&Delegations::new());
    let find = |field, text: &str, match_type, case_sensitive, types: &[RecordType]| {
        let fields = vec![field];
        let criterion = Criterion { fields, text: text.into(), match_type, case_sensitive };
        let search = Search { criteria: vec![criterion], any: false, types: types.to_vec() };
        names(directory.search(&search, 100).0).join(" ")
    };
    use MatchType::{Contains, Equals, StartsWith};
    assert_eq!(find(Field::DisplayName, "EXAMPLE", Contains, false, &[]), "alice");
    assert_eq!(find(Field::DisplayName, "EXAMPLE", Contains, true, &[]), "");
    assert_eq!(find(Field::FirstName, "ali", StartsWith, false, &[]), "alice");
    assert_eq!(find(Field::LastName, "ample", StartsWith, false, &[]), "");
    assert_eq!(find(Field::EmailAddress, "bob@example.com", Equals, false, &[]), "bob");
    assert_eq!(find(Field::CalendarUserType, "ROOM", Equals, false, &[]), "room-1");
    assert_eq!(find(Field::ShortName, "al", Equals, false, &[]), "alice");
    let mailto = "mailto:Staff@example.com";
    assert_eq!(find(Field::CalendarUserAddress, mailto, Equals, true, &[]), "staff");
    assert_eq!(find(Field::DisplayName, "o", Contains, false, &[RecordType::Location]), "room-1");
    assert_eq!(directory.search(&Search::default(), 9).0.len(), 0);
    let fields = vec![Field::DisplayName];
    let o = Criterion { fields, text: "o".into(), match_type: Contains, case_sensitive: false };
    let (found, more) =
        directory.search(&Search { criteria: vec![o], any: true, types: vec![] }, 2);
    assert!(found.len() == 2 && more);
}
