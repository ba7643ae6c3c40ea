//! Years and months of the calendar that a rule counts in (RFC 7529): where a Gregorian date lies
//! in them, and where they begin. The Gregorian calendar answers by itself, others through ICU4X.

use std::cell::RefCell;

use chrono::{Datelike, Days as DayCount, NaiveDate};
use icu_calendar::types::RataDie;
use icu_calendar::{AnyCalendar, AnyCalendarKind, Date, Ref};

use super::{RecurError, Steps};
use crate::ical::value::rscale::{Month, Scale};

/// The calendar of one rule.
pub(super) struct Years {
    calendar: Option<AnyCalendar>,
    /// Days of a mean year.
    mean: f64,
    /// The months of the year that was asked about last, by its first day.
    months: RefCell<Option<(NaiveDate, Vec<MonthSpan>)>>,
    /// How many months lie between some date and the first day of a later year.
    counted: RefCell<Option<(NaiveDate, usize, NaiveDate)>>,
}

/// One month of one year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MonthSpan {
    pub month: Month,
    pub first: NaiveDate,
    pub length: i32,
}

/// Where a date lies in its year and month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub year: i32,
    pub month: Month,
    /// Days before it in the month.
    pub day0: i32,
    pub month_length: i32,
    /// Days before it in the year.
    pub ordinal0: i32,
    pub year_length: i32,
}

impl Years {
    pub fn of(scale: Scale) -> Self {
        let kind = match scale {
            Scale::Gregorian | Scale::Buddhist | Scale::Japanese | Scale::Roc => None,
            Scale::Chinese => Some(AnyCalendarKind::Chinese),
            Scale::Coptic => Some(AnyCalendarKind::Coptic),
            Scale::Dangi => Some(AnyCalendarKind::Dangi),
            Scale::Ethiopic => Some(AnyCalendarKind::Ethiopian),
            Scale::EthiopicAmeteAlem => Some(AnyCalendarKind::EthiopianAmeteAlem),
            Scale::Hebrew => Some(AnyCalendarKind::Hebrew),
            Scale::Indian => Some(AnyCalendarKind::Indian),
            Scale::IslamicCivil => Some(AnyCalendarKind::HijriTabularTypeIIFriday),
            Scale::IslamicTbla => Some(AnyCalendarKind::HijriTabularTypeIIThursday),
            Scale::IslamicUmalqura => Some(AnyCalendarKind::HijriUmmAlQura),
            Scale::Persian => Some(AnyCalendarKind::Persian),
        };
        let lunar =
            matches!(scale, Scale::IslamicCivil | Scale::IslamicTbla | Scale::IslamicUmalqura);
        Self {
            calendar: kind.map(AnyCalendar::new),
            mean: if lunar { 354.367 } else { 365.2425 },
            months: RefCell::new(None),
            counted: RefCell::new(None),
        }
    }

    pub fn is_gregorian(&self) -> bool {
        self.calendar.is_none()
    }

    /// Steps of a budget that looking at one day costs.
    pub fn cost(&self) -> usize {
        if self.is_gregorian() { 1 } else { 16 }
    }

    pub fn place(&self, date: NaiveDate) -> Place {
        let Some(calendar) = &self.calendar else { return gregorian(date) };
        let date = RataDie::new(i64::from(date.num_days_from_ce()));
        let date = Date::from_rata_die(date, Ref(calendar));
        let month = date.month().to_input();
        Place {
            year: date.year().extended_year(),
            month: Month { number: u32::from(month.number()), leap: month.is_leap() },
            day0: i32::from(date.day_of_month().0) - 1,
            month_length: i32::from(date.days_in_month()),
            ordinal0: i32::from(date.day_of_year().0) - 1,
            year_length: i32::from(date.days_in_year()),
        }
    }

    /// The months of the year that begins with `first`, in order.
    pub fn months(&self, first: NaiveDate) -> Vec<MonthSpan> {
        if let Some((known, months)) = &*self.months.borrow()
            && *known == first
        {
            return months.clone();
        }
        let (mut months, mut at) = (Vec::with_capacity(13), first);
        let year = self.place(first).year;
        // No year has more months than this.
        while months.len() < 14 {
            let place = self.place(at);
            if place.year != year {
                break;
            }
            months.push(MonthSpan { month: place.month, first: at, length: place.month_length });
            let Some(next) = later(at, place.month_length) else { break };
            at = next;
        }
        *self.months.borrow_mut() = Some((first, months.clone()));
        months
    }

    /// The first day of the year of a date.
    pub fn year_of(&self, date: NaiveDate) -> NaiveDate {
        earlier(date, self.place(date).ordinal0)
    }

    /// The first day of the next year.
    pub fn year_after(&self, first: NaiveDate) -> Option<NaiveDate> {
        later(first, self.place(first).year_length)
    }

    /// The first day of the year that is `number` of them after that of a date.
    pub fn year_start(
        &self,
        from: NaiveDate,
        number: i64,
        steps: &mut Steps,
    ) -> Result<Option<NaiveDate>, RecurError> {
        steps.take(4 * self.cost())?;
        Ok(self.year_near(from, number))
    }

    fn year_near(&self, from: NaiveDate, number: i64) -> Option<NaiveDate> {
        let target = i64::from(self.place(from).year).checked_add(number)?;
        // Exact enough: the cast saturates, and a few years off are walked below.
        let days = (number as f64 * self.mean) as i64;
        let mut guess = from.checked_add_signed(chrono::TimeDelta::try_days(days)?)?;
        for _ in 0..100 {
            if guess.year() > 9999 {
                return None;
            }
            let place = self.place(guess);
            let first = earlier(guess, place.ordinal0);
            match i64::from(place.year).cmp(&target) {
                std::cmp::Ordering::Equal => return Some(first),
                std::cmp::Ordering::Less => guess = later(first, place.year_length)?,
                std::cmp::Ordering::Greater => guess = first.pred_opt()?,
            }
        }
        None
    }

    /// The first day of the month that is `number` of them after that of a date. Years are walked
    /// one by one, as they have different numbers of months.
    pub fn month_start(
        &self,
        from: NaiveDate,
        number: i64,
        steps: &mut Steps,
    ) -> Result<Option<NaiveDate>, RecurError> {
        // No calendar has so many months up to the last year there is.
        let Some(mut number) = usize::try_from(number).ok().filter(|number| *number < 140_000)
        else {
            return Ok(None);
        };
        let mut year = self.year_of(from);
        let months = self.months(year);
        number += months.iter().take_while(|span| span.first <= from).count().saturating_sub(1);
        let mut passed = 0;
        if let Some((start, count, later)) = *self.counted.borrow()
            && start == from
            && count <= number
        {
            (passed, year) = (count, later);
        }
        while year.year() <= 9999 {
            let months = self.months(year);
            if let Some(span) = months.get(number - passed) {
                *self.counted.borrow_mut() = Some((from, passed, year));
                return Ok(Some(span.first));
            }
            steps.take(months.len() * self.cost())?;
            passed += months.len();
            let Some(next) = self.year_after(year) else { return Ok(None) };
            year = next;
        }
        Ok(None)
    }
}

fn gregorian(date: NaiveDate) -> Place {
    Place {
        year: date.year(),
        month: Month { number: date.month(), leap: false },
        day0: date.day0() as i32,
        month_length: i32::from(date.num_days_in_month()),
        ordinal0: date.ordinal0() as i32,
        year_length: if date.leap_year() { 366 } else { 365 },
    }
}

fn later(date: NaiveDate, days: i32) -> Option<NaiveDate> {
    date.checked_add_days(DayCount::new(u64::from(days.max(1).unsigned_abs())))
}

fn earlier(date: NaiveDate, days: i32) -> NaiveDate {
    date.checked_sub_days(DayCount::new(u64::from(days.unsigned_abs()))).unwrap_or(date)
}
