//! The leap seconds of the bundled database (`leapseconds`, in the format of zic(8)).

use std::sync::OnceLock;

use chrono::{NaiveDate, TimeDelta};

const TEXT: &str = include_str!("tzdata/leapseconds");
/// What UTC was behind TAI when leap seconds began, on 1 January 1972.
const FIRST_OFFSET: i32 = 10;

/// By how many seconds UTC is behind TAI.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct LeapSeconds {
    /// The first day of which nothing is known yet.
    pub expires: NaiveDate,
    /// Days from whose beginning on an offset holds, in order.
    pub offsets: Vec<(NaiveDate, i32)>,
}

/// The bundled list.
pub fn leap_seconds() -> &'static LeapSeconds {
    static LIST: OnceLock<LeapSeconds> = OnceLock::new();
    LIST.get_or_init(|| read(TEXT))
}

fn read(text: &str) -> LeapSeconds {
    let mut list = LeapSeconds::default();
    let mut offset = FIRST_OFFSET;
    list.offsets.extend(NaiveDate::from_ymd_opt(1972, 1, 1).map(|first| (first, offset)));
    for line in text.lines() {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        match fields.as_slice() {
            ["Leap", year, month, day, _, sign, _] => {
                offset += if *sign == "-" { -1 } else { 1 };
                // The second is the last of its day; the offset holds from the next one on.
                let after = date(year, month, day).map(|day| day + TimeDelta::days(1));
                list.offsets.extend(after.map(|after| (after, offset)));
            }
            ["#Expires", year, month, day, _] => {
                list.expires = date(year, month, day).unwrap_or_default();
            }
            _ => {}
        }
    }
    list
}

fn date(year: &str, month: &str, day: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(&format!("{year} {month} {day}"), "%Y %b %d").ok()
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::leap_seconds;

    /// RFC 7808 §5.6.1 prints these of the list of its time.
    #[test]
    fn the_offsets_of_the_rfc() {
        let list = leap_seconds();
        let day = |year, month| NaiveDate::from_ymd_opt(year, month, 1).unwrap();
        for told in [(day(1972, 1), 10), (day(1972, 7), 11), (day(2012, 7), 35), (day(2015, 7), 36)]
        {
            assert!(list.offsets.contains(&told), "{told:?}");
        }
        assert_eq!(list.offsets.last(), Some(&(day(2017, 1), 37)));
        assert_eq!(list.offsets.len(), 28);
        assert!(list.expires > day(2026, 1));
    }
}
