//! What an administrator chooses about access, over HTTP: what may be read without signing in,
//! principals that read everything, names that act for others; and `daybook access explain`.

use std::fs;

use crate::harness::{Client, Server, daybook};

const CALENDAR: &str = "/calendars/users/alice/calendar/";
const EVENT: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\nBEGIN:VEVENT\r\n\
                     UID:one\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260105T090000Z\r\n\
                     DURATION:PT1H\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

/// A demo server whose accounts have a reader and a name that acts for others.
fn server(configuration: &str) -> Server {
    let mut server = Server::start_with(configuration);
    let accounts = server.data().join("accounts.toml");
    let text = fs::read_to_string(&accounts).unwrap();
    let more = "[[sudoer]]\nname = \"portal\"\nplain_password = \"portal\"\n";
    fs::write(&accounts, format!("readers = [\"users:carol\"]\n{text}\n{more}")).unwrap();
    server.stop();
    server.start_again();
    server
}

#[test]
fn nobody_in_particular_sees_what_is_allowed() {
    let paths = ["/", "/calendars/", "/calendars/users/", "/calendars/users/alice/freebusy"];
    for (configuration, expected) in [
        ("", [207, 401, 401, 401]),
        ("[privacy]\nanonymous_root = false\n", [401, 401, 401, 401]),
        ("[privacy]\nanonymous_navigation = true\n", [207, 207, 207, 401]),
        ("[privacy]\nanonymous_free_busy = true\n", [207, 401, 401, 207]),
    ] {
        let server = Server::start_with(configuration);
        server.client("alice").propfind(CALENDAR, "0", "").expect(207);
        let found = paths.map(|path| server.anonymous().propfind(path, "0", "").status);
        assert_eq!(found, expected, "{configuration}");
        server.anonymous().propfind(CALENDAR, "0", "").expect(401);
    }
}

#[test]
fn readers_read_and_sudo_users_act_for_others() {
    let server = server("");
    let event = format!("{CALENDAR}one.ics");
    let portal = Client::new(server.address(), Some(("portal", "portal")));
    let acting = |client: &Client, target: &str, method: &str, path: &str, body: &str| {
        let headers = [("X-Authorize-As", target), ("Content-Type", "text/calendar")];
        client.send(method, path, &headers, body.as_bytes()).status
    };
    assert_eq!(acting(&portal, "alice", "PUT", &event, EVENT), 201);
    server.wait_for_log("user=\"portal as alice\"");
    assert_eq!(acting(&portal, "bob", "GET", &event, ""), 403, "bob's rights, not more");
    assert_eq!(acting(&portal, "portal", "GET", &event, ""), 403);
    assert_eq!(acting(&portal, "nobody", "GET", &event, ""), 403);
    assert_eq!(acting(&server.client("alice"), "alice", "GET", &event, ""), 403);
    assert_eq!(acting(&server.anonymous(), "alice", "GET", &event, ""), 401);
    assert_eq!(portal.get(&event).status, 400);
    let wrong = Client::new(server.address(), Some(("portal", "wrong")));
    assert_eq!(acting(&wrong, "alice", "GET", &event, ""), 401);

    let carol = server.client("carol");
    carol.get(&event).expect(200);
    carol.put(&event, EVENT).expect(403);
    carol.put(&format!("{CALENDAR}two.ics"), EVENT).expect(403);
    carol.delete(&event).expect(403);
}

/// The entity tag of a merged calendar names what the reader is shown.
#[test]
fn a_merged_calendar_is_tagged_by_what_is_shown() {
    let server = server("");
    let private = EVENT.replace("UID:one", "UID:two\r\nCLASS:PRIVATE\r\nSUMMARY:Secret");
    let alice = server.client("alice");
    alice.put(&format!("{CALENDAR}one.ics"), EVENT).expect(201);
    let tag = |user: &str| {
        let reply = server.client(user).get(CALENDAR).expect(200);
        let tag = reply.header("etag").unwrap().to_owned();
        let again = [("If-None-Match", tag.as_str())];
        server.client(user).send("GET", CALENDAR, &again, b"").expect(304);
        tag
    };
    let (before, own) = (tag("carol"), tag("alice"));
    alice.put(&format!("{CALENDAR}two.ics"), &private).expect(201);
    assert_ne!(tag("alice"), own);
    let text = server.client("carol").get(CALENDAR).text();
    assert!(!text.contains("Secret"), "{text}");
    assert_eq!(text.contains("UID:two"), tag("carol") != before, "{text}");
    assert_ne!(tag("alice"), tag("carol"));
}

#[test]
fn access_is_explained() {
    let server = server("");
    let file = server.config_file();
    let config = format!(
        "[data]\nroot = '{0}'\n[directory]\nfile = '{0}/accounts.toml'\n",
        server.data().display()
    );
    fs::write(&file, config).unwrap();
    let file = file.to_str().unwrap();
    let explain = |user: &str, path: &str| {
        let output =
            daybook(&["access", "--config", file, "explain", user, path]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for made in [false, true] {
        if made {
            server.client("alice").propfind(CALENDAR, "0", "").expect(207);
        }
        let alice = explain("alice", CALENDAR);
        assert!(alice.contains("(Calendar)"), "{made}: {alice}");
        assert!(alice.contains("yes write\thas all its parts"), "{made}: {alice}");
        let bob = explain("bob", CALENDAR);
        assert!(bob.contains("no  write\tlacks write-properties, write-content"), "{made}: {bob}");
        assert!(bob.contains("no  read\tno ACE speaks about it"), "{made}: {bob}");
        assert!(
            bob.lines().any(|line| {
                line.starts_with("yes read-free-busy\t") && line.contains("authenticated")
            }),
            "{made}: {bob}"
        );
        let item = explain("carol", &format!("{CALENDAR}none.ics"));
        assert!(item.contains("(CalendarObject)") && item.contains("yes read\t"), "{made}: {item}");
    }
}

/// Reference §6.6, switched off: what the client wrote is what stands in every copy, and
/// scheduling finds its people all the same.
#[test]
fn addresses_stay_as_they_were_written() {
    let people = [
        "ORGANIZER:mailto:Alice@example.com",
        "ATTENDEE;PARTSTAT=ACCEPTED:/principals/users/alice/",
        "ATTENDEE;PARTSTAT=NEEDS-ACTION;X-A=b:mailto:BOB@example.com",
        "ATTENDEE:mailto:bob@example.com",
        "END:VEVENT",
    ];
    let invitation = EVENT.replace("END:VEVENT", &people.join("\r\n"));
    for (configuration, organizer, attendee) in [
        (
            "[scheduling]\nnormalise_addresses = false\n",
            ":mailto:Alice@example.com",
            ":mailto:BOB@example.com",
        ),
        ("", "EMAIL=Alice@example.com", "EMAIL=BOB@example.com"),
    ] {
        let server = Server::start_with(configuration);
        let (alice, bob) = (server.client("alice"), server.client("bob"));
        let event = format!("{CALENDAR}one.ics");
        alice.put(&event, &invitation).expect(201);
        let unfolded = |client: &Client, path: &str| {
            client.get(path).expect(200).text().replace("\r\n ", "").replace("PARTSTAT", "\r\nP")
        };
        let bobs = "/calendars/users/bob/calendar/";
        let name = fs::read_dir(server.data().join(&bobs[1..])).unwrap().find_map(|file| {
            let name = file.unwrap().file_name().into_string().unwrap();
            name.ends_with(".ics").then_some(name)
        });
        let copy = format!("{bobs}{}", name.expect("a copy in bob's calendar"));
        let text = bob.get(&copy).expect(200).text();
        bob.put(&copy, &text.replace("NEEDS-ACTION", "ACCEPTED")).expect(204);
        for (client, path) in [(&alice, &event), (&bob, &copy)] {
            let text = unfolded(client, path);
            assert!(text.contains(organizer), "{text}");
            assert!(text.contains(attendee), "{text}");
            assert_eq!(text.matches("ATTENDEE").count(), 2, "one for each person: {text}");
            assert_eq!(text.matches("P=ACCEPTED").count(), 2, "{text}");
        }
    }
}
