//! An attendee's REPLY meets the organizer's object (RFC 6638 §4.2, RFC 5546 §3.2.3). Pure.

use chrono::{DateTime, Utc};

use super::attendees;
use super::changes::{ReplyChange, ScheduleChanges};
use super::classify::organizer_of;
use super::delegation;
use super::itip::stamp;
use super::object::{Instance, Object, instance_of, put_component, zones_of};
use super::smart_merge;
use super::users::CalendarUsers;
use crate::ical::{Component, Property};

const PRIVATE: &str = "X-CALENDARSERVER-PRIVATE-COMMENT";
const COMMENT: &str = "X-CALENDARSERVER-ATTENDEE-COMMENT";

/// What a reply does.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The organizer's new object.
    pub object: Component,
    /// Identity of the attendee who answered.
    pub attendee: String,
    /// What changed, for the inbox item.
    pub changes: ScheduleChanges,
    /// An answer changed: the other attendees should see it.
    pub answer_changed: bool,
    /// Identities of those to whom the attendee delegated and who are not invited yet.
    pub delegates: Vec<String>,
}

/// Works a reply into the organizer's object; `None` when it does not concern it.
pub fn process(
    message: &Component,
    stored: &Component,
    now: DateTime<Utc>,
    users: &dyn CalendarUsers,
) -> Option<Reply> {
    let attendee = sender(message, users)?;
    let organizer = organizer_of(stored, users).ok().flatten().unwrap_or_default();
    let mut delegates = Vec::new();
    let mut object = stored.clone();
    let zones = zones_of(message);
    let mut changes = Vec::new();
    for answer in message.main_components() {
        let instance = instance_of(answer, &zones);
        let target = Object::new(&object).find_or_derive(instance);
        let Some(mut component) = target else { continue };
        let Some(change) = apply(answer, &mut component, instance, &attendee, now, users) else {
            continue;
        };
        if let Some(line) = attendees::line(answer, &attendee, users) {
            delegates.extend(delegation::invite(&mut component, line, &organizer, users));
        }
        let all = zones_of(&object);
        put_component(&mut object, &all, component);
        changes.push(change);
    }
    if let Some(master) = message.master() {
        for instance in unsent(message, stored) {
            let Some(mut component) = Object::new(&object).find(instance).cloned() else {
                continue;
            };
            let change = apply(master, &mut component, instance, &attendee, now, users);
            if let Some(line) = attendees::line(master, &attendee, users) {
                delegates.extend(delegation::invite(&mut component, line, &organizer, users));
            }
            let all = zones_of(&object);
            put_component(&mut object, &all, component);
            changes.extend(change.filter(|change| change.partstat || change.comment));
        }
    }
    if changes.is_empty() {
        return None;
    }
    let answer_changed = !delegates.is_empty() || changes.iter().any(|change| change.partstat);
    let changes = ScheduleChanges::Reply(attendee.clone(), changes);
    delegates.sort();
    delegates.dedup();
    Some(Reply { object, attendee, changes, answer_changed, delegates })
}

/// Overrides that say nothing of their own, so that no attendee ever heard of them: an answer to
/// the series answers them too.
fn unsent(message: &Component, stored: &Component) -> Vec<Instance> {
    let (named, object) = (Object::new(message).instances(), Object::new(stored));
    let unnamed = object.components().filter(|(instance, _)| !named.contains(instance));
    let plain = unnamed.filter(|(instance, component)| {
        object.derive(*instance).is_some_and(|d| smart_merge::same_but_answers(&d, component))
    });
    plain.map(|(instance, _)| instance).collect()
}

/// The one attendee that every component of a reply names.
pub fn sender(message: &Component, users: &dyn CalendarUsers) -> Option<String> {
    let mut sender = None;
    for component in message.main_components() {
        let mut lines = component.properties_named("ATTENDEE");
        let (Some(line), None) = (lines.next(), lines.next()) else { return None };
        let identity = users.identity(line.value());
        if sender.get_or_insert_with(|| identity.clone()) != &identity {
            return None;
        }
    }
    sender
}

fn apply(
    answer: &Component,
    component: &mut Component,
    instance: Instance,
    attendee: &str,
    now: DateTime<Utc>,
    users: &dyn CalendarUsers,
) -> Option<ReplyChange> {
    let theirs = attendees::line(answer, attendee, users)?;
    let line = attendees::line_mut(component, attendee, users)?;
    let said = attendees::partstat(theirs);
    let partstat = attendees::partstat(line) != said;
    line.set_param("PARTSTAT", &said);
    let partstat = delegation::take(line, theirs) || partstat;
    line.set_param("SCHEDULE-STATUS", &status(answer));
    attendees::take_sent_by(line, theirs);
    if partstat {
        line.remove_param("RSVP");
        line.set_param("X-CALENDARSERVER-DTSTAMP", &stamp(now));
    }
    let comment = take_comment(answer, component, attendee, now, users);
    Some(ReplyChange { instance, partstat, comment })
}

/// The codes of REQUEST-STATUS, comma separated; 2.0 when there is none.
fn status(answer: &Component) -> String {
    let values = answer.properties_named("REQUEST-STATUS");
    let codes: Vec<&str> =
        values.filter_map(|p| p.value().split(';').next()).map(str::trim).collect();
    if codes.is_empty() { "2.0".to_owned() } else { codes.join(",") }
}

/// The three notes of apple-caldav-privatecomments §3.2, but a comment that the attendee took out
/// altogether goes here too; tells whether anything changed.
fn take_comment(
    answer: &Component,
    component: &mut Component,
    attendee: &str,
    now: DateTime<Utc>,
    users: &dyn CalendarUsers,
) -> bool {
    let is_theirs = |property: &Property| {
        property.name() == COMMENT
            && property
                .param("X-CALENDARSERVER-ATTENDEE-REF")
                .is_some_and(|reference| users.identity(reference) == attendee)
    };
    let said = answer.value_of(PRIVATE);
    let known = component.properties_named_mut(COMMENT).find(|property| is_theirs(property));
    match (known, said) {
        (None, None | Some("")) => false,
        (Some(known), Some(said)) if known.value() == said => false,
        (Some(known), Some(said)) => {
            known.set_value(said);
            mark(known, attendee, now);
            true
        }
        (Some(_), None) => {
            component.retain_properties(|property| !is_theirs(property));
            true
        }
        (None, Some(said)) => {
            let mut comment = Property::new(COMMENT, said);
            mark(&mut comment, attendee, now);
            component.push(comment);
            true
        }
    }
}

fn mark(comment: &mut Property, attendee: &str, now: DateTime<Utc>) {
    comment.clear_params();
    comment.set_param("X-CALENDARSERVER-ATTENDEE-REF", attendee);
    comment.set_param("X-CALENDARSERVER-DTSTAMP", &stamp(now));
}
