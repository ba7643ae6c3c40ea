use std::collections::HashMap;
use std::path::Path;

use super::{deciding, granted, missing, need_privileges};
use crate::acl::ace::{Ace, AcePrincipal, PrincipalKey};
use crate::acl::change::replace;
use crate::acl::default::Policy;
use crate::acl::inherit::{Link, Withheld, effective};
use crate::acl::privilege::{Privilege as P, amounts_to};
use crate::acl::text::{read_request, read_stored, shown, stored, supported_privilege_set};
use crate::acl::view::{ActorView, ResourceView};
use crate::dav::error::Detail;
use crate::dav::{DavPath, Error, Precondition, ResourceKind as K};
use crate::principal::{Directory, RecordType, source};

const ALICE: &str = "A11CE000-0000-4000-8000-000000000001";

/// Alice's readers are the group staff (with carol), her writer is bob; root rules, backup reads.
fn directory() -> Directory {
    let accounts = source::load(Path::new("fixtures/directory/accounts.toml")).unwrap();
    Directory::new(accounts, &Default::default(), &HashMap::new(), &[])
}

fn actor(directory: &Directory, name: &str) -> ActorView {
    let record = directory.by_name(RecordType::User, name);
    ActorView::of_actor(directory, record.map(|record| record.guid.as_str()))
}

fn link(kind: K, stored: Option<Vec<Ace>>) -> Link {
    let path = match kind {
        K::Home => "/calendars/__uids__/A/",
        K::CalendarObject => "/calendars/__uids__/A/c/x.ics",
        _ => "/calendars/__uids__/A/c/",
    };
    Link { kind, path: DavPath::parse(path).unwrap(), stored, withheld: Withheld::Nothing }
}

/// The chain to a resource of this kind in alice's home, nothing stored anywhere.
fn chain(kind: K) -> Vec<Link> {
    match kind {
        K::CalendarObject => {
            vec![link(K::Home, None), link(K::Calendar, None), link(K::CalendarObject, None)]
        }
        K::InboxItem => vec![link(K::Home, None), link(K::Inbox, None), link(kind, None)],
        K::Home => vec![link(K::Home, None)],
        kind if kind.in_home() => vec![link(K::Home, None), link(kind, None)],
        kind => vec![link(kind, None)],
    }
}

/// The privileges of an actor on a resource of alice's, as short text.
fn may(directory: &Directory, chain: &[Link], name: &str) -> String {
    let kind = chain.last().unwrap().kind;
    let aces = effective(chain, Some(ALICE), &Policy::of(directory));
    let key = PrincipalKey::of(ALICE);
    let view = ResourceView {
        owner: kind.in_home().then_some(ALICE),
        principal: (kind == K::Principal).then_some(&key),
    };
    let has = granted(kind, &aces, view, &actor(directory, name));
    let mut privileges: Vec<String> =
        amounts_to(has, kind).map(|p| p.name().local.into_owned()).collect();
    if privileges.first().is_some_and(|first| first == "all") {
        privileges.truncate(1);
    }
    privileges.join(" ")
}

#[test]
fn the_default_table() {
    let directory = directory();
    let cups = "read-current-user-privilege-set";
    let read = format!("read read-free-busy {cups}");
    // Who may only read may still set properties of a calendar: a colour of one's own.
    let colour = format!("read read-free-busy write-properties {cups}");
    let top = format!("read {cups}");
    let write =
        format!("read read-free-busy write write-properties write-content bind unbind {cups}");
    let send = "schedule-send schedule-send-invite schedule-send-reply schedule-send-freebusy";
    let deliver =
        "schedule-deliver schedule-deliver-invite schedule-deliver-reply schedule-query-freebusy";
    let (none, all) = (String::new(), "all".to_owned());
    let inbox = |base: &str| format!("{base} {deliver} schedule");
    let outbox = format!("{write} {send} schedule");
    let owner = format!("read write-properties {cups}");
    let plain = "read".to_owned();
    // alice, bob (write), carol (read through groups), root, backup, nobody
    let rows = [
        (K::Calendar, [&all, &write, &colour, &all, &read, &none]),
        (K::CalendarObject, [&all, &write, &read, &all, &read, &none]),
        (K::Home, [&all, &write, &read, &all, &read, &none]),
        (K::Inbox, [&all, &inbox(&write), &inbox(&read), &all, &inbox(&read), &none]),
        (K::Outbox, [&all, &outbox, &read, &all, &read, &none]),
        (K::Principal, [&top, &top, &top, &all, &top, &none]),
        (K::ProxyPrincipal, [&owner, &top, &top, &all, &top, &none]),
        (K::CalendarsRoot, [&top, &top, &top, &all, &top, &none]),
        (K::Timezones, [&plain, &plain, &plain, &all, &top, &plain]),
    ];
    for (kind, expected) in rows {
        let names = ["alice", "bob", "carol", "root", "backup", "(nobody)"];
        for (name, expected) in names.iter().zip(expected) {
            assert_eq!(&may(&directory, &chain(kind), name), expected, "{name} on {kind:?}");
        }
    }
    // Somebody without any part in alice's home.
    let stranger = ActorView::of(&directory, "A-STRANGER");
    let aces = effective(&chain(K::Calendar), Some(ALICE), &Policy::of(&directory));
    let has = granted(K::Calendar, &aces, ResourceView::default(), &stranger);
    let names: Vec<_> = amounts_to(has, K::Calendar).collect();
    assert_eq!(names, [P::ReadFreeBusy]);
}

#[test]
fn a_stored_acl_is_inherited_from_calendars_but_not_from_plain_collections() {
    let directory = directory();
    let principal = AcePrincipal::Principal(PrincipalKey::of("A-STRANGER"));
    let wanted = vec![Ace::grant(principal, &[P::Read])];
    for (kind, inherited) in [(K::Calendar, true), (K::Collection, false)] {
        let stored = replace(kind, Some(ALICE), &[], wanted.clone()).unwrap();
        let member = if inherited { K::CalendarObject } else { K::PlainFile };
        let chain = [link(K::Home, None), link(kind, Some(stored)), link(member, None)];
        let stranger = ActorView::of(&directory, "A-STRANGER");
        let policy = Policy::of(&directory);
        let on = |chain: &[Link], kind| {
            let aces = effective(chain, Some(ALICE), &policy);
            granted(kind, &aces, ResourceView::default(), &stranger).has(P::Read)
        };
        assert!(on(&chain[..2], kind), "{kind:?}");
        assert_eq!(on(&chain, member), inherited, "member of {kind:?}");
    }
}

#[test]
fn what_is_withheld_is_withheld_from_all_but_the_owner_and_rulers() {
    let directory = directory();
    let policy = Policy::of(&directory);
    let everything = Ace::grant(AcePrincipal::Authenticated, &[P::All]);
    for (withheld, own, name, expected) in [
        (Withheld::Nothing, false, "bob", "read write busy"),
        (Withheld::Writing, false, "bob", "read busy"),
        (Withheld::Everything, false, "bob", "busy"),
        (Withheld::Everything, true, "bob", "busy"),
        (Withheld::Writing, true, "bob", "read busy"),
        (Withheld::Writing, false, "carol", "read busy"),
        (Withheld::Everything, false, "carol", "busy"),
        (Withheld::Everything, false, "(nobody)", ""),
        (Withheld::Everything, false, "alice", "read write busy"),
        (Withheld::Everything, false, "root", "read write busy"),
        (Withheld::Everything, false, "backup", "read busy"),
    ] {
        let mut chain = chain(K::CalendarObject);
        let last = chain.last_mut().unwrap();
        last.withheld = withheld;
        last.stored = own.then(|| vec![everything.clone()]);
        let aces = effective(&chain, Some(ALICE), &policy);
        let view = ResourceView { owner: Some(ALICE), principal: None };
        let has = granted(K::CalendarObject, &aces, view, &actor(&directory, name));
        let parts = [(P::Read, "read"), (P::Write, "write"), (P::ReadFreeBusy, "busy")];
        let parts: Vec<&str> =
            parts.iter().filter(|(p, _)| has.has(*p)).map(|(_, text)| *text).collect();
        assert_eq!(parts.join(" "), expected, "{withheld:?} {own} {name}");
    }
}

#[test]
fn the_first_ace_that_speaks_decides() {
    let directory = directory();
    let alice = || AcePrincipal::Principal(PrincipalKey::of(ALICE));
    let has = |aces: &[Ace], view: ResourceView<'_>, name: &str| {
        granted(K::Calendar, aces, view, &actor(&directory, name)).has(P::Read)
    };
    let none = ResourceView::default();
    let deny_first = [Ace::deny(alice(), &[P::Read]), Ace::grant(alice(), &[P::All])];
    assert!(!has(&deny_first, none, "alice"));
    assert_eq!(
        deciding(K::Calendar, &deny_first, none, &actor(&directory, "alice"), P::Read),
        Some(&deny_first[0])
    );
    let grant_first = [Ace::grant(alice(), &[P::All]), Ace::deny(alice(), &[P::Read])];
    assert!(has(&grant_first, none, "alice"));
    let others = Ace { invert: true, ..Ace::grant(alice(), &[P::Read]) };
    assert!(!has(std::slice::from_ref(&others), none, "alice"));
    assert!(has(&[others], none, "bob"));
    let owner = [Ace::grant(AcePrincipal::Property(crate::dav::Name::dav("owner")), &[P::Read])];
    let of_alice = ResourceView { owner: Some(ALICE), principal: None };
    assert!(has(&owner, of_alice, "alice") && !has(&owner, of_alice, "bob"));
    assert!(!has(&owner, none, "alice"));
    let key = PrincipalKey::of(ALICE);
    let itself = [Ace::grant(AcePrincipal::Itself, &[P::Read])];
    let principal = ResourceView { owner: None, principal: Some(&key) };
    assert!(has(&itself, principal, "alice") && !has(&itself, principal, "bob"));
    let staff = directory.by_name(RecordType::Group, "staff").unwrap();
    let group = [Ace::grant(AcePrincipal::Principal(PrincipalKey::of(&staff.guid)), &[P::Read])];
    assert!(has(&group, none, "carol") && !has(&group, none, "bob"));
    let busy = [Ace::deny(AcePrincipal::All, &[P::ReadFreeBusy]), Ace::grant(alice(), &[P::Read])];
    assert!(!has(&busy, none, "alice"), "the whole needs all its parts");
    let unauthenticated = [Ace::grant(AcePrincipal::Unauthenticated, &[P::Read])];
    assert!(has(&unauthenticated, none, "(nobody)") && !has(&unauthenticated, none, "bob"));
    let foreign = [Ace::grant(AcePrincipal::Foreign("http://x/".into()), &[P::Read])];
    assert!(!has(&foreign, none, "bob"));
}

#[test]
fn says_which_privilege_is_missing_where() {
    let lacks = missing(K::Calendar, P::Read.leaves(), &[P::Read, P::Bind, P::ScheduleSend]);
    assert_eq!(lacks, [P::Bind, P::ScheduleSend]);
    let path = DavPath::parse("/calendars/__uids__/A/c%20d/").unwrap();
    let error = need_privileges(&[(&path, lacks)]);
    assert_eq!((error.status, error.precondition), (403, Some(Precondition::NeedPrivileges)));
    let Detail::Privileges(list) = error.detail else { panic!("no privileges") };
    assert_eq!(list[0], ("/calendars/__uids__/A/c%20d/".to_owned(), P::Bind.name()));
}

fn ask(ace: &str) -> Result<Vec<Ace>, Error> {
    let body =
        format!("<D:acl xmlns:D='DAV:' xmlns:C='urn:ietf:params:xml:ns:caldav'>{ace}</D:acl>");
    let known = |href: &str| {
        let path = DavPath::parse(href).ok()?;
        PrincipalKey::from_path(&path).filter(|key| key.guid == ALICE || key.guid == "ROOT")
    };
    let aces = read_request(&crate::xml::parse(body.as_bytes()).unwrap(), &known)?;
    let root = AcePrincipal::Principal(PrincipalKey::of("ROOT"));
    let alice = AcePrincipal::Principal(PrincipalKey::of(ALICE));
    let home = DavPath::parse("/calendars/__uids__/A/").unwrap();
    let inherited = Ace::grant(alice, &[P::All]).protect().inherit();
    let current = [
        Ace::grant(root, &[P::All]).protect(),
        Ace { inherited: Some(home.clone()), ..inherited },
        Ace {
            inherited: Some(home),
            ..Ace::grant(AcePrincipal::Authenticated, &[P::ReadFreeBusy]).inherit()
        },
    ];
    replace(K::CalendarObject, Some(ALICE), &current, aces)
}

#[test]
fn nothing_a_client_sets_locks_the_owner_out() {
    let directory = directory();
    let everybody = [AcePrincipal::All, AcePrincipal::Authenticated, AcePrincipal::Itself];
    let staff = directory.by_name(RecordType::Group, "staff").unwrap();
    let group = AcePrincipal::Principal(PrincipalKey::of(&staff.guid));
    for principal in everybody.into_iter().chain([group]) {
        for invert in [false, true] {
            let deny = Ace { invert, ..Ace::deny(principal.clone(), &[P::All]) };
            let stored = replace(K::Calendar, Some(ALICE), &[], vec![deny.clone()]).unwrap();
            let mut chain = chain(K::CalendarObject);
            chain[1].stored = Some(stored.clone());
            chain[2].stored = Some(stored);
            assert_eq!(may(&directory, &chain, "alice"), "all", "{deny:?}");
            assert_eq!(may(&directory, &chain, "root"), "all", "{deny:?}");
            assert_eq!(may(&directory, &chain[..2], "alice"), "all", "{deny:?}");
        }
    }
    // Delegates are kept out of one calendar so: what the home grants them comes after it.
    let deny = vec![Ace::deny(AcePrincipal::Authenticated, &[P::All])];
    let chain = [link(K::Home, None), link(K::Calendar, Some(deny))];
    assert_eq!(may(&directory, &chain, "bob"), "");
}

#[test]
fn the_preconditions_of_the_acl_method() {
    use Precondition as Pre;
    let ace = |who: &str, what: &str, more: &str| {
        format!("<D:ace><D:principal>{who}</D:principal>{what}{more}</D:ace>")
    };
    let grant = |p: &str| format!("<D:grant><D:privilege>{p}</D:privilege></D:grant>");
    let deny = |p: &str| format!("<D:deny><D:privilege>{p}</D:privilege></D:deny>");
    let alice = format!("<D:href>/principals/__uids__/{ALICE}/</D:href>");
    let root = "<D:href>/principals/__uids__/ROOT/</D:href>";
    let inherited = "<D:inherited><D:href>/</D:href></D:inherited>";
    let owner = "<D:property><D:owner/></D:property>";
    for (body, failure) in [
        (ace("<D:all/>", &grant("<D:read/>"), "<D:protected/>"), Pre::NoAceConflict),
        (ace("<D:all/>", &grant("<D:read/>"), inherited), Pre::NoAceConflict),
        (ace(root, &deny("<D:write-acl/>"), ""), Pre::NoProtectedAceConflict),
        (ace(&alice, &deny("<D:write-acl/>"), ""), Pre::NoInheritedAceConflict),
        (ace(owner, &deny("<D:write/>"), ""), Pre::NoInheritedAceConflict),
        (ace(owner, &grant("<D:read/>"), "").replace("owner", "group"), Pre::RecognizedPrincipal),
        (ace("<D:all/>", &grant("<C:schedule/>"), ""), Pre::NotSupportedPrivilege),
        (ace("<D:all/>", &grant("<D:frobnicate/>"), ""), Pre::NotSupportedPrivilege),
        (ace("<D:href>/nobody</D:href>", &grant("<D:read/>"), ""), Pre::RecognizedPrincipal),
        (ace("<D:property><D:x/></D:property>", &grant("<D:read/>"), ""), Pre::RecognizedPrincipal),
        (ace("<D:all/>", &grant("<D:read/>"), "").repeat(201), Pre::LimitedNumberOfAces),
        (
            ace("<D:all/>", &deny("<D:read/>"), "") + &ace("<D:all/>", &grant("<D:write/>"), ""),
            Pre::DenyBeforeGrant,
        ),
    ] {
        assert_eq!(ask(&body).unwrap_err().precondition, Some(failure), "{body}");
    }
    for body in [
        ace("", &grant("<D:read/>"), ""),
        ace("<D:all/>", &grant(""), ""),
        ace("<D:all/>", "", ""),
        ace("<D:all/>", &(grant("<D:read/>") + &deny("<D:write/>")), ""),
        ace("<D:all/>", &(grant("<D:read/>") + &grant("<D:write/>")), ""),
        ace("<D:all/></D:principal><D:principal><D:self/>", &grant("<D:read/>"), ""),
        format!("<D:ace>{}</D:ace>", grant("<D:read/>")),
    ] {
        let status = ask(&body).unwrap_err().status;
        assert!(status == 400 || status == 403, "{body}: {status}");
    }
    let fine = ace("<D:authenticated/>", &deny("<D:read/>"), "")
        + &ace(&alice, &grant("<D:read/><D:write/>"), "")
        + &format!(
            "<D:ace><D:invert><D:principal><D:self/></D:principal></D:invert>{}</D:ace>",
            grant("<D:all/>")
        );
    let aces = ask(&fine).unwrap();
    assert_eq!(aces.len(), 3);
    assert!(aces[2].invert && !aces[0].grant && aces[1].privileges.len() == 2);
    let again = read_stored(&crate::xml::parse(stored(&aces).as_bytes()).unwrap());
    assert_eq!(again, aces);
    assert_eq!(ask("").unwrap(), []);
}

#[test]
fn clients_see_protection_and_origin_but_no_private_marker() {
    let directory = directory();
    let policy = Policy { admins: Vec::new(), ..Policy::of(&directory) };
    let aces = effective(&chain(K::Calendar), Some(ALICE), &policy);
    let text = shown(&aces, "/dav").to_xml();
    assert!(!text.contains("inheritable"), "{text}");
    assert!(text.contains(&format!("/dav/principals/__uids__/{ALICE}/calendar-proxy-read/")));
    assert!(text.contains("/dav/calendars/__uids__/A/"), "{text}");
    let tree = supported_privilege_set(K::Outbox).to_xml();
    assert!(tree.contains("schedule-send-freebusy") && !tree.contains("schedule-deliver"));
}

#[test]
fn a_stored_acl_by_others_is_read_without_granting_more() {
    let text = "<acl xmlns='DAV:'><ace><principal><href>http://elsewhere/x</href></principal>\
                <grant><privilege><all/></privilege></grant></ace>\
                <ace><principal><all/></principal><deny><privilege><x xmlns='urn:y'/></privilege>\
                </deny></ace><ace/><other/></acl>";
    let aces = read_stored(&crate::xml::parse(text.as_bytes()).unwrap());
    assert_eq!(aces.len(), 1);
    assert_eq!(aces[0].principal, AcePrincipal::Foreign("http://elsewhere/x".into()));
}
