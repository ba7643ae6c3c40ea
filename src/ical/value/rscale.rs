//! RSCALE (RFC 7529 §4): the calendars that rules may count in, by their CLDR names, and months
//! that may be leap months.

use std::fmt;

use super::digits;

/// A calendar system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[allow(missing_docs)]
pub enum Scale {
    #[default]
    Gregorian,
    Buddhist,
    Chinese,
    Coptic,
    Dangi,
    Ethiopic,
    EthiopicAmeteAlem,
    Hebrew,
    Indian,
    IslamicCivil,
    IslamicTbla,
    IslamicUmalqura,
    Japanese,
    Persian,
    Roc,
}

impl Scale {
    /// Every calendar that rules can count in.
    pub const ALL: [(Scale, &str); 15] = [
        (Scale::Gregorian, "GREGORIAN"),
        (Scale::Buddhist, "BUDDHIST"),
        (Scale::Chinese, "CHINESE"),
        (Scale::Coptic, "COPTIC"),
        (Scale::Dangi, "DANGI"),
        (Scale::Ethiopic, "ETHIOPIC"),
        (Scale::EthiopicAmeteAlem, "ETHIOPIC-AMETE-ALEM"),
        (Scale::Hebrew, "HEBREW"),
        (Scale::Indian, "INDIAN"),
        (Scale::IslamicCivil, "ISLAMIC-CIVIL"),
        (Scale::IslamicTbla, "ISLAMIC-TBLA"),
        (Scale::IslamicUmalqura, "ISLAMIC-UMALQURA"),
        (Scale::Japanese, "JAPANESE"),
        (Scale::Persian, "PERSIAN"),
        (Scale::Roc, "ROC"),
    ];

    /// The calendar of that name, in any letter case.
    pub fn named(text: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, name)| name.eq_ignore_ascii_case(text));
        found.map(|(scale, _)| *scale)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(scale, _)| *scale == self).map_or("GREGORIAN", |(_, name)| name)
    }

    /// Whether months and days are those of the Gregorian calendar: only years count from another
    /// beginning, which no rule can see.
    pub fn is_gregorian(self) -> bool {
        matches!(self, Self::Gregorian | Self::Buddhist | Self::Japanese | Self::Roc)
    }
}

/// The number of a month; in calendars with leap months, `5L` is the one after `5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    /// From 1.
    pub number: u32,
    /// Whether it is a leap month.
    pub leap: bool,
}

impl Month {
    /// Reads `5` or `5L`.
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_suffix(['L', 'l']);
        let number = digits(bare.unwrap_or(text)).filter(|number| (1..=13).contains(number))?;
        Some(Self { number, leap: bare.is_some() })
    }
}

impl fmt::Display for Month {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", self.number, if self.leap { "L" } else { "" })
    }
}
