//! Managed attachments (RFC 8607) beside fixtures/http/attachment: limits, many at once, who may
//! attach, and what is left on the disk.

use std::fs;

use crate::harness::{Client, Server};

const EVENT: &str = "/calendars/users/alice/calendar/a.ics";

fn event(more: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\nBEGIN:VEVENT\r\nUID:meeting\r\n\
         DTSTAMP:20260101T000000Z\r\nDTSTART:20360105T090000Z\r\nDURATION:PT1H\r\n{more}\
         END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

fn add(client: &Client, path: &str, content: &[u8]) -> (u16, String) {
    let headers = [("Content-Type", "text/plain"), ("Content-Disposition", "a;filename=a.txt")];
    let reply = client.send("POST", &format!("{path}?action=attachment-add"), &headers, content);
    (reply.status, reply.header("cal-managed-id").unwrap_or_default().to_owned() + &reply.text())
}

fn kept(server: &Server) -> usize {
    let folder = server.data().join("calendars/users/alice/dropbox");
    fs::read_dir(folder).map_or(0, Iterator::count)
}

#[test]
fn attachments_are_limited_in_size_and_number() {
    let server = Server::start_with("[limits]\nattachment_bytes = 1000\n");
    let alice = server.client("alice");
    alice.put(EVENT, &event("")).expect(201);
    let (status, told) = add(&alice, EVENT, &[b'x'; 1001]);
    assert!(status == 403 && told.contains("<C:max-attachment-size/>"), "{status} {told}");
    for _ in 0..20 {
        assert_eq!(add(&alice, EVENT, &[b'x'; 1000]).0, 201);
    }
    let (status, told) = add(&alice, EVENT, b"x");
    assert!(status == 403 && told.contains("<C:max-attachments-per-resource/>"), "{status} {told}");
    assert_eq!(kept(&server), 20);
    alice.delete(EVENT).expect(204);
    assert_eq!(kept(&server), 0, "what nobody names is not kept");
}

#[test]
fn many_at_once_lose_nothing() {
    let mut server = Server::start();
    server.client("alice").put(EVENT, &event("")).expect(201);
    let added: Vec<String> = std::thread::scope(|scope| {
        let one = || {
            let client = server.client("alice");
            // Whoever was overtaken too often is told to come again.
            loop {
                match add(&client, EVENT, b"x") {
                    (201, id) => return id,
                    (412 | 503, _) => {}
                    (status, told) => panic!("{status} {told}"),
                }
            }
        };
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    server.kill();
    server.start_again();
    let text = server.client("alice").get(EVENT).expect(200).text().replace("\r\n ", "");
    assert!(added.iter().all(|id| text.contains(id.as_str())), "{added:?} {text}");
    assert_eq!((text.matches("MANAGED-ID").count(), kept(&server)), (6, 6));
}

#[test]
fn organizers_and_their_delegates_attach_and_attendees_do_not() {
    let server = Server::start();
    let (alice, bob, carol) =
        (server.client("alice"), server.client("bob"), server.client("carol"));
    let people = "ORGANIZER:mailto:alice@example.com\r\nATTENDEE:mailto:alice@example.com\r\n\
                  ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bob@example.com\r\n";
    alice.put(EVENT, &event(people)).expect(201);
    assert_eq!(add(&carol, EVENT, b"x").0, 403);
    let delegates = "<propertyupdate xmlns='DAV:'><set><prop><group-member-set><href>\
                     /principals/__uids__/CA401000-0000-4000-8000-000000000003/</href>\
                     </group-member-set></prop></set></propertyupdate>";
    let proxy = "/principals/users/alice/calendar-proxy-write/";
    alice.send("PROPPATCH", proxy, &[], delegates.as_bytes()).expect(207);
    let (status, id) = add(&carol, EVENT, b"x");
    assert_eq!(status, 201);
    let folder = server.data().join("calendars/users/bob/calendar");
    let copy = fs::read_dir(folder).unwrap().find_map(|file| {
        let name = file.unwrap().file_name().into_string().unwrap();
        name.ends_with(".ics").then_some(name)
    });
    let copy = format!("/calendars/users/bob/calendar/{}", copy.unwrap());
    let text = bob.get(&copy).expect(200).text();
    assert!(text.replace("\r\n ", "").contains(&format!("MANAGED-ID={id};")), "{text}");
    let (status, told) = add(&bob, &copy, b"x");
    assert!(status == 403 && told.contains("attendee-scheduling-object-change"), "{told}");
    // The answer of an attendee keeps what the organizer attached.
    bob.put(&copy, &text.replace("NEEDS-ACTION", "ACCEPTED")).expect(204);
    let text = alice.get(EVENT).expect(200).text().replace("\r\n ", "");
    assert!(text.contains(&id) && text.contains("PARTSTAT=ACCEPTED"), "{text}");

    // Who is not invited any more reads no later version.
    alice.put(EVENT, &text.replace("ATTENDEE;PARTSTAT", "X-NOT;PARTSTAT")).expect(204);
    let path = format!("/calendars/users/alice/dropbox/{id}/a.txt");
    alice.get(&path).expect(200);
    bob.get(&path).expect(403);
}
