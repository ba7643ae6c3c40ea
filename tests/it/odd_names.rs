//! Users whose names need encoding in URLs: addresses, blanks, percent signs, letters beyond ASCII.

use crate::harness::Server;

/// A name, and its segment in a URL (RFC 3986 §3.3).
const NAMES: &[(&str, &str)] = &[
    ("ann.lee@example.com", "ann.lee@example.com"),
    ("Ann Lee", "Ann%20Lee"),
    ("50% off", "50%25%20off"),
    ("a%20b", "a%2520b"),
    ("Zoë", "Zo%C3%AB"),
];

const EVENT: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\nBEGIN:VEVENT\r\nUID:1\r\n\
    DTSTAMP:20260101T000000Z\r\nDTSTART:20260701T100000Z\r\nSUMMARY:NAME\r\nEND:VEVENT\r\n\
    END:VCALENDAR\r\n";

#[test]
fn every_name_has_a_home_of_its_own() {
    let server = Server::start();
    let account = |(number, (name, _)): (usize, &(&str, &str))| {
        format!(
            "\n[[user]]\nname = {name:?}\nguid = \"0DD00000-0000-4000-8000-00000000000{number}\"\n\
             plain_password = {name:?}\n"
        )
    };
    let accounts: String = NAMES.iter().enumerate().map(account).collect();
    server.add_accounts(&accounts, "ann.lee@example.com");
    for (number, (name, segment)) in NAMES.iter().enumerate() {
        let client = server.client(name);
        let calendar = format!("/calendars/users/{segment}/calendar/");
        let body = "<propfind xmlns='DAV:'><prop><current-user-principal/></prop></propfind>";
        let who = client.propfind("/", "0", body).expect(207).text();
        let guid = format!("/principals/__uids__/0DD00000-0000-4000-8000-00000000000{number}/");
        assert!(who.contains(&guid), "{name}: {who}");
        let object = format!("{calendar}a.ics");
        client.put(&object, &EVENT.replace("NAME", name)).expect(201);
        // The same resource by the other path, and nobody else's.
        let by_guid = format!("{}calendar/a.ics", guid.replace("principals", "calendars"));
        let text = client.get(&by_guid).expect(200).text();
        assert!(text.contains(&format!("SUMMARY:{name}")), "{name}: {text}");
        client
            .send("MKCALENDAR", &format!("/calendars/users/{segment}/{segment}/"), &[], b"")
            .expect(201);
        server.client("alice").get(&object).expect(403);
        client.get(&format!("/principals/users/{segment}/")).expect(200);
    }
}
