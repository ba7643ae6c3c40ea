//! The source of the IANA database (`tzdata.zi`, in the format of zic(8)): the rules people made,
//! where the compiled form that `zone` asks knows only the moments they lead to.
//!
//! Read-only data of the release that jiff bundles; the tests hold both together.

use std::collections::HashMap;
use std::sync::OnceLock;

use chrono::{Datelike, NaiveDate, NaiveTime, TimeDelta, Weekday};

const TEXT: &str = include_str!("tzdata/tzdata.zi");

/// The whole database.
#[derive(Debug, Default)]
pub(super) struct Source {
    rules: HashMap<&'static str, Vec<Rule>>,
    zones: HashMap<&'static str, Vec<Era>>,
    links: HashMap<&'static str, &'static str>,
}

/// A `Rule` line: what happens once a year.
#[derive(Debug)]
pub(super) struct Rule {
    pub from: i32,
    /// The last year; `i32::MAX` for rules in force.
    pub to: i32,
    pub day: DayOfYear,
    pub time: Clock,
    /// Seconds added to standard time.
    pub save: i32,
    pub letters: &'static str,
}

/// A `Zone` line: how one time counted, until another one did.
#[derive(Debug)]
pub(super) struct Era {
    /// Seconds east of UTC of standard time.
    pub standard: i32,
    pub saving: Saving,
    pub format: &'static str,
    pub until: Option<Until>,
}

/// What is added to standard time.
#[derive(Debug)]
pub(super) enum Saving {
    /// Always the same seconds.
    Fixed(i32),
    /// What the rules of this name say.
    Rules(&'static str),
}

/// The end of an era.
#[derive(Debug)]
pub(super) struct Until {
    pub year: i32,
    day: DayOfYear,
    time: Clock,
}

/// A day that can be found in every year.
#[derive(Clone, Copy, Debug)]
pub(super) struct DayOfYear {
    pub month: u32,
    pub day: Day,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Day {
    Number(u32),
    Last(Weekday),
    /// The weekday on that day or the next of its name after it.
    From(Weekday, u32),
    /// The weekday on that day or the last of its name before it.
    UpTo(Weekday, u32),
}

/// A time of day, counted in seconds from midnight, and which clock shows it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    seconds: i32,
    by: By,
}

#[derive(Clone, Copy, Debug, Default)]
enum By {
    #[default]
    Wall,
    Standard,
    Universal,
}

impl Source {
    /// The bundled release, read once.
    pub fn bundled() -> &'static Self {
        static SOURCE: OnceLock<Source> = OnceLock::new();
        SOURCE.get_or_init(|| Self::read(TEXT))
    }

    fn read(text: &'static str) -> Self {
        let mut source = Self::default();
        let mut zone = "";
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let era = match fields.as_slice() {
                ["R", name, rest @ ..] => {
                    source.rules.entry(name).or_default().extend(Rule::read(rest));
                    continue;
                }
                ["L", target, name] => {
                    source.links.insert(name, target);
                    continue;
                }
                ["Z", name, rest @ ..] => {
                    zone = name;
                    rest
                }
                rest => rest,
            };
            source.zones.entry(zone).or_default().extend(Era::read(era));
        }
        source
    }

    /// The eras of a zone or of what its name is linked to.
    pub fn eras(&self, name: &str) -> Option<&[Era]> {
        let name = self.links.get(name).copied().unwrap_or(name);
        self.zones.get(name).map(Vec::as_slice)
    }

    /// The rules of that name.
    pub fn rules(&self, name: &str) -> &[Rule] {
        self.rules.get(name).map_or(&[], Vec::as_slice)
    }

    /// The release, such as `2026f`.
    #[cfg(test)]
    pub fn version() -> &'static str {
        TEXT.lines().next().and_then(|line| line.strip_prefix("# version ")).unwrap_or_default()
    }
}

impl Rule {
    fn read(fields: &[&'static str]) -> Option<Self> {
        let [from, to, _, month, day, time, save, letters] = fields else { return None };
        let from = from.parse().ok()?;
        let to = match *to {
            "o" => from,
            "ma" => i32::MAX,
            year => year.parse().ok()?,
        };
        Some(Self {
            from,
            to,
            day: DayOfYear::read(month, day)?,
            time: Clock::read(time)?,
            save: seconds(save)?,
            letters: if *letters == "-" { "" } else { letters },
        })
    }

    /// When the rule changes the clock in a year: seconds since 1970 in UTC.
    pub fn at(&self, year: i32, standard: i32, save: i32) -> Option<i64> {
        self.time.at(self.day.in_year(year)?, standard, save)
    }
}

impl Era {
    fn read(fields: &[&'static str]) -> Option<Self> {
        let (standard, saving, format, until) = match fields {
            [standard, saving, format, until @ ..] => (standard, *saving, format, until),
            _ => return None,
        };
        let saving = match saving {
            "-" => Saving::Fixed(0),
            text => seconds(text).map_or(Saving::Rules(text), Saving::Fixed),
        };
        Some(Self { standard: seconds(standard)?, saving, format, until: Until::read(until) })
    }
}

impl Until {
    fn read(fields: &[&str]) -> Option<Self> {
        let field = |index: usize, default| fields.get(index).copied().unwrap_or(default);
        Some(Self {
            year: fields.first()?.parse().ok()?,
            day: DayOfYear::read(field(1, "Ja"), field(2, "1"))?,
            time: Clock::read(field(3, "0"))?,
        })
    }

    /// Seconds since 1970 in UTC.
    pub fn at(&self, standard: i32, save: i32) -> Option<i64> {
        self.time.at(self.day.in_year(self.year)?, standard, save)
    }
}

impl DayOfYear {
    fn read(month: &str, day: &str) -> Option<Self> {
        const MONTHS: [&str; 12] =
            ["Ja", "F", "Mar", "Ap", "May", "Jun", "Jul", "Au", "S", "O", "N", "D"];
        let month = MONTHS.iter().position(|name| *name == month)? as u32 + 1;
        let day = if let Some(name) = day.strip_prefix("last") {
            Day::Last(weekday(name)?)
        } else if let Some((name, number)) = day.split_once(">=") {
            Day::From(weekday(name)?, number.parse().ok()?)
        } else if let Some((name, number)) = day.split_once("<=") {
            Day::UpTo(weekday(name)?, number.parse().ok()?)
        } else {
            Day::Number(day.parse().ok()?)
        };
        Some(Self { month, day })
    }

    /// The date in a year; it may lie in the month before or after.
    pub fn in_year(&self, year: i32) -> Option<NaiveDate> {
        let first = NaiveDate::from_ymd_opt(year, self.month, 1)?;
        let after = |date: NaiveDate, weekday: Weekday| {
            let days =
                (7 + weekday.num_days_from_monday() - date.weekday().num_days_from_monday()) % 7;
            date.checked_add_signed(TimeDelta::days(days.into()))
        };
        let plus = |days: i64| first.checked_add_signed(TimeDelta::days(days));
        match self.day {
            Day::Number(number) => first.with_day(number),
            Day::From(weekday, number) => after(first.with_day(number)?, weekday),
            Day::UpTo(weekday, number) => after(plus(i64::from(number) - 7)?, weekday),
            Day::Last(weekday) => after(plus(i64::from(first.num_days_in_month()) - 7)?, weekday),
        }
    }
}

impl Clock {
    fn read(text: &str) -> Option<Self> {
        let (digits, by) = match text.as_bytes().last()? {
            b's' => (&text[..text.len() - 1], By::Standard),
            b'u' | b'g' | b'z' => (&text[..text.len() - 1], By::Universal),
            b'w' => (&text[..text.len() - 1], By::Wall),
            _ => (text, By::Wall),
        };
        Some(Self { seconds: seconds(digits)?, by })
    }

    fn at(self, date: NaiveDate, standard: i32, save: i32) -> Option<i64> {
        let offset = match self.by {
            By::Wall => standard + save,
            By::Standard => standard,
            By::Universal => 0,
        };
        let midnight = date.and_time(NaiveTime::MIN).and_utc().timestamp();
        Some(midnight + i64::from(self.seconds - offset))
    }
}

/// `[-]h[:m[:s]]` in seconds.
fn seconds(text: &str) -> Option<i32> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let mut total = 0;
    let mut unit = 3600;
    for part in digits.split(':') {
        total += part.parse::<u16>().ok().filter(|_| unit > 0)? as i32 * unit;
        unit /= 60;
    }
    Some(sign * total)
}

fn weekday(text: &str) -> Option<Weekday> {
    Some(match text {
        "M" => Weekday::Mon,
        "Tu" => Weekday::Tue,
        "W" => Weekday::Wed,
        "Th" => Weekday::Thu,
        "F" => Weekday::Fri,
        "Sa" => Weekday::Sat,
        "Su" => Weekday::Sun,
        _ => return None,
    })
}
