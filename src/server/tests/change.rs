//! What organizers change in their events. Every function names what it did.

use chrono::{DateTime, TimeDelta, Utc};

use super::dice::Dice;
use super::event;
use crate::ical::{self, Component, Property};

type What = Option<&'static str>;

pub fn master(dice: &mut Dice, step: usize, new: &mut Component) -> What {
    let master = new.master_mut()?;
    Some(match dice.below(10) {
        0..=3 => {
            master.set(Property::new("SUMMARY", &format!("Changed in {step}")));
            "change the summary"
        }
        4..=6 => {
            event::shift(master, TimeDelta::hours(dice.below(5) as i64 - 2));
            "reschedule"
        }
        7..=8 => {
            event::remind(master, &format!("-PT{}M", 1 + dice.below(60)));
            "remind oneself"
        }
        _ => {
            master.set(Property::new("STATUS", "CANCELLED"));
            "cancel"
        }
    })
}

pub fn instance(dice: &mut Dice, step: usize, at: DateTime<Utc>, new: &mut Component) -> What {
    Some(match dice.below(7) {
        0..=1 => {
            let text = format!("Only in {step}");
            event::change_instance(new, at, |c| c.set(Property::new("SUMMARY", &text)));
            "change an instance"
        }
        2..=3 => {
            let by = TimeDelta::hours(1 + dice.below(3) as i64);
            event::change_instance(new, at, |c| event::shift(c, by));
            "move an instance"
        }
        4 => {
            event::exclude(new, at);
            "exclude an instance"
        }
        5 => {
            event::change_instance(new, at, |c| c.set(Property::new("STATUS", "CANCELLED")));
            "cancel an instance"
        }
        _ => {
            let ids = new.overrides().filter_map(|c| c.value_of("RECURRENCE-ID"));
            let ids: Vec<String> = ids.map(str::to_owned).collect();
            let gone = dice.maybe(&ids)?.clone();
            new.retain_components(|c| c.value_of("RECURRENCE-ID") != Some(&gone));
            "remove an override"
        }
    })
}

pub fn recurrence(dice: &mut Dice, new: &mut Component) -> What {
    if dice.once_in(8) && new.overrides().next().is_some() {
        new.retain_components(|c| c.is_timezone() || c.has("RECURRENCE-ID"));
        return Some("keep single instances only");
    }
    let Some(master) = new.master_mut() else { return series(dice, new) };
    if dice.once_in(2) {
        master.set(Property::new("RRULE", &event::rule(dice)));
        event::drop_orphans(new);
        return Some("change the rule");
    }
    let start = master.property("DTSTART")?;
    if start.params().is_empty() && !master.has("RDATE") {
        let at = event::start(dice) + TimeDelta::days(60);
        master.push(Property::new("RDATE", &event::utc(at)));
        return Some("add a further date");
    }
    master.remove_properties("RDATE");
    Some("take further dates out")
}

/// Single instances become overrides of a series.
fn series(dice: &mut Dice, new: &mut Component) -> What {
    let mut first = new.overrides().next()?.clone();
    let id = first.property("RECURRENCE-ID")?;
    let start = ical::DateOrTime::from_property(id).ok()?.to_property("DTSTART");
    first.remove_properties("RECURRENCE-ID");
    first.set(start);
    first.set(Property::new("RRULE", &event::rule(dice)));
    new.push_component(first);
    event::drop_orphans(new);
    Some("give instances a series")
}

pub fn people(dice: &mut Dice, who: &str, new: &mut Component) -> What {
    if dice.once_in(3) {
        let gone = attendee(dice, new)?;
        new.main_components_mut().for_each(|component| uninvite(component, &gone));
        return Some("uninvite");
    }
    let name = event::invitee(dice);
    new.main_components_mut().for_each(|component| invite(component, who, &name));
    Some("invite")
}

pub fn people_of_instance(
    dice: &mut Dice,
    who: &str,
    at: DateTime<Utc>,
    new: &mut Component,
) -> What {
    if dice.once_in(2) {
        let gone = attendee(dice, new)?;
        event::change_instance(new, at, |component| uninvite(component, &gone));
        return Some("uninvite from an instance");
    }
    let name = event::invitee(dice);
    event::change_instance(new, at, |component| invite(component, who, &name));
    Some("invite to an instance")
}

pub fn delivery(dice: &mut Dice, new: &mut Component) -> What {
    let chosen = attendee(dice, new)?;
    let (what, name, value) = match dice.once_in(2) {
        true => ("send once more", "SCHEDULE-FORCE-SEND", "REQUEST"),
        false => {
            let agent = *dice.pick(&["SERVER", "CLIENT", "NONE"]);
            ("change an agent", "SCHEDULE-AGENT", agent)
        }
    };
    for component in new.main_components_mut() {
        let lines = component.properties_named_mut("ATTENDEE");
        lines.filter(|line| line.value() == chosen).for_each(|line| line.set_param(name, value));
    }
    Some(what)
}

fn invite(component: &mut Component, organizer: &str, name: &str) {
    if name != organizer && event::line(component, name).is_none() {
        component.push(Property::new("ATTENDEE", &format!("mailto:{name}@example.com")));
    }
}

fn uninvite(component: &mut Component, gone: &str) {
    component.retain_properties(|p| p.name() != "ATTENDEE" || p.value() != gone);
}

fn attendee(dice: &mut Dice, calendar: &Component) -> Option<String> {
    let lines = calendar.main_components().flat_map(|c| c.properties_named("ATTENDEE"));
    let all: Vec<String> = lines.map(|line| line.value().to_owned()).collect();
    dice.maybe(&all).cloned()
}
