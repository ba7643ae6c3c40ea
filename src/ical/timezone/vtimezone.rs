//! What a VTIMEZONE means (RFC 5545 §3.6.5): its observances turned into a table of changes.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

use super::zone::{Transition, plausible};
use crate::ical::component::Component;
use crate::ical::recur::{Occurrences, Steps};
use crate::ical::value::recur::Recur;
use crate::ical::value::{DateOrTime, Period, utc_offset};

/// Changes of endless rules are looked for between these years. Before, the first change known
/// counts as the beginning; after, the last one lasts.
const FIRST_YEAR: i32 = 1900;
const LAST_YEAR: i32 = 2150;
/// Observances and changes that one definition may have.
const OBSERVANCES: usize = 500;
const CHANGES: usize = 5000;

/// The observances of a VTIMEZONE, read but not yet evaluated.
#[derive(Debug)]
pub(super) struct Definition {
    observances: Vec<Observance>,
}

#[derive(Debug)]
struct Observance {
    /// Wall-clock time, by the offset before, of the first change.
    start: NaiveDateTime,
    offset_from: i32,
    offset_to: i32,
    daylight: bool,
    name: String,
    rules: Vec<Recur>,
    dates: Vec<DateOrTime>,
}

impl Definition {
    /// Reads the observances; broken ones are left out, `None` when none is left.
    pub fn read(component: &Component) -> Option<Self> {
        let children = component.components().take(OBSERVANCES);
        let observances: Vec<_> = children.filter_map(Observance::read).collect();
        (!observances.is_empty()).then_some(Self { observances })
    }

    /// Evaluates them.
    pub fn table(&self) -> Table {
        let mut changes = Vec::new();
        for observance in &self.observances {
            observance.changes(&mut changes);
        }
        changes.sort_by_key(|change: &Transition| change.at);
        changes.dedup_by_key(|change| change.at);
        Table { changes }
    }
}

impl Observance {
    fn read(component: &Component) -> Option<Self> {
        let daylight = match component.name() {
            "STANDARD" => false,
            "DAYLIGHT" => true,
            _ => return None,
        };
        let offset = |name| {
            utc_offset::parse(component.value_of(name)?).ok().filter(|offset| plausible(*offset))
        };
        let offset_to = offset("TZOFFSETTO")?;
        let mut dates = Vec::new();
        for property in component.properties_named("RDATE") {
            match DateOrTime::list_from_property(property) {
                Ok(list) => dates.extend(list),
                Err(_) => dates.extend(
                    Period::list_from_property(property).ok()?.into_iter().map(|p| p.start),
                ),
            }
        }
        Some(Self {
            start: DateOrTime::parse(component.value_of("DTSTART")?, None).ok()?.local(),
            offset_from: offset("TZOFFSETFROM").unwrap_or(offset_to),
            offset_to,
            daylight,
            name: component.text_of("TZNAME").unwrap_or_default(),
            rules: component
                .properties_named("RRULE")
                .filter_map(|property| Recur::parse(property.value()).ok())
                .collect(),
            dates,
        })
    }

    fn changes(&self, out: &mut Vec<Transition>) {
        let mut add = |local: NaiveDateTime| {
            let offset = TimeDelta::seconds(i64::from(self.offset_from));
            let at = local.checked_sub_signed(offset).unwrap_or(local).and_utc();
            if out.len() < CHANGES {
                out.push(self.change(at));
            }
        };
        add(self.start);
        for date in &self.dates {
            match date {
                DateOrTime::Utc(utc) => {
                    let offset = TimeDelta::seconds(i64::from(self.offset_from));
                    add(utc.checked_add_signed(offset).unwrap_or(*utc));
                }
                other => add(other.local()),
            }
        }
        for rule in &self.rules {
            let _ = self.run(rule, &mut add);
        }
    }

    /// Runs one rule until it ends, the table is long enough or the steps are used up.
    fn run(&self, rule: &Recur, add: &mut impl FnMut(NaiveDateTime)) -> Option<()> {
        let year = |year| Some(NaiveDate::from_ymd_opt(year, 1, 1)?.and_time(NaiveTime::MIN));
        let offset = TimeDelta::seconds(i64::from(self.offset_from));
        let until = match &rule.until {
            // UNTIL is in UTC here (§3.6.5); the rule runs by the offset before the change.
            Some(DateOrTime::Utc(utc)) => utc.checked_add_signed(offset)?,
            Some(DateOrTime::Date(date)) => date.and_hms_opt(23, 59, 59)?,
            Some(other) => other.local(),
            None => year(LAST_YEAR)?,
        };
        let limit = until.min(year(LAST_YEAR)?);
        let mut steps = Steps::new(50_000);
        let mut all = Occurrences::new(rule, self.start, false, year(FIRST_YEAR), limit).ok()?;
        let mut found = 0;
        while let Ok(Some(local)) = all.next(&mut steps) {
            add(local);
            found += 1;
            if found >= CHANGES {
                break;
            }
        }
        Some(())
    }

    fn change(&self, at: DateTime<Utc>) -> Transition {
        Transition {
            at,
            offset_from: self.offset_from,
            offset_to: self.offset_to,
            name: self.name.clone(),
            daylight: self.daylight,
        }
    }
}

/// The changes of a zone in order, at least one.
#[derive(Debug)]
pub(super) struct Table {
    changes: Vec<Transition>,
}

impl Table {
    pub fn transitions(&self) -> impl Iterator<Item = Transition> + '_ {
        self.changes.iter().cloned()
    }

    fn last_before(&self, instant: DateTime<Utc>) -> Option<&Transition> {
        let after = self.changes.partition_point(|change| change.at <= instant);
        after.checked_sub(1).and_then(|index| self.changes.get(index))
    }

    pub fn offset_at(&self, instant: DateTime<Utc>) -> i32 {
        match self.last_before(instant) {
            Some(change) => change.offset_to,
            None => self.changes.first().map_or(0, |change| change.offset_from),
        }
    }

    pub fn name_at(&self, instant: DateTime<Utc>) -> String {
        self.last_before(instant).map(|change| change.name.clone()).unwrap_or_default()
    }

    pub fn daylight_at(&self, instant: DateTime<Utc>) -> bool {
        self.last_before(instant).is_some_and(|change| change.daylight)
    }

    /// RFC 5545 §3.3.5: of two readings the earlier, of none the one by the offset before.
    pub fn to_utc(&self, local: NaiveDateTime) -> DateTime<Utc> {
        let by = |offset: i32| {
            let offset = TimeDelta::seconds(i64::from(offset));
            local.checked_sub_signed(offset).unwrap_or(local).and_utc()
        };
        let before = local.checked_sub_signed(TimeDelta::days(1)).unwrap_or(local).and_utc();
        let after = local.checked_add_signed(TimeDelta::days(1)).unwrap_or(local).and_utc();
        let (old, new) = (self.offset_at(before), self.offset_at(after));
        let (by_old, by_new) = (by(old), by(new));
        let (old_holds, new_holds) = (self.offset_at(by_old) == old, self.offset_at(by_new) == new);
        match (old_holds, new_holds) {
            (true, true) => by_old.min(by_new),
            (false, true) => by_new,
            _ => by_old,
        }
    }
}
