//! All instances of an object inside a window: master, overrides, THISANDFUTURE.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::overrides::{Override, governing};
use super::set::{Member, RecurrenceSet};
use super::shape::{Length, Shape};
use super::{Budget, Expansion, Instance, RecurError, Steps, Window};
use crate::ical::component::Component;
use crate::ical::timezone::Zones;
use crate::ical::value::DateOrTime;

/// Years from its start in which [`check`] looks at an object.
const CHECKED_DAYS: i64 = 40 * 366;

/// The instances of a VCALENDAR that touch the window, sorted by start.
///
/// Overrides of instances that do not exist are instances too; [`check`] complains about them.
pub fn expand(
    calendar: &Component,
    zones: &Zones,
    window: Window,
    budget: Budget,
) -> Result<Expansion, RecurError> {
    let mut work = Work::new(zones, window, window.end, budget);
    work.run(calendar)?;
    Ok(work.expansion())
}

/// The same for a question that is asked piece by piece, each on the steps that are left.
pub fn expand_with(
    calendar: &Component,
    zones: &Zones,
    window: Window,
    budget: Budget,
    steps: &mut Steps,
) -> Result<Expansion, RecurError> {
    let mut work = Work::new(zones, window, window.end, budget);
    work.steps = std::mem::replace(steps, Steps::new(0));
    let done = work.run(calendar);
    *steps = std::mem::replace(&mut work.steps, Steps::new(0));
    done?;
    Ok(work.expansion())
}

/// Whether an object can be expanded at all: rules and dates can be read, overrides override
/// something, rules end within the budget, RDATEs are not more than its instances.
pub fn check(calendar: &Component, zones: &Zones, budget: Budget) -> Result<(), RecurError> {
    let mut steps = Steps::new(budget.steps);
    for group in groups(calendar) {
        let Some((_, master)) = group.master else { continue };
        let Shape::Anchored(anchor, length) = Shape::of(master, zones)? else { continue };
        let set = RecurrenceSet::read(master, &anchor, zones)?;
        if set.extra_dates() > budget.instances {
            return Err(RecurError::TooManyInstances(budget.instances));
        }
        let end = zones.to_utc(&anchor).checked_add_signed(TimeDelta::days(CHECKED_DAYS));
        set.members(None, end, budget.instances, &mut steps)?;
        let mut overridden = BTreeMap::new();
        for (index, component) in &group.overrides {
            let one = Override::read(*index, component, &length, zones)?;
            overridden.insert(one.utc, one.id);
        }
        let wanted = overridden.keys().copied().collect();
        let existing = set.holding(&wanted, &mut Steps::new(budget.steps))?;
        if let Some((_, id)) = overridden.iter().find(|(utc, _)| !existing.contains(utc)) {
            return Err(RecurError::InvalidOverride(id.to_string()));
        }
    }
    Ok(())
}

/// The components of one UID.
pub(super) struct Group<'a> {
    pub master: Option<(usize, &'a Component)>,
    pub overrides: Vec<(usize, &'a Component)>,
}

/// Sorts main components by UID; an object that is stored has one group only.
pub(super) fn groups(calendar: &Component) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (index, component) in calendar.main_components().enumerate() {
        let uid = component.value_of("UID").unwrap_or_default();
        let is_override = component.has("RECURRENCE-ID");
        let place = places.get(uid).copied();
        let taken = |at: usize| !is_override && groups.get(at).is_some_and(|g| g.master.is_some());
        let at = match place {
            Some(at) if !taken(at) => at,
            _ => {
                groups.push(Group { master: None, overrides: Vec::new() });
                places.entry(uid).or_insert(groups.len() - 1);
                groups.len() - 1
            }
        };
        match groups.get_mut(at) {
            Some(group) if is_override => group.overrides.push((index, component)),
            Some(group) => group.master = Some((index, component)),
            None => {}
        }
    }
    groups.retain(|group| group.master.is_some() || !group.overrides.is_empty());
    groups.sort_by_key(|group| group.master.map_or(usize::MAX, |(index, _)| index));
    groups
}

/// One expansion in progress.
pub(super) struct Work<'z> {
    zones: &'z Zones,
    window: Window,
    /// Rules are followed to here, and as much further as overrides move instances back.
    rules_end: Option<DateTime<Utc>>,
    budget: Budget,
    steps: Steps,
    pub instances: Vec<Instance>,
    /// Nothing from here on is known.
    pub cut: Option<DateTime<Utc>>,
    /// Whether no rule goes on after its end.
    pub exhausted: bool,
    /// Nobody asks for the ends as the object would write them.
    pub times_only: bool,
}

impl<'z> Work<'z> {
    pub fn new(
        zones: &'z Zones,
        window: Window,
        rules_end: Option<DateTime<Utc>>,
        budget: Budget,
    ) -> Self {
        let steps = Steps::new(budget.steps);
        let (instances, cut, exhausted, times_only) = (Vec::new(), None, true, false);
        Self { zones, window, rules_end, budget, steps, instances, cut, exhausted, times_only }
    }

    pub fn run(&mut self, calendar: &Component) -> Result<(), RecurError> {
        for group in groups(calendar) {
            self.group(&group)?;
        }
        Ok(())
    }

    fn group(&mut self, group: &Group<'_>) -> Result<(), RecurError> {
        let shape = match group.master {
            Some((_, master)) => Shape::of(master, self.zones)?,
            None => Shape::Nowhere,
        };
        let length = match &shape {
            Shape::Anchored(_, length) => length.clone(),
            _ => Length::Moment,
        };
        let mut overrides = Vec::with_capacity(group.overrides.len());
        for (index, component) in &group.overrides {
            overrides.push(Override::read(*index, component, &length, self.zones)?);
        }
        for o in &overrides {
            self.add(o.instance(self.zones))?;
        }
        match (group.master, shape) {
            (Some((index, master)), Shape::Anchored(anchor, length)) => {
                let set = RecurrenceSet::read(master, &anchor, self.zones)?;
                self.recurring(index, &set, &length, &overrides)
            }
            (Some((index, _)), Shape::Fixed(start, end)) => self.add(fixed(index, start, end)),
            _ => Ok(()),
        }
    }

    fn recurring(
        &mut self,
        index: usize,
        set: &RecurrenceSet,
        length: &Length,
        overrides: &[Override<'_>],
    ) -> Result<(), RecurError> {
        // An instance may touch the window though its id lies outside: it lasts, or was moved.
        let future = || overrides.iter().filter(|o| o.and_future);
        let moved = future().map(|o| o.shift(self.zones).abs()).max().unwrap_or_default();
        let longest = future().map(|o| o.length.longest()).max().unwrap_or_default();
        let longest = longest.max(length.longest());
        let day = TimeDelta::days(1);
        let back = |at: DateTime<Utc>| at.checked_sub_signed(longest + moved + day);
        let ahead = |at: DateTime<Utc>| at.checked_add_signed(moved + day);
        let (from, to) = match set.recurs() {
            true => (self.window.start.and_then(back), self.rules_end.and_then(ahead)),
            false => (None, None),
        };
        let cap = self.budget.instances.saturating_add(overrides.len());
        let members = set.members(from, to, cap, &mut self.steps)?;
        self.exhausted &= members.exhausted;
        // All members have the form of the anchor.
        let floating = length.floats(&set.anchor, self.zones);
        let own: HashSet<DateTime<Utc>> = overrides.iter().map(|o| o.utc).collect();
        for (utc, member) in &members.found {
            if own.contains(utc) {
                continue;
            }
            let instance = match governing(overrides, *utc) {
                Some(o) => o.later_instance(member.id.clone(), *utc, self.zones),
                None => self.plain(index, *utc, member, (length, floating)),
            };
            self.add(instance)?;
        }
        if let Some(cut) = members.cut {
            if !self.budget.truncate {
                return Err(RecurError::TooManyInstances(self.budget.instances));
            }
            let cut = cut.checked_sub_signed(moved).unwrap_or(cut);
            self.cut = Some(self.cut.map_or(cut, |known| known.min(cut)));
        }
        Ok(())
    }

    /// An instance as the master describes it.
    fn plain(
        &self,
        index: usize,
        utc: DateTime<Utc>,
        member: &Member,
        (length, floating): (&Length, bool),
    ) -> Instance {
        let times = match &member.end {
            Some(end) => Length::period(&member.id, end, self.zones),
            None if self.times_only => length.bare_times_from(utc, &member.id, self.zones),
            None => length.times_from(utc, &member.id, self.zones),
        };
        let floating = match &member.end {
            Some(_) => times.float(&member.id, self.zones),
            None => floating,
        };
        Instance {
            recurrence_id: member.id.clone(),
            recurrence_utc: utc,
            start: times.start,
            end: times.end,
            start_value: member.id.clone(),
            floating,
            end_value: times.end_value,
            all_day: member.id.is_date(),
            component: index,
            overridden: false,
        }
    }

    fn add(&mut self, instance: Instance) -> Result<(), RecurError> {
        if !self.window.touches(instance.start, instance.end) {
            return Ok(());
        }
        if self.instances.len() >= self.budget.instances && !self.budget.truncate {
            return Err(RecurError::TooManyInstances(self.budget.instances));
        }
        self.instances.push(instance);
        Ok(())
    }

    /// The result, cut to the budget.
    pub fn expansion(mut self) -> Expansion {
        self.instances.sort_by_key(|instance| (instance.start, instance.recurrence_utc));
        if let Some(beyond) = self.instances.get(self.budget.instances) {
            let cut = beyond.start;
            self.cut = Some(self.cut.map_or(cut, |known| known.min(cut)));
        }
        if let Some(cut) = self.cut {
            self.instances.retain(|instance| instance.start < cut);
        }
        Expansion { instances: self.instances, complete_until: self.cut }
    }
}

fn fixed(component: usize, start: DateTime<Utc>, end: DateTime<Utc>) -> Instance {
    let value = DateOrTime::Utc(start.naive_utc());
    Instance {
        recurrence_id: value.clone(),
        recurrence_utc: start,
        start,
        end,
        start_value: value,
        end_value: Some(DateOrTime::Utc(end.naive_utc())),
        floating: false,
        all_day: false,
        component,
        overridden: false,
    }
}
