//! What in an attendee's copy is the attendee's own: taken from the client on PUT, kept on every
//! update that the organizer sends.

use super::attendees;
use super::classify::{Agent, agent};
use super::users::CalendarUsers;
use crate::ical::{Component, Property};

/// Properties that are the attendee's own (RFC 6638 §3.2.2.1, with what clients keep there).
const OWN: &[&str] = &[
    "TRANSP",
    "PERCENT-COMPLETE",
    "COMPLETED",
    "CATEGORIES",
    "COLOR",
    "X-CALENDARSERVER-PRIVATE-COMMENT",
];
/// Private properties that are not the attendee's to write.
const NOT_OWN: &[&str] = &["X-APPLE-DROPBOX"];
/// Stamps that follow whoever wrote last.
const STAMPS: &[&str] = &["DTSTAMP", "LAST-MODIFIED", "CREATED"];

/// Private properties never come from the organizer (they are not sent), so they are the
/// attendee's; those of the server are not.
fn is_own(property: &Property) -> bool {
    let name = property.name();
    OWN.contains(&name)
        || (name.starts_with("X-")
            && !name.starts_with("X-CALENDARSERVER-")
            && !name.starts_with("X-APPLE-STRUCTURED")
            && !NOT_OWN.contains(&name))
}

fn is_alarm(component: &Component) -> bool {
    component.name() == "VALARM"
}

/// Takes the attendee's own data from what the client sent.
pub fn take(stored: &mut Component, sent: &Component) {
    replace(stored, sent, |property| is_own(property) || STAMPS.contains(&property.name()));
    take_alarms(stored, sent);
}

/// Carries the attendee's own data from the stored copy over to an organizer's update.
pub fn keep(updated: &mut Component, stored: &Component) {
    let organizers = |property: &Property| {
        // What the organizer says about these counts unless the attendee said something.
        matches!(property.name(), "CATEGORIES" | "COLOR") && !stored.has(property.name())
    };
    let kept: Vec<Property> = updated.properties().filter(|p| organizers(p)).cloned().collect();
    replace(updated, stored, is_own);
    for property in kept {
        if !updated.has(property.name()) {
            updated.push(property);
        }
    }
    take_alarms(updated, stored);
    let served = stored.property("ORGANIZER").filter(|p| agent(p) == Agent::Server);
    let status = served.and_then(|p| p.param("SCHEDULE-STATUS"));
    if let (Some(status), Some(organizer)) = (status, updated.property_mut("ORGANIZER")) {
        organizer.set_param("SCHEDULE-STATUS", status);
    }
}

/// Carries private comments over when a client that does not know them dropped all of them
/// (reference §7.11).
pub fn keep_comments(new: &mut Component, old: &Component) {
    const NAMES: [&str; 2] =
        ["X-CALENDARSERVER-PRIVATE-COMMENT", "X-CALENDARSERVER-ATTENDEE-COMMENT"];
    let has = |calendar: &Component| {
        calendar.main_components().any(|c| NAMES.iter().any(|name| c.has(name)))
    };
    if !has(old) || has(new) {
        return;
    }
    let before = super::object::Object::new(old);
    let zones = super::object::zones_of(new);
    for component in new.main_components_mut() {
        let instance = super::object::instance_of(component, &zones);
        let source = before.find(instance).or_else(|| old.master());
        let comments = source.into_iter().flat_map(|c| c.properties());
        let comments: Vec<Property> =
            comments.filter(|p| NAMES.contains(&p.name())).cloned().collect();
        for comment in comments {
            component.push(comment);
        }
    }
}

/// Some clients answer without care for TRANSP: the answer decides then.
pub fn fix_transparency(after: &mut Component, attendee: &str, users: &dyn CalendarUsers) {
    let answer = attendees::partstat_of(after, attendee, users).unwrap_or_default();
    let transparent = matches!(answer.as_str(), "NEEDS-ACTION" | "DECLINED");
    after.set(Property::new("TRANSP", if transparent { "TRANSPARENT" } else { "OPAQUE" }));
}

/// Makes the chosen properties of one component those of another.
fn replace(target: &mut Component, source: &Component, chosen: impl Fn(&Property) -> bool) {
    let theirs: Vec<&Property> = source.properties().filter(|p| chosen(p)).collect();
    let ours: Vec<&Property> = target.properties().filter(|p| chosen(p)).collect();
    if ours == theirs {
        return;
    }
    let theirs: Vec<Property> = theirs.into_iter().cloned().collect();
    target.retain_properties(|property| !chosen(property));
    for property in theirs {
        target.push(property);
    }
}

fn take_alarms(target: &mut Component, source: &Component) {
    let theirs: Vec<Component> = source.components().filter(|c| is_alarm(c)).cloned().collect();
    let same = target.components().filter(|c| is_alarm(c)).eq(theirs.iter());
    if !same {
        target.retain_components(|component| !is_alarm(component));
        for alarm in theirs {
            target.push_component(alarm);
        }
    }
}
