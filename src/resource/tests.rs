//! What paths resolve to, in a home with a few things in it.

pub mod world;

use bytes::Bytes;

use crate::dav::kind::ResourceKind as Kind;
use crate::store::{CollectionKind, HomePath, PropertyChanges, StoreError};
use world::World;

/// Path, kind, existence, canonical path; G is alice's GUID.
const PATHS: &[(&str, Kind, bool, &str)] = &[
    ("/", Kind::Root, true, "/"),
    ("/nowhere/", Kind::PlainFile, false, "/nowhere"),
    ("/principals", Kind::PrincipalsRoot, true, "/principals/"),
    ("/principals/users/", Kind::PrincipalType, true, "/principals/users/"),
    ("/principals/sudoers/", Kind::PlainFile, false, "/principals/sudoers"),
    ("/principals/users/alice", Kind::Principal, true, "/principals/__uids__/G/"),
    ("/principals/users/nobody", Kind::PlainFile, false, "/principals/users/nobody"),
    (
        "/principals/users/alice/calendar-proxy-read",
        Kind::ProxyPrincipal,
        true,
        "/principals/__uids__/G/calendar-proxy-read/",
    ),
    ("/principals/users/alice/x", Kind::PlainFile, false, "/principals/users/alice/x"),
    ("/calendars/users/alice", Kind::Home, true, "/calendars/__uids__/G/"),
    ("/calendars/__uids__/G/inbox", Kind::Inbox, true, "/calendars/__uids__/G/inbox/"),
    ("/calendars/users/alice/freebusy", Kind::FreeBusyUrl, true, "/calendars/__uids__/G/freebusy"),
    (
        "/calendars/users/alice/notification/",
        Kind::Notifications,
        true,
        "/calendars/__uids__/G/notification/",
    ),
    ("/calendars/users/alice/tasks/", Kind::Calendar, true, "/calendars/__uids__/G/tasks/"),
    (
        "/calendars/users/alice/tasks/x.ics",
        Kind::CalendarObject,
        false,
        "/calendars/__uids__/G/tasks/x.ics",
    ),
    (
        "/calendars/users/alice/plain/a%20b.txt",
        Kind::PlainFile,
        true,
        "/calendars/__uids__/G/plain/a%20b.txt",
    ),
    ("/calendars/users/alice/new", Kind::PlainFile, false, "/calendars/__uids__/G/new"),
    ("/calendars/users/alice/new/", Kind::Collection, false, "/calendars/__uids__/G/new/"),
    ("/calendars/users/eve/calendar/", Kind::PlainFile, false, "/calendars/users/eve/calendar"),
];

#[test]
fn paths_become_resources() {
    let world = World::new();
    let resolve = |text: &str| world.resource(text);

    let home = resolve("/calendars/users/alice/");
    assert!(!home.exists && home.is_unmade_home() && home.kind == Kind::Home);
    assert!(resolve("/calendars/users/alice/calendar/x.ics").is_unmade_home());
    assert!(world.store.homes().unwrap().is_empty(), "resolving made something");

    let owner = home.owner.unwrap();
    world
        .provision("alice")
        .write(|tx| -> Result<(), StoreError> {
            tx.make_collection(
                &HomePath::new(["plain"]),
                CollectionKind::Plain,
                &PropertyChanges::none(),
            )?;
            let path = HomePath::new(["plain", "a b.txt"]);
            tx.put(&path, &Bytes::from_static(b"x"), None, &PropertyChanges::none())?;
            Ok(())
        })
        .unwrap();

    for (path, kind, exists, canonical) in PATHS {
        let resource = resolve(&path.replace("/G", &format!("/{}", owner.guid)));
        let found = resource.canonical().href().replace(&owner.guid, "G");
        assert_eq!(
            (resource.kind, resource.exists, found.as_str()),
            (*kind, *exists, *canonical),
            "{path}"
        );
        assert!(!resource.is_unmade_home(), "{path}");
    }

    let names: Vec<String> = resolve("/calendars/users/alice/")
        .members()
        .iter()
        .map(|member| member.path.href())
        .collect();
    let below = ["calendar/", "freebusy", "inbox/", "notification/", "outbox/", "plain/", "tasks/"];
    assert_eq!(names, below.map(|name| format!("/calendars/users/alice/{name}")));
}
