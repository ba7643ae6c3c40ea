//! Behind a reverse proxy: prefix × scheme × port, each in every href, Location and Destination
//! exactly once.

use crate::harness::{Client, Reply, Server};

/// How the client sees the server, and whether the proxy leaves the prefix on the path.
struct View {
    prefix: &'static str,
    scheme: &'static str,
    authority: &'static str,
    kept: bool,
}

impl View {
    fn send(
        &self,
        client: &Client,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let mut all = vec![
            ("X-Forwarded-Proto", self.scheme),
            ("X-Forwarded-Host", self.authority),
            ("X-Forwarded-For", "192.0.2.7"),
        ];
        if !self.prefix.is_empty() {
            all.push(("X-Forwarded-Prefix", self.prefix));
        }
        all.extend_from_slice(headers);
        let path = if self.kept { format!("{}{path}", self.prefix) } else { path.to_owned() };
        client.send(method, &path, &all, body.as_bytes())
    }

    fn url(&self, path: &str) -> String {
        format!("{}://{}{}{path}", self.scheme, self.authority, self.prefix)
    }

    /// Every path in `DAV:href` elements is seen through the prefix, once.
    #[track_caller]
    fn check(&self, reply: &Reply) {
        let text = reply.text();
        let hrefs: Vec<&str> = text.split("href>").filter(|part| part.ends_with("</D:")).collect();
        let hrefs: Vec<&str> = hrefs.iter().filter_map(|part| part.strip_suffix("</D:")).collect();
        assert!(!hrefs.is_empty(), "{} {text}", reply.status);
        for href in hrefs.into_iter().filter(|href| href.starts_with('/')) {
            let rest = href.strip_prefix(self.prefix);
            let rest = rest.unwrap_or_else(|| panic!("{href} lacks {}\n{text}", self.prefix));
            let own = ["/calendars/", "/principals/"].iter().any(|top| rest.starts_with(top));
            assert!(own, "{href}\n{text}");
        }
    }

    #[track_caller]
    fn location(&self, reply: &Reply, path: &str) {
        assert_eq!(reply.header("location"), Some(format!("{}{path}", self.prefix).as_str()));
    }
}

fn event(uid: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//T//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
         DTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

const PROPERTIES: &str = "<D:propfind xmlns:D=\"DAV:\" xmlns:C=\"urn:ietf:params:xml:ns:caldav\">\
    <D:prop><D:acl/><D:owner/><D:current-user-principal/><D:principal-URL/>\
    <D:principal-collection-set/><C:calendar-home-set/><C:schedule-inbox-URL/>\
    <C:schedule-outbox-URL/><C:calendar-user-address-set/><C:schedule-default-calendar-URL/>\
    <D:group-membership/><D:lockdiscovery/></D:prop></D:propfind>";
const LOCK: &str = "<D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/></D:lockscope>\
    <D:locktype><D:write/></D:locktype></D:lockinfo>";

fn walk(view: &View, server: &Server, number: usize) {
    let (alice, bob) = (server.client("alice"), server.client("bob"));
    let home = "/calendars/users/alice/";
    let calendar = format!("{home}m{number}/");
    let at = |name: &str| format!("{calendar}{name}");
    let send = |method: &str, path: &str, headers: &[(&str, &str)], body: &str| {
        view.send(&alice, method, path, headers, body)
    };
    let reply = view.send(&server.anonymous(), "PROPFIND", "/.well-known/caldav", &[], "");
    view.location(&reply.expect(301), "/");
    view.check(&send("PROPFIND", "/principals/users/alice/", &[("Depth", "0")], PROPERTIES));
    send("MKCALENDAR", &calendar, &[], "").expect(201);
    view.check(&send("PROPFIND", home, &[("Depth", "1")], PROPERTIES).expect(207));
    let reply = send("GET", calendar.trim_end_matches('/'), &[], "").expect(301);
    view.location(&reply, &calendar);

    // Destination: the client's own view is ours, another port is elsewhere.
    let uid = format!("matrix-{number}");
    send("PUT", &at("1.ics"), &[], &event(&uid)).expect(201);
    let to = view.url(&at("2.ics"));
    let reply = send("MOVE", &at("1.ics"), &[("Destination", &to)], "").expect(201);
    view.location(&reply, &at("2.ics"));
    let path = format!("{}{}", view.prefix, at("1.ics"));
    send("MOVE", &at("2.ics"), &[("Destination", &path)], "").expect(201);
    let elsewhere = to.replace(view.authority, "cal.example.com:99");
    send("MOVE", &at("1.ics"), &[("Destination", &elsewhere)], "").expect(502);

    // Error bodies: conflicts, locks, privileges.
    view.check(&send("PUT", &at("3.ics"), &[], &event(&uid)).expect(403));
    view.check(&send("LOCK", &at("1.ics"), &[], LOCK).expect(200));
    view.check(&send("PROPFIND", &at("1.ics"), &[("Depth", "0")], PROPERTIES).expect(207));
    view.check(&send("LOCK", &at("1.ics"), &[], LOCK).expect(423));
    view.check(&send("PUT", &at("1.ics"), &[], &event(&uid)).expect(423));
    view.check(&view.send(&bob, "DELETE", &at("1.ics"), &[], "").expect(403));
}

#[test]
fn every_reference_is_seen_through_the_proxy_once() {
    let server = Server::start_with("[server]\ntrusted_proxies = [\"127.0.0.1\"]\n");
    let mut number = 0;
    for prefix in ["", "/dav", "/a/b"] {
        for scheme in ["http", "https"] {
            for authority in ["cal.example.com", "cal.example.com:8443"] {
                for kept in [false, true] {
                    number += 1;
                    let view = View { prefix, scheme, authority, kept };
                    walk(&view, &server, number);
                }
            }
        }
    }
}
