//! How many instances an object can have at most, told without following its rules: nearly every
//! rule names at most one moment a day.

use super::RecurError;
use super::expand::groups;
use super::overrides::Override;
use super::set::RecurrenceSet;
use super::shape::{Length, Shape};
use crate::ical::component::Component;
use crate::ical::timezone::Zones;
use crate::ical::value::recur::{Frequency, Recur};

/// Rules with longer lists than this are followed: each entry costs steps.
const LISTED: usize = 32;

/// More than there can be in a window of so many days; none where the rules have to be followed
/// to tell. Errors are those that [`expand`](super::expand) would find.
pub fn at_most(
    calendar: &Component,
    zones: &Zones,
    days: usize,
) -> Result<Option<usize>, RecurError> {
    let mut most = 0;
    let mut told = true;
    for group in groups(calendar) {
        let shape = match group.master {
            Some((_, master)) => Shape::of(master, zones)?,
            None => Shape::Nowhere,
        };
        let length = match &shape {
            Shape::Anchored(_, length) => length.clone(),
            _ => Length::Moment,
        };
        for (index, component) in &group.overrides {
            // It may move any number of instances into the window.
            told &= !Override::read(*index, component, &length, zones)?.and_future;
        }
        most += group.overrides.len() + 1;
        let (Some((_, master)), Shape::Anchored(anchor, length)) = (group.master, shape) else {
            continue;
        };
        let set = RecurrenceSet::read(master, &anchor, zones)?;
        let longest = usize::try_from(length.longest().num_days()).unwrap_or(usize::MAX);
        // Days of slack for what lasts into the window, and for zones.
        let each = days.saturating_add(longest).saturating_add(4);
        let rules = set.rules().len().saturating_mul(each);
        most = rules.saturating_add(most).saturating_add(set.extra_dates());
        told &= set.rules().iter().all(is_once_a_day) && !set.excludes_by_rule();
    }
    Ok(told.then_some(most))
}

fn is_once_a_day(rule: &Recur) -> bool {
    let times = [&rule.by_hour, &rule.by_minute, &rule.by_second];
    let listed = rule.by_day.len()
        + rule.by_month_day.len()
        + rule.by_year_day.len()
        + rule.by_week_no.len()
        + rule.by_month.len()
        + rule.by_set_pos.len();
    rule.frequency <= Frequency::Daily
        && rule.scale.is_none()
        && times.iter().all(|list| list.is_empty())
        && listed <= LISTED
}
