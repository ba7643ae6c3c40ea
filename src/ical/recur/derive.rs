//! Single instances of a recurring object: do they exist, and what would an override look like?

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::overrides::{Override, governing};
use super::set::{Member, Members, RecurrenceSet};
use super::shape::{Length, Shape};
use super::{Budget, RecurError, Steps, Window};
use crate::ical::component::Component;
use crate::ical::timezone::Zones;
use crate::ical::value::DateOrTime;
use crate::limits;

/// Which of these instants the master's recurrence set holds. Overrides do not count.
///
/// All questions of one object are to be asked together: they share one budget.
pub fn existing_instances(
    calendar: &Component,
    zones: &Zones,
    wanted: &BTreeSet<DateTime<Utc>>,
) -> Result<BTreeSet<DateTime<Utc>>, RecurError> {
    let Some(master) = calendar.master() else { return Ok(BTreeSet::new()) };
    let Shape::Anchored(anchor, _) = Shape::of(master, zones)? else {
        return Ok(BTreeSet::new());
    };
    let set = RecurrenceSet::read(master, &anchor, zones)?;
    set.holding(wanted, &mut Steps::new(Budget::default().steps))
}

/// One instance as [`Derivation::derive`] says it.
pub fn derive_instance(
    calendar: &Component,
    zones: &Zones,
    recurrence_id: &DateOrTime,
) -> Option<Component> {
    Derivation::read(calendar, zones)?.derive(zones, zones.to_utc(recurrence_id))
}

/// The instances of one object, for questions that are asked one after the other: the object is
/// read once, rules with COUNT are followed once, and all questions share their steps.
pub struct Derivation<'a> {
    master: &'a Component,
    set: RecurrenceSet,
    length: Length,
    overrides: Vec<Override<'a>>,
    asked: Cell<bool>,
    /// All there are, or the first of them; from the second question on.
    followed: OnceCell<Option<Members>>,
    steps: RefCell<Steps>,
}

impl<'a> Derivation<'a> {
    /// Reads an object; `None` when its master has no instances or cannot be read.
    pub fn read(calendar: &'a Component, zones: &Zones) -> Option<Self> {
        let master = calendar.master()?;
        let Shape::Anchored(anchor, length) = Shape::of(master, zones).ok()? else { return None };
        let overrides = calendar
            .main_components()
            .enumerate()
            .filter(|(_, component)| component.has("RECURRENCE-ID"))
            .filter_map(|(index, component)| Override::read(index, component, &length, zones).ok())
            .collect();
        Some(Self {
            master,
            set: RecurrenceSet::read(master, &anchor, zones).ok()?,
            length,
            overrides,
            asked: Cell::new(false),
            followed: OnceCell::new(),
            steps: RefCell::new(Steps::new(Budget::default().steps)),
        })
    }

    /// Whether the master's recurrence set holds that instance. Overrides do not count.
    pub fn holds(&self, utc: DateTime<Utc>) -> bool {
        self.member(utc).is_some()
    }

    /// The override that says about an instance what the master (or the THISANDFUTURE override
    /// that governs it) says: rule properties dropped, times moved, RECURRENCE-ID in the master's
    /// form. `None` when there is no such instance.
    pub fn derive(&self, zones: &Zones, utc: DateTime<Utc>) -> Option<Component> {
        let member = self.member(utc)?;
        let governing = governing(&self.overrides, utc).filter(|o| o.utc != utc);
        let (source, start, end) = match governing {
            Some(o) => {
                let instance = o.later_instance(member.id.clone(), utc, zones);
                (o.component, instance.start_value, instance.end_value)
            }
            None => {
                let times = match &member.end {
                    Some(end) => Length::period(&member.id, end, zones),
                    None => self.length.times(&member.id, zones),
                };
                (self.master, member.id.clone(), times.end_value)
            }
        };
        let mut derived = source.clone();
        let rule_parts = ["RRULE", "RDATE", "EXRULE", "EXDATE", "RECURRENCE-ID"];
        derived.retain_properties(|property| !rule_parts.contains(&property.name()));
        let named_period = member.end.is_some() && governing.is_none();
        move_times(&mut derived, &start, end.as_ref(), named_period);
        insert_recurrence_id(&mut derived, &member.id);
        Some(derived)
    }

    fn member(&self, utc: DateTime<Utc>) -> Option<Member> {
        if self.asked.replace(true)
            && self.set.counts()
            && let Some(followed) = self.followed.get_or_init(|| self.follow())
            && followed.cut.is_none_or(|cut| utc < cut)
        {
            return followed.found.get(&utc).cloned();
        }
        let mut steps = self.steps.borrow_mut();
        let mut members = self.set.members(Some(utc), Some(utc), 10, &mut steps).ok()?;
        members.found.remove(&utc)
    }

    /// All members, as far as they can be had.
    fn follow(&self) -> Option<Members> {
        let mut steps = Steps::new(Budget::default().steps);
        self.set.members(None, None, limits::FOLLOWED_INSTANCES, &mut steps).ok()
    }
}

fn move_times(
    component: &mut Component,
    start: &DateOrTime,
    end: Option<&DateOrTime>,
    named_period: bool,
) {
    if let Some(property) = component.property_mut("DTSTART") {
        start.write_to(property);
    } else if let Some(property) = component.property_mut("DUE") {
        // A to-do without start is counted from its end.
        start.write_to(property);
        return;
    }
    let Some(end) = end else { return };
    let end_name = if component.name() == "VTODO" { "DUE" } else { "DTEND" };
    if named_period {
        component.remove_properties("DURATION");
        component.set(end.to_property(end_name));
    } else if let Some(property) = component.property_mut(end_name) {
        end.write_to(property);
    }
}

/// Puts RECURRENCE-ID where readers look for it, right after UID.
fn insert_recurrence_id(component: &mut Component, id: &DateOrTime) {
    use crate::ical::component::Item;
    let property = Item::Property(id.to_property("RECURRENCE-ID"));
    let items = component.items_mut();
    let uid = items.iter().position(|item| matches!(item, Item::Property(p) if p.name() == "UID"));
    items.insert(uid.map_or(0, |at| at + 1), property);
}

/// The first instance of the master's recurrence set in a window. Overrides do not count.
pub fn first_instance(
    calendar: &Component,
    zones: &Zones,
    window: Window,
) -> Result<Option<DateTime<Utc>>, RecurError> {
    let Some(master) = calendar.master() else { return Ok(None) };
    let Shape::Anchored(anchor, _) = Shape::of(master, zones)? else { return Ok(None) };
    let set = RecurrenceSet::read(master, &anchor, zones)?;
    let last = window.end.map(|end| end - TimeDelta::seconds(1));
    let mut steps = Steps::new(Budget::default().steps);
    let members = set.members(window.start, last, 1, &mut steps)?;
    Ok(members.found.keys().next().copied())
}
