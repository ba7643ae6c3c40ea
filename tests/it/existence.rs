//! No answer tells whether there is something to somebody who may not know: every method on
//! something and on nothing, asked by those who see neither, gets the same answer.

use daybook::dav::Method;

use crate::harness::{Client, Reply, Server};

const HOME: &str = "/calendars/users/alice";
const EVENT: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\nBEGIN:VEVENT\r\n\
                     UID:one\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260105T090000Z\r\n\
                     DURATION:PT1H\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

/// What there is below alice's home, and a name beside it that is free.
const TWINS: [(&str, &str); 11] = [
    ("calendar", "calendax"),
    ("calendar/", "calendax/"),
    ("calendar/one.ics", "calendar/two.ics"),
    ("calendar/one.ics", "calendax/one.ics"),
    ("calendar/one.ics/", "calendar/two.ics/"),
    ("plain", "plaix"),
    ("plain/", "plaix/"),
    ("plain/a.txt", "plain/b.txt"),
    ("plain/deep/", "plain/deex/"),
    ("plain/deep/a.txt", "plain/deex/a.txt"),
    ("calendar/;add-member", "calendax/;add-member"),
];

const BODIES: [&str; 8] = [
    "",
    "<",
    EVENT,
    "<acl xmlns='DAV:'/>",
    "<expand-property xmlns='DAV:'><property name='owner'/></expand-property>",
    "<calendar-multiget xmlns='urn:ietf:params:xml:ns:caldav'/>",
    "<unknown xmlns='DAV:'/>",
    "<lockinfo xmlns='DAV:'><lockscope><exclusive/></lockscope><locktype><write/></locktype>\
     </lockinfo>",
];

fn server() -> Server {
    let server = Server::start();
    let alice = server.client("alice");
    alice.propfind(&format!("{HOME}/"), "0", "").expect(207);
    for place in ["plain/", "plain/deep/"] {
        alice.send("MKCOL", &format!("{HOME}/{place}"), &[], b"").expect(201);
    }
    for file in ["plain/a.txt", "plain/deep/a.txt"] {
        alice.send("PUT", &format!("{HOME}/{file}"), &[], b"a").expect(201);
    }
    alice.put(&format!("{HOME}/calendar/one.ics"), EVENT).expect(201);
    server
}

/// What an answer tells, apart from the names that were asked for.
fn told(reply: &Reply, path: &str) -> String {
    let headers: Vec<String> = reply
        .headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "date" | "content-length"))
        .map(|(name, value)| format!("{name}: {value}"))
        .filter(|line| !line.contains("nonce"))
        .collect();
    let path = path.trim_end_matches('/');
    let (parent, _) = path.rsplit_once('/').unwrap_or_default();
    let text = reply.text().replace(path, "ITSELF").replace(parent, "ABOVE");
    format!("{} {} {text}", reply.status, headers.join(" "))
}

fn compare(client: &Client, who: &str, mut ask: impl FnMut(&Client, &str) -> Reply) {
    for (there, nothing) in TWINS {
        let [one, other] = [there, nothing].map(|name| {
            let path = format!("{HOME}/{name}");
            let reply = ask(client, &path);
            assert!(reply.status >= 400, "{who} {name}: {}", reply.status);
            told(&reply, &path)
        });
        assert_eq!(one, other, "{who}: {there} and {nothing}");
    }
}

/// Every method, with bodies that are right, wrong and none.
fn ask_everything(who: &str, client: &Client) {
    for method in Method::ALL {
        let few = [&BODIES[..1], &BODIES[2..3]].concat();
        let bodies = if *method == Method::Report { BODIES.to_vec() } else { few };
        for body in bodies {
            for condition in [("If-None-Match", "*"), ("If", "(<urn:uuid:1>)")] {
                let headers = [
                    condition,
                    ("Depth", "1"),
                    ("Overwrite", "F"),
                    ("Lock-Token", "<urn:uuid:1>"),
                    ("Destination", "/calendars/users/bob/calendar/new.ics"),
                    ("Content-Type", "text/calendar"),
                ];
                compare(client, &format!("{who} {method} {body} {condition:?}"), |client, path| {
                    client.send(method.as_str(), path, &headers, body.as_bytes())
                });
            }
        }
    }
}

#[test]
fn no_method_tells() {
    let server = server();
    std::thread::scope(|scope| {
        scope.spawn(|| ask_everything("bob", &server.client("bob")));
        scope.spawn(|| ask_everything("nobody", &server.anonymous()));
    });
}

#[test]
fn no_destination_tells() {
    let server = server();
    let bob = server.client("bob");
    let own = "/calendars/users/bob";
    bob.put(&format!("{own}/calendar/one.ics"), EVENT).expect(201);
    bob.send("MKCOL", &format!("{own}/plain/"), &[], b"").expect(201);
    bob.send("PUT", &format!("{own}/plain/a.txt"), &[], b"a").expect(201);
    for source in ["calendar/one.ics", "calendar/", "plain/", "plain/a.txt", "none"] {
        for method in ["COPY", "MOVE"] {
            for overwrite in ["T", "F"] {
                let who = format!("{method} {source} {overwrite}");
                compare(&bob, &who, |bob, path| {
                    let headers = [("Destination", path), ("Overwrite", overwrite)];
                    bob.send(method, &format!("{own}/{source}"), &headers, b"")
                });
            }
        }
    }
    bob.get(&format!("{own}/calendar/one.ics")).expect(200);
}

/// The entity tag of what somebody may not read can be neither guessed nor compared.
#[test]
fn no_condition_tells() {
    let server = server();
    let (alice, bob) = (server.client("alice"), server.client("bob"));
    let hidden = format!("{HOME}/calendar/one.ics");
    let tag = alice.get(&hidden).expect(200).header("etag").unwrap().to_owned();
    let mine = "/calendars/users/bob/calendar/one.ics";
    bob.put(mine, EVENT).expect(201);
    for (client, home, status) in [(&bob, "bob", 412), (&alice, "alice", 204)] {
        let condition = format!("<{hidden}> ([{tag}])");
        let path = format!("/calendars/users/{home}/calendar/one.ics");
        let headers = [("If", condition.as_str()), ("Content-Type", "text/calendar")];
        client.send("PUT", &path, &headers, EVENT.as_bytes()).expect(status);
    }
}

/// Below a collection that somebody may read, one that they may not.
#[test]
fn no_report_tells() {
    let server = server();
    let (alice, bob) = (server.client("alice"), server.client("bob"));
    let top = format!("{HOME}/top/");
    alice.send("MKCOL", &top, &[], b"").expect(201);
    alice.send("MKCALENDAR", &format!("{top}secret/"), &[], b"").expect(201);
    let acl = "<acl xmlns='DAV:'><ace><principal><authenticated/></principal><grant><privilege>\
               <read/></privilege></grant></ace></acl>";
    alice.send("ACL", &top, &[], acl.as_bytes()).expect(200);
    let sync = |client: &Client, token: &str| {
        let body = format!(
            "<sync-collection xmlns='DAV:'><sync-token>{token}</sync-token><sync-level>infinite\
             </sync-level><prop><getetag/></prop></sync-collection>"
        );
        let text = client.send("REPORT", &top, &[], body.as_bytes()).expect(207).text();
        let from = text.split("sync-token>").nth(1).unwrap();
        let token = from.split('<').next().unwrap().to_owned();
        (text, token)
    };
    let (_, token) = sync(&bob, "");
    alice.put(&format!("{top}secret/one.ics"), EVENT).expect(201);
    let (text, token) = sync(&bob, &token);
    assert!(!text.contains("one.ics"), "{text}");
    let multiget = format!(
        "<c:calendar-multiget xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><prop><getetag/>\
         </prop><href>{top}secret/one.ics</href><href>{top}secret/two.ics</href>\
         </c:calendar-multiget>"
    );
    let text = bob.send("REPORT", &top, &[], multiget.as_bytes()).expect(207).text();
    let parts: Vec<String> = text
        .split("<D:response>")
        .skip(1)
        .map(|part| part.replace("two.ics", "one.ics").replace("</D:multistatus>", ""))
        .map(|part| part.trim().to_owned())
        .collect();
    assert_eq!(parts.len(), 2, "{text}");
    assert_eq!(parts[0], parts[1]);
    alice.delete(&format!("{top}secret/one.ics")).expect(204);
    let (text, _) = sync(&bob, &token);
    assert!(!text.contains("one.ics"), "{text}");
    let (text, _) = sync(&alice, &token);
    assert!(text.contains("one.ics"), "{text}");
}
