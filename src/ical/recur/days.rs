//! The dates of a rule's period: BYMONTH, BYWEEKNO, BYYEARDAY, BYMONTHDAY and BYDAY of RFC 5545
//! §3.3.10, SKIP of RFC 7529 §4.1.

use chrono::{Datelike, Days as DayCount, NaiveDate, Weekday};

use super::{RecurError, Steps};
use crate::ical::value::recur::{Frequency, Recur, Skip};

/// The date parts of a rule with what DTSTART fills in.
pub(super) struct Days {
    months: Vec<u32>,
    month_days: Vec<i32>,
    year_days: Vec<i32>,
    weeks: Vec<i32>,
    /// Every one of these weekdays.
    weekdays: Vec<Weekday>,
    /// The nth of these weekdays in the month or year.
    numbered: Vec<(i32, Weekday)>,
    numbered_in_year: bool,
    week_start: Weekday,
    skip: Skip,
    start: NaiveDate,
}

impl Days {
    pub fn new(rule: &Recur, start: NaiveDate) -> Self {
        let coarse = rule.frequency <= Frequency::Monthly;
        // An ordinal means nothing in a week or a day (§3.3.10) and is overlooked there.
        let plain = |(number, _): &&(i32, Weekday)| *number == 0 || !coarse;
        let mut days = Self {
            months: rule.by_month.clone(),
            month_days: rule.by_month_day.clone(),
            year_days: rule.by_year_day.clone(),
            weeks: rule.by_week_no.clone(),
            weekdays: rule.by_day.iter().filter(plain).map(|(_, day)| *day).collect(),
            numbered: rule.by_day.iter().filter(|d| !plain(d)).copied().collect(),
            numbered_in_year: rule.frequency == Frequency::Yearly && rule.by_month.is_empty(),
            week_start: rule.week_start,
            skip: rule.skip,
            start,
        };
        days.fill_in(rule.frequency);
        days
    }

    /// What the rule leaves open is as in DTSTART.
    fn fill_in(&mut self, frequency: Frequency) {
        let by_day = !self.weekdays.is_empty() || !self.numbered.is_empty();
        if by_day || !self.month_days.is_empty() || !self.year_days.is_empty() {
            return;
        }
        match frequency {
            Frequency::Yearly if !self.weeks.is_empty() => {
                self.weekdays = vec![self.start.weekday()]
            }
            Frequency::Yearly => {
                if self.months.is_empty() {
                    self.months = vec![self.start.month()];
                }
                self.month_days = vec![self.start.day() as i32];
            }
            Frequency::Monthly => self.month_days = vec![self.start.day() as i32],
            Frequency::Weekly => self.weekdays = vec![self.start.weekday()],
            _ => {}
        }
    }

    /// The first day of the year or month that is `number` of them after the start.
    pub fn period_start(&self, frequency: Frequency, number: i64) -> Option<NaiveDate> {
        let months = match frequency {
            Frequency::Yearly => number.checked_mul(12)?,
            _ => number.checked_add(i64::from(self.start.month0()))?,
        };
        let year = i64::from(self.start.year()).checked_add(months.div_euclid(12))?;
        let month = months.rem_euclid(12) as u32 + 1;
        let year = i32::try_from(year).ok().filter(|year| *year <= 9999)?;
        NaiveDate::from_ymd_opt(year, month, 1)
    }

    /// Whole months from one date's month to another's.
    pub fn months_between(from: NaiveDate, to: NaiveDate) -> i64 {
        i64::from(to.year() - from.year()) * 12 + i64::from(to.month0()) - i64::from(from.month0())
    }

    /// The first day of the week that holds `date`.
    pub fn week_start(&self, date: NaiveDate) -> NaiveDate {
        let back = date.weekday().days_since(self.week_start);
        date.checked_sub_days(DayCount::new(u64::from(back))).unwrap_or(date)
    }

    /// The dates of a year, given its first day.
    pub fn of_year(
        &self,
        first: NaiveDate,
        steps: &mut Steps,
    ) -> Result<Vec<NaiveDate>, RecurError> {
        let mut dates = Vec::new();
        if self.month_days.is_empty() && !self.year_days.is_empty() {
            steps.take(self.year_days.len())?;
            let length = if first.leap_year() { 366 } else { 365 };
            let named = self.year_days.iter().filter_map(|d| self.resolve(first, length, *d));
            dates.extend(named.filter(|date| self.month_fits(*date) && self.fits(*date)));
        } else {
            for month in 1..=12 {
                if self.months.is_empty() || self.months.contains(&month) {
                    let first = first.with_month(month).unwrap_or(first);
                    self.add_month(first, &mut dates, steps)?;
                }
            }
        }
        Ok(sorted(dates))
    }

    /// The dates of a month, given its first day.
    pub fn of_month(
        &self,
        first: NaiveDate,
        steps: &mut Steps,
    ) -> Result<Vec<NaiveDate>, RecurError> {
        let mut dates = Vec::new();
        if self.month_fits(first) {
            self.add_month(first, &mut dates, steps)?;
        }
        Ok(sorted(dates))
    }

    /// Those of `count` days from `first` that the rule does not exclude.
    pub fn of_days(
        &self,
        first: NaiveDate,
        count: usize,
        steps: &mut Steps,
    ) -> Result<Vec<NaiveDate>, RecurError> {
        steps.take(count)?;
        let fits = |date: &NaiveDate| {
            self.month_fits(*date) && self.month_day_fits(*date) && self.fits(*date)
        };
        Ok(first.iter_days().take(count).filter(fits).collect())
    }

    fn add_month(
        &self,
        first: NaiveDate,
        dates: &mut Vec<NaiveDate>,
        steps: &mut Steps,
    ) -> Result<(), RecurError> {
        let length = month_length(first);
        if self.month_days.is_empty() {
            steps.take(length as usize)?;
            let days = first.iter_days().take(length as usize);
            dates.extend(days.filter(|date| self.fits(*date)));
        } else {
            steps.take(self.month_days.len())?;
            let named = self.month_days.iter().filter_map(|d| self.resolve(first, length, *d));
            dates.extend(named.filter(|date| self.fits(*date)));
        }
        Ok(())
    }

    /// Day `number` (from the end if negative) of the period of `length` days from `first`,
    /// moved by SKIP when there is no such day.
    fn resolve(&self, first: NaiveDate, length: i32, number: i32) -> Option<NaiveDate> {
        let index = if number > 0 { number - 1 } else { length + number };
        let index = match self.skip {
            _ if (0..length).contains(&index) => index,
            Skip::Omit => return None,
            Skip::Backward if index < 0 => return first.pred_opt(),
            Skip::Backward => length - 1,
            Skip::Forward => index.clamp(0, length),
        };
        first.checked_add_days(DayCount::new(index as u64))
    }

    fn month_fits(&self, date: NaiveDate) -> bool {
        self.months.is_empty() || self.months.contains(&date.month())
    }

    fn month_day_fits(&self, date: NaiveDate) -> bool {
        let (day, length) = (date.day() as i32, month_length(date));
        let month_days = &self.month_days;
        month_days.is_empty()
            || month_days.contains(&day)
            || month_days.contains(&(day - length - 1))
    }

    /// Year days, weeks and weekdays; months and month days are the caller's.
    fn fits(&self, date: NaiveDate) -> bool {
        self.year_day_fits(date) && self.week_fits(date) && self.weekday_fits(date)
    }

    fn year_day_fits(&self, date: NaiveDate) -> bool {
        if self.year_days.is_empty() {
            return true;
        }
        let length = if date.leap_year() { 366 } else { 365 };
        let day = date.ordinal() as i32;
        self.year_days.contains(&day)
            || self.year_days.contains(&(day - length - 1))
            || (self.skip != Skip::Omit && self.month_days.is_empty())
    }

    fn week_fits(&self, date: NaiveDate) -> bool {
        if self.weeks.is_empty() {
            return true;
        }
        // A week belongs to the year that holds four of its days, so its fourth day tells.
        let fourth = |date| self.week_start(date).checked_add_days(DayCount::new(3));
        let Some(middle) = fourth(date) else { return false };
        let number = |middle: NaiveDate| middle.ordinal0() as i32 / 7 + 1;
        let last = NaiveDate::from_ymd_opt(middle.year(), 12, 28).and_then(fourth);
        let (week, weeks) = (number(middle), last.map_or(52, number));
        self.weeks.contains(&week) || self.weeks.contains(&(week - weeks - 1))
    }

    fn weekday_fits(&self, date: NaiveDate) -> bool {
        let day = date.weekday();
        if self.weekdays.contains(&day) {
            return true;
        }
        if self.numbered.is_empty() {
            return self.weekdays.is_empty();
        }
        let (index, length) = match self.numbered_in_year {
            true => (date.ordinal0() as i32, if date.leap_year() { 366 } else { 365 }),
            false => (date.day0() as i32, month_length(date)),
        };
        let (from_start, from_end) = (index / 7 + 1, -((length - 1 - index) / 7 + 1));
        let fits = |(n, d): &(i32, Weekday)| *d == day && (*n == from_start || *n == from_end);
        self.numbered.iter().any(fits)
    }
}

fn month_length(date: NaiveDate) -> i32 {
    i32::from(date.num_days_in_month())
}

fn sorted(mut dates: Vec<NaiveDate>) -> Vec<NaiveDate> {
    dates.sort_unstable();
    dates.dedup();
    dates
}
