//! The recurrence set of one component (RFC 5545 §3.8.5): DTSTART, RRULE and RDATE without EXRULE
//! and EXDATE. Overrides are not its business.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};

use super::rule::Occurrences;
use super::{FIRST_MOMENT, LAST_MOMENT, RecurError, Steps};
use crate::ical::component::Component;
use crate::ical::timezone::{Zone, Zones};
use crate::ical::value::recur::Recur;
use crate::ical::value::{DateOrTime, Period, PeriodEnd};

/// A recurrence set, read but not evaluated.
pub(super) struct RecurrenceSet {
    pub anchor: DateOrTime,
    zone: Zone,
    rules: Vec<Recur>,
    excluding_rules: Vec<Recur>,
    extra: Vec<(DateOrTime, Option<PeriodEnd>)>,
    excluded: HashSet<DateTime<Utc>>,
    excluded_days: HashSet<NaiveDate>,
}

/// A member of the set.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// In the form of the anchor.
    pub id: DateOrTime,
    /// The end that an RDATE period gives it.
    pub end: Option<PeriodEnd>,
}

/// Members between two moments, by instant.
pub(super) struct Members {
    pub found: BTreeMap<DateTime<Utc>, Member>,
    /// When the cap was hit: nothing from this moment on is known.
    pub cut: Option<DateTime<Utc>>,
    /// Whether no rule has anything after these.
    pub exhausted: bool,
}

impl RecurrenceSet {
    /// Reads the properties of a component that begins at `anchor`.
    pub fn read(
        component: &Component,
        anchor: &DateOrTime,
        zones: &Zones,
    ) -> Result<Self, RecurError> {
        let rules = |name| -> Result<Vec<Recur>, RecurError> {
            let all = component.properties_named(name);
            all.take(20).map(|property| Ok(Recur::parse(property.value())?)).collect()
        };
        let mut set = Self {
            anchor: anchor.clone(),
            zone: zones.zone_of(anchor),
            rules: rules("RRULE")?,
            excluding_rules: rules("EXRULE")?,
            extra: Vec::new(),
            excluded: HashSet::new(),
            excluded_days: HashSet::new(),
        };
        for property in component.properties_named("RDATE") {
            if property.value().contains('/') {
                for period in Period::list_from_property(property)? {
                    set.extra.push((set.as_anchor(&period.start, zones), Some(period.end)));
                }
            } else {
                for value in DateOrTime::list_from_property(property)? {
                    set.extra.push((set.as_anchor(&value, zones), None));
                }
            }
        }
        for property in component.properties_named("EXDATE") {
            for value in DateOrTime::list_from_property(property)? {
                set.exclude(&value, zones);
            }
        }
        Ok(set)
    }

    /// Whether there can be more than one member.
    pub fn recurs(&self) -> bool {
        !self.rules.is_empty() || !self.extra.is_empty()
    }

    /// Whether a rule says how many instances it has, and must be followed from its start.
    pub fn counts(&self) -> bool {
        self.rules.iter().chain(&self.excluding_rules).any(|rule| rule.count.is_some())
    }

    /// The rules that name members.
    pub fn rules(&self) -> &[Recur] {
        &self.rules
    }

    /// Whether a rule takes members out.
    pub fn excludes_by_rule(&self) -> bool {
        !self.excluding_rules.is_empty()
    }

    /// How many RDATEs there are.
    pub fn extra_dates(&self) -> usize {
        self.extra.len()
    }

    /// A value in the form of the anchor.
    fn as_anchor(&self, value: &DateOrTime, zones: &Zones) -> DateOrTime {
        match (self.anchor.is_date(), value.is_date()) {
            (true, _) => DateOrTime::Date(value.local().date()),
            (false, true) => {
                let time = self.anchor.local().time();
                self.anchor.with_local(value.local().date().and_time(time))
            }
            (false, false) if value.tzid() == self.anchor.tzid() => match (value, &self.anchor) {
                (DateOrTime::Utc(_), DateOrTime::Floating(_))
                | (DateOrTime::Floating(_), DateOrTime::Utc(_)) => {
                    zones.from_utc(zones.to_utc(value), &self.anchor)
                }
                _ => value.clone(),
            },
            (false, false) => zones.from_utc(zones.to_utc(value), &self.anchor),
        }
    }

    /// A day excludes everything on it; for whole days the form of the exclusion is overlooked.
    fn exclude(&mut self, value: &DateOrTime, zones: &Zones) {
        if self.anchor.is_date() || value.is_date() {
            self.excluded_days.insert(value.local().date());
        } else {
            self.excluded.insert(zones.to_utc(value));
        }
    }

    fn excludes(&self, utc: DateTime<Utc>, member: &Member) -> bool {
        self.excluded.contains(&utc) || self.excluded_days.contains(&member.id.local().date())
    }

    /// The instant of a wall-clock time where the anchor is meant.
    fn utc(&self, local: NaiveDateTime) -> DateTime<Utc> {
        self.zone.to_utc(local)
    }

    /// The members from `from` to `to`, both included, at most about `cap` of them.
    pub fn members(
        &self,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
        cap: usize,
        steps: &mut Steps,
    ) -> Result<Members, RecurError> {
        let mut members = Members { found: BTreeMap::new(), cut: None, exhausted: true };
        let inside = |utc| from.is_none_or(|from| utc >= from) && to.is_none_or(|to| utc <= to);
        for rule in &self.rules {
            let cap = cap.saturating_add(self.excluded.len() + self.excluded_days.len());
            self.run(rule, (from, to), cap, |_| true, &mut members, steps)?;
        }
        if let Some(cut) = members.cut {
            members.found.retain(|utc, _| *utc < cut);
        }
        for (value, end) in [(self.anchor.clone(), None)].into_iter().chain(self.extra.clone()) {
            let utc = self.utc(value.local());
            members.exhausted &= to.is_none_or(|to| utc <= to);
            if inside(utc) {
                members.found.insert(utc, Member { id: value, end });
            }
        }
        members.found.retain(|utc, member| !self.excludes(*utc, member));
        if !self.excluding_rules.is_empty()
            && let (Some(first), Some(last)) =
                (members.found.keys().next().copied(), members.found.keys().last().copied())
        {
            let empty = BTreeMap::new();
            let mut out = Members { found: empty, cut: None, exhausted: true };
            for rule in &self.excluding_rules {
                let range = (Some(first), Some(last));
                self.run(rule, range, usize::MAX, |_| true, &mut out, steps)?;
            }
            members.found.retain(|utc, _| !out.found.contains_key(utc));
        }
        Ok(members)
    }

    /// Adds the occurrences of one rule that are kept.
    fn run(
        &self,
        rule: &Recur,
        (from, to): (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
        cap: usize,
        keep: impl Fn(DateTime<Utc>) -> bool,
        members: &mut Members,
        steps: &mut Steps,
    ) -> Result<(), RecurError> {
        // A day of slack covers every difference between wall clocks.
        let day = TimeDelta::days(1);
        let local = |utc: DateTime<Utc>| self.zone.from_utc(utc);
        let local_from = from.map(|from| local(from) - day).filter(|from| *from > FIRST_MOMENT);
        let window = to.map_or(LAST_MOMENT, |to| {
            local(to).checked_add_signed(day).unwrap_or(LAST_MOMENT).min(LAST_MOMENT)
        });
        let (until, until_utc) = self.until(rule);
        let limit = window.min(until);
        let whole_days = self.anchor.is_date();
        let start = self.anchor.local();
        let mut rest = Occurrences::new(rule, start, whole_days, local_from, limit)?;
        // Later wall-clock times are later instants, but not in a gap: its times are those of the
        // hour after it (§3.3.5), which follow. An instant that is met twice is one member, though
        // COUNT has counted both (§3.3.10 counts before zones come in).
        let in_gap = |moment, utc| local(utc) != moment;
        let mut found: BTreeMap<DateTime<Utc>, NaiveDateTime> = BTreeMap::new();
        let mut cut: Option<DateTime<Utc>> = None;
        while let Some(moment) = rest.next(steps)? {
            let utc = self.utc(moment);
            let after = |end: Option<DateTime<Utc>>| end.is_some_and(|end| utc > end);
            if after(until_utc) || after(to) {
                members.exhausted &= !after(to);
                if in_gap(moment, utc) {
                    continue;
                }
                break;
            }
            if from.is_some_and(|from| utc < from) || !keep(utc) {
                continue;
            }
            found.insert(utc, moment);
            if found.len() > cap {
                cut = found.pop_last().map(|(last, _)| last);
            }
            if cut.is_some() && !in_gap(moment, utc) {
                break;
            }
        }
        if let Some(cut) = cut {
            members.exhausted = false;
            members.cut = Some(members.cut.map_or(cut, |known| known.min(cut)));
        }
        for (utc, moment) in found {
            members.found.insert(utc, Member { id: self.anchor.with_local(moment), end: None });
        }
        if !rest.count_reached() && until > window && window < LAST_MOMENT {
            members.exhausted = false;
        }
        Ok(())
    }

    /// The end of a rule on the wall clock, and exactly where UNTIL is an instant.
    fn until(&self, rule: &Recur) -> (NaiveDateTime, Option<DateTime<Utc>>) {
        match (&rule.until, &self.anchor) {
            (None, _) => (LAST_MOMENT, None),
            (Some(until), DateOrTime::Date(_)) => (until.local(), None),
            (Some(DateOrTime::Date(date)), _) => {
                (date.and_hms_opt(23, 59, 59).unwrap_or(LAST_MOMENT), None)
            }
            (Some(DateOrTime::Utc(utc)), DateOrTime::Zoned(..)) => {
                // The wall clock may show a moment twice: three hours of slack, then exactly.
                let local = self.zone.from_utc(utc.and_utc());
                let slack = TimeDelta::hours(3);
                (local.checked_add_signed(slack).unwrap_or(local), Some(utc.and_utc()))
            }
            (Some(until), _) => (until.local(), None),
        }
    }

    /// Which of these instants are members. All of them share the steps.
    pub fn holding(
        &self,
        wanted: &BTreeSet<DateTime<Utc>>,
        steps: &mut Steps,
    ) -> Result<BTreeSet<DateTime<Utc>>, RecurError> {
        let mut found = self.named(&self.rules, wanted, steps)?;
        for (value, end) in [(self.anchor.clone(), None)].into_iter().chain(self.extra.clone()) {
            let utc = self.utc(value.local());
            if wanted.contains(&utc) {
                found.insert(utc, Member { id: value, end });
            }
        }
        found.retain(|utc, member| !self.excludes(*utc, member));
        let found: BTreeSet<DateTime<Utc>> = found.into_keys().collect();
        let out = self.named(&self.excluding_rules, &found, steps)?;
        Ok(found.into_iter().filter(|utc| !out.contains_key(utc)).collect())
    }

    /// The wanted instants that rules name. A rule with COUNT must be followed from its start, so
    /// it is followed once; any other is asked near each instant.
    fn named(
        &self,
        rules: &[Recur],
        wanted: &BTreeSet<DateTime<Utc>>,
        steps: &mut Steps,
    ) -> Result<BTreeMap<DateTime<Utc>, Member>, RecurError> {
        let mut members = Members { found: BTreeMap::new(), cut: None, exhausted: true };
        let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else {
            return Ok(members.found);
        };
        let keep = |utc| wanted.contains(&utc);
        for rule in rules {
            if rule.count.is_some() {
                let range = (Some(*first), Some(*last));
                self.run(rule, range, usize::MAX, keep, &mut members, steps)?;
                continue;
            }
            for utc in wanted {
                self.run(rule, (Some(*utc), Some(*utc)), usize::MAX, keep, &mut members, steps)?;
            }
        }
        Ok(members.found)
    }
}
