//! Who may do what, over HTTP: every method on every kind of resource, asked by everybody who can
//! stand in a relation to its owner. The answers stand in docs/access.md; `UPDATE=1` writes them
//! there, to be read before they are committed.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use daybook::dav::Method;

use crate::harness::{Client, Reply, Server};

const ACCOUNTS: &str = "
realm = \"Access\"
admins = [\"users:admin\"]

[[user]]
name = \"alice\"
email = \"alice@example.com\"
plain_password = \"alice\"
read_proxies = [\"users:reader\"]
write_proxies = [\"users:writer\", \"groups:helpers\"]

[[group]]
name = \"helpers\"
members = [\"users:helper\"]
";

/// Name in the document, and for signing in; alice owns everything.
const ACTORS: [(&str, &str); 7] = [
    ("The owner", "alice"),
    ("A read delegate", "reader"),
    ("A write delegate", "writer"),
    ("A member of a group that is a write delegate", "helper"),
    ("An administrator", "admin"),
    ("Another user", "other"),
    ("Nobody: not signed in", ""),
];

/// Kinds of resources, and where one is.
const PLACES: [(&str, &str); 22] = [
    ("root", "/"),
    ("principals", "/principals/"),
    ("principals of a type", "/principals/users/"),
    ("principal", "/principals/users/alice/"),
    ("delegates of a principal", "/principals/users/alice/calendar-proxy-write/"),
    ("homes", "/calendars/"),
    ("homes of a type", "/calendars/users/"),
    ("home", "/calendars/users/alice/"),
    ("calendar", "/calendars/users/alice/calendar/"),
    ("event", "/calendars/users/alice/calendar/a.ics"),
    ("new event", "/calendars/users/alice/calendar/new.ics"),
    ("new calendar", "/calendars/users/alice/new/"),
    ("inbox", "/calendars/users/alice/inbox/"),
    ("message in the inbox", "/calendars/users/alice/inbox/**item**"),
    ("outbox", "/calendars/users/alice/outbox/"),
    ("free-busy URL", "/calendars/users/alice/freebusy"),
    ("notifications", "/calendars/users/alice/notification/"),
    ("plain collection", "/calendars/users/alice/plain/"),
    ("plain file", "/calendars/users/alice/plain/a.txt"),
    ("attachment of an event", "/calendars/users/alice/dropbox/**attachment**/a.txt"),
    ("time zones", "/timezones?action=list"),
    ("standard time zones", "/stdtimezones?action=capabilities"),
];

const HOME: &str = "/calendars/users/alice";

fn event(uid: &str, more: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//EN\nBEGIN:VEVENT\nUID:{uid}\n\
         DTSTAMP:20260101T000000Z\nDTSTART:20360601T090000Z\n{more}END:VEVENT\nEND:VCALENDAR\n"
    )
    .replace('\n', "\r\n")
}

/// A server with alice's home in a known state, made again after each request that changes it.
struct World {
    server: Server,
    invitations: usize,
    /// MANAGED-ID of what is attached to an event that no request touches.
    attachment: String,
}

impl World {
    fn new() -> Self {
        // Privileges are asked about, not RFC 6638 §4.3: its calendar may be deleted.
        let mut server = Server::start_with("[scheduling]\ndefault_calendar_removable = true\n");
        let mut accounts = ACCOUNTS.to_owned();
        for name in ["reader", "writer", "helper", "admin", "other"] {
            let _ = write!(
                accounts,
                "\n[[user]]\nname = \"{name}\"\nemail = \"{name}@example.com\"\n\
                 plain_password = \"{name}\"\n"
            );
        }
        server.stop();
        fs::write(server.data().join("accounts.toml"), accounts).unwrap();
        server.start_again();
        let alice = server.client("alice");
        alice.send("MKCALENDAR", &format!("{HOME}/kept/"), &[], b"").expect(201);
        let kept = format!("{HOME}/kept/a.ics");
        alice.put(&kept, &event("kept", "")).expect(201);
        let headers = [("Content-Type", "text/plain"), ("Content-Disposition", "a;filename=a.txt")];
        let add = format!("{kept}?action=attachment-add");
        let reply = alice.send("POST", &add, &headers, b"a").expect(201);
        let attachment = reply.header("cal-managed-id").unwrap().to_owned();
        Self { server, invitations: 0, attachment }
    }

    fn owner(&self) -> Client {
        self.server.client("alice")
    }

    /// Makes what is missing and takes away what is too much; tells the name of a message.
    fn reset(&mut self) -> String {
        let alice = self.owner();
        for left in ["calendar/new.ics", "new/", "copied", "copied/"] {
            alice.send("DELETE", &format!("{HOME}/{left}"), &[], b"");
        }
        alice.send("MKCALENDAR", &format!("{HOME}/calendar/"), &[], b"");
        alice.send("MKCOL", &format!("{HOME}/plain/"), &[], b"");
        let calendar = [("Content-Type", "text/calendar")];
        let text = event("known", "");
        alice.send("PUT", &format!("{HOME}/calendar/a.ics"), &calendar, text.as_bytes());
        alice.send("PUT", &format!("{HOME}/plain/a.txt"), &[], b"a");
        for place in ["calendar/", "calendar/a.ics", "plain/", "plain/a.txt"] {
            alice.send("ACL", &format!("{HOME}/{place}"), &[], b"<acl xmlns='DAV:'/>");
        }
        self.message()
    }

    /// The name of a message in the inbox; another user invites alice when there is none.
    fn message(&mut self) -> String {
        for _ in 0..200 {
            let inbox = format!("{HOME}/inbox/");
            let listing = self.owner().send("PROPFIND", &inbox, &[("Depth", "1")], b"").text();
            let hrefs = listing.split("<D:href>").skip(1).filter_map(|part| part.split('<').next());
            let names = hrefs.filter_map(|href| href.strip_prefix(&inbox));
            if let Some(name) = names.filter(|name| name.ends_with(".ics")).last() {
                return name.to_owned();
            }
            self.invitations += 1;
            let text = event(
                &format!("invitation-{}", self.invitations),
                "ORGANIZER:mailto:other@example.com\nATTENDEE:mailto:other@example.com\n\
                 ATTENDEE:mailto:alice@example.com\n",
            );
            let path = format!("/calendars/users/other/calendar/{}.ics", self.invitations);
            let headers = [("Content-Type", "text/calendar")];
            self.server.client("other").send("PUT", &path, &headers, text.as_bytes());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        panic!("no invitation arrives");
    }
}

/// A request of that method that means something where it can.
fn ask(client: &Client, method: Method, path: &str) -> Reply {
    let calendar = ("Content-Type", "text/calendar");
    let xml = ("Content-Type", "application/xml");
    let request = match method {
        Method::Put if path.ends_with(".ics") => {
            let uid = if path.ends_with("/a.ics") { "known" } else { "new" };
            (vec![calendar], event(uid, ""))
        }
        Method::Put => (vec![], "a".to_owned()),
        Method::Post if path.ends_with("/outbox/") => {
            let text =
                event("busy", "DTEND:20360602T000000Z\nORGANIZER:mailto:alice@example.com\n")
                    .replace("VEVENT", "VFREEBUSY")
                    .replace("END:VFREEBUSY", "ATTENDEE:mailto:other@example.com\r\nEND:VFREEBUSY")
                    .replace("VERSION:2.0", "VERSION:2.0\r\nMETHOD:REQUEST");
            (vec![calendar], text)
        }
        Method::Post => (vec![calendar], event("new", "")),
        Method::Propfind => (vec![("Depth", "0"), xml], String::new()),
        Method::Proppatch => {
            let set = "<propertyupdate xmlns='DAV:'><set><prop><displayname>x</displayname></prop>\
                       </set></propertyupdate>";
            (vec![xml], set.to_owned())
        }
        Method::Report => {
            let text = "<expand-property xmlns='DAV:'><property name='owner'/></expand-property>";
            (vec![xml], text.to_owned())
        }
        Method::Copy | Method::Move => {
            (vec![("Destination", "/calendars/users/alice/copied")], String::new())
        }
        Method::Lock => {
            let text = "<lockinfo xmlns='DAV:'><lockscope><exclusive/></lockscope>\
                        <locktype><write/></locktype></lockinfo>";
            (vec![xml, ("Timeout", "Second-1")], text.to_owned())
        }
        Method::Unlock => (vec![("Lock-Token", "<urn:uuid:0>")], String::new()),
        // The inbox must go on taking messages.
        Method::Acl if path.ends_with("/inbox/") => {
            let text = "<acl xmlns='DAV:'><ace><principal><authenticated/></principal><grant>\
                        <privilege><schedule-deliver xmlns='urn:ietf:params:xml:ns:caldav'/>\
                        </privilege></grant></ace></acl>";
            (vec![xml], text.to_owned())
        }
        Method::Acl => (vec![xml], "<acl xmlns='DAV:'/>".to_owned()),
        _ => (vec![], String::new()),
    };
    client.send(method.as_str(), path, &request.0, request.1.as_bytes())
}

fn changes(method: Method) -> bool {
    use Method::{Get, Head, Options, Propfind, Report, Unlock};
    !matches!(method, Get | Head | Options | Propfind | Report | Unlock)
}

/// The table of one actor: a row for each place, a status for each method.
fn table(world: &mut World, login: &str, item: &mut String) -> String {
    let client = match login {
        "" => world.server.anonymous(),
        login => world.server.client(login),
    };
    let mut text = String::from("| |");
    Method::ALL.iter().for_each(|method| text += &format!(" {method} |"));
    text += "\n|---|";
    Method::ALL.iter().for_each(|_| text += "---|");
    text.push('\n');
    for (name, place) in PLACES {
        let _ = write!(text, "| {name} |");
        for method in Method::ALL {
            let path = place.replace("**item**", item).replace("**attachment**", &world.attachment);
            let reply = ask(&client, *method, &path);
            if let Some(token) = reply.header("lock-token").filter(|_| *method == Method::Lock) {
                world.owner().send("UNLOCK", &path, &[("Lock-Token", token)], b"");
            }
            let _ = write!(text, " {} |", reply.status);
            if changes(*method) && reply.status < 300 {
                *item = world.reset();
            }
            // Read delegates may have a colour of their own, so they have write-properties.
            let own_colour = *method == Method::Proppatch && login == "reader";
            let harmless = !changes(*method) || *method == Method::Post || own_colour;
            let stranger = matches!(login, "reader" | "other" | "");
            assert!(!stranger || harmless || reply.status >= 400, "{login} {method} {path}");
        }
        text.push('\n');
    }
    text
}

#[test]
fn everybody_may_what_the_document_says() {
    let mut world = World::new();
    let mut item = world.reset();
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/access.md");
    let document = fs::read_to_string(&file).unwrap();
    let (head, told) = document.split_once("\n## ").expect("the tables are there");
    let mut found = String::new();
    for (name, login) in ACTORS {
        let _ = write!(found, "\n## {name}\n\n{}", table(&mut world, login, &mut item));
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, format!("{head}\n{found}")).unwrap();
        return;
    }
    let differ = |(is, was): (&str, &str)| (is != was).then(|| format!("is  {is}\nwas {was}"));
    let told = format!("## {told}");
    let differences: Vec<String> =
        found.trim().lines().zip(told.trim().lines()).filter_map(differ).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
