//! DURATION (RFC 5545 §3.3.6): a nominal part in days and an exact part in seconds.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;

use super::ValueError;

/// Longest duration that is read, either part: some 2,700 years.
const MAX_SECONDS: i64 = 1_000_000 * 86_400;

/// A duration. Days (and weeks) are calendar days, the rest is exact time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct IcalDuration {
    days: i64,
    seconds: i64,
}

impl IcalDuration {
    /// A duration of calendar days and exact seconds, which must have the same sign; their
    /// amount is cut to what can be printed and read again.
    pub fn new(days: i64, seconds: i64) -> Self {
        let max_days = MAX_SECONDS / 86_400;
        let days = days.clamp(-max_days, max_days);
        Self { days, seconds: seconds.clamp(-MAX_SECONDS, MAX_SECONDS) }
    }

    /// Exact time only.
    pub fn from_seconds(seconds: i64) -> Self {
        Self::new(0, seconds)
    }

    /// Calendar days only.
    pub fn from_days(days: i64) -> Self {
        Self::new(days, 0)
    }

    /// The nominal part, in calendar days.
    pub fn days(self) -> i64 {
        self.days
    }

    /// The exact part, in seconds.
    pub fn seconds(self) -> i64 {
        self.seconds
    }

    /// Everything in seconds, a day counted as 24 hours.
    pub fn total_seconds(self) -> i64 {
        self.days * 86_400 + self.seconds
    }

    /// As a `chrono` delta, a day counted as 24 hours.
    pub fn delta(self) -> TimeDelta {
        TimeDelta::try_seconds(self.total_seconds()).unwrap_or_default()
    }

    /// Whether it points backwards.
    pub fn is_negative(self) -> bool {
        self.total_seconds() < 0
    }
}

impl FromStr for IcalDuration {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        read(text.trim()).ok_or_else(|| ValueError::new("a duration", text))
    }
}

fn read(text: &str) -> Option<IcalDuration> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut rest = rest.strip_prefix(['P', 'p'])?;
    let (mut days, mut seconds) = (0i64, 0i64);
    let mut in_time = false;
    let mut parts = 0;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(['T', 't']) {
            if in_time {
                return None;
            }
            (in_time, rest) = (true, after);
            continue;
        }
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let amount: i64 = rest[..end].parse().ok().filter(|n| *n <= MAX_SECONDS)?;
        match (rest.as_bytes()[end].to_ascii_uppercase(), in_time) {
            (b'W', false) => days += amount * 7,
            (b'D', false) => days += amount,
            (b'H', true) => seconds += amount * 3600,
            (b'M', true) => seconds += amount * 60,
            (b'S', true) => seconds += amount,
            _ => return None,
        }
        rest = &rest[end + 1..];
        parts += 1;
        if parts > 5 || days * 86_400 > MAX_SECONDS || seconds > MAX_SECONDS {
            return None;
        }
    }
    (parts > 0).then_some(IcalDuration { days: sign * days, seconds: sign * seconds })
}

impl fmt::Display for IcalDuration {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut days, mut seconds) = (self.days, self.seconds);
        if days.signum() * seconds.signum() < 0 {
            (days, seconds) = (0, self.total_seconds());
        }
        if days < 0 || seconds < 0 {
            out.write_str("-")?;
        }
        let (days, seconds) = (days.unsigned_abs(), seconds.unsigned_abs());
        out.write_str("P")?;
        if days > 0 && days % 7 == 0 && seconds == 0 {
            return write!(out, "{}W", days / 7);
        }
        if days > 0 {
            write!(out, "{days}D")?;
        }
        if seconds > 0 || days == 0 {
            out.write_str("T")?;
            let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
            if h > 0 {
                write!(out, "{h}H")?;
            }
            if m > 0 {
                write!(out, "{m}M")?;
            }
            if s > 0 || (h == 0 && m == 0) {
                write!(out, "{s}S")?;
            }
        }
        Ok(())
    }
}
