//! RECUR (RFC 5545 §3.3.10) with RSCALE and SKIP (RFC 7529), as written: nothing is filled in.
//!
//! Strict about what would change the meaning (unknown parts, numbers out of range), lenient
//! about what cannot (X- parts, blanks, letter case, an ordinal where none belongs).

use std::fmt;

use chrono::Weekday;

use super::rscale::{Month, Scale};
use super::{DateOrTime, digits};

/// Longest list of one BY part: all seconds and a year of days fit.
const LIST_MAX: usize = 800;
/// Days of the longest year of any calendar, with some room.
const YEAR_DAYS_MAX: u32 = 390;

/// FREQ, from coarse to fine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Frequency {
    Yearly,
    Monthly,
    Weekly,
    Daily,
    Hourly,
    Minutely,
    Secondly,
}

/// SKIP (RFC 7529 §4.1): what becomes of a date that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Skip {
    /// It is left out.
    #[default]
    Omit,
    /// The day before is taken.
    Backward,
    /// The day after is taken.
    Forward,
}

/// A recurrence rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct Recur {
    pub frequency: Frequency,
    pub interval: u32,
    pub count: Option<u32>,
    pub until: Option<DateOrTime>,
    pub by_second: Vec<u32>,
    pub by_minute: Vec<u32>,
    pub by_hour: Vec<u32>,
    /// Ordinal (0 for none) and weekday.
    pub by_day: Vec<(i32, Weekday)>,
    pub by_month_day: Vec<i32>,
    pub by_year_day: Vec<i32>,
    pub by_week_no: Vec<i32>,
    pub by_month: Vec<Month>,
    pub by_set_pos: Vec<i32>,
    pub week_start: Weekday,
    pub skip: Skip,
    /// RSCALE; absent means Gregorian.
    pub scale: Option<Scale>,
}

/// Why a rule cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// It is not a rule.
    #[error("{0}")]
    Invalid(String),
    /// It counts in a calendar other than the Gregorian one (RFC 7529 `supported-rscale`).
    #[error("RSCALE={0} is not supported")]
    UnsupportedScale(String),
}

fn invalid(part: &str, value: &str) -> RuleError {
    let value: String = value.chars().take(40).collect();
    RuleError::Invalid(format!("bad rule part {part}={value}"))
}

impl Recur {
    /// Reads the value of an RRULE or EXRULE.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let mut rule = Self::every(Frequency::Yearly);
        let mut seen: Vec<String> = Vec::new();
        for part in text.trim().split(';').filter(|part| !part.trim().is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| invalid(part, ""))?;
            let name = name.trim().to_ascii_uppercase();
            if seen.contains(&name) {
                return Err(invalid(&name, "given twice"));
            }
            rule.part(&name, value.trim())?;
            seen.push(name);
            if seen.len() > 40 {
                return Err(RuleError::Invalid("too many rule parts".to_owned()));
            }
        }
        if !seen.iter().any(|name| name == "FREQ") {
            return Err(RuleError::Invalid("a rule without FREQ".to_owned()));
        }
        if rule.skip != Skip::Omit && rule.scale.is_none() {
            return Err(RuleError::Invalid("SKIP without RSCALE".to_owned()));
        }
        rule.check_ranges()?;
        Ok(rule)
    }

    /// The rule that has a frequency and nothing else.
    pub fn every(frequency: Frequency) -> Self {
        Self {
            frequency,
            interval: 1,
            count: None,
            until: None,
            by_second: Vec::new(),
            by_minute: Vec::new(),
            by_hour: Vec::new(),
            by_day: Vec::new(),
            by_month_day: Vec::new(),
            by_year_day: Vec::new(),
            by_week_no: Vec::new(),
            by_month: Vec::new(),
            by_set_pos: Vec::new(),
            week_start: Weekday::Mon,
            skip: Skip::Omit,
            scale: None,
        }
    }

    /// The Gregorian calendar has twelve months and no year of more than 366 days.
    fn check_ranges(&self) -> Result<(), RuleError> {
        if !self.scale.unwrap_or_default().is_gregorian() {
            return Ok(());
        }
        let beyond = |numbers: &[i32], max: u32| numbers.iter().any(|n| n.unsigned_abs() > max);
        for (part, wrong) in [
            ("BYMONTH", self.by_month.iter().any(|month| month.leap || month.number > 12)),
            ("BYYEARDAY", beyond(&self.by_year_day, 366)),
            ("BYWEEKNO", beyond(&self.by_week_no, 53)),
            ("BYSETPOS", beyond(&self.by_set_pos, 366)),
        ] {
            if wrong {
                return Err(invalid(part, "out of range"));
            }
        }
        Ok(())
    }

    fn part(&mut self, name: &str, value: &str) -> Result<(), RuleError> {
        let fail = || invalid(name, value);
        match name {
            "FREQ" => self.frequency = frequency(value).ok_or_else(fail)?,
            "INTERVAL" => self.interval = digits(value).filter(|n| *n > 0).ok_or_else(fail)?,
            "COUNT" => self.count = Some(digits(value).filter(|n| *n > 0).ok_or_else(fail)?),
            "UNTIL" => self.until = Some(DateOrTime::parse(value, None).map_err(|_| fail())?),
            "BYSECOND" => {
                self.by_second = unsigned(value, 0, 60).ok_or_else(fail)?;
                // A leap second counts as the one before it.
                self.by_second.iter_mut().for_each(|s| *s = (*s).min(59));
                self.by_second.dedup();
            }
            "BYMINUTE" => self.by_minute = unsigned(value, 0, 59).ok_or_else(fail)?,
            "BYHOUR" => self.by_hour = unsigned(value, 0, 23).ok_or_else(fail)?,
            "BYMONTH" => self.by_month = months(value).ok_or_else(fail)?,
            "BYDAY" => self.by_day = list(value, weekday_number).ok_or_else(fail)?,
            "BYMONTHDAY" => self.by_month_day = signed(value, 31).ok_or_else(fail)?,
            "BYYEARDAY" => self.by_year_day = signed(value, YEAR_DAYS_MAX).ok_or_else(fail)?,
            "BYWEEKNO" => {
                self.by_week_no = signed(value, YEAR_DAYS_MAX / 7 + 1).ok_or_else(fail)?
            }
            "BYSETPOS" => self.by_set_pos = signed(value, YEAR_DAYS_MAX).ok_or_else(fail)?,
            "WKST" => self.week_start = weekday(value).ok_or_else(fail)?,
            "RSCALE" => {
                let unknown = || value.chars().take(40).collect::<String>().to_ascii_uppercase();
                let scale = Scale::named(value);
                self.scale = Some(scale.ok_or_else(|| RuleError::UnsupportedScale(unknown()))?);
            }
            "SKIP" => self.skip = skip(value).ok_or_else(fail)?,
            name if name.starts_with("X-") => {}
            _ => return Err(fail()),
        }
        Ok(())
    }
}

fn frequency(text: &str) -> Option<Frequency> {
    let all = [
        Frequency::Yearly,
        Frequency::Monthly,
        Frequency::Weekly,
        Frequency::Daily,
        Frequency::Hourly,
        Frequency::Minutely,
        Frequency::Secondly,
    ];
    all.into_iter().find(|f| f.word().eq_ignore_ascii_case(text))
}

impl Frequency {
    /// The word of the FREQ part.
    pub fn word(self) -> &'static str {
        match self {
            Self::Yearly => "YEARLY",
            Self::Monthly => "MONTHLY",
            Self::Weekly => "WEEKLY",
            Self::Daily => "DAILY",
            Self::Hourly => "HOURLY",
            Self::Minutely => "MINUTELY",
            Self::Secondly => "SECONDLY",
        }
    }
}

fn skip(text: &str) -> Option<Skip> {
    match text.to_ascii_uppercase().as_str() {
        "OMIT" => Some(Skip::Omit),
        "BACKWARD" => Some(Skip::Backward),
        "FORWARD" => Some(Skip::Forward),
        _ => None,
    }
}

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("MO", Weekday::Mon),
    ("TU", Weekday::Tue),
    ("WE", Weekday::Wed),
    ("TH", Weekday::Thu),
    ("FR", Weekday::Fri),
    ("SA", Weekday::Sat),
    ("SU", Weekday::Sun),
];

fn weekday(text: &str) -> Option<Weekday> {
    WEEKDAYS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, day)| *day)
}

/// The two letters of a weekday.
pub fn weekday_word(day: Weekday) -> &'static str {
    WEEKDAYS[day.num_days_from_monday() as usize].0
}

fn weekday_number(text: &str) -> Option<(i32, Weekday)> {
    let split = text.len().checked_sub(2).filter(|at| text.is_char_boundary(*at))?;
    let (number, day) = text.split_at(split);
    let number = if number.is_empty() { 0 } else { signed_number(number, 53)? };
    Some((number, weekday(day)?))
}

fn signed_number(text: &str, max: u32) -> Option<i32> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    digits(rest).filter(|n| (1..=max).contains(n)).map(|n| sign * n as i32)
}

fn list<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    if text.split(',').count() > LIST_MAX {
        return None;
    }
    text.split(',').map(|piece| read(piece.trim())).collect()
}

fn months(text: &str) -> Option<Vec<Month>> {
    let mut all = list(text, Month::parse)?;
    all.sort_unstable();
    all.dedup();
    Some(all)
}

fn signed(text: &str, max: u32) -> Option<Vec<i32>> {
    let mut all = list(text, |piece| signed_number(piece, max))?;
    all.sort_unstable();
    all.dedup();
    Some(all)
}

fn unsigned(text: &str, min: u32, max: u32) -> Option<Vec<u32>> {
    let mut all = list(text, |piece| digits(piece).filter(|n| (min..=max).contains(n)))?;
    all.sort_unstable();
    all.dedup();
    Some(all)
}

impl fmt::Display for Recur {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |numbers: &[i32]| -> String {
            numbers.iter().map(i32::to_string).collect::<Vec<_>>().join(",")
        };
        let plain = |numbers: &[u32]| -> String {
            numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
        };
        if let Some(scale) = self.scale {
            write!(out, "RSCALE={};", scale.name())?;
        }
        write!(out, "FREQ={}", self.frequency.word())?;
        if let Some(until) = &self.until {
            write!(out, ";UNTIL={until}")?;
        }
        if let Some(count) = self.count {
            write!(out, ";COUNT={count}")?;
        }
        if self.interval != 1 {
            write!(out, ";INTERVAL={}", self.interval)?;
        }
        let months: Vec<String> = self.by_month.iter().map(Month::to_string).collect();
        let days = self.by_day.iter().map(|(number, day)| match number {
            0 => weekday_word(*day).to_owned(),
            n => format!("{n}{}", weekday_word(*day)),
        });
        for (name, text) in [
            ("BYSECOND", plain(&self.by_second)),
            ("BYMINUTE", plain(&self.by_minute)),
            ("BYHOUR", plain(&self.by_hour)),
            ("BYDAY", days.collect::<Vec<_>>().join(",")),
            ("BYMONTHDAY", join(&self.by_month_day)),
            ("BYYEARDAY", join(&self.by_year_day)),
            ("BYWEEKNO", join(&self.by_week_no)),
            ("BYMONTH", months.join(",")),
            ("BYSETPOS", join(&self.by_set_pos)),
        ] {
            if !text.is_empty() {
                write!(out, ";{name}={text}")?;
            }
        }
        if self.week_start != Weekday::Mon {
            write!(out, ";WKST={}", weekday_word(self.week_start))?;
        }
        match self.skip {
            Skip::Omit => Ok(()),
            Skip::Backward => out.write_str(";SKIP=BACKWARD"),
            Skip::Forward => out.write_str(";SKIP=FORWARD"),
        }
    }
}
