//! Realistic calendar objects from a seed: the same seed makes the same bytes on every machine.
//! Every object knows its instances without the server's recurrence engine, so answers can be
//! checked against something else than the server.

use jiff::civil::{Date, DateTime, Weekday, date};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};

/// A small generator of pseudo-random numbers (xorshift*), so that data sets never change with a
/// library's version.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len() as u64) as usize]
    }
}

/// What a set of objects is made from.
#[derive(Clone, Copy, Default)]
pub struct Seed {
    pub number: u64,
    /// Objects begin on one of so many days.
    pub days: u64,
}

impl Seed {
    /// For a calendar of `objects`: it has the more years the larger it is, so that a week in the
    /// middle of it is always as full as in three years of 10,000 objects.
    pub fn of(number: u64, objects: u64) -> Self {
        Self { number, days: (3 * 365 * objects / 10_000).max(60) }
    }

    /// Other objects for the same days.
    pub fn with(self, mark: u64) -> Self {
        Self { number: self.number ^ mark, ..self }
    }

    fn first_day(self) -> Date {
        date(2026, 7, 2) - (self.days as i64 / 2).days()
    }
}

const BERLIN: &str = "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:DAYLIGHT\r\n\
DTSTART:19810329T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nTZNAME:CEST\r\n\
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nEND:DAYLIGHT\r\nBEGIN:STANDARD\r\n\
DTSTART:19961027T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nTZNAME:CET\r\n\
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n";

const NEW_YORK: &str = "BEGIN:VTIMEZONE\r\nTZID:America/New_York\r\nBEGIN:DAYLIGHT\r\n\
DTSTART:20070311T020000\r\nTZOFFSETFROM:-0500\r\nTZOFFSETTO:-0400\r\nTZNAME:EDT\r\n\
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU\r\nEND:DAYLIGHT\r\nBEGIN:STANDARD\r\n\
DTSTART:20071104T020000\r\nTZOFFSETFROM:-0400\r\nTZOFFSETTO:-0500\r\nTZNAME:EST\r\n\
RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n";

const WORDS: &[&str] = &[
    "review",
    "planning",
    "dentist",
    "lunch",
    "budget",
    "standup",
    "concert",
    "training",
    "interview",
    "release",
    "retrospective",
    "swimming",
    "parents' evening",
    "call",
];

#[derive(Clone, Copy, PartialEq)]
enum Zone {
    Named(&'static str),
    Utc,
    AllDay,
}

#[derive(Clone, Copy, PartialEq)]
enum Rule {
    Once,
    Weekly(u64),
    Weekdays(u64),
    SecondTuesday(u64),
    Yearly,
}

/// One calendar object.
pub struct Object {
    pub name: String,
    pub text: String,
    /// Start and end of each instance, in seconds since 1970, up to the end of 2030.
    pub instances: Vec<(i64, i64)>,
    /// Whether it counts in free-busy answers.
    pub busy: bool,
}

impl Object {
    /// Whether an instance overlaps the time (RFC 4791 §9.9).
    pub fn overlaps(&self, (from, to): (i64, i64)) -> bool {
        self.instances.iter().any(|(start, end)| *start < to && *end > from)
    }
}

/// What may lie in a calendar: mostly single events, some all day, some recurring with and without
/// an end, of those many with a moved instance or one left out, many with alarms, some meetings.
pub fn object(seed: Seed, number: u64) -> Object {
    make(seed, number, true)
}

/// The same without attendees, so that storing it invites nobody.
pub fn appointment(seed: Seed, number: u64) -> Object {
    make(seed, number, false)
}

fn make(seed: Seed, number: u64, meetings: bool) -> Object {
    let mut random = Random::new(seed.number ^ (number.wrapping_add(1) << 20));
    let uid = format!("{number:08}-{:08x}@bench.example", random.below(1 << 32));
    let mut day = seed.first_day() + (random.below(seed.days) as i64).days();
    let hour = 7 + random.below(12) as i8;
    let quarter = 15 * random.below(4) as i8;
    let minutes = 15 * (1 + random.below(8) as i64);
    let zone = match random.below(100) {
        0..10 => Zone::AllDay,
        10..20 => Zone::Named("America/New_York"),
        20..30 => Zone::Utc,
        _ => Zone::Named("Europe/Berlin"),
    };
    let rule = match random.below(100) {
        0..8 => Rule::Weekly(4 + random.below(40)),
        8..11 => Rule::Weekdays(15 + random.below(60)),
        11..13 => Rule::SecondTuesday(12),
        13..15 => Rule::Yearly,
        _ => Rule::Once,
    };
    day = match rule {
        Rule::Weekdays(_) => first_on_or_after(day, Weekday::Monday),
        Rule::SecondTuesday(_) => second_tuesday(day),
        Rule::Yearly if day.day() == 29 => day.yesterday().unwrap_or(day),
        _ => day,
    };
    let start = match zone {
        Zone::AllDay => day.at(0, 0, 0, 0),
        _ => day.at(hour, quarter, 0, 0),
    };
    let length =
        if zone == Zone::AllDay { (1 + random.below(3) as i64).days() } else { minutes.minutes() };
    let starts = starts(start, rule);
    let changed = starts.len() > 3 && rule != Rule::Yearly;
    let moved = (changed && random.below(10) < 4).then(|| starts[1]);
    let left_out = (changed && random.below(10) < 4).then(|| starts[2]);
    let new_start = moved.map(|start| if zone == Zone::AllDay { start } else { start + 1.hour() });

    let mut text = String::with_capacity(2000);
    text.push_str("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Bench//Data 2//EN\r\n");
    text.push_str(match zone {
        Zone::Named("Europe/Berlin") => BERLIN,
        Zone::Named(_) => NEW_YORK,
        Zone::Utc | Zone::AllDay => "",
    });
    let summary = format!("{} {number}", random.pick(WORDS));
    text.push_str(&format!(
        "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20250101T000000Z\r\nCREATED:20250101T000000Z\r\n\
         {}\r\n{}\r\n",
        stamped("DTSTART", zone, start),
        stamped("DTEND", zone, start + length),
    ));
    match rule {
        Rule::Once => {}
        Rule::Weekly(count) => text.push_str(&format!("RRULE:FREQ=WEEKLY;COUNT={count}\r\n")),
        Rule::Weekdays(count) => {
            text.push_str(&format!("RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR;COUNT={count}\r\n"));
        }
        Rule::SecondTuesday(count) => {
            text.push_str(&format!("RRULE:FREQ=MONTHLY;BYDAY=2TU;COUNT={count}\r\n"));
        }
        Rule::Yearly => text.push_str("RRULE:FREQ=YEARLY\r\n"),
    }
    if let Some(start) = left_out {
        text.push_str(&stamped("EXDATE", zone, start));
        text.push_str("\r\n");
    }
    if zone == Zone::AllDay {
        text.push_str("TRANSP:TRANSPARENT\r\n");
    }
    text.push_str(&format!("SUMMARY:{summary}\r\nLOCATION:Room {}\r\n", random.below(40)));
    text.push_str(
        "DESCRIPTION:Agenda:\\n1. what happened since last time\\n2. what comes next\r\n",
    );
    for _ in 0..random.below(6) {
        text.push_str(&format!("CATEGORIES:{}\r\n", random.pick(WORDS).replace('\'', "")));
    }
    let meeting = meetings && random.below(100) < 20;
    if meeting {
        people(&mut text, &mut random);
    }
    if random.below(2) == 0 {
        text.push_str(
            "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\nDESCRIPTION:Soon\r\nEND:VALARM\r\n",
        );
    }
    text.push_str("END:VEVENT\r\n");
    if let (Some(from), Some(to)) = (moved, new_start) {
        text.push_str(&format!(
            "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20250101T000000Z\r\n{}\r\n{}\r\n{}\r\n{}\
             SUMMARY:{summary} (moved)\r\n",
            stamped("RECURRENCE-ID", zone, from),
            stamped("DTSTART", zone, to),
            stamped("DTEND", zone, to + length),
            if zone == Zone::AllDay { "TRANSP:TRANSPARENT\r\n" } else { "" },
        ));
        if meeting {
            people(&mut text, &mut random);
        }
        text.push_str("END:VEVENT\r\n");
    }
    text.push_str("END:VCALENDAR\r\n");

    let instances = starts
        .into_iter()
        .filter(|start| left_out != Some(*start))
        .map(|start| if moved == Some(start) { new_start.unwrap_or(start) } else { start })
        .map(|start| (seconds(zone, start), seconds(zone, start + length)))
        .collect();
    Object { name: format!("{number:08}.ics"), text, instances, busy: zone != Zone::AllDay }
}

/// An organizer and attendees elsewhere; the owner of the calendar has accepted.
fn people(text: &mut String, random: &mut Random) {
    text.push_str("ORGANIZER;CN=Chair:mailto:chair@elsewhere.example\r\n");
    text.push_str("ATTENDEE;CN=Bench;PARTSTAT=ACCEPTED:mailto:bench@example.com\r\n");
    for guest in 0..1 + random.below(8) {
        text.push_str(&format!(
            "ATTENDEE;CN=Guest {guest};ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:\r\n \
             mailto:guest{guest}@elsewhere.example\r\n"
        ));
    }
}

fn first_on_or_after(day: Date, weekday: Weekday) -> Date {
    let ahead = day.weekday().until(weekday);
    day + i64::from(ahead).days()
}

fn second_tuesday(day: Date) -> Date {
    first_on_or_after(day.first_of_month(), Weekday::Tuesday) + 7.days()
}

/// The starts of a series in local time.
fn starts(start: DateTime, rule: Rule) -> Vec<DateTime> {
    let every = |step: Span, count: u64| -> Vec<DateTime> {
        (0..count as i64).map(|index| start + step * index).collect()
    };
    match rule {
        Rule::Once => vec![start],
        Rule::Weekly(count) => every(1.week(), count),
        Rule::Weekdays(count) => (0..count as i64)
            .map(|index| start + (7 * (index / 3) + 2 * (index % 3)).days())
            .collect(),
        Rule::SecondTuesday(count) => (0..count as i64)
            .map(|index| {
                let month = start.date().first_of_month() + index.months();
                DateTime::from_parts(second_tuesday(month), start.time())
            })
            .collect(),
        Rule::Yearly => every(1.year(), (2031 - i64::from(start.year())) as u64),
    }
}

fn seconds(zone: Zone, at: DateTime) -> i64 {
    let zone = match zone {
        Zone::Named(name) => TimeZone::get(name).expect("a zone of the bundled database"),
        Zone::Utc | Zone::AllDay => TimeZone::UTC,
    };
    zone.to_timestamp(at).expect("a time of our days").as_second()
}

fn stamped(name: &str, zone: Zone, at: DateTime) -> String {
    let time = at.strftime("%Y%m%dT%H%M%S");
    match zone {
        Zone::Named(zone) => format!("{name};TZID={zone}:{time}"),
        Zone::Utc => format!("{name}:{time}Z"),
        Zone::AllDay => format!("{name};VALUE=DATE:{}", at.strftime("%Y%m%d")),
    }
}

/// A new invitation by `organizer` to `attendees`, to something that is to come: there are servers
/// that tell nobody of what is over.
pub fn invitation(number: u64, organizer: &str, attendees: &[String]) -> String {
    let day = (date(2030, 1, 1) + ((number % 900) as i64).days()).strftime("%Y%m%d").to_string();
    let mut text = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Bench//Data 2//EN\r\nBEGIN:VEVENT\r\n\
         UID:invite-{number}@bench.example\r\nDTSTAMP:20250101T000000Z\r\n\
         DTSTART:{day}T100000Z\r\nDTEND:{day}T110000Z\r\nSUMMARY:Meeting {number}\r\n\
         ORGANIZER:mailto:{organizer}\r\nATTENDEE;PARTSTAT=ACCEPTED:mailto:{organizer}\r\n",
    );
    for attendee in attendees {
        text.push_str(&format!("ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:{attendee}\r\n"));
    }
    text.push_str("END:VEVENT\r\nEND:VCALENDAR\r\n");
    text
}

/// Seconds since 1970 of `20260608T000000Z`.
pub fn instant(text: &str) -> i64 {
    let at = DateTime::strptime("%Y%m%dT%H%M%SZ", text).expect("a time in UTC");
    seconds(Zone::Utc, at)
}
