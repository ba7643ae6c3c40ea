//! An organizer's message meets an attendee's copy (RFC 6638 §4.1, RFC 5546 §3.2): what the copy
//! becomes. Pure.

use std::collections::BTreeSet;

use super::attendees;
use super::changes::ScheduleChanges;
use super::classify::{Agent, agent, organizer_of};
use super::instance_diff::{Difference, difference};
use super::itip::Method;
use super::object::{
    Instance, Object, instance_of, is_cancelled, put_component, remove_dates, sequence,
    set_sequence, zones_of,
};
use super::own_data;
use super::users::CalendarUsers;
use crate::ical::{AccessLevel, Component, Property};

/// What the message does to the recipient's calendar.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Nothing to do, nothing to tell.
    Ignored,
    /// The copy becomes this.
    Store {
        /// The whole new object.
        object: Component,
        /// What changed, for the inbox item.
        changes: ScheduleChanges,
        /// Nothing but answers of other attendees changed: the schedule-tag stays.
        answers_only: bool,
    },
    /// The copy goes.
    Delete {
        /// What changed, for the inbox item.
        changes: ScheduleChanges,
    },
    /// The stored copy belongs to another organizer (5.3).
    OtherOrganizer,
}

/// An organizer's message for one attendee.
pub struct Incoming<'a> {
    /// The message, with METHOD.
    pub message: &'a Component,
    /// The attendee's stored copy.
    pub stored: Option<&'a Component>,
    /// Identity of the attendee.
    pub recipient: &'a str,
    /// The recipient answers by itself: nothing is kept that is cancelled, nothing waits.
    pub automatic: bool,
    /// A refresh after somebody else's answer.
    pub refresh: bool,
}

/// Works out the effect of REQUEST, ADD or CANCEL.
pub fn process(incoming: &Incoming<'_>, users: &dyn CalendarUsers) -> Effect {
    // A copy that was never served is no copy yet.
    let served = |calendar: &&Component| {
        let mut organizers = calendar.main_components().filter_map(|c| c.property("ORGANIZER"));
        organizers.all(|organizer| agent(organizer) == Agent::Server)
    };
    let stored = incoming.stored.filter(served);
    if let Some(stored) = incoming.stored {
        let organizer = |calendar: &Component| organizer_of(calendar, users).ok().flatten();
        if organizer(stored) != organizer(incoming.message) {
            return Effect::OtherOrganizer;
        }
    }
    match (Method::of(incoming.message), stored) {
        (Some(Method::Request), None) => create(incoming, users),
        (Some(Method::Request | Method::Add), Some(stored)) => update(incoming, stored, users),
        (Some(Method::Cancel), Some(stored)) => cancel(incoming, stored),
        _ => Effect::Ignored,
    }
}

fn create(incoming: &Incoming<'_>, users: &dyn CalendarUsers) -> Effect {
    // What is called off does not come back to who removed it (RFC 5546 §3.2.2: the STATUS of a
    // REQUEST is TENTATIVE or CONFIRMED).
    if incoming.refresh || incoming.message.main_components().all(is_cancelled) {
        return Effect::Ignored;
    }
    let mut object = without_method(incoming.message);
    wait_for_answer(&mut object, incoming, users);
    Effect::Store { object, changes: ScheduleChanges::Create, answers_only: false }
}

fn update(incoming: &Incoming<'_>, stored: &Component, users: &dyn CalendarUsers) -> Effect {
    let message = without_method(incoming.message);
    let mut object = match message.master() {
        Some(_) => replaced(message, stored),
        None => with_overrides(&message, stored),
    };
    wait_for_answer(&mut object, incoming, users);
    let (before, after) = (Object::new(stored), Object::new(&object));
    let differs = difference(&before, &after, users, &[]);
    let answers_only = differs.values().all(|changes| {
        changes.iter().all(|(name, params)| {
            name == "ATTENDEE" && !params.is_empty() && params.iter().all(|p| p == "PARTSTAT")
        })
    });
    let mut told = differs;
    asked_again(&before, &after, &mut told);
    // EXDATEs of what is shown as cancelled are not stored, but they did change.
    if Object::new(incoming.message).exdates() != before.exdates()
        && let Some(changes) = told.get_mut(&Instance::Master)
    {
        changes.entry("EXDATE".to_owned()).or_default();
    }
    let changes = ScheduleChanges::update(&before, &told);
    Effect::Store { object, changes, answers_only: answers_only && incoming.refresh }
}

/// RSVP never matters to the times, but people are told that they are asked again.
fn asked_again(before: &Object<'_>, after: &Object<'_>, told: &mut Difference) {
    let asked = |component: &Component| -> BTreeSet<String> {
        let lines = component.properties_named("ATTENDEE");
        let asked = lines.filter(|line| line.param("RSVP").is_some_and(|v| v == "TRUE"));
        asked.map(|line| line.value().to_owned()).collect()
    };
    for (instance, component) in after.components() {
        if let Some(known) = before.find(instance)
            && asked(known) != asked(component)
        {
            let changes = told.entry(instance).or_default();
            changes.entry("ATTENDEE".to_owned()).or_default().insert("RSVP".to_owned());
        }
    }
}

/// The message with a master replaces everything but what is the attendee's own.
fn replaced(mut message: Component, stored: &Component) -> Component {
    let before = Object::new(stored);
    let zones = zones_of(&message);
    for component in message.main_components_mut() {
        let instance = instance_of(component, &zones);
        if let Some(own) = before.find(instance).or_else(|| stored.master()) {
            own_data::keep(component, own);
        }
    }
    let mut back = Vec::new();
    let mut shown = BTreeSet::new();
    {
        let after = Object::new(&message);
        let exdates = after.exdates();
        for (instance, copy) in before.components() {
            let Instance::At(at) = instance else { continue };
            if after.find(instance).is_some() {
                continue;
            }
            if is_cancelled(copy) && exdates.contains(&at) {
                // The attendee still sees what was called off.
                shown.insert(at);
                back.push(copy.clone());
            } else if !is_cancelled(copy) && !exdates.contains(&at) {
                back.extend(rederived(&after, instance, copy, stored));
            }
        }
    }
    if let Some(master) = message.master_mut() {
        remove_dates(master, "EXDATE", &shown, &zones);
    }
    for component in back {
        message.push_component(component);
    }
    // How private a copy is, its owner says (apple-caldav-privateevents §4.2.5).
    if let Some(level) = stored.property(AccessLevel::PROPERTY) {
        message.set(level.clone());
    }
    message
}

/// An override that only the attendee had, on top of the new master; `None` when it held
/// nothing of the attendee's own.
fn rederived(
    after: &Object<'_>,
    instance: Instance,
    copy: &Component,
    stored: &Component,
) -> Option<Component> {
    let mut own = copy.clone();
    let mut plain = copy.clone();
    if let Some(master) = stored.master() {
        own_data::keep(&mut plain, master);
    }
    own_data::keep(&mut own, copy);
    if own == plain {
        return None;
    }
    let mut derived = after.derive(instance)?;
    own_data::keep(&mut derived, copy);
    Some(derived)
}

/// A message without master touches only the instances it names.
fn with_overrides(message: &Component, stored: &Component) -> Component {
    let mut object = stored.clone();
    let before = Object::new(stored);
    add_zones(&mut object, message);
    let zones = zones_of(message);
    let mut named = BTreeSet::new();
    for component in message.main_components() {
        let instance = instance_of(component, &zones);
        let mut component = component.clone();
        if let Some(own) = before.find(instance).or_else(|| stored.master()) {
            own_data::keep(&mut component, own);
        }
        if let Instance::At(at) = instance {
            named.insert(at);
        }
        let all = zones_of(&object);
        put_component(&mut object, &all, component);
    }
    let all = zones_of(&object);
    if let Some(master) = object.master_mut() {
        remove_dates(master, "EXDATE", &named, &all);
    }
    object
}

fn cancel(incoming: &Incoming<'_>, stored: &Component) -> Effect {
    let message = incoming.message;
    let zones = zones_of(message);
    let named: Vec<(Instance, i64)> =
        message.main_components().map(|c| (instance_of(c, &zones), sequence(c))).collect();
    if named.iter().any(|(instance, _)| *instance == Instance::Master) {
        let changes = ScheduleChanges::Cancel(Vec::new());
        if incoming.automatic {
            return Effect::Delete { changes };
        }
        let mut object = stored.clone();
        let next = named.iter().map(|(_, sequence)| *sequence).max().unwrap_or(0);
        for component in object.main_components_mut() {
            call_off(component, next);
        }
        return Effect::Store { object, changes, answers_only: false };
    }
    let instances = named.iter().map(|(instance, _)| *instance).collect();
    let changes = ScheduleChanges::Cancel(instances);
    let object = if incoming.automatic {
        without_instances(stored, &named)
    } else {
        with_cancelled(stored, &named)
    };
    match object {
        Some(object) if object.main_components().next().is_none() => Effect::Delete { changes },
        Some(object) => Effect::Store { object, changes, answers_only: false },
        None => Effect::Ignored,
    }
}

fn call_off(component: &mut Component, next: i64) {
    component.set(Property::new("STATUS", "CANCELLED"));
    if next > sequence(component) {
        set_sequence(component, next);
    }
}

/// Marks the instances; `None` when the copy has none of them.
fn with_cancelled(stored: &Component, named: &[(Instance, i64)]) -> Option<Component> {
    let before = Object::new(stored);
    let mut object = stored.clone();
    let mut any = false;
    for (instance, sequence) in named {
        let Some(mut component) = before.find_or_derive(*instance) else { continue };
        call_off(&mut component, *sequence);
        let zones = zones_of(&object);
        put_component(&mut object, &zones, component);
        any = true;
    }
    any.then_some(object)
}

/// Takes the instances out; `None` when the copy has none of them.
fn without_instances(stored: &Component, named: &[(Instance, i64)]) -> Option<Component> {
    let before = Object::new(stored);
    let gone: BTreeSet<Instance> =
        named.iter().map(|(i, _)| *i).filter(|i| before.holds(*i)).collect();
    if gone.is_empty() {
        return None;
    }
    let mut object = stored.clone();
    let zones = zones_of(stored);
    object.retain_components(|c| c.is_timezone() || !gone.contains(&instance_of(c, &zones)));
    let exdates = before.exdates();
    if let Some(master) = object.master_mut() {
        for instance in &gone {
            if let Instance::At(at) = instance
                && !exdates.contains(at)
            {
                master.push(before.in_master_form(*at).to_property("EXDATE"));
            }
        }
    }
    // A series with another EXDATE is a new version of it (RFC 5546 §2.1.4); single instances
    // beside the one called off are what they were.
    let next = named.iter().map(|(_, sequence)| *sequence).max().unwrap_or(0);
    let series = object.master().is_some();
    for component in object.main_components_mut().filter(|_| series) {
        if next > sequence(component) {
            set_sequence(component, next);
        }
    }
    Some(object)
}

/// The time of an invitation is free until it is answered (reference §7.8).
fn wait_for_answer(object: &mut Component, incoming: &Incoming<'_>, users: &dyn CalendarUsers) {
    if incoming.automatic || incoming.refresh {
        return;
    }
    for component in object.main_components_mut() {
        if component.name() != "VEVENT" || is_cancelled(component) {
            continue;
        }
        let answer = attendees::partstat_of(component, incoming.recipient, users);
        if answer.as_deref() == Some("NEEDS-ACTION") {
            component.set(Property::new("TRANSP", "TRANSPARENT"));
        }
    }
}

fn without_method(message: &Component) -> Component {
    let mut object = message.clone();
    object.remove_properties("METHOD");
    object
}

fn add_zones(object: &mut Component, message: &Component) {
    let known: BTreeSet<String> =
        object.timezones().filter_map(|zone| zone.value_of("TZID").map(str::to_owned)).collect();
    for zone in message.timezones() {
        if zone.value_of("TZID").is_some_and(|id| !known.contains(id)) {
            object.items_mut().insert(0, crate::ical::Item::Component(zone.clone()));
        }
    }
}
