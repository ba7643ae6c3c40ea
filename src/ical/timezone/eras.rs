//! What the source of a zone leads to: every change of its clock, with the line that made it. The
//! order of evaluation is that of zic(8), whose compiled form must say the same (see the tests).

use chrono::{DateTime, Datelike};

use super::source::{Era, Rule, Saving, Source};
use super::zone::Transition;

/// Endless rules are followed to this year: more than a cycle of weekdays and leap years.
pub(super) const LAST_YEAR: i32 = 2100;

/// The beginning of an observance.
#[derive(Clone, Debug)]
pub(super) struct Onset {
    pub change: Transition,
    /// The rule that made it; none for the beginning of an era.
    pub rule: Option<RuleOfEra>,
}

/// Which rule, in which era.
#[derive(Clone, Copy, Debug)]
pub(super) struct RuleOfEra {
    pub era: usize,
    /// The number of the rule in its set.
    pub number: usize,
    pub rule: &'static Rule,
    /// Whether neither rule nor era ends.
    pub endless: bool,
}

/// The onsets of a zone in order; none if the source does not know it.
pub(super) fn onsets(name: &str) -> Option<Vec<Onset>> {
    let source = Source::bundled();
    let eras = source.eras(name)?;
    let mut timeline = Timeline { onsets: Vec::new(), total: eras.first()?.standard, least: 0 };
    let mut start = None;
    for (number, era) in eras.iter().enumerate() {
        let save = match era.saving {
            Saving::Fixed(save) => {
                timeline.least = 0;
                if let Some(start) = start {
                    timeline.begin(start, era, save, "");
                }
                timeline.total = era.standard + save;
                save
            }
            Saving::Rules(name) => timeline.follow(start, number, era, source.rules(name)),
        };
        start = era.until.as_ref().and_then(|until| until.at(era.standard, save));
    }
    Some(timeline.onsets)
}

struct Timeline {
    onsets: Vec<Onset>,
    /// Seconds east of UTC so far.
    total: i32,
    /// The least that the rules of this era add to standard time. Where some take from it (winter
    /// in Ireland since 1968), what the least leaves is standard time for RFC 5545, and the rest
    /// is daylight-saving time; so does the compiled database.
    least: i32,
}

impl Timeline {
    /// Follows the rules of an era and returns what is added to standard time at its end.
    fn follow(
        &mut self,
        start: Option<i64>,
        number: usize,
        era: &'static Era,
        rules: &'static [Rule],
    ) -> i32 {
        // Rules that were in force before the era say how it begins.
        let mut pending = start;
        let mut initial = (0, first_standard(rules));
        let mut save = 0;
        let first = rules.iter().map(|rule| rule.from).min().unwrap_or(LAST_YEAR);
        let last = era.until.as_ref().map_or(LAST_YEAR, |until| until.year);
        let year_of = |start| DateTime::from_timestamp(start, 0).map(|start| start.year());
        let years = start.and_then(year_of).unwrap_or(first)..=last;
        let in_force = rules.iter().filter(|r| r.from <= *years.end() && r.to >= *years.start());
        self.least = in_force.map(|rule| rule.save).min().unwrap_or(0).min(0);
        'years: for year in first..=last {
            let mut due: Vec<(usize, &Rule)> = rules
                .iter()
                .enumerate()
                .filter(|(_, rule)| (rule.from..=rule.to).contains(&year))
                .collect();
            while !due.is_empty() {
                let until = era.until.as_ref().and_then(|until| until.at(era.standard, save));
                let moments = due.iter().enumerate();
                let next = moments
                    .filter_map(|(at, (_, rule))| Some((rule.at(year, era.standard, save)?, at)));
                let Some((at, position)) = next.min() else { break };
                let (index, rule) = due.swap_remove(position);
                if until.is_some_and(|until| at >= until) {
                    break 'years;
                }
                save = rule.save;
                if pending.is_some_and(|start| at < start) {
                    initial = (save, rule.letters);
                    continue;
                }
                if let Some(start) = pending.take().filter(|start| at > *start) {
                    self.begin(start, era, initial.0, initial.1);
                }
                let endless = rule.to == i32::MAX && era.until.is_none();
                let rule = RuleOfEra { era: number, number: index, rule, endless };
                self.push(at, era, save, rule.rule.letters, Some(rule));
            }
        }
        if let Some(start) = pending {
            self.begin(start, era, initial.0, initial.1);
            return initial.0;
        }
        save
    }

    fn begin(&mut self, at: i64, era: &Era, save: i32, letters: &str) {
        self.push(at, era, save, letters, None);
    }

    fn push(&mut self, at: i64, era: &Era, save: i32, letters: &str, rule: Option<RuleOfEra>) {
        let offset_to = era.standard + save;
        let change = Transition {
            at: DateTime::from_timestamp(at, 0).unwrap_or_default(),
            offset_from: std::mem::replace(&mut self.total, offset_to),
            offset_to,
            name: abbreviation(era.format, letters, save, offset_to),
            daylight: save > self.least,
        };
        // zic(8) takes a change for part of the last one where the wall clock that the last one
        // left would already have shown the time of this one (Indiana went from Eastern standard
        // to Central daylight-saving time at once).
        if let Some(last) = self.onsets.last_mut() {
            let shown = at + i64::from(last.change.offset_to);
            if shown <= last.change.at.timestamp() + i64::from(last.change.offset_from) {
                let (at, offset_from) = (last.change.at, last.change.offset_from);
                *last = Onset { change: Transition { at, offset_from, ..change }, rule };
                return;
            }
        }
        self.onsets.push(Onset { change, rule });
    }
}

/// The letters of the first rule that makes standard time: for an era that none precedes.
fn first_standard(rules: &[Rule]) -> &'static str {
    let standard = rules.iter().filter(|rule| rule.save == 0);
    standard.min_by_key(|rule| (rule.from, rule.day.month)).map_or("", |rule| rule.letters)
}

/// The abbreviation that FORMAT makes.
fn abbreviation(format: &str, letters: &str, save: i32, total: i32) -> String {
    if let Some((standard, daylight)) = format.split_once('/') {
        return if save == 0 { standard } else { daylight }.to_owned();
    }
    if format.contains("%z") {
        return format.replace("%z", &numeric(total));
    }
    format.replace("%s", letters)
}

/// `%z`: `+hh`, and minutes and seconds where there are some.
fn numeric(total: i32) -> String {
    let sign = if total < 0 { '-' } else { '+' };
    let (hours, minutes, seconds) = (total.abs() / 3600, total.abs() / 60 % 60, total.abs() % 60);
    match (minutes, seconds) {
        (0, 0) => format!("{sign}{hours:02}"),
        (_, 0) => format!("{sign}{hours:02}{minutes:02}"),
        _ => format!("{sign}{hours:02}{minutes:02}{seconds:02}"),
    }
}
