//! The dates of a rule's period: BYMONTH, BYWEEKNO, BYYEARDAY, BYMONTHDAY and BYDAY of RFC 5545
//! §3.3.10 in the calendar of the rule, SKIP of RFC 7529 §4.1.

use chrono::{Datelike, Days as DayCount, NaiveDate, Weekday};

use super::scale::{MonthSpan, Years};
use super::{RecurError, Steps};
use crate::ical::value::recur::{Frequency, Recur, Skip};
use crate::ical::value::rscale::Month;

/// The date parts of a rule with what DTSTART fills in.
pub(super) struct Days {
    years: Years,
    months: Vec<Month>,
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
            years: Years::of(rule.scale.unwrap_or_default()),
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
        let start = self.years.place(self.start);
        match frequency {
            Frequency::Yearly if !self.weeks.is_empty() => {
                self.weekdays = vec![self.start.weekday()]
            }
            Frequency::Yearly => {
                if self.months.is_empty() {
                    self.months = vec![start.month];
                }
                self.month_days = vec![start.day0 + 1];
            }
            Frequency::Monthly => self.month_days = vec![start.day0 + 1],
            Frequency::Weekly => self.weekdays = vec![self.start.weekday()],
            _ => {}
        }
    }

    /// The first day of the year or month that is `number` of them after the start.
    pub fn period_start(
        &self,
        frequency: Frequency,
        number: i64,
        steps: &mut Steps,
    ) -> Result<Option<NaiveDate>, RecurError> {
        match frequency {
            _ if self.years.is_gregorian() => Ok(self.gregorian_start(frequency, number)),
            Frequency::Yearly => self.years.year_start(self.start, number, steps),
            _ => self.years.month_start(self.start, number, steps),
        }
    }

    fn gregorian_start(&self, frequency: Frequency, number: i64) -> Option<NaiveDate> {
        let months = match frequency {
            Frequency::Yearly => number.checked_mul(12)?,
            _ => number.checked_add(i64::from(self.start.month0()))?,
        };
        let year = i64::from(self.start.year()).checked_add(months.div_euclid(12))?;
        let month = months.rem_euclid(12) as u32 + 1;
        let year = i32::try_from(year).ok().filter(|year| *year <= 9999)?;
        NaiveDate::from_ymd_opt(year, month, 1)
    }

    /// Whole months from one date's month to another's; fewer where the calendar has more than
    /// twelve in some years.
    pub fn months_between(&self, from: NaiveDate, to: NaiveDate) -> i64 {
        if !self.years.is_gregorian() {
            let (from, to) = (self.years.place(from).year, self.years.place(to).year);
            return (i64::from(to) - i64::from(from)) * 12 - 12;
        }
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
            let length = self.years.place(first).year_length;
            let named = self.year_days.iter().filter_map(|d| self.resolve(first, length, *d));
            dates.extend(named.filter(|date| self.month_fits(*date) && self.fits(*date)));
        } else {
            steps.take(12 * self.years.cost())?;
            for month in self.months_of(first) {
                self.add_month(month.first, month.length, &mut dates, steps)?;
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
        steps.take(self.years.cost())?;
        if self.month_fits(first) {
            let length = self.years.place(first).month_length;
            self.add_month(first, length, &mut dates, steps)?;
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
        steps.take(count * self.years.cost())?;
        let fits = |date: &NaiveDate| {
            self.month_fits(*date) && self.month_day_fits(*date) && self.fits(*date)
        };
        Ok(first.iter_days().take(count).filter(fits).collect())
    }

    fn add_month(
        &self,
        first: NaiveDate,
        length: i32,
        dates: &mut Vec<NaiveDate>,
        steps: &mut Steps,
    ) -> Result<(), RecurError> {
        if self.month_days.is_empty() {
            steps.take(length as usize * self.years.cost())?;
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

    /// The months that the rule names in the year that begins with `first`. One that the year does
    /// not have is replaced as SKIP says.
    fn months_of(&self, first: NaiveDate) -> Vec<MonthSpan> {
        let all = self.years.months(first);
        if self.months.is_empty() {
            return all;
        }
        let mut named = Vec::with_capacity(self.months.len());
        for month in &self.months {
            let before = all.iter().take_while(|span| span.month < *month).count();
            let found = match all.get(before) {
                Some(span) if span.month == *month => Some(*span),
                next => match self.skip {
                    Skip::Omit => None,
                    Skip::Backward => before.checked_sub(1).and_then(|at| all.get(at).copied()),
                    Skip::Forward => next.copied().or_else(|| {
                        self.years.months(self.years.year_after(first)?).first().copied()
                    }),
                },
            };
            named.extend(found.filter(|span| !named.contains(span)));
        }
        named
    }

    fn month_fits(&self, date: NaiveDate) -> bool {
        if self.months.is_empty() {
            return true;
        }
        let place = self.years.place(date);
        if self.months.contains(&place.month) {
            return true;
        }
        if self.years.is_gregorian() || self.skip == Skip::Omit {
            return false;
        }
        let first = self.years.year_of(date);
        let holds = |first| {
            let months: Vec<MonthSpan> = self.months_of(first);
            months.iter().any(|span| {
                span.first <= date && (date - span.first).num_days() < i64::from(span.length)
            })
        };
        // SKIP=FORWARD may lead from the end of a year into the next.
        let before = first.pred_opt().filter(|_| place.ordinal0 < place.month_length);
        holds(first) || before.is_some_and(|day| holds(self.years.year_of(day)))
    }

    fn month_day_fits(&self, date: NaiveDate) -> bool {
        if self.month_days.is_empty() {
            return true;
        }
        let place = self.years.place(date);
        self.month_days.contains(&(place.day0 + 1))
            || self.month_days.contains(&(place.day0 - place.month_length))
    }

    /// Year days, weeks and weekdays; months and month days are the caller's.
    fn fits(&self, date: NaiveDate) -> bool {
        self.year_day_fits(date) && self.week_fits(date) && self.weekday_fits(date)
    }

    fn year_day_fits(&self, date: NaiveDate) -> bool {
        if self.year_days.is_empty() {
            return true;
        }
        let place = self.years.place(date);
        self.year_days.contains(&(place.ordinal0 + 1))
            || self.year_days.contains(&(place.ordinal0 - place.year_length))
            || (self.skip != Skip::Omit && self.month_days.is_empty())
    }

    fn week_fits(&self, date: NaiveDate) -> bool {
        if self.weeks.is_empty() {
            return true;
        }
        // A week belongs to the year that holds four of its days, so its fourth day tells.
        let fourth = |date| self.week_start(date).checked_add_days(DayCount::new(3));
        let Some(middle) = fourth(date) else { return false };
        // The fourth day from the end is always in the last week.
        let place = self.years.place(middle);
        let from_end = place.year_length - 4 - place.ordinal0;
        let last = match u64::try_from(from_end) {
            Ok(days) => middle.checked_add_days(DayCount::new(days)),
            Err(_) => middle.checked_sub_days(DayCount::new(u64::from(from_end.unsigned_abs()))),
        };
        let number = |middle: NaiveDate| self.years.place(middle).ordinal0 / 7 + 1;
        let (week, weeks) = (place.ordinal0 / 7 + 1, last.and_then(fourth).map_or(52, number));
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
        let place = self.years.place(date);
        let (index, length) = match self.numbered_in_year {
            true => (place.ordinal0, place.year_length),
            false => (place.day0, place.month_length),
        };
        let (from_start, from_end) = (index / 7 + 1, -((length - 1 - index) / 7 + 1));
        let fits = |(n, d): &(i32, Weekday)| *d == day && (*n == from_start || *n == from_end);
        self.numbered.iter().any(fits)
    }
}

fn sorted(mut dates: Vec<NaiveDate>) -> Vec<NaiveDate> {
    dates.sort_unstable();
    dates.dedup();
    dates
}
