//! Events as clients write and change them.

use chrono::{DateTime, TimeDelta, TimeZone, Utc};

use super::dice::Dice;
use super::site::{PEOPLE, ROOM, TEAM, identity};
use crate::ical::recur::{Budget, Window, expand};
use crate::ical::{self, Component, Property};
use crate::schedule::object::{Instance, Object, is_cancelled, put_component, zones_of};

const ZONE: &str = "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:DAYLIGHT\r\n\
    DTSTART:19810329T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nTZNAME:CEST\r\n\
    TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nEND:DAYLIGHT\r\nBEGIN:STANDARD\r\n\
    DTSTART:19961027T030000\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nTZNAME:CET\r\n\
    TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n";

pub fn utc(at: DateTime<Utc>) -> String {
    at.format("%Y%m%dT%H%M%SZ").to_string()
}

/// A start on a working hour of a few weeks, so that people and rooms meet.
pub fn start(dice: &mut Dice) -> DateTime<Utc> {
    let day = Utc.with_ymd_and_hms(2026, 3, 16, 8, 0, 0).unwrap();
    day + TimeDelta::days(dice.below(30) as i64) + TimeDelta::hours(dice.below(9) as i64)
}

/// A new event or to-do of somebody.
pub fn new(dice: &mut Dice, organizer: &str, uid: &str) -> Component {
    let kind = if dice.once_in(12) { "VTODO" } else { "VEVENT" };
    let from = start(dice);
    let mut text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\n".to_owned();
    let form = dice.below(5);
    if form == 0 {
        text.push_str(ZONE);
    }
    text.push_str(&format!("BEGIN:{kind}\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\n"));
    text.push_str(&match form {
        0 => format!("DTSTART;TZID=Europe/Berlin:{}\r\n", from.format("%Y%m%dT%H%M%S")),
        1 => format!("DTSTART;VALUE=DATE:{}\r\n", from.format("%Y%m%d")),
        _ => format!("DTSTART:{}\r\n", utc(from)),
    });
    match (kind, form) {
        ("VEVENT", 2) => text.push_str(&format!("DTEND:{}\r\n", utc(from + TimeDelta::hours(1)))),
        (_, 1) => text.push_str("DURATION:P1D\r\n"),
        _ => text.push_str("DURATION:PT1H\r\n"),
    }
    if dice.once_in(2) {
        text.push_str(&format!("RRULE:{}\r\n", rule(dice)));
    }
    text.push_str(&format!(
        "SUMMARY:First of {uid}\r\nORGANIZER:mailto:{organizer}@example.com\r\n"
    ));
    if !dice.once_in(4) {
        text.push_str(&format!("ATTENDEE;PARTSTAT=ACCEPTED:mailto:{organizer}@example.com\r\n"));
    }
    for _ in 0..1 + dice.below(4) {
        let name = invitee(dice);
        let line = format!("ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:{name}@example.com\r\n");
        if name != organizer && !text.contains(&format!(":mailto:{name}@example.com\r\n")) {
            text.push_str(&line);
        }
    }
    if dice.once_in(3) {
        text.push_str(&format!("LOCATION:Somewhere\r\nPRIORITY:{}\r\n", dice.below(9)));
    }
    text.push_str(&format!("END:{kind}\r\nEND:VCALENDAR\r\n"));
    ical::parse(text.as_bytes()).unwrap()
}

pub fn rule(dice: &mut Dice) -> String {
    let frequency = dice.pick(&["DAILY", "WEEKLY", "DAILY;INTERVAL=2"]);
    format!("FREQ={frequency};COUNT={}", 2 + dice.below(6))
}

/// Somebody to be invited; now and then the room, a group, a stranger.
pub fn invitee(dice: &mut Dice) -> String {
    match dice.below(20) {
        0..3 => ROOM.to_owned(),
        3 => "nobody".to_owned(),
        4 => TEAM.to_owned(),
        _ => (*dice.pick(&PEOPLE)).to_owned(),
    }
}

pub fn organizer(calendar: &Component) -> Option<String> {
    calendar.main_components().find_map(|c| c.value_of("ORGANIZER").map(str::to_owned))
}

pub fn is_organizer(calendar: &Component, who: &str) -> bool {
    organizer(calendar).is_some_and(|organizer| organizer == identity(who))
}

pub fn is_attendee(calendar: &Component, who: &str) -> bool {
    !is_organizer(calendar, who) && calendar.main_components().any(|c| line(c, who).is_some())
}

pub fn line<'a>(component: &'a Component, who: &str) -> Option<&'a Property> {
    component.properties_named("ATTENDEE").find(|line| line.value() == identity(who))
}

/// Sets the answer of somebody; false when the component does not name them.
pub fn answer(component: &mut Component, who: &str, partstat: &str) -> bool {
    let mut lines = component.properties_named_mut("ATTENDEE");
    let Some(line) = lines.find(|line| line.value() == identity(who)) else { return false };
    line.set_param("PARTSTAT", partstat);
    line.remove_param("RSVP");
    true
}

/// Takes everybody out: an event of one's own.
pub fn make_plain(calendar: &mut Component) {
    for component in calendar.main_components_mut() {
        component.retain_properties(|p| !matches!(p.name(), "ORGANIZER" | "ATTENDEE"));
    }
}

/// Overrides that the series does not have any more go, as clients do it.
pub fn drop_orphans(calendar: &mut Component) {
    let mut alone = calendar.clone();
    alone.retain_components(|component| !component.has("RECURRENCE-ID"));
    let series = Object::new(&alone);
    let zones = zones_of(calendar);
    calendar.retain_components(|component| {
        component.is_timezone() || series.holds(ical_instance(component, &zones))
    });
}

fn ical_instance(component: &Component, zones: &ical::timezone::Zones) -> Instance {
    crate::schedule::object::instance_of(component, zones)
}

/// The first instances that are not cancelled.
pub fn instances(calendar: &Component) -> Vec<DateTime<Utc>> {
    let recurring = calendar
        .main_components()
        .any(|c| c.has("RRULE") || c.has("RDATE") || c.has("RECURRENCE-ID"));
    if !recurring {
        return Vec::new();
    }
    let object = Object::new(calendar);
    let budget = Budget { instances: 12, truncate: true, ..Budget::default() };
    let window = Window { start: None, end: None };
    let Ok(expansion) = expand(calendar, object.zones(), window, budget) else { return Vec::new() };
    let components: Vec<&Component> = calendar.main_components().collect();
    let live = expansion.instances.iter().filter(|i| !is_cancelled(components[i.component]));
    live.map(|instance| instance.recurrence_utc).collect()
}

/// Changes one instance, which becomes an override.
pub fn change_instance(
    calendar: &mut Component,
    at: DateTime<Utc>,
    change: impl FnOnce(&mut Component),
) -> bool {
    let instance = Instance::At(at);
    let Some(mut component) = Object::new(calendar).find_or_derive(instance) else { return false };
    change(&mut component);
    let zones = zones_of(calendar);
    put_component(calendar, &zones, component);
    true
}

/// Takes one instance out, as clients do: EXDATE, and the override is gone.
pub fn exclude(calendar: &mut Component, at: DateTime<Utc>) -> bool {
    if calendar.master().is_none() {
        return false;
    }
    let zones = zones_of(calendar);
    let exdate = Object::new(calendar).in_master_form(at).to_property("EXDATE");
    calendar.retain_components(|component| {
        component.is_timezone()
            || crate::schedule::object::instance_of(component, &zones) != Instance::At(at)
    });
    if let Some(master) = calendar.master_mut() {
        master.push(exdate);
    }
    true
}

/// Moves a component in time, in whatever form its start is.
pub fn shift(component: &mut Component, by: TimeDelta) {
    for name in ["DTSTART", "DTEND", "DUE"] {
        let Some(property) = component.property_mut(name) else { continue };
        let Ok(value) = ical::DateOrTime::from_property(property) else { continue };
        let moved = value.plus(by).to_property(name);
        property.set_value(moved.value());
    }
}

/// As the file would be, without what nobody compares.
pub fn print(calendar: &Component) -> String {
    let text = String::from_utf8_lossy(&calendar.to_bytes()).replace("\r\n ", "");
    let kept = text.lines().filter(|line| !line.starts_with("DTSTAMP") && !line.starts_with("TZ"));
    kept.collect::<Vec<_>>().join("\n")
}

/// An alarm, which is its owner's business alone.
pub fn remind(component: &mut Component, trigger: &str) {
    component.retain_components(|inner| inner.name() != "VALARM");
    let mut alarm = Component::new("VALARM");
    alarm.push(Property::new("ACTION", "DISPLAY"));
    alarm.push(Property::new("DESCRIPTION", "Soon"));
    alarm.push(Property::new("TRIGGER", trigger));
    component.push_component(alarm);
}

/// Start and end of what somebody has accepted.
pub fn accepted(calendar: &Component, who: &str) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let object = Object::new(calendar);
    let budget = Budget { instances: 200, truncate: true, ..Budget::default() };
    let window = Window { start: None, end: None };
    let Ok(expansion) = expand(calendar, object.zones(), window, budget) else { return Vec::new() };
    let components: Vec<&Component> = calendar.main_components().collect();
    let busy = |component: &Component| {
        component.name() == "VEVENT"
            && !is_cancelled(component)
            && line(component, who).is_some_and(|line| line.param("PARTSTAT") == Some("ACCEPTED"))
    };
    let held = expansion.instances.iter().filter(|i| busy(components[i.component]));
    held.map(|instance| (instance.start, instance.end)).collect()
}
