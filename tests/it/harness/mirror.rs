//! A client that holds calendars by sync-collection alone (RFC 6578).

use std::collections::BTreeMap;

use super::Client;

/// What such a client holds: name → entity tag, by the path of the calendar.
#[derive(Debug, Default)]
pub struct Mirror {
    pub seen: BTreeMap<String, BTreeMap<String, String>>,
    pub tokens: BTreeMap<String, String>,
    /// How often a token was refused and everything was asked for again.
    pub resets: usize,
}

impl Mirror {
    /// Asks for the changes of one calendar and follows them; false when it is not there.
    pub fn sync(&mut self, client: &Client, calendar: &str) -> bool {
        loop {
            let token = self.tokens.get(calendar).cloned().unwrap_or_default();
            let body = format!(
                "<sync-collection xmlns=\"DAV:\"><sync-token>{token}</sync-token>\
                 <sync-level>1</sync-level><prop><getetag/></prop></sync-collection>"
            );
            let reply = client.report(calendar, "0", &body);
            match reply.status {
                404 => {
                    self.forget(calendar);
                    return false;
                }
                403 if reply.text().contains("valid-sync-token") && !token.is_empty() => {
                    self.forget(calendar);
                    self.resets += 1;
                }
                _ => {
                    let text = reply.expect(207).text();
                    if !self.follow(calendar, &text) {
                        return true;
                    }
                }
            }
        }
    }

    fn forget(&mut self, calendar: &str) {
        self.seen.remove(calendar);
        self.tokens.remove(calendar);
    }

    /// Whether the answer was cut short.
    fn follow(&mut self, calendar: &str, text: &str) -> bool {
        let members = self.seen.entry(calendar.to_owned()).or_default();
        let mut cut = false;
        for response in text.split("<D:response>").skip(1) {
            let href = between(response, "<D:href>", "</D:href>").unwrap();
            let name = href.rsplit('/').next().unwrap().to_owned();
            match between(response, "<D:getetag>", "</D:getetag>") {
                _ if name.is_empty() => cut |= response.contains(" 507 "),
                Some(etag) => {
                    members.insert(name, etag.to_owned());
                }
                None => {
                    assert!(response.contains(" 404 "), "{response}");
                    members.remove(&name);
                }
            }
        }
        let token = between(text, "<D:sync-token>", "</D:sync-token>").unwrap();
        self.tokens.insert(calendar.to_owned(), token.to_owned());
        cut
    }

    /// The names of a calendar's members, as they were at the last `sync`.
    pub fn names(&self, calendar: &str) -> Vec<String> {
        self.seen.get(calendar).into_iter().flat_map(|members| members.keys().cloned()).collect()
    }
}

/// The text between two others.
pub fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    let rest = &text[text.find(from)? + from.len()..];
    Some(&rest[..rest.find(to)?])
}
