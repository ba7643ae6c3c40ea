//! One rule (RFC 5545 §3.3.10) on a wall clock without zones: which moments does it name?
//!
//! The machine walks periods (years, months, …, seconds) and asks `days` for the dates of each.
//! A period's set is dates × times of day, kept as a product, so that BYSETPOS and long BYSECOND
//! lists cost nothing. Rules without COUNT start near the wanted window. Every candidate looked
//! at costs a step of the caller's budget, so that no rule can run away.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};

use super::days::Days;
use super::{RecurError, Steps};
use crate::ical::value::recur::{Frequency, Recur, Skip};

/// The moments of a rule in ascending order, from its start on.
pub struct Occurrences<'a> {
    rule: &'a Recur,
    days: Days,
    start: NaiveDateTime,
    /// Nothing after this is of interest.
    limit: NaiveDateTime,
    /// Number of the next period, counted in intervals from the one that holds the start.
    period: i64,
    set: PeriodSet,
    /// Seconds of the times of day within one period.
    times: Vec<u32>,
    counted: u32,
    last: Option<NaiveDateTime>,
    done: bool,
}

/// What is left of the current period.
#[derive(Default)]
struct PeriodSet {
    dates: Vec<NaiveDate>,
    /// Second of the day where the period begins, for sub-daily rules.
    base: u32,
    /// Indices into dates × times; `None` for all of them.
    chosen: Option<Vec<usize>>,
    next: usize,
}

impl<'a> Occurrences<'a> {
    /// The occurrences of `rule` from `start` on. Those long before `from` may be left out, none
    /// after `limit` are looked for. `whole_days` ignores the time parts, as for DATE values.
    pub fn new(
        rule: &'a Recur,
        start: NaiveDateTime,
        whole_days: bool,
        from: Option<NaiveDateTime>,
        limit: NaiveDateTime,
    ) -> Result<Self, RecurError> {
        if whole_days && rule.frequency > Frequency::Daily {
            let reason = format!("FREQ={} on a whole day", rule.frequency.word());
            return Err(RecurError::InvalidRule(reason));
        }
        let times = times(rule, start.time(), whole_days);
        let mut new = Self {
            rule,
            days: Days::new(rule, start.date()),
            start,
            limit,
            period: 0,
            set: PeriodSet::default(),
            times,
            counted: 0,
            last: None,
            done: false,
        };
        if let (Some(from), None) = (from, rule.count)
            && from > start
        {
            new.fast_forward(from);
        }
        Ok(new)
    }

    /// The next occurrence.
    pub fn next(&mut self, steps: &mut Steps) -> Result<Option<NaiveDateTime>, RecurError> {
        loop {
            if self.count_reached() {
                return Ok(None);
            }
            let Some(moment) = self.next_candidate(steps)? else { return Ok(None) };
            if moment < self.start || self.last.is_some_and(|last| moment <= last) {
                continue;
            }
            if moment > self.limit {
                self.done = true;
                return Ok(None);
            }
            self.last = Some(moment);
            self.counted += 1;
            return Ok(Some(moment));
        }
    }

    /// Whether everything that COUNT allows has been given out.
    pub fn count_reached(&self) -> bool {
        self.rule.count.is_some_and(|count| self.counted >= count)
    }

    fn next_candidate(&mut self, steps: &mut Steps) -> Result<Option<NaiveDateTime>, RecurError> {
        loop {
            if self.done {
                return Ok(None);
            }
            let index = match &self.set.chosen {
                None => {
                    Some(self.set.next).filter(|i| *i < self.set.dates.len() * self.times.len())
                }
                Some(chosen) => chosen.get(self.set.next).copied(),
            };
            if let Some(index) = index {
                steps.take(1)?;
                self.set.next += 1;
                let date = self.set.dates[index / self.times.len()];
                let seconds = self.set.base + self.times[index % self.times.len()];
                let time = NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0);
                return Ok(time.map(|time| date.and_time(time)));
            }
            self.fill(steps)?;
        }
    }

    /// Loads the next period, which may turn out empty.
    fn fill(&mut self, steps: &mut Steps) -> Result<(), RecurError> {
        steps.take(1)?;
        self.set = PeriodSet::default();
        let Some(first) = self.period_start(steps)? else {
            self.done = true;
            return Ok(());
        };
        // SKIP may move a date to the day before its period.
        let early = if self.rule.skip == Skip::Backward { 1 } else { 0 };
        let earliest = first.checked_sub_signed(TimeDelta::days(early)).unwrap_or(first);
        if earliest > self.limit {
            self.done = true;
            return Ok(());
        }
        let date = first.date();
        match self.rule.frequency {
            Frequency::Yearly => self.set.dates = self.days.of_year(date, steps)?,
            Frequency::Monthly => self.set.dates = self.days.of_month(date, steps)?,
            Frequency::Weekly => self.set.dates = self.days.of_days(date, 7, steps)?,
            Frequency::Daily => self.set.dates = self.days.of_days(date, 1, steps)?,
            _ => return self.fill_sub_daily(first, steps),
        }
        self.choose();
        self.period += 1;
        Ok(())
    }

    fn fill_sub_daily(
        &mut self,
        first: NaiveDateTime,
        steps: &mut Steps,
    ) -> Result<(), RecurError> {
        let dates = self.days.of_days(first.date(), 1, steps)?;
        let second = first.num_seconds_from_midnight();
        let jump = match dates.is_empty() {
            true => Some(86_400),
            false => self.next_allowed(second),
        };
        match jump {
            Some(to) => {
                let seconds = i64::from(to.saturating_sub(second));
                let step = unit_seconds(self.rule.frequency) * i64::from(self.rule.interval);
                self.period += (seconds + step - 1).div_euclid(step).max(1);
            }
            None => {
                self.set.dates = dates;
                self.set.base = second;
                self.choose();
                self.period += 1;
            }
        }
        Ok(())
    }

    /// Where to go on when a limiting time part excludes the period that begins at `second`.
    fn next_allowed(&self, second: u32) -> Option<u32> {
        let rule = self.rule;
        let excluded = |list: &[u32], value| !list.is_empty() && !list.contains(&value);
        let (hour, minute, rest) = (second / 3600, second / 60, second % 60);
        if excluded(&rule.by_hour, hour) {
            return Some((hour + 1) * 3600);
        }
        if rule.frequency >= Frequency::Minutely && excluded(&rule.by_minute, minute % 60) {
            return Some((minute + 1) * 60);
        }
        if rule.frequency == Frequency::Secondly && excluded(&rule.by_second, rest) {
            let next = rule.by_second.iter().find(|s| **s > rest);
            return Some(next.map_or((minute + 1) * 60, |s| minute * 60 + s));
        }
        None
    }

    /// Applies BYSETPOS to the loaded period.
    fn choose(&mut self) {
        if self.rule.by_set_pos.is_empty() {
            return;
        }
        let total = self.set.dates.len() * self.times.len();
        let index = |position: &i32| match position {
            p if *p > 0 => Some(*p as usize - 1).filter(|at| *at < total),
            p => total.checked_sub(p.unsigned_abs() as usize),
        };
        let mut chosen: Vec<usize> = self.rule.by_set_pos.iter().filter_map(index).collect();
        chosen.sort_unstable();
        chosen.dedup();
        self.set.chosen = Some(chosen);
    }

    /// The first moment of the current period; `None` past the end of time.
    fn period_start(&self, steps: &mut Steps) -> Result<Option<NaiveDateTime>, RecurError> {
        let Some(number) = self.period.checked_mul(i64::from(self.rule.interval)) else {
            return Ok(None);
        };
        let frequency = self.rule.frequency;
        if frequency <= Frequency::Monthly {
            return Ok(self.days.period_start(frequency, number, steps)?.map(midnight));
        }
        Ok(self.moment_after(number).filter(|moment| *moment <= super::LAST_MOMENT))
    }

    /// The start of the week, day, hour, … that is `number` of them after the first.
    fn moment_after(&self, number: i64) -> Option<NaiveDateTime> {
        match self.rule.frequency {
            Frequency::Weekly => {
                let week = midnight(self.days.week_start(self.start.date()));
                week.checked_add_signed(TimeDelta::try_days(number.checked_mul(7)?)?)
            }
            Frequency::Daily => {
                midnight(self.start.date()).checked_add_signed(TimeDelta::try_days(number)?)
            }
            sub_daily => {
                let seconds = number.checked_mul(unit_seconds(sub_daily))?;
                self.unit_start().checked_add_signed(TimeDelta::try_seconds(seconds)?)
            }
        }
    }

    /// The hour, minute or second that holds the start.
    fn unit_start(&self) -> NaiveDateTime {
        let unit = unit_seconds(self.rule.frequency) as u32;
        let into = self.start.num_seconds_from_midnight() % unit;
        self.start - TimeDelta::seconds(i64::from(into))
    }

    /// Starts one period or more before `from`.
    fn fast_forward(&mut self, from: NaiveDateTime) {
        let (start, days) = (self.start, (from - self.start).num_days());
        let units = match self.rule.frequency {
            Frequency::Yearly => self.days.months_between(start.date(), from.date()) / 12,
            Frequency::Monthly => self.days.months_between(start.date(), from.date()),
            Frequency::Weekly => days / 7,
            Frequency::Daily => days,
            sub_daily => (from - start).num_seconds() / unit_seconds(sub_daily),
        };
        self.period = (units / i64::from(self.rule.interval) - 2).max(0);
    }
}

fn midnight(date: NaiveDate) -> NaiveDateTime {
    date.and_time(NaiveTime::MIN)
}

fn unit_seconds(frequency: Frequency) -> i64 {
    match frequency {
        Frequency::Hourly => 3600,
        Frequency::Minutely => 60,
        Frequency::Secondly => 1,
        _ => 86_400,
    }
}

/// Seconds of the occurrences within one period: of the day, hour or minute.
fn times(rule: &Recur, start: NaiveTime, whole_days: bool) -> Vec<u32> {
    if whole_days {
        return vec![0];
    }
    let pick = |list: &[u32], default: u32, expands: bool| match (expands, list.is_empty()) {
        (false, _) => vec![0],
        (true, true) => vec![default],
        (true, false) => list.to_vec(),
    };
    let frequency = rule.frequency;
    let hours = pick(&rule.by_hour, start.hour(), frequency <= Frequency::Daily);
    let minutes = pick(&rule.by_minute, start.minute(), frequency <= Frequency::Hourly);
    let seconds = pick(&rule.by_second, start.second(), frequency <= Frequency::Minutely);
    let mut all = Vec::with_capacity(hours.len() * minutes.len() * seconds.len());
    for hour in &hours {
        for minute in &minutes {
            all.extend(seconds.iter().map(|second| hour * 3600 + minute * 60 + second));
        }
    }
    all
}
