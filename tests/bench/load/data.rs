//! Realistic calendar objects from a seed: the same seed makes the same bytes on every machine.

use chrono::{Duration, NaiveDate, NaiveDateTime};

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

/// Objects spread over these days from `first_day`.
pub const DAYS: i64 = 3 * 365;

pub fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2025, 1, 1).expect("a date of the calendar")
}

const TIMEZONE: &str = "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:DAYLIGHT\r\n\
DTSTART:19810329T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nTZNAME:CEST\r\n\
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nEND:DAYLIGHT\r\nBEGIN:STANDARD\r\n\
DTSTART:19961027T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nTZNAME:CET\r\n\
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n";

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

/// What may lie in a calendar of `count` objects: mostly single events, some all day, some
/// recurring with and without an end, a few with an override, many with an alarm.
pub fn object(seed: u64, number: u64) -> (String, String) {
    let mut random = Random::new(seed ^ (number.wrapping_add(1) << 20));
    let uid = format!("{number:08}-{:08x}@bench.example", random.below(1 << 32));
    let day = first_day() + Duration::days(random.below(DAYS as u64) as i64);
    let hour = 7 + random.below(12) as u32;
    let start = day.and_hms_opt(hour, 15 * random.below(4) as u32, 0).expect("a time of day");
    let minutes = 15 * (1 + random.below(8) as i64);
    let kind = random.below(100);
    let mut text = String::with_capacity(1700);
    text.push_str("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Bench//Data 1//EN\r\n");
    text.push_str(TIMEZONE);
    let summary = format!("{} {number}", random.pick(WORDS));
    let rule = match kind {
        0..10 => Some(format!("FREQ=WEEKLY;COUNT={}", 4 + random.below(40))),
        10..12 => Some("FREQ=YEARLY".to_owned()),
        12..14 => Some("FREQ=MONTHLY;BYDAY=2TU;COUNT=12".to_owned()),
        _ => None,
    };
    event(&mut text, &uid, &summary, start, minutes, kind >= 90, rule.as_deref(), &mut random);
    if kind < 4 {
        let moved = start + Duration::days(7);
        text.push_str(&format!(
            "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20250101T000000Z\r\n\
             RECURRENCE-ID;TZID=Europe/Berlin:{}\r\nDTSTART;TZID=Europe/Berlin:{}\r\n\
             DURATION:PT{minutes}M\r\nSUMMARY:{summary} (moved)\r\nEND:VEVENT\r\n",
            stamp(moved),
            stamp(moved + Duration::hours(1)),
        ));
    }
    text.push_str("END:VCALENDAR\r\n");
    (format!("{number:08}.ics"), text)
}

#[allow(clippy::too_many_arguments)]
fn event(
    text: &mut String,
    uid: &str,
    summary: &str,
    start: NaiveDateTime,
    minutes: i64,
    all_day: bool,
    rule: Option<&str>,
    random: &mut Random,
) {
    text.push_str(&format!(
        "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20250101T000000Z\r\nCREATED:20250101T000000Z\r\n"
    ));
    if all_day {
        let end = start.date() + Duration::days(1 + random.below(3) as i64);
        text.push_str(&format!(
            "DTSTART;VALUE=DATE:{}\r\nDTEND;VALUE=DATE:{}\r\nTRANSP:TRANSPARENT\r\n",
            start.format("%Y%m%d"),
            end.format("%Y%m%d")
        ));
    } else {
        text.push_str(&format!(
            "DTSTART;TZID=Europe/Berlin:{}\r\nDTEND;TZID=Europe/Berlin:{}\r\n",
            stamp(start),
            stamp(start + Duration::minutes(minutes))
        ));
    }
    if let Some(rule) = rule {
        text.push_str(&format!("RRULE:{rule}\r\n"));
    }
    text.push_str(&format!("SUMMARY:{summary}\r\nLOCATION:Room {}\r\n", random.below(40)));
    text.push_str(
        "DESCRIPTION:Agenda:\\n1. what happened since last time\\n2. what comes next\r\n",
    );
    for _ in 0..random.below(6) {
        text.push_str(&format!("CATEGORIES:{}\r\n", random.pick(WORDS).replace('\'', "")));
    }
    if random.below(2) == 0 {
        text.push_str(
            "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\nDESCRIPTION:Soon\r\nEND:VALARM\r\n",
        );
    }
    text.push_str("END:VEVENT\r\n");
}

/// A new invitation by `organizer` to `attendees`.
pub fn invitation(number: u64, organizer: &str, attendees: &[String]) -> String {
    let start = first_day() + Duration::days((number % 900) as i64);
    let mut text = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Bench//Data 1//EN\r\nBEGIN:VEVENT\r\n\
         UID:invite-{number}@bench.example\r\nDTSTAMP:20250101T000000Z\r\n\
         DTSTART:{day}T100000Z\r\nDTEND:{day}T110000Z\r\nSUMMARY:Meeting {number}\r\n\
         ORGANIZER:mailto:{organizer}\r\nATTENDEE;PARTSTAT=ACCEPTED:mailto:{organizer}\r\n",
        day = start.format("%Y%m%d")
    );
    for attendee in attendees {
        text.push_str(&format!("ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:{attendee}\r\n"));
    }
    text.push_str("END:VEVENT\r\nEND:VCALENDAR\r\n");
    text
}

fn stamp(at: NaiveDateTime) -> String {
    at.format("%Y%m%dT%H%M%S").to_string()
}
