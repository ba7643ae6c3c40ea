//! Time zones: IANA names from the bundled database, Windows names, and the VTIMEZONE of an
//! object itself (RFC 5545 §3.6.5).
//!
//! Where a TZID is known to IANA its rules are used *instead* of the object's own VTIMEZONE, so
//! that stale definitions do not move meetings.

mod eras;
pub mod generate;
mod groups;
mod leap_seconds;
mod names;
mod source;
mod vtimezone;
mod zone;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime, Utc};

pub use groups::zone_groups;
pub use leap_seconds::{LeapSeconds, leap_seconds};
pub use names::{iana_names, iana_version, is_iana_name};
pub use zone::{Transition, Zone};

use super::component::Component;
use super::value::DateOrTime;

/// The zones one object may name, and the one its floating times are read in.
#[derive(Clone, Debug)]
pub struct Zones {
    floating: Zone,
    known: HashMap<Arc<str>, Zone>,
}

impl Zones {
    /// The zones of an object. Floating times are read in `floating`.
    pub fn of(calendar: &Component, floating: &Zone) -> Self {
        let mut zones = Self::floating_only(floating);
        zones.add(calendar);
        zones
    }

    /// No zones but those everybody knows.
    pub fn floating_only(floating: &Zone) -> Self {
        Self { floating: floating.clone(), known: HashMap::new() }
    }

    /// Learns the zones of another object too, such as those of an incoming message.
    pub fn add(&mut self, calendar: &Component) {
        for definition in calendar.timezones() {
            let Some(tzid) = definition.value_of("TZID").map(str::trim) else { continue };
            if self.known.contains_key(tzid) {
                continue;
            }
            let zone = Zone::iana(tzid).or_else(|| Zone::from_vtimezone(definition));
            if let Some(zone) = zone.or_else(|| Zone::named(tzid)) {
                self.known.insert(tzid.into(), zone);
            }
        }
    }

    /// The zone of that id, if anybody knows it.
    pub fn zone(&self, tzid: &str) -> Option<Zone> {
        self.known.get(tzid).cloned().or_else(|| Zone::named(tzid))
    }

    /// The zone in which a value without zone is read.
    pub fn floating(&self) -> &Zone {
        &self.floating
    }

    /// The zone a value is meant in; an unknown id counts as floating.
    pub fn zone_of(&self, value: &DateOrTime) -> Zone {
        match value {
            DateOrTime::Utc(_) => Zone::utc(),
            DateOrTime::Date(_) | DateOrTime::Floating(_) => self.floating.clone(),
            DateOrTime::Zoned(_, tzid) => self.zone(tzid).unwrap_or(self.floating.clone()),
        }
    }

    /// Whether a value is meant in the reader's zone.
    pub fn floats(&self, value: &DateOrTime) -> bool {
        match value {
            DateOrTime::Utc(_) => false,
            DateOrTime::Date(_) | DateOrTime::Floating(_) => true,
            DateOrTime::Zoned(_, tzid) => {
                !self.known.contains_key(&**tzid) && Zone::named(tzid).is_none()
            }
        }
    }

    /// The instant of a value; the first moment of the day for a date.
    pub fn to_utc(&self, value: &DateOrTime) -> DateTime<Utc> {
        match value {
            DateOrTime::Utc(local) => local.and_utc(),
            DateOrTime::Date(_) | DateOrTime::Floating(_) => self.floating.to_utc(value.local()),
            DateOrTime::Zoned(local, _) => self.zone_of(value).to_utc(*local),
        }
    }

    /// The wall-clock time of an instant where `like` is meant.
    pub fn local_like(&self, instant: DateTime<Utc>, like: &DateOrTime) -> NaiveDateTime {
        self.zone_of(like).from_utc(instant)
    }

    /// An instant written in the form of `like`: same zone, or a date if it is one.
    pub fn from_utc(&self, instant: DateTime<Utc>, like: &DateOrTime) -> DateOrTime {
        like.with_local(self.local_like(instant, like))
    }
}
