//! UTC-OFFSET (RFC 5545 §3.3.14).

use super::{ValueError, digits};

/// Reads `+hhmm`, `-hhmmss` or, leniently, `hhmm` into seconds east of UTC.
pub fn parse(text: &str) -> Result<i32, ValueError> {
    let fail = || ValueError::new("a UTC offset", text);
    let (sign, rest) = match text.trim() {
        t if t.starts_with('-') => (-1, &t[1..]),
        t => (1, t.strip_prefix('+').unwrap_or(t)),
    };
    if !matches!(rest.len(), 4 | 6) || !rest.is_ascii() {
        return Err(fail());
    }
    let part = |from: usize| digits(&rest[from..from + 2]).ok_or_else(fail);
    let (hours, minutes) = (part(0)?, part(2)?);
    let seconds = if rest.len() == 6 { part(4)? } else { 0 };
    if hours > 23 || minutes > 59 || seconds > 59 {
        return Err(fail());
    }
    Ok(sign * (hours * 3600 + minutes * 60 + seconds) as i32)
}

/// Prints seconds east of UTC; seconds only when there are some.
pub fn print(offset: i32) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    let total = offset.unsigned_abs();
    let (hours, minutes, seconds) = (total / 3600, total / 60 % 60, total % 60);
    match seconds {
        0 => format!("{sign}{hours:02}{minutes:02}"),
        _ => format!("{sign}{hours:02}{minutes:02}{seconds:02}"),
    }
}
