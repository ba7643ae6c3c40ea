//! Properties of a small home, asked and changed as PROPFIND and PROPPATCH do.

mod world;

use bytes::Bytes;

use super::change::{Plan, plan};
use super::{Answer, Asked, Rows, live, live_properties};
use crate::dav::Name;
use crate::resource::members::members;
use crate::store::{HomePath, PropertyChanges, StoreError};
use crate::xml::multistatus::write_response;
use crate::xml::request::{Propfind, Proppatch};
use crate::xml::{Multistatus, Writer, parse};
use world::{EVENT, propstats, with_event};

const CALENDAR: &str = "/calendars/users/alice/calendar/";
const INBOX: &str = "/calendars/users/alice/inbox/";
const CALDAV: &str = "{urn:ietf:params:xml:ns:caldav}";
const CS: &str = "{http://calendarserver.org/ns/}";

#[test]
fn values_of_live_properties() {
    let world = with_event();
    let guid = "A0000000-0000-0000-0000-1";
    let home = format!("/dav/calendars/__uids__/{guid}/");
    let alice = format!("/dav/principals/__uids__/{guid}/");
    for (path, name, value) in [
        (CALENDAR, "{DAV:}resourcetype".to_owned(), "<collection> <calendar>"),
        (INBOX, "{DAV:}resourcetype".to_owned(), "<collection> <schedule-inbox>"),
        ("/principals/users/alice/", "{DAV:}resourcetype".to_owned(), "<collection> <principal>"),
        (CALENDAR, "{DAV:}displayname".to_owned(), "calendar"),
        ("/calendars/users/alice/", "{DAV:}displayname".to_owned(), "Alice Liddell"),
        (CALENDAR, "{DAV:}owner".to_owned(), &alice),
        ("/calendars/", "{DAV:}owner".to_owned(), "404"),
        ("/", "{DAV:}current-user-principal".to_owned(), &alice),
        (CALENDAR, "{DAV:}principal-collection-set".to_owned(), "/dav/principals/"),
        (CALENDAR, "{DAV:}group".to_owned(), "404"),
        (CALENDAR, format!("{CALDAV}schedule-calendar-transp"), "<opaque>"),
        (INBOX, format!("{CALDAV}calendar-free-busy-set"), &format!("{home}calendar/")),
        (INBOX, format!("{CALDAV}schedule-default-calendar-URL"), &format!("{home}calendar")),
        (INBOX, format!("{CS}schedule-default-tasks-URL"), &format!("{home}tasks")),
        (CALENDAR, format!("{CALDAV}supported-calendar-component-set"), "<comp=VEVENT>"),
        (CALENDAR, format!("{CALDAV}max-resource-size"), "1048576"),
        (CALENDAR, format!("{CALDAV}calendar-home-set"), "404"),
        ("/principals/users/alice/", format!("{CALDAV}calendar-home-set"), &home),
        ("/principals/users/alice/", format!("{CALDAV}calendar-user-type"), "INDIVIDUAL"),
        ("/principals/users/alice/", "{DAV:}principal-URL".to_owned(), &alice),
        (
            "/principals/users/alice/",
            "{DAV:}resource-id".to_owned(),
            "urn:x-uid:A0000000-0000-0000-0000-1",
        ),
        (
            "/principals/users/alice/calendar-proxy-read/",
            format!("{CS}record-type"),
            "read-delegate-group",
        ),
        ("/calendars/users/alice/", "{DAV:}quota-used-bytes".to_owned(), "147"),
        ("/calendars/", "{DAV:}quota-used-bytes".to_owned(), "404"),
        ("/calendars/users/alice/calendar/1.ics", "{DAV:}getcontentlength".to_owned(), "147"),
        ("/calendars/users/alice/calendar/1.ics", "{DAV:}displayname".to_owned(), "404"),
        (CALENDAR, "{DAV:}getcontentlength".to_owned(), "0"),
    ] {
        let found = world.value("alice", path, &name);
        assert_eq!(found, value, "{path} {name}");
    }
    assert_eq!(world.value("bob", CALENDAR, "{DAV:}acl"), "403");
    assert_eq!(world.value("bob", CALENDAR, "{DAV:}current-user-privilege-set"), "403");
    let token = world.value("alice", CALENDAR, "{DAV:}sync-token");
    assert!(crate::dav::SyncToken::parse(&token).is_some(), "{token}");
}

#[test]
fn allprop_and_propname() {
    let world = with_event();
    let set = "<D:set><D:prop><x xmlns='u'>1</x><C:calendar-description>d</C:calendar-description>\
         </D:prop></D:set>";
    world.proppatch("alice", CALENDAR, set);
    let names = |body: &str| -> Vec<String> {
        let found = world.propfind("alice", CALENDAR, body);
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].1.iter().map(|element| element.name.local.to_string()).collect()
    };
    let all = names("");
    for shown in ["resourcetype", "getetag", "getctag", "schedule-calendar-transp", "x"] {
        assert!(all.iter().any(|name| name == shown), "{shown}");
    }
    for hidden in ["calendar-description", "acl", "quota-used-bytes", "sync-token"] {
        assert!(!all.iter().any(|name| name == hidden), "{hidden}");
    }
    let with = "<propfind xmlns='DAV:'><allprop/><include><sync-token/><getetag/></include>\
         </propfind>";
    let more = names(with);
    assert_eq!(more.len(), all.len() + 1);
    let known = names("<propfind xmlns='DAV:'><propname/></propfind>");
    for name in ["calendar-description", "acl", "x", "supportedlock"] {
        assert!(known.iter().any(|known| known == name), "{name}");
    }
    assert!(known.iter().all(|name| name != "group-member-set" && name != "resource-id2"));
}

#[test]
fn proppatch_is_all_or_nothing() {
    let world = with_event();
    let outcome = |list: &[(&str, &[&str])]| -> Vec<(String, Vec<String>)> {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        list.iter().map(|(status, list)| ((*status).to_owned(), names(list))).collect()
    };
    let good = "<D:set><D:prop><D:details>1</D:details><D:displayname>n</D:displayname></D:prop>\
         </D:set><D:remove><D:prop><D:missing/></D:prop></D:remove>";
    assert_eq!(
        world.proppatch("alice", CALENDAR, good),
        outcome(&[("200", &["details", "displayname", "missing"])])
    );
    assert_eq!(world.value("alice", CALENDAR, "{DAV:}displayname"), "n");
    let bad = "<D:set><D:prop><D:details>2</D:details><D:getetag>x</D:getetag></D:prop></D:set>";
    assert_eq!(
        world.proppatch("alice", CALENDAR, bad),
        outcome(&[("424", &["details"]), ("403", &["getetag"])])
    );
    assert_eq!(world.value("alice", CALENDAR, "{DAV:}details"), "1");
    let remove = "<D:remove><D:prop><D:displayname/></D:prop></D:remove>";
    world.proppatch("alice", CALENDAR, remove);
    assert_eq!(world.value("alice", CALENDAR, "{DAV:}displayname"), "calendar");
}

#[test]
fn values_are_checked() {
    let world = with_event();
    let zone = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VTIMEZONE\nTZID:X\nEND:VTIMEZONE\n";
    let inbox = "/calendars/users/alice/inbox/";
    let object = "/calendars/users/alice/calendar/1.ics";
    let principal = "/principals/users/alice/";
    for (path, property, status) in [
        (
            CALENDAR,
            format!("<C:calendar-timezone>\n{zone}END:VCALENDAR</C:calendar-timezone>"),
            "200",
        ),
        (CALENDAR, "<C:calendar-timezone>x</C:calendar-timezone>".into(), "403"),
        (
            CALENDAR,
            format!(
                "<C:calendar-timezone>{zone}BEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR\
                 </C:calendar-timezone>"
            ),
            "403",
        ),
        (inbox, format!("<C:calendar-timezone>{zone}END:VCALENDAR</C:calendar-timezone>"), "403"),
        (CALENDAR, "<C:calendar-timezone-id>Europe/Paris</C:calendar-timezone-id>".into(), "200"),
        (CALENDAR, "<C:calendar-timezone-id>Mars/Base</C:calendar-timezone-id>".into(), "403"),
        (CALENDAR, "<C:supported-calendar-component-set/>".into(), "403"),
        (
            CALENDAR,
            "<C:schedule-calendar-transp><C:transparent/></C:schedule-calendar-transp>".into(),
            "200",
        ),
        (CALENDAR, "<C:schedule-calendar-transp/>".into(), "409"),
        (
            object,
            "<C:schedule-calendar-transp><C:opaque/></C:schedule-calendar-transp>".into(),
            "403",
        ),
        (object, "<D:whoami/>".into(), "200"),
        (object, "<C:schedule-tag>x</C:schedule-tag>".into(), "403"),
        (principal, "<D:displayname>x</D:displayname>".into(), "403"),
        ("/calendars/", "<D:details>x</D:details>".into(), "403"),
        (CALENDAR, "<CS:getctag>x</CS:getctag>".into(), "403"),
        (CALENDAR, "<D:acl/>".into(), "403"),
        (
            CALENDAR,
            "<x xmlns='http://twistedmatrix.com/xml_namespace/dav/private/'/>".into(),
            "403",
        ),
        (inbox, "<CS:calendar-availability>no</CS:calendar-availability>".into(), "403"),
    ] {
        let told =
            world.proppatch("alice", path, &format!("<D:set><D:prop>{property}</D:prop></D:set>"));
        assert_eq!(told[0].0, status, "{path} {property}");
    }
    assert_eq!(
        world.value("alice", CALENDAR, &format!("{CALDAV}calendar-timezone-id")),
        "Europe/Paris"
    );
}

#[test]
fn the_zone_and_its_identifier_are_one() {
    let world = with_event();
    let zone = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VTIMEZONE\nTZID:X\nEND:VTIMEZONE\n";
    let text = || world.value("alice", CALENDAR, &format!("{CALDAV}calendar-timezone"));
    let id = || world.value("alice", CALENDAR, &format!("{CALDAV}calendar-timezone-id"));
    let set = |property: &str| {
        world.proppatch("alice", CALENDAR, &format!("<D:set><D:prop>{property}</D:prop></D:set>"))
    };
    set(&format!("<C:calendar-timezone>\n{zone}END:VCALENDAR</C:calendar-timezone>"));
    assert!(text().starts_with("\nBEGIN:VCALENDAR\n"), "{}", text());
    assert_eq!(id(), "X");
    set("<C:calendar-timezone-id>Europe/Paris</C:calendar-timezone-id>");
    assert!(text().contains("TZID:Europe/Paris"), "{}", text());
    let remove = "<D:remove><D:prop><C:calendar-timezone-id/></D:prop></D:remove>";
    world.proppatch("alice", CALENDAR, remove);
    assert_eq!((text(), id()), ("404".to_owned(), "404".to_owned()));
}

#[test]
fn the_inbox_speaks_for_the_calendars() {
    let world = with_event();
    let set = |xml: &str| {
        let body = format!("<D:set><D:prop>{xml}</D:prop></D:set>");
        world.proppatch("alice", INBOX, &body)[0].0.clone()
    };
    let busy = format!("{CALDAV}calendar-free-busy-set");
    assert_eq!(set("<C:calendar-free-busy-set/>"), "200");
    assert_eq!(world.value("alice", INBOX, &busy), "");
    let transp = format!("{CALDAV}schedule-calendar-transp");
    assert_eq!(world.value("alice", CALENDAR, &transp), "<transparent>");
    let list = |path: &str| {
        format!(
            "<C:calendar-free-busy-set><D:href>/dav/calendars/users/alice/{path}</D:href>\
             </C:calendar-free-busy-set>"
        )
    };
    assert_eq!(set(&list("calendar")), "200");
    assert_eq!(world.value("alice", CALENDAR, &transp), "<opaque>");
    assert_eq!(set(&list("inbox/")), "409");
    assert_eq!(set(&list("missing/")), "409");
    let remove = "<D:remove><D:prop><C:calendar-free-busy-set/></D:prop></D:remove>";
    assert_eq!(world.proppatch("alice", INBOX, remove)[0].0, "403");

    assert_eq!(set("<C:schedule-default-calendar-URL/>"), "403");
    let default = |path: &str| {
        format!(
            "<C:schedule-default-calendar-URL><D:href>/dav/calendars/users/alice/{path}</D:href>\
             </C:schedule-default-calendar-URL>"
        )
    };
    assert_eq!(set(&default("calendar/")), "200");
    assert_eq!(set(&default("tasks/")), "403");

    let availability = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VAVAILABILITY\nUID:1\n\
         END:VAVAILABILITY\nEND:VCALENDAR";
    assert_eq!(world.value("alice", INBOX, &format!("{CS}calendar-availability")), "404");
    let xml = format!("<CS:calendar-availability>{availability}</CS:calendar-availability>");
    assert_eq!(set(&xml), "200");
    for name in [format!("{CS}calendar-availability"), format!("{CALDAV}calendar-availability")] {
        assert_eq!(world.value("alice", INBOX, &name), availability);
    }
}

/// A delegate's colour is his own; what is not personal is everybody's.
#[test]
fn colours_belong_to_each_delegate() {
    let world = with_event();
    let set = |colour: &str| {
        format!("<D:set><D:prop><A:calendar-color>{colour}</A:calendar-color></D:prop></D:set>")
    };
    let colour = "{http://apple.com/ns/ical/}calendar-color";
    world.proppatch("alice", CALENDAR, &set("#1"));
    assert_eq!(world.value("bob", CALENDAR, colour), "#1");
    world.proppatch("bob", CALENDAR, &set("#2"));
    assert_eq!(world.value("bob", CALENDAR, colour), "#2");
    assert_eq!(world.value("alice", CALENDAR, colour), "#1");
}

#[test]
fn delegates_are_set_by_canonical_urls() {
    let world = with_event();
    let resource = world.resource("/principals/users/alice/calendar-proxy-write/");
    let planned = |href: &str| -> Option<Plan> {
        let body = format!(
            "<propertyupdate xmlns='DAV:'><set><prop><group-member-set><href>{href}</href>\
             </group-member-set></prop></set></propertyupdate>"
        );
        let instructions = Proppatch::parse(body.as_bytes()).unwrap().instructions;
        let outcome = plan(&world.view("alice"), &resource, &instructions, false);
        outcome.is_ok().then_some(outcome.plan)
    };
    let bob = "B0000000-0000-0000-0000-2";
    let good = planned(&format!("/dav/principals/__uids__/{bob}/")).unwrap();
    assert_eq!(good.delegates.unwrap().1, [bob]);
    assert_eq!(planned("/dav/principals/users/bob/"), None);
    assert_eq!(planned("/dav/principals/__uids__/nobody/"), None);
}

#[test]
fn what_was_stored_comes_back_whole() {
    let world = with_event();
    let value =
        "<x:p xmlns:x='urn:x' a='1' xml:lang='fr'><q xmlns='' b='2'>t &lt; <x:r/></q></x:p>";
    let body = format!("<D:set><D:prop>{value}</D:prop></D:set>");
    world.proppatch("alice", CALENDAR, &body);
    let asked = "<propfind xmlns='DAV:'><prop><p xmlns='urn:x'/></prop></propfind>";
    let found = world.propfind("alice", CALENDAR, asked);
    assert_eq!(found[0].1[0], parse(value.as_bytes()).unwrap());
}

#[test]
fn time_zones_come_and_go_as_jcal() {
    let world = with_event();
    let zone = r#"["vcalendar",[["version",{},"text","2.0"],["prodid",{},"text","x"]],
        [["vtimezone",[["tzid",{},"text","X"]],[]]]]"#;
    let set = format!(
        "<D:set><D:prop><C:calendar-timezone content-type='application/calendar+json'>{zone}\
         </C:calendar-timezone></D:prop></D:set>"
    );
    assert_eq!(world.proppatch("alice", CALENDAR, &set)[0].0, "200");
    let text = world.value("alice", CALENDAR, &format!("{CALDAV}calendar-timezone"));
    assert!(text.starts_with("BEGIN:VCALENDAR\r\n") && text.contains("TZID:X"), "{text}");
    let body = b"<propfind xmlns='DAV:'><prop><calendar-timezone content-type=\
        'application/calendar+json' xmlns='urn:ietf:params:xml:ns:caldav'/></prop></propfind>";
    let asked = Propfind::parse(body).unwrap();
    let (view, resource) = (world.view("alice"), world.resource(CALENDAR));
    let asked = Asked::new(&asked.selection, false).with_json(asked.json);
    let mut bytes = Vec::new();
    let mut answer = Multistatus::begin(&mut bytes);
    answer.response("/", |propstats| asked.answer(&view, &resource, propstats)).unwrap();
    answer.finish().unwrap();
    let found = propstats(&bytes);
    assert!(found[0].1[0].text().starts_with("[\"vcalendar\""), "{found:?}");
}

#[test]
fn tables_have_no_name_twice() {
    let names: Vec<&Name> = live_properties().map(|live| &live.name).collect();
    for (at, name) in names.iter().enumerate() {
        assert!(!names[at + 1..].contains(name), "{name} is in two tables");
        assert_eq!(live(name).map(|live| &live.name), Some(*name));
    }
}

/// Whatever a resource is, every live property answers without harm and with its own name.
#[test]
fn every_property_can_be_asked_of_everything() {
    let world = with_event();
    let view = world.view("alice");
    let mut todo = vec![world.resource("/"), world.resource("/calendars/users/alice/")];
    let mut seen = 0;
    while let Some(resource) = todo.pop() {
        for live in live_properties() {
            let mut writer = Writer::fragment();
            let answer =
                super::answer::value(&view, &resource, &live.name, Some(live), &mut writer);
            assert_eq!(answer == Answer::Found, !writer.as_str().is_empty(), "{}", live.name);
            let fragment = writer.into_string();
            let document = Writer::document(&Name::dav("prop"), |w| w.raw(&fragment));
            let root = parse(document.as_bytes()).unwrap();
            assert!(root.elements().all(|element| element.name == live.name), "{}", live.name);
        }
        todo.extend(members(&world.directory, &resource));
        seen += 1;
    }
    assert!(seen > 15, "{seen}");
}

#[test]
fn rows_equal_the_usual_answers() {
    let world = with_event();
    let home = "/calendars/users/alice/";
    let place = world.resource(&format!("{home}calendar/")).place.unwrap();
    let event = Bytes::from_static(EVENT.as_bytes());
    place
        .home
        .write(|tx| -> Result<(), StoreError> {
            let path = HomePath::new(["calendar", "50% & \u{fc} <b>'.ics"]);
            tx.put(&path, &event, None, &PropertyChanges::none())?;
            Ok(())
        })
        .unwrap();
    let (view, calendar) = (world.view("alice"), world.resource(&format!("{home}calendar/")));
    let files: Vec<_> = {
        let place = calendar.place.as_ref().unwrap();
        let files = place.snapshot.collection(&place.path).unwrap();
        files.objects().map(|(name, object)| (name.clone(), object.clone())).collect()
    };
    assert_eq!(files.len(), 2);
    for (names, fast) in [
        ("<getetag/>", true),
        ("<resourcetype/><getcontenttype/><getetag/><getcontentlength/>", true),
        ("<getetag/><displayname/>", false),
        ("<getetag/><x xmlns=''/>", false),
    ] {
        let body = format!("<propfind xmlns='DAV:'><prop>{names}</prop></propfind>");
        let asked = Asked::new(&Propfind::parse(body.as_bytes()).unwrap().selection, false);
        let rows = Rows::of(&view, &calendar, &asked, None);
        assert_eq!(rows.is_some(), fast, "{names}");
        let Some(rows) = rows else { continue };
        for (name, object) in &files {
            let member = calendar.member(name).unwrap();
            let mut usual = Writer::fragment();
            write_response(&mut usual, &view.href(&member.path), |propstats| {
                asked.answer(&view, &member, propstats);
            });
            let mut row = Writer::fragment();
            rows.write(name, object, "", &mut row);
            assert_eq!(row.as_str(), usual.as_str());
        }
    }
}
