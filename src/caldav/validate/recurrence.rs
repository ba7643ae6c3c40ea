//! Rules, overrides and the number of instances (RFC 5545 §3.8.5, RFC 7529 §5,
//! RFC 4791 §5.3.2.1 max-instances).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::{Rules, invalid_data};
use crate::caldav::instances::{first_start, moment_of};
use crate::dav::error::Detail;
use crate::dav::{Error, Precondition, Result};
use crate::ical::recur::{self, Budget, RecurError, Window};
use crate::ical::timezone::Zones;
use crate::ical::value::recur::Recur;
use crate::ical::{Component, DateOrTime};

/// The year in which instances are counted.
const YEAR_DAYS: usize = 366;

/// Checks what recurs.
pub fn check(calendar: &Component, zones: &Zones, rules: &Rules<'_>) -> Result<()> {
    check_rules(calendar)?;
    if !calendar.main_components().any(recurs) {
        return Ok(());
    }
    check_number(calendar, zones, rules)?;
    check_overrides(calendar, zones)
}

fn recurs(component: &Component) -> bool {
    ["RRULE", "RDATE", "RECURRENCE-ID"].iter().any(|name| component.has(name))
}

/// Every rule is one, also on an override, where it means nothing.
fn check_rules(calendar: &Component) -> Result<()> {
    for component in calendar.main_components() {
        for name in ["RRULE", "EXRULE"] {
            for rule in component.properties_named(name) {
                Recur::parse(rule.value()).map_err(RecurError::from).map_err(refused)?;
            }
        }
    }
    Ok(())
}

/// The limit is on the instances of one year, so that rules without end can be stored.
fn check_number(calendar: &Component, zones: &Zones, rules: &Rules<'_>) -> Result<()> {
    let Some(first) = first_start(calendar, zones) else { return Ok(()) };
    let most = recur::at_most(calendar, zones, YEAR_DAYS).map_err(refused)?;
    if most.is_some_and(|most| most <= rules.instances) {
        return Ok(());
    }
    let year = TimeDelta::days(YEAR_DAYS as i64);
    let window = Window { start: Some(first), end: first.checked_add_signed(year) };
    let budget = Budget { instances: rules.instances, ..Budget::default() };
    recur::expand(calendar, zones, window, budget).map(drop).map_err(refused)
}

/// An override changes an instance that exists.
fn check_overrides(calendar: &Component, zones: &Zones) -> Result<()> {
    let Some(master) = calendar.master() else { return Ok(()) };
    let start = moment_of(master, "DTSTART", zones);
    let mut overridden = BTreeMap::new();
    for component in calendar.overrides() {
        let id = component.property("RECURRENCE-ID").map(DateOrTime::from_property);
        if let Some(Ok(id)) = id {
            overridden.insert(zones.to_utc(&id), id);
        }
    }
    let wanted: BTreeSet<DateTime<Utc>> =
        overridden.keys().copied().filter(|utc| start != Some(*utc)).collect();
    let existing = recur::existing_instances(calendar, zones, &wanted).map_err(refused)?;
    match wanted.iter().find(|utc| !existing.contains(utc)).and_then(|utc| overridden.get(utc)) {
        Some(id) => Err(invalid_data(format!("invalid overridden instance {id}"))),
        None => Ok(()),
    }
}

/// What a client is told about an object that cannot be expanded.
pub fn refused(error: RecurError) -> Error {
    let precondition = match &error {
        RecurError::TooManyInstances(limit) => {
            return Error::from(Precondition::NumberOfRecurrencesWithinLimits)
                .holding(Detail::Text(limit.to_string()))
                .because(error.to_string());
        }
        RecurError::TooManySteps => Precondition::NumberOfRecurrencesWithinLimits,
        RecurError::UnsupportedScale(_) => Precondition::SupportedRscale,
        RecurError::InvalidRule(_) | RecurError::InvalidOverride(_) => {
            Precondition::ValidCalendarData
        }
    };
    Error::from(precondition).because(error.to_string())
}
