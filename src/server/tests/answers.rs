//! The same answers whether memory has what they are made of or not, and which of them a
//! connection's own thread gives.

use super::dice::Dice;
use super::site::{Reply, Site, delegate, guid};
use crate::limits;
use crate::method::report::objects;

const OWNER: &str = "alice";
const OBJECTS: usize = 40;

/// A calendar whose texts have this many bytes of memory.
fn site(text_memory_bytes: u64) -> Site {
    let site = Site::new(|config| config.data.text_memory_bytes = text_memory_bytes);
    let mut dice = Dice::new(7);
    for number in 0..OBJECTS {
        let url = format!("{}{}", calendar(), name(number));
        let reply = site.request(OWNER, "PUT", &url, &[], &object(number, &mut dice));
        assert_eq!(reply.status, 201, "{number}: {}", reply.body);
    }
    site
}

fn calendar() -> String {
    format!("/calendars/__uids__/{}/calendar/", guid(OWNER))
}

fn name(number: usize) -> String {
    // Some names need escapes.
    if number.is_multiple_of(9) {
        format!("{number}%20%C3%A9.ics")
    } else {
        format!("{number}.ics")
    }
}

/// Events of all kinds, with texts that XML must escape and nobody can compress.
fn object(number: usize, dice: &mut Dice) -> String {
    let noise: Vec<u8> = (0..dice.below(2500)).map(|_| *dice.pick(b"0123456789abcdef<&")).collect();
    let rule = ["", "RRULE:FREQ=WEEKLY\r\n", "RRULE:FREQ=DAILY;COUNT=400\r\n"][number % 3];
    let access = ["", "", "", "CONFIDENTIAL", "PRIVATE"][number % 5];
    let access = match access {
        "" => String::new(),
        level => format!("X-CALENDARSERVER-ACCESS:{level}\r\n"),
    };
    let noise: Vec<&str> = noise.chunks(60).filter_map(|line| str::from_utf8(line).ok()).collect();
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{access}BEGIN:VEVENT\r\nUID:{number}\r\n\
         DTSTAMP:20260101T000000Z\r\nDTSTART:2026{:02}{:02}T100000Z\r\nDURATION:PT1H\r\n{rule}\
         SUMMARY:<{number}> & ]]> é\r\nDESCRIPTION:x{}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        1 + number % 12,
        1 + number % 28,
        noise.join("\r\n "),
    )
}

/// A report on some of the objects, and on some that are not there.
fn multiget(numbers: &[usize]) -> String {
    let href = |number: &usize| format!("<href>{}{}</href>", calendar(), name(*number));
    let hrefs: String = numbers.iter().map(href).collect();
    format!(
        "<C:calendar-multiget xmlns='DAV:' xmlns:C='urn:ietf:params:xml:ns:caldav'><prop><getetag/>\
         <C:calendar-data/></prop>{hrefs}</C:calendar-multiget>"
    )
}

fn query(properties: &str, filter: &str) -> String {
    format!(
        "<C:calendar-query xmlns='DAV:' xmlns:C='urn:ietf:params:xml:ns:caldav'><prop>{properties}\
         </prop><C:filter><C:comp-filter name='VCALENDAR'><C:comp-filter name='VEVENT'>{filter}\
         </C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"
    )
}

fn report(site: &Site, who: &str, body: &str) -> Reply {
    let reply = site.request(who, "REPORT", &calendar(), &[("depth", "1")], body);
    assert_eq!(reply.status, 207, "{}", reply.body);
    reply
}

fn random_report(dice: &mut Dice) -> String {
    if dice.once_in(2) {
        let count = dice.below(OBJECTS);
        let numbers: Vec<usize> = (0..count).map(|_| dice.below(OBJECTS + 5)).collect();
        return multiget(if numbers.is_empty() { &[3] } else { &numbers });
    }
    let (month, days) = (1 + dice.below(12), 1 + dice.below(27));
    let window = format!(
        "<C:time-range start='2026{month:02}01T000000Z' end='2026{month:02}{:02}T000000Z'/>",
        1 + days
    );
    let text = "<C:prop-filter name='SUMMARY'><C:text-match>1</C:text-match></C:prop-filter>";
    let properties = ["<getetag/>", "<getetag/><C:calendar-data/>", "<C:calendar-data/>"];
    query(dice.pick::<&str>(&properties), if dice.once_in(4) { text } else { &window })
}

#[test]
fn answers_do_not_depend_on_what_is_remembered() {
    let sites = [site(0), site(66 * 1024), site(limits::TEXT_MEMORY_BYTES)];
    let mut dice = Dice::new(11);
    for round in 0..25 {
        let body = random_report(&mut dice);
        for who in [OWNER, delegate(OWNER)] {
            let first = report(&sites[0], who, &body);
            // What was answered for one is remembered for the other.
            for site in &sites[1..] {
                assert!(report(site, who, &body).body == first.body, "{round} {who}: {body}");
            }
            assert!(report(&sites[2], who, &body).body == first.body, "{round} {who}: {body}");
        }
    }
}

#[test]
fn nothing_lengthy_is_done_for_what_is_remembered() {
    let site = site(limits::TEXT_MEMORY_BYTES);
    let all: Vec<usize> = (0..OBJECTS).collect();
    let some = multiget(&all[..20]);
    let week = "<C:time-range start='20260301T000000Z' end='20260308T000000Z'/>";
    let week = query("<getetag/><C:calendar-data/>", week);
    assert!(report(&site, OWNER, &some).lengthy >= 20);
    assert!(report(&site, OWNER, &week).lengthy > 0);
    for body in [&some, &week] {
        let reply = report(&site, OWNER, body);
        assert_eq!(reply.lengthy, 0);
        assert!(reply.about.is_some_and(|about| about <= limits::OWN_THREAD_ANSWER_BYTES));
    }
    // One text is gone: its object has another content now.
    let changed = object(4, &mut Dice::new(12));
    site.request(OWNER, "PUT", &format!("{}{}", calendar(), name(4)), &[], &changed);
    let reply = report(&site, OWNER, &some);
    assert_eq!((reply.lengthy, reply.body.matches("</D:response>").count()), (1, 20));
    assert!(reply.body.contains(&objects::escaped(changed.as_bytes())));
    // Whether an object holds a text is not in the index.
    let text = "<C:prop-filter name='SUMMARY'><C:text-match>1</C:text-match></C:prop-filter>";
    assert!(report(&site, OWNER, &query("<getetag/>", text)).lengthy > 0);
}

#[test]
fn long_answers_are_told_beforehand() {
    let site = site(limits::TEXT_MEMORY_BYTES);
    let often: Vec<usize> = (0..OBJECTS * 13).map(|number| number % OBJECTS).collect();
    // Nothing is told where files have to be read first.
    assert_eq!(report(&site, OWNER, &multiget(&often)).about, None);
    let reply = report(&site, OWNER, &multiget(&often));
    assert!(reply.about.is_some_and(|about| about > limits::OWN_THREAD_ANSWER_BYTES));
    assert!(reply.body.len() as u64 > limits::OWN_THREAD_ANSWER_BYTES);
    // What is told is near to what it is.
    let ratio = reply.body.len() as f64 / reply.about.unwrap() as f64;
    assert!((0.7..1.5).contains(&ratio), "{ratio}");
    let others = multiget(&[1, 2]).replace(
        "<C:calendar-data/>",
        "<C:calendar-data content-type='application/calendar+json' version='2.0'/>",
    );
    // What is made of files, too.
    assert_eq!(report(&site, OWNER, &others).about, None);
}
