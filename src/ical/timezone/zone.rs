//! A time zone: wall clock to instant and back, and when it changes.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Timelike, Utc};
use jiff::Timestamp;
use jiff::civil;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::names;
use super::vtimezone::{Definition, Table};
use crate::ical::component::Component;

/// Zones that a thread remembers by name: an object names one or two, and asks for each of its
/// instances.
const RECENT_ZONES: usize = 8;
/// Longer names are not remembered.
const RECENT_BYTES: usize = 64;

thread_local! {
    static RECENT: RefCell<Vec<(Box<str>, Zone)>> = const { RefCell::new(Vec::new()) };
}

/// A time zone; cheap to clone.
#[derive(Clone, Debug)]
pub struct Zone(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    rules: Rules,
}

#[derive(Debug)]
enum Rules {
    Utc,
    Iana(TimeZone),
    /// The definition and, once somebody asked, what it means.
    Own(Definition, OnceLock<Table>),
}

/// A change of a zone's offset from UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The first moment of the new offset.
    pub at: DateTime<Utc>,
    /// Seconds east of UTC before.
    pub offset_from: i32,
    /// Seconds east of UTC from then on.
    pub offset_to: i32,
    /// The zone's name from then on, such as `CEST`.
    pub name: String,
    /// Whether daylight-saving time begins.
    pub daylight: bool,
}

impl Zone {
    /// Coordinated Universal Time.
    pub fn utc() -> Self {
        static UTC: OnceLock<Zone> = OnceLock::new();
        UTC.get_or_init(|| Self::with(Rules::Utc)).clone()
    }

    fn with(rules: Rules) -> Self {
        Self(Arc::new(Inner { rules }))
    }

    /// The IANA zone of that name, vendor prefixes allowed, Windows names not.
    pub(super) fn iana(name: &str) -> Option<Self> {
        RECENT.with_borrow_mut(|recent| {
            if let Some((_, zone)) = recent.iter().find(|(known, _)| **known == *name) {
                return Some(zone.clone());
            }
            let zone = names::exact(name).or_else(|| names::prefixed(name))?;
            let zone = Self::with(Rules::Iana(zone));
            if name.len() <= RECENT_BYTES {
                recent.truncate(RECENT_ZONES - 1);
                recent.insert(0, (name.into(), zone.clone()));
            }
            Some(zone)
        })
    }

    /// The zone of that name: IANA, with a vendor's prefix, or Windows.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim();
        match name {
            "UTC" | "Z" => Some(Self::utc()),
            _ => Self::iana(name)
                .or_else(|| names::windows(name).map(|z| Self::with(Rules::Iana(z)))),
        }
    }

    /// The zone a VTIMEZONE defines. X-LIC-LOCATION and TZID-ALIAS-OF (RFC 7808) win over its
    /// observances. `None` when it says nothing usable.
    pub fn from_vtimezone(component: &Component) -> Option<Self> {
        for property in ["TZID-ALIAS-OF", "X-LIC-LOCATION"] {
            if let Some(zone) = component.text_of(property).and_then(|name| Self::iana(name.trim()))
            {
                return Some(zone);
            }
        }
        Some(Self::with(Rules::Own(Definition::read(component)?, OnceLock::new())))
    }

    /// The IANA name, if it is an IANA zone.
    pub fn iana_name(&self) -> Option<&str> {
        match &self.0.rules {
            Rules::Utc => Some("UTC"),
            Rules::Iana(zone) => zone.iana_name(),
            Rules::Own(..) => None,
        }
    }

    /// Seconds east of UTC at an instant.
    pub fn offset_at(&self, instant: DateTime<Utc>) -> i32 {
        match &self.0.rules {
            Rules::Utc => 0,
            Rules::Iana(zone) => zone.to_offset(timestamp(instant)).seconds(),
            Rules::Own(definition, table) => table_of(definition, table).offset_at(instant),
        }
    }

    /// The instant of a wall-clock time (RFC 5545 §3.3.5): of a repeated one the first, of a
    /// skipped one what the offset before the gap makes of it.
    pub fn to_utc(&self, local: NaiveDateTime) -> DateTime<Utc> {
        match &self.0.rules {
            Rules::Utc => local.and_utc(),
            Rules::Iana(zone) => {
                let resolved = civil_time(local).and_then(|time| resolve(zone, time));
                resolved.map_or(local.and_utc(), instant)
            }
            Rules::Own(definition, table) => table_of(definition, table).to_utc(local),
        }
    }

    /// The wall-clock time of an instant.
    pub fn from_utc(&self, instant: DateTime<Utc>) -> NaiveDateTime {
        let local = instant.naive_utc();
        let offset = TimeDelta::seconds(i64::from(self.offset_at(instant)));
        local.checked_add_signed(offset).unwrap_or(local)
    }

    /// The name in use at an instant, such as `CET`.
    pub fn abbreviation_at(&self, instant: DateTime<Utc>) -> String {
        match &self.0.rules {
            Rules::Utc => "UTC".to_owned(),
            Rules::Iana(zone) => zone.to_offset_info(timestamp(instant)).abbreviation().to_owned(),
            Rules::Own(definition, table) => table_of(definition, table).name_at(instant),
        }
    }

    /// Whether daylight-saving time is in use at an instant.
    pub fn daylight_at(&self, instant: DateTime<Utc>) -> bool {
        match &self.0.rules {
            Rules::Utc => false,
            Rules::Iana(zone) => zone.to_offset_info(timestamp(instant)).dst().is_dst(),
            Rules::Own(definition, table) => table_of(definition, table).daylight_at(instant),
        }
    }

    /// The changes from `start` (included) to `end` (not included), at most `limit` of them.
    pub fn transitions(
        &self,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
        limit: usize,
    ) -> Vec<Transition> {
        match &self.0.rules {
            Rules::Utc => Vec::new(),
            Rules::Own(definition, table) => {
                let all = table_of(definition, table).transitions();
                all.filter(|t| t.at >= start && t.at < end).take(limit).collect()
            }
            Rules::Iana(zone) => {
                let before = timestamp(start)
                    .saturating_sub(jiff::SignedDuration::from_secs(1))
                    .unwrap_or(Timestamp::MIN);
                let mut offset_from = zone.to_offset(before).seconds();
                let following = zone.following(before).take_while(|t| instant(t.timestamp()) < end);
                let change = following.map(|t| {
                    let offset_to = t.offset().seconds();
                    let from = std::mem::replace(&mut offset_from, offset_to);
                    Transition {
                        at: instant(t.timestamp()),
                        offset_from: from,
                        offset_to,
                        name: t.abbreviation().to_owned(),
                        daylight: t.dst().is_dst(),
                    }
                });
                change.filter(|t| t.at >= start).take(limit).collect()
            }
        }
    }
}

fn table_of<'a>(definition: &Definition, table: &'a OnceLock<Table>) -> &'a Table {
    table.get_or_init(|| definition.table())
}

/// The database claims an overlap where only the flag for daylight-saving time changes (Nuuk
/// 2023); the earlier reading counts only if it reads back as the same wall-clock time.
fn resolve(zone: &TimeZone, time: civil::DateTime) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(time);
    let found = ambiguous.compatible().ok()?;
    match ambiguous.offset() {
        AmbiguousOffset::Fold { before, .. } if zone.to_offset(found) != before => {
            ambiguous.later().ok()
        }
        _ => Some(found),
    }
}

fn timestamp(instant: DateTime<Utc>) -> Timestamp {
    Timestamp::from_second(instant.timestamp()).unwrap_or(match instant.timestamp() < 0 {
        true => Timestamp::MIN,
        false => Timestamp::MAX,
    })
}

fn instant(timestamp: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp(timestamp.as_second(), 0).unwrap_or_default()
}

fn civil_time(local: NaiveDateTime) -> Option<civil::DateTime> {
    let number = |n: u32| i8::try_from(n).ok();
    civil::DateTime::new(
        i16::try_from(local.year()).ok()?,
        number(local.month())?,
        number(local.day())?,
        number(local.hour())?,
        number(local.minute())?,
        number(local.second())?,
        0,
    )
    .ok()
}

/// Offsets beyond a day do not exist; a definition that claims one is unusable.
pub(super) fn plausible(offset: i32) -> bool {
    Offset::from_seconds(offset).is_ok()
}
