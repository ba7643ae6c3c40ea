//! A calendar object looked at by instance: the master, and one key per RECURRENCE-ID.
//!
//! RECURRENCE-IDs are compared as instants, so that `20260102T100000` in New York and
//! `20260102T150000Z` name one instance. Floating times and dates stand for themselves in UTC.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::ical::recur::Derivation;
use crate::ical::timezone::{Zone, Zones};
use crate::ical::{Component, DateOrTime, Property};

/// Which part of a recurrence set a component stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Instance {
    /// The component without RECURRENCE-ID.
    Master,
    /// The component with that RECURRENCE-ID.
    At(DateTime<Utc>),
}

impl Instance {
    /// The instance as `schedule-changes` names it; `None` for the master.
    pub fn recurrence_id(self) -> Option<String> {
        match self {
            Self::Master => None,
            Self::At(at) => Some(at.format("%Y%m%dT%H%M%SZ").to_string()),
        }
    }
}

/// A calendar object with what is needed to tell its instances apart.
pub struct Object<'a> {
    /// The VCALENDAR.
    pub calendar: &'a Component,
    zones: Zones,
    by_instance: OnceCell<BTreeMap<Instance, &'a Component>>,
    /// What the master implies; all questions share its steps.
    derivation: OnceCell<Option<Derivation<'a>>>,
}

impl<'a> Object<'a> {
    /// Reads the time zones of the object once.
    pub fn new(calendar: &'a Component) -> Self {
        let (by_instance, derivation) = (OnceCell::new(), OnceCell::new());
        Self { calendar, zones: zones_of(calendar), by_instance, derivation }
    }

    /// The time zones of the object.
    pub fn zones(&self) -> &Zones {
        &self.zones
    }

    /// Main components with their keys, in source order.
    pub fn components(&self) -> impl Iterator<Item = (Instance, &'a Component)> {
        self.calendar.main_components().map(|c| (instance_of(c, &self.zones), c))
    }

    /// The keys of the main components.
    pub fn instances(&self) -> BTreeSet<Instance> {
        self.components().map(|(instance, _)| instance).collect()
    }

    /// The component with that key; the first when there are more.
    pub fn find(&self, instance: Instance) -> Option<&'a Component> {
        let by_instance = self.by_instance.get_or_init(|| {
            let mut found = BTreeMap::new();
            for (key, component) in self.components() {
                found.entry(key).or_insert(component);
            }
            found
        });
        by_instance.get(&instance).copied()
    }

    fn derivation(&self) -> Option<&Derivation<'a>> {
        let read = || Derivation::read(self.calendar, &self.zones);
        self.derivation.get_or_init(read).as_ref()
    }

    /// The component with that key, or one derived from the master.
    pub fn find_or_derive(&self, instance: Instance) -> Option<Component> {
        self.find(instance).cloned().or_else(|| self.derive(instance))
    }

    /// An override for an instance of the master that has none.
    pub fn derive(&self, instance: Instance) -> Option<Component> {
        match instance {
            Instance::Master => None,
            Instance::At(at) => self.derivation()?.derive(&self.zones, at),
        }
    }

    /// Whether the recurrence set of the object holds the instance.
    pub fn holds(&self, instance: Instance) -> bool {
        match instance {
            Instance::Master => self.calendar.master().is_some(),
            Instance::At(at) => {
                self.find(instance).is_some()
                    || self.derivation().is_some_and(|derivation| derivation.holds(at))
            }
        }
    }

    /// The instants that the EXDATEs of the master take out.
    pub fn exdates(&self) -> BTreeSet<DateTime<Utc>> {
        self.calendar
            .master()
            .map(|master| dates(master, "EXDATE", &self.zones))
            .unwrap_or_default()
    }

    /// The instants that the RDATEs of the master add.
    pub fn rdates(&self) -> BTreeSet<DateTime<Utc>> {
        self.calendar.master().map(|master| dates(master, "RDATE", &self.zones)).unwrap_or_default()
    }

    /// An instant as an EXDATE of the master: a date or floating time where DTSTART is, else UTC.
    pub fn in_master_form(&self, at: DateTime<Utc>) -> DateOrTime {
        let start = self.calendar.master().and_then(|master| master.property("DTSTART"));
        let form = start.and_then(|start| DateOrTime::from_property(start).ok());
        match form {
            Some(form) if form.is_floating() => self.zones.from_utc(at, &form),
            _ => utc(at),
        }
    }
}

/// The time zones of an object; floating times count as UTC.
pub fn zones_of(calendar: &Component) -> Zones {
    Zones::of(calendar, &Zone::utc())
}

/// The key of one main component.
pub fn instance_of(component: &Component, zones: &Zones) -> Instance {
    let id = component.property("RECURRENCE-ID");
    match id.and_then(|id| DateOrTime::from_property(id).ok()) {
        Some(id) => Instance::At(zones.to_utc(&id)),
        None => Instance::Master,
    }
}

/// Every instant in the date lists of one name.
pub fn dates(component: &Component, name: &str, zones: &Zones) -> BTreeSet<DateTime<Utc>> {
    let lists = component.properties_named(name).map(first_dates);
    lists.flatten().map(|date| zones.to_utc(&date)).collect()
}

/// The dates of an EXDATE or RDATE; of periods the start.
fn first_dates(property: &Property) -> Vec<DateOrTime> {
    let zone = property.param("TZID");
    let pieces = property.value().split(',');
    let starts = pieces.map(|piece| piece.split('/').next().unwrap_or(piece));
    starts.filter_map(|start| DateOrTime::parse(start, zone).ok()).collect()
}

/// Takes dates out of the date lists of one name, leaving other dates as written.
pub fn remove_dates(
    component: &mut Component,
    name: &str,
    gone: &BTreeSet<DateTime<Utc>>,
    zones: &Zones,
) {
    let mut empty = false;
    for property in component.properties_named_mut(name) {
        let zone = property.param("TZID").map(str::to_owned);
        let keep = |piece: &&str| {
            let start = piece.split('/').next().unwrap_or(piece);
            let date = DateOrTime::parse(start, zone.as_deref());
            !date.is_ok_and(|date| gone.contains(&zones.to_utc(&date)))
        };
        let kept: Vec<&str> = property.value().split(',').filter(keep).collect();
        empty |= kept.is_empty();
        let kept = kept.join(",");
        property.set_value(&kept);
    }
    if empty {
        component.retain_properties(|p| p.name() != name || !p.value().is_empty());
    }
}

/// A UTC value.
pub fn utc(at: DateTime<Utc>) -> DateOrTime {
    DateOrTime::Utc(at.naive_utc())
}

/// Replaces the component with that key, or adds it.
pub fn put_component(calendar: &mut Component, zones: &Zones, new: Component) {
    let key = instance_of(&new, zones);
    let mut new = Some(new);
    for component in calendar.main_components_mut() {
        if instance_of(component, zones) == key
            && let Some(new) = new.take()
        {
            *component = new;
        }
    }
    if let Some(new) = new {
        calendar.push_component(new);
    }
}

/// Whether a component is cancelled by its organizer.
pub fn is_cancelled(component: &Component) -> bool {
    component.value_of("STATUS").is_some_and(|status| status.eq_ignore_ascii_case("CANCELLED"))
}

/// Whether every main component is cancelled.
pub fn all_cancelled(calendar: &Component) -> bool {
    calendar.main_components().all(is_cancelled)
}

/// SEQUENCE; 0 when absent or not a number.
pub fn sequence(component: &Component) -> i64 {
    component.value_of("SEQUENCE").and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// The greatest SEQUENCE of the main components.
pub fn max_sequence(calendar: &Component) -> i64 {
    calendar.main_components().map(sequence).max().unwrap_or(0)
}

/// Sets SEQUENCE.
pub fn set_sequence(component: &mut Component, sequence: i64) {
    component.set(Property::new("SEQUENCE", &sequence.to_string()));
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::ical::parse;
    use crate::ical::recur::TAKEN;
    use crate::limits;

    /// How many of two thousand days from the first on are instances, and the steps it takes to
    /// ask for them and for the hour after each.
    fn ask(rule: &str) -> (usize, usize) {
        let text = format!(
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:19700101T000000Z\nRRULE:{rule}\n\
             END:VEVENT\nEND:VCALENDAR\n"
        );
        let calendar = parse(text.as_bytes()).unwrap();
        let object = Object::new(&calendar);
        let before = TAKEN.get();
        let mut found = 0;
        for day in 0..2000 {
            let at = DateTime::UNIX_EPOCH + TimeDelta::days(day * 18);
            found += usize::from(object.derive(Instance::At(at)).is_some());
            assert!(!object.holds(Instance::At(at + TimeDelta::hours(1))));
        }
        (found, TAKEN.get() - before)
    }

    #[test]
    fn a_rule_with_count_is_followed_once() {
        let (found, steps) = ask("FREQ=DAILY;COUNT=36500");
        assert_eq!(found, 2000);
        assert!(steps < limits::RECURRENCE_STEPS, "{steps}");
    }

    #[test]
    fn all_questions_share_their_steps() {
        let (found, steps) = ask("FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU");
        assert!(found > 0);
        assert!(steps < 2 * limits::RECURRENCE_STEPS, "{steps}");
    }
}
