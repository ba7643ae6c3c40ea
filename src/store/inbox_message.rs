//! Properties of a scheduling message in an inbox that follow from the message and its place: who
//! sent it to whom, whether it was processed, and that it is a new invitation
//! (apple-caldav-schedulingchanges §4; the drafts before RFC 6638). They are stored only where
//! something else than this is to be said.
//!
//! Must not know who the calendar users are: addresses are compared as they are written.

use chrono::{DateTime, Utc};

use crate::dav::Name;
use crate::dav::name::{CALDAV, DAV};
use crate::ical::Component;
use crate::index::{CalendarSummary, summary};

/// Who sent the message.
pub const ORIGINATOR: Name = Name::caldav("originator");
/// For whom it is.
pub const RECIPIENT: Name = Name::caldav("recipient");
/// Whether the server did what the message asks for.
pub const SCHEDULE_STATE: Name = Name::caldav("schedule-state");
/// What it did.
pub const SCHEDULE_CHANGES: Name = Name::calendarserver("schedule-changes");

/// What there is to know of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboxMessage<'a> {
    method: &'a str,
    originator: Option<&'a str>,
    stamped_s: Option<i64>,
}

impl<'a> InboxMessage<'a> {
    /// Of a message that is to be stored; none for what is no message.
    pub fn of_tree(tree: &'a Component) -> Option<Self> {
        let message = summary::message(tree)?;
        let values = |name: &'static str| {
            tree.main_components().flat_map(move |main| main.properties_named(name))
        };
        let mut attendees = values("ATTENDEE").map(|attendee| attendee.value());
        let first = attendees.next();
        let same = attendees.all(|other| Some(other) == first);
        let organizer = values("ORGANIZER").next().map(|organizer| organizer.value());
        Some(Self::new(message, organizer, first.filter(|_| same)))
    }

    /// Of a message that is stored.
    pub fn of_summary(summary: &'a CalendarSummary) -> Option<Self> {
        let mut attendees = summary.attendees();
        let only = attendees.next().filter(|_| attendees.next().is_none());
        Some(Self::new(summary.message()?, summary.organizer(), only))
    }

    /// `attendee` is the one attendee, if there are not several.
    fn new(
        message: crate::index::Message<'a>,
        organizer: Option<&'a str>,
        attendee: Option<&'a str>,
    ) -> Self {
        let crate::index::Message { method, stamped_s } = message;
        let originator = match method {
            "REQUEST" | "CANCEL" | "ADD" => organizer,
            "REPLY" => attendee,
            _ => None,
        };
        Self { method, originator, stamped_s }
    }

    /// Whether the server did what the message asks for, where nothing else is stored.
    pub fn is_processed(&self) -> bool {
        matches!(self.method, "REQUEST" | "CANCEL" | "ADD" | "REPLY")
    }

    /// Whether it says itself that it is from this address.
    pub fn is_from(&self, address: &str) -> bool {
        self.is_processed() && self.originator == Some(address) && is_plain(address)
    }

    /// Whether it is for this address where it lies in the inbox of the user with the GUID.
    pub fn is_for(&self, address: &str, owner: &str) -> bool {
        let guid = address.strip_prefix("urn:x-uid:");
        self.is_processed() && guid == Some(owner) && is_plain(address)
    }

    /// The element of a property of a message without it, in the inbox of the user with the GUID.
    pub fn property(&self, name: &Name, owner: &str) -> Option<String> {
        if !self.is_processed() {
            return None;
        }
        if *name == ORIGINATOR {
            return self.originator.filter(|address| is_plain(address)).map(originator);
        }
        if *name == RECIPIENT {
            return Some(recipient(&format!("urn:x-uid:{owner}")));
        }
        if *name == SCHEDULE_STATE {
            return Some(state(true));
        }
        if *name == SCHEDULE_CHANGES && self.method == "REQUEST" {
            return DateTime::from_timestamp(self.stamped_s?, 0).map(created);
        }
        None
    }
}

/// Whether an address stands in XML as it is; one that does not is stored.
fn is_plain(address: &str) -> bool {
    !address.contains(|c: char| c.is_control() || "&<>\"".contains(c))
}

/// The element of `CALDAV:originator`; the address is escaped.
pub fn originator(address: &str) -> String {
    href("originator", address)
}

/// The element of `CALDAV:recipient`; the address is escaped.
pub fn recipient(address: &str) -> String {
    href("recipient", address)
}

fn href(element: &str, address: &str) -> String {
    format!(
        "<C:{element} xmlns:C=\"{CALDAV}\"><D:href xmlns:D=\"{DAV}\">{address}</D:href>\
         </C:{element}>"
    )
}

/// The element of `CALDAV:schedule-state`.
pub fn state(processed: bool) -> String {
    let state = if processed { "schedule-processed" } else { "schedule-unprocessed" };
    format!("<C:schedule-state xmlns:C=\"{CALDAV}\"><C:{state}/></C:schedule-state>")
}

/// The element of `CS:schedule-changes` of a new invitation.
fn created(at: DateTime<Utc>) -> String {
    let stamp = crate::ical::value::utc_text(at.naive_utc());
    format!(
        "<CS:schedule-changes xmlns:CS=\"http://calendarserver.org/ns/\"><CS:dtstamp>{stamp}\
         </CS:dtstamp><CS:action><CS:create/></CS:action></CS:schedule-changes>"
    )
}

#[cfg(test)]
mod tests {
    use super::{InboxMessage, ORIGINATOR, RECIPIENT, SCHEDULE_CHANGES, SCHEDULE_STATE};
    use crate::dav::Name;
    use crate::ical;
    use crate::index::{ObjectKind, summary};

    /// What is derived of a message, without tags, one property after the other.
    fn derived(method: &str, lines: &str) -> [String; 4] {
        let text = format!(
            "BEGIN:VCALENDAR\n{method}VERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:u\n{lines}\
             END:VEVENT\nEND:VCALENDAR\n"
        );
        let tree = ical::parse(text.replace('\n', "\r\n").as_bytes()).unwrap();
        let ObjectKind::Calendar(known) = summary::of_tree(&tree) else { panic!("{text}") };
        let (written, read) = (InboxMessage::of_tree(&tree), InboxMessage::of_summary(&known));
        assert_eq!(written, read, "{text}");
        let element = |name: &Name, owner| read.and_then(|message| message.property(name, owner));
        for address in ["o", "a", "b", "a&b", "x", "urn:x-uid:guid", "urn:x-uid:g&d"] {
            let told = |told: fn(&InboxMessage<'_>, &str) -> bool| {
                read.is_some_and(|message| told(&message, address))
            };
            let from = element(&ORIGINATOR, "guid") == Some(super::originator(address));
            assert_eq!(told(|message, address| message.is_from(address)), from, "{address} {text}");
            let to = element(&RECIPIENT, "guid") == Some(super::recipient(address));
            assert_eq!(told(|message, address| message.is_for(address, "guid")), to, "{address}");
        }
        assert_eq!(
            read.is_some_and(|message| message.is_processed()),
            element(&SCHEDULE_STATE, "guid") == Some(super::state(true)),
        );
        let names: [Name; 4] = [ORIGINATOR, RECIPIENT, SCHEDULE_STATE, SCHEDULE_CHANGES];
        names.map(|name| {
            let xml = read.and_then(|message| message.property(&name, "guid"));
            let xml = xml.unwrap_or_default();
            let inner = xml.split_once('>').and_then(|(_, rest)| rest.rsplit_once("</"));
            let inner = inner.map(|(inner, _)| inner).unwrap_or_default();
            inner.replace("<D:href xmlns:D=\"DAV:\">", "").replace("</D:href>", "")
        })
    }

    #[test]
    fn what_follows_from_a_message() {
        let stamp = "DTSTAMP:20260101T000000Z\n";
        let two = "ORGANIZER:o\nATTENDEE:a\nATTENDEE;SCHEDULE-AGENT=NONE:b\n";
        let one = "ORGANIZER:o\nATTENDEE:a\n";
        let create = "<CS:dtstamp>20260101T000000Z</CS:dtstamp><CS:action><CS:create/></CS:action>";
        let done = "<C:schedule-processed/>";
        let me = "urn:x-uid:guid";
        for (method, lines, expected) in [
            ("METHOD:REQUEST\n", format!("{stamp}{two}"), ["o", me, done, create]),
            ("METHOD:REQUEST\n", two.to_owned(), ["o", me, done, ""]),
            ("METHOD:REQUEST\n", format!("{stamp}ORGANIZER:a&b\n"), ["", me, done, create]),
            ("METHOD:CANCEL\n", format!("{stamp}{one}"), ["o", me, done, ""]),
            ("METHOD:REPLY\n", format!("{stamp}{one}"), ["a", me, done, ""]),
            ("METHOD:REPLY\n", format!("{stamp}{two}"), ["", me, done, ""]),
            ("METHOD:COUNTER\n", format!("{stamp}{one}"), [""; 4]),
            ("METHOD:X-OTHER\n", format!("{stamp}{one}"), [""; 4]),
            ("", format!("{stamp}{one}"), [""; 4]),
        ] {
            assert_eq!(derived(method, &lines), expected, "{method}{lines}");
        }
    }
}
