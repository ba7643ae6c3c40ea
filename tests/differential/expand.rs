//! Expands rules for `recurrence.py`: lines of start, TZID, rule, number of instances and days
//! come in; lines of Unix seconds, or `error` and the reason, go out.

use std::io::{BufRead, Write};

use chrono::TimeDelta;
use daybook::ical::recur::{Budget, Window, expand};
use daybook::ical::{Component, DateOrTime, Property, Zone, Zones};

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let cells: Vec<&str> = line.split('\t').collect();
        let answer = match cells[..] {
            [start, tzid, rule, instances, days] => answer(start, tzid, rule, instances, days),
            _ => Err("five cells are wanted".to_owned()),
        };
        match answer {
            Ok(seconds) => writeln!(out, "{}", seconds.join(" "))?,
            Err(reason) => writeln!(out, "error {reason}")?,
        }
    }
    Ok(())
}

fn answer(
    start: &str,
    tzid: &str,
    rule: &str,
    instances: &str,
    days: &str,
) -> Result<Vec<String>, String> {
    let value = DateOrTime::parse(start, Some(tzid)).map_err(|e| e.to_string())?;
    let mut event = Component::new("VEVENT");
    event.push(value.to_property("DTSTART"));
    event.push(Property::new("RRULE", rule));
    let mut calendar = Component::new("VCALENDAR");
    calendar.push_component(event);
    let zones = Zones::of(&calendar, &Zone::utc());
    let instances = instances.parse().map_err(|_| "not a number".to_owned())?;
    let days: i64 = days.parse().map_err(|_| "not a number".to_owned())?;
    let end = zones.to_utc(&value) + TimeDelta::days(days);
    let budget = Budget { instances, truncate: true, ..Budget::default() };
    let found = expand(&calendar, &zones, Window { start: None, end: Some(end) }, budget)
        .map_err(|e| e.to_string())?;
    Ok(found.instances.iter().map(|i| i.start.timestamp().to_string()).collect())
}
