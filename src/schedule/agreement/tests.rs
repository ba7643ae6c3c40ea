//! Copies that agree, and the same copies damaged in every way that has a name.

use super::{Copy, examine};
use crate::ical::{self, Component};
use crate::schedule::users::{CalendarUsers, User};

/// alice, bob and carol of this server.
struct Three;

impl CalendarUsers for Three {
    fn user(&self, address: &str) -> Option<User> {
        let name = address.strip_prefix("urn:x-uid:")?;
        ["alice", "bob", "carol"].contains(&name).then(|| User {
            guid: name.to_owned(),
            address: address.to_owned(),
            full_name: name.to_owned(),
            email: None,
            has_calendars: true,
            may_organize: true,
            members: None,
        })
    }

    fn is_ours(&self, _: &str) -> bool {
        true
    }
}

const ORGANIZERS: &str = "DTSTART:20260601T100000Z|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=3|\
    SEQUENCE:1|SUMMARY:Plan|ORGANIZER:urn:x-uid:alice|\
    ATTENDEE;PARTSTAT=ACCEPTED;SCHEDULE-STATUS=2.0:urn:x-uid:bob|\
    ATTENDEE;PARTSTAT=DECLINED;SCHEDULE-STATUS=2.0:urn:x-uid:carol\n\
    RECURRENCE-ID:20260602T100000Z|DTSTART:20260602T120000Z|DURATION:PT1H|SEQUENCE:1|\
    SUMMARY:Plan|ORGANIZER:urn:x-uid:alice|\
    ATTENDEE;PARTSTAT=TENTATIVE;SCHEDULE-STATUS=2.0:urn:x-uid:bob";
const BOBS: &str = "DTSTART:20260601T100000Z|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=3|SEQUENCE:1|\
    SUMMARY:Plan|ORGANIZER:urn:x-uid:alice|TRANSP:TRANSPARENT|CATEGORIES:WORK|\
    ATTENDEE;PARTSTAT=ACCEPTED:urn:x-uid:bob|ATTENDEE;PARTSTAT=DECLINED:urn:x-uid:carol\n\
    RECURRENCE-ID:20260602T100000Z|DTSTART:20260602T120000Z|DURATION:PT1H|SEQUENCE:0|\
    SUMMARY:Plan|ORGANIZER:urn:x-uid:alice|ATTENDEE;PARTSTAT=TENTATIVE:urn:x-uid:bob";

/// Components one a line, their properties between bars.
fn object(text: &str) -> Component {
    let mut out = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n".to_owned();
    for component in text.lines() {
        out.push_str("BEGIN:VEVENT\r\nUID:u\r\nDTSTAMP:20260101T000000Z\r\n");
        out.push_str(&component.trim().replace('|', "\r\n"));
        out.push_str("\r\nEND:VEVENT\r\n");
    }
    out.push_str("END:VCALENDAR\r\n");
    ical::parse(out.as_bytes()).unwrap()
}

/// What is found: `who instance: reason`, doubtful ones with a question mark.
fn found(copies: &[(&str, &str, bool)]) -> Vec<String> {
    let read: Vec<Component> = copies.iter().map(|(_, text, _)| object(text)).collect();
    let owners: Vec<String> = copies.iter().map(|(who, ..)| format!("urn:x-uid:{who}")).collect();
    let copies: Vec<Copy<'_>> = (0..copies.len())
        .map(|at| Copy { owner: &owners[at], calendar: &read[at], tagged: copies[at].2 })
        .collect();
    let findings = examine(&copies, &Three).into_iter().map(|finding| {
        let who = copies[finding.copy].owner.replace("urn:x-uid:", "");
        let instance = finding.instance.recurrence_id().unwrap_or_else(|| "master".to_owned());
        let doubt = if finding.certain { "" } else { "?" };
        format!("{who} {instance}: {}{doubt}", finding.reason)
    });
    findings.collect()
}

#[test]
fn copies_that_agree_have_no_findings() {
    assert_eq!(found(&[("alice", ORGANIZERS, true), ("bob", BOBS, true)]), [""; 0]);
    let cancelled = BOBS.replace("SUMMARY", "STATUS:CANCELLED|SUMMARY");
    assert_eq!(found(&[("bob", &cancelled, true)]), [""; 0], "what is left of a deleted event");
    let excluded = ORGANIZERS.replace("|SEQUENCE:1|", "|EXDATE:20260603T100000Z|SEQUENCE:1|");
    let off = format!(
        "{BOBS}\nRECURRENCE-ID:20260603T100000Z|DTSTART:20260603T100000Z|DURATION:PT1H|\
         STATUS:CANCELLED|ORGANIZER:urn:x-uid:alice|ATTENDEE;PARTSTAT=ACCEPTED:urn:x-uid:bob"
    );
    let excluded = excluded.lines().next().unwrap().to_owned();
    let rest = ORGANIZERS.lines().nth(1).unwrap();
    let excluded = format!("{excluded}\n{rest}");
    assert_eq!(found(&[("alice", &excluded, true), ("bob", &off, true)]), [""; 0], "called off");
}

/// Whose copy is damaged, what is replaced by what, and what is found.
type Damage = (&'static str, &'static str, &'static str, &'static [&'static str]);

const DAMAGES: &[Damage] = &[
    (
        "alice",
        ";SCHEDULE-STATUS=2.0:urn:x-uid:carol",
        ":urn:x-uid:carol",
        &["alice master: SCHEDULE-STATUS of urn:x-uid:carol is missing"],
    ),
    (
        "alice",
        "PARTSTAT=DECLINED",
        "PARTSTAT=TENTATIVE",
        &[
            "alice master: urn:x-uid:carol has no copy: it was removed without a word, or lost?",
            "bob master: it differs from the organizer's: ATTENDEE;PARTSTAT",
        ],
    ),
    (
        "bob",
        "PARTSTAT=ACCEPTED:urn:x-uid:bob",
        "PARTSTAT=DECLINED:urn:x-uid:bob",
        &["bob master: the answer is DECLINED, and ACCEPTED at the organizer's"],
    ),
    (
        "bob",
        "PARTSTAT=TENTATIVE",
        "PARTSTAT=ACCEPTED",
        &["bob 20260602T100000Z: the answer is ACCEPTED, and TENTATIVE at the organizer's"],
    ),
    (
        "bob",
        "COUNT=3",
        "COUNT=2",
        &[
            "bob master: it differs from the organizer's: RRULE",
            "bob 20260603T100000Z: the organizer has it, the copy has not",
        ],
    ),
    (
        "alice",
        "COUNT=3",
        "COUNT=2",
        &[
            "bob master: it differs from the organizer's: RRULE",
            "bob 20260603T100000Z: the copy has it, the organizer has not",
        ],
    ),
    (
        "bob",
        "T120000Z",
        "T130000Z",
        &[
            "bob 20260602T100000Z: it differs from the organizer's: DTEND, DTSTART",
            "bob 20260602T100000Z: it is at another time than the organizer's",
        ],
    ),
    (
        "bob",
        "SEQUENCE:0",
        "SEQUENCE:2",
        &["bob 20260602T100000Z: its SEQUENCE is greater than the organizer's"],
    ),
    (
        "bob",
        "SEQUENCE:0|SUMMARY:Plan",
        "SEQUENCE:0|SUMMARY:Plot",
        &["bob 20260602T100000Z: it differs from the organizer's: SUMMARY"],
    ),
    (
        "alice",
        "SCHEDULE-STATUS=2.0:urn:x-uid:bob",
        "SCHEDULE-AGENT=NONE:urn:x-uid:bob",
        &["bob master: its owner is not invited any more"],
    ),
    (
        "bob",
        "urn:x-uid:alice",
        "urn:x-uid:carol",
        &[
            "alice master: urn:x-uid:bob has no copy: it was removed without a word, or lost?",
            "bob master: its organizer has no such event",
        ],
    ),
    (
        "bob",
        "RRULE:FREQ=DAILY;COUNT=3",
        "RRULE:FREQ=DAILY;COUNT=x",
        &[
            "bob master: it differs from the organizer's: RRULE",
            "bob master: its recurrence set cannot be worked out",
        ],
    ),
];

#[test]
fn every_damage_is_named() {
    for (who, from, to, expected) in DAMAGES {
        let damaged = |name: &str, text: &str| match name == *who {
            true => text.replace(from, to),
            false => text.to_owned(),
        };
        let (alices, bobs) = (damaged("alice", ORGANIZERS), damaged("bob", BOBS));
        let told = found(&[("alice", &alices, true), ("bob", &bobs, true)]);
        assert_eq!(told, *expected, "{who}: {from} -> {to}");
    }
}

#[test]
fn missing_copies_tags_and_double_uids_are_named() {
    assert_eq!(
        found(&[("alice", ORGANIZERS, true)]),
        ["alice master: urn:x-uid:bob has no copy: it was removed without a word, or lost?"]
    );
    assert_eq!(found(&[("bob", BOBS, true)]), ["bob master: its organizer has no such event"]);
    // Without a stored tag it has that of its content.
    assert!(found(&[("alice", ORGANIZERS, false), ("bob", BOBS, true)]).is_empty());
    let plain = "DTSTART:20260601T100000Z|SUMMARY:Mine";
    assert_eq!(
        found(&[("carol", plain, true)]),
        ["carol master: it is no scheduling object but has a schedule-tag"]
    );
    assert_eq!(
        found(&[("alice", ORGANIZERS, true), ("bob", BOBS, true), ("bob", plain, false)]),
        ["bob master: its UID is that of another object of the home"]
    );
    let two = ORGANIZERS.replacen("ORGANIZER:urn:x-uid:alice", "ORGANIZER:urn:x-uid:carol", 1);
    assert_eq!(found(&[("alice", &two, false)]), ["alice master: it has several organizers"]);
}
