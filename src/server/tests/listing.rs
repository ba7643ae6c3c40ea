//! Listings that are made some members at a time say what those say that are made at once.

use std::collections::BTreeSet;

use super::site::{Site, delegate, guid};
use crate::limits::LISTED_AT_ONCE;
use crate::xml::parse;

const OWNER: &str = "alice";

fn calendar() -> String {
    format!("/calendars/__uids__/{}/calendar/", guid(OWNER))
}

/// One more event; each tenth is private, and some names need escapes.
fn put(site: &Site, number: usize) {
    let access = if number.is_multiple_of(10) { "PRIVATE" } else { "PUBLIC" };
    let escaped = if number.is_multiple_of(7) { "%20%C3%A9" } else { "" };
    let event = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nX-CALENDARSERVER-ACCESS:{access}\r\n\
         BEGIN:VEVENT\r\nUID:{number}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T100000Z\r\n\
         END:VEVENT\r\nEND:VCALENDAR\r\n"
    );
    let url = format!("{}{number}{escaped}.ics", calendar());
    assert_eq!(site.request(OWNER, "PUT", &url, &[], &event).status, 201);
}

/// The hrefs with their entity tags or statuses, and what ends it.
fn told(body: &str) -> (Vec<(String, String)>, Option<String>) {
    let root = parse(body.as_bytes()).unwrap();
    let one = |response: &crate::xml::Element| {
        let text = |name| response.child("DAV:", name).map(|found| found.text().into_owned());
        let prop = response.child("DAV:", "propstat").and_then(|found| found.child("DAV:", "prop"));
        let etag = prop.and_then(|prop| prop.child("DAV:", "getetag"));
        let etag = etag.map(|etag| etag.text().into_owned());
        (text("href").unwrap(), etag.or_else(|| text("status")).unwrap())
    };
    let responses = root.children_named("DAV:", "response").map(one).collect();
    (responses, root.child("DAV:", "sync-token").map(|token| token.text().into_owned()))
}

#[test]
fn made_of_pieces_or_at_once_they_say_the_same() {
    let site = Site::new(|_| {});
    let ask = |who: &str, method: &str, body: &str| {
        let reply = site.request(who, method, &calendar(), &[("depth", "1")], body);
        assert_eq!(reply.status, 207, "{}", reply.body);
        told(&reply.body)
    };
    let mut number = 0;
    for count in [0, 1, LISTED_AT_ONCE - 1, LISTED_AT_ONCE, LISTED_AT_ONCE + 1, 2 * LISTED_AT_ONCE]
    {
        while number < count {
            put(&site, number);
            number += 1;
        }
        for who in [OWNER, delegate(OWNER)] {
            // The index does not have the display name.
            let find = |more: &str| {
                format!("<propfind xmlns='DAV:'><prop><getetag/>{more}</prop></propfind>")
            };
            let pieces = ask(who, "PROPFIND", &find(""));
            assert_eq!(pieces.0.len(), count + 1);
            assert_eq!(pieces, ask(who, "PROPFIND", &find("<displayname/>")));
            let refused = pieces.0.iter().filter(|(_, tag)| tag.contains(" 403 ")).count();
            assert_eq!(refused, if who == OWNER { 0 } else { count.div_ceil(10) });
            let sync = |more: &str| {
                format!(
                    "<sync-collection xmlns='DAV:'><sync-token/><sync-level>1</sync-level><prop>\
                     <getetag/>{more}</prop></sync-collection>"
                )
            };
            let pieces = ask(who, "REPORT", &sync(""));
            let at_once = ask(who, "REPORT", &sync("<displayname/>"));
            assert!(pieces.1.is_some());
            assert_eq!(pieces.1, at_once.1);
            assert_eq!(pieces.0.len(), count + 1 - refused);
            // The journal has its own order.
            let sorted = |list: Vec<(String, String)>| list.into_iter().collect::<BTreeSet<_>>();
            assert_eq!(pieces.0.len(), at_once.0.len());
            assert_eq!(sorted(pieces.0), sorted(at_once.0));
        }
    }
}
