//! Whether all copies of one event tell the same story (RFC 6638 §3.2, docs/scheduling.md "What
//! has to agree"). Pure; `daybook check --scheduling` and the tests read the files.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::attendees::{self, partstat, partstat_of, served_in_order};
use super::classify::{self, Role};
use super::instance_diff;
use super::normalise::{Normal, normal};
use super::object::{Instance, Object, all_cancelled, is_cancelled, max_sequence, sequence};
use super::users::CalendarUsers;
use super::view::attendee_view;
use crate::ical::Component;
use crate::ical::recur::{Budget, Window, expand};

/// Instances of each copy that are compared.
const COMPARED_INSTANCES: usize = 500;
/// What an attendee's copy may say for itself (RFC 6638 §3.2.2.1), and what is told elsewhere.
const OWN: &[&str] = &[
    "TRANSP",
    "CATEGORIES",
    "COLOR",
    "COMPLETED",
    "PERCENT-COMPLETE",
    "SEQUENCE",
    "EXDATE",
    "X-CALENDARSERVER-PRIVATE-COMMENT",
];
/// Who is to deliver is between the organizer and the server: attendees never hear of it.
const AGENT: &str = "SCHEDULE-AGENT";

/// One stored object with the UID.
#[derive(Clone, Copy, Debug)]
pub struct Copy<'a> {
    /// Identity of the owner of the home.
    pub owner: &'a str,
    /// The object.
    pub calendar: &'a Component,
    /// Whether a schedule-tag is stored with it.
    pub tagged: bool,
}

/// Where copies disagree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Which of the copies.
    pub copy: usize,
    /// Which instance.
    pub instance: Instance,
    /// What is wrong.
    pub reason: String,
    /// Whether it can only be a mistake; otherwise somebody may have wanted it.
    pub certain: bool,
}

/// Compares all objects with one UID, of all homes.
pub fn examine(copies: &[Copy<'_>], users: &dyn CalendarUsers) -> Vec<Finding> {
    let mut look = Look { copies, users, roles: Vec::new(), findings: Vec::new() };
    for (at, copy) in copies.iter().enumerate() {
        let role = classify::role(copy.calendar, copy.owner, users);
        if role.is_err() {
            look.wrong(at, Instance::Master, "it has several organizers");
        }
        look.roles.push(role.unwrap_or(Role::None));
    }
    look.tags();
    look.homes();
    for (at, role) in look.roles.clone().iter().enumerate() {
        match role {
            Role::Organizer { organizer } => look.organized(at, organizer),
            Role::Attendee { attendee, organizer } => look.invited(at, attendee, organizer),
            Role::None => {}
        }
    }
    look.findings.sort();
    look.findings
}

struct Look<'a> {
    copies: &'a [Copy<'a>],
    users: &'a dyn CalendarUsers,
    roles: Vec<Role>,
    findings: Vec<Finding>,
}

impl Look<'_> {
    fn wrong(&mut self, copy: usize, instance: Instance, reason: impl Into<String>) {
        let reason = reason.into();
        self.findings.push(Finding { copy, instance, reason, certain: true });
    }

    /// Scheduling objects have a schedule-tag, stored or not; others have none (RFC 6638 §3.2.10).
    fn tags(&mut self) {
        for at in 0..self.copies.len() {
            if self.copies[at].tagged && !self.roles[at].is_scheduling() {
                let reason = "it is no scheduling object but has a schedule-tag";
                self.wrong(at, Instance::Master, reason);
            }
        }
    }

    /// One UID, one scheduling object in a home (RFC 6638 §3.2.4.1).
    fn homes(&mut self) {
        let mut seen: BTreeMap<&str, (usize, bool)> = BTreeMap::new();
        for (at, copy) in self.copies.iter().enumerate() {
            let scheduling = self.roles[at].is_scheduling();
            let known = seen.get(copy.owner).copied();
            if known.is_some_and(|(_, known)| known || scheduling) {
                let reason = "its UID is that of another object of the home".to_owned();
                let instance = Instance::Master;
                self.findings.push(Finding { copy: at, instance, reason, certain: true });
            }
            let any = scheduling || known.is_some_and(|(_, known)| known);
            seen.insert(copy.owner, (at, any));
        }
    }

    /// Every attendee the server sent to has a status, and a copy where the status says so.
    fn organized(&mut self, at: usize, organizer: &str) {
        let calendar = self.copies[at].calendar;
        let object = Object::new(calendar);
        for attendee in served_in_order(calendar, organizer, self.users) {
            for (instance, component) in object.components() {
                let line = attendees::line(component, &attendee, self.users);
                if line.is_some_and(|line| line.param("SCHEDULE-STATUS").is_none()) {
                    let reason = format!("SCHEDULE-STATUS of {attendee} is missing");
                    self.wrong(at, instance, reason);
                }
            }
            let has = self.copy_of(&attendee, organizer).is_some();
            if has || !self.was_delivered(calendar, &attendee) || !self.expects(calendar, &attendee)
            {
                continue;
            }
            let reason = format!("{attendee} has no copy: it was removed without a word, or lost");
            let instance = Instance::Master;
            self.findings.push(Finding { copy: at, instance, reason, certain: false });
        }
    }

    /// Whether the latest message reached the attendee (RFC 6638 §3.2.9: 1.x and 2.x).
    fn was_delivered(&self, calendar: &Component, attendee: &str) -> bool {
        let known = self.users.user(attendee).is_some_and(|user| user.has_calendars);
        known
            && calendar.main_components().any(|component| {
                let line = attendees::line(component, attendee, self.users);
                let status = line.and_then(|line| line.param("SCHEDULE-STATUS"));
                status.is_some_and(|status| status.starts_with(['1', '2']))
            })
    }

    /// Whether there is an instance that the attendee did not decline.
    fn expects(&self, calendar: &Component, attendee: &str) -> bool {
        calendar.main_components().any(|component| {
            let answer = partstat_of(component, attendee, self.users);
            !is_cancelled(component) && answer.is_some_and(|answer| answer != "DECLINED")
        })
    }

    fn copy_of(&self, attendee: &str, organizer: &str) -> Option<usize> {
        self.roles.iter().position(|role| match role {
            Role::Attendee { attendee: a, organizer: o } => a == attendee && o == organizer,
            _ => false,
        })
    }

    /// An attendee's copy is what the organizer's object lets the attendee see.
    fn invited(&mut self, at: usize, attendee: &str, organizer: &str) {
        let is_organizers =
            |role: &Role| matches!(role, Role::Organizer { organizer: o } if o == organizer);
        let theirs = self.roles.iter().position(is_organizers);
        let copy = self.copies[at].calendar;
        let Some(theirs) = theirs.map(|theirs| self.copies[theirs].calendar) else {
            if self.users.user(organizer).is_some() && !all_cancelled(copy) {
                self.wrong(at, Instance::Master, "its organizer has no such event");
            }
            return;
        };
        let Some(view) = attendee_view(theirs, attendee, self.users) else {
            if !all_cancelled(copy) {
                self.wrong(at, Instance::Master, "its owner is not invited any more");
            }
            return;
        };
        if self.was_delivered(theirs, attendee) {
            self.same_instances(at, &view, attendee);
            self.same_content(at, &view, max_sequence(theirs), attendee);
        }
    }

    /// Both have the same instances at the same times; cancelled ones do not count.
    fn same_instances(&mut self, at: usize, view: &Component, attendee: &str) {
        let (theirs, own) = (live(view), live(self.copies[at].calendar));
        let (Some((theirs, until)), Some((own, own_until))) = (theirs, own) else {
            self.wrong(at, Instance::Master, "its recurrence set cannot be worked out");
            return;
        };
        let until = [until, own_until].into_iter().flatten().min();
        let near = |start: &DateTime<Utc>| until.is_none_or(|until| *start < until);
        let object = Object::new(view);
        for (id, times) in theirs.iter().filter(|(_, times)| near(&times.0)) {
            let instance = Instance::At(*id);
            match own.get(id) {
                Some(known) if known == times => {}
                Some(_) => self.wrong(at, instance, "it is at another time than the organizer's"),
                None => {
                    let source = object.find(instance).or_else(|| view.master());
                    let answer = source.and_then(|c| partstat_of(c, attendee, self.users));
                    if answer.is_none_or(|answer| answer != "DECLINED") {
                        self.wrong(at, instance, "the organizer has it, the copy has not");
                    }
                }
            }
        }
        for (id, _) in own.iter().filter(|(_, times)| near(&times.0)) {
            if !theirs.contains_key(id) {
                let reason = "the copy has it, the organizer has not";
                self.wrong(at, Instance::At(*id), reason);
            }
        }
    }

    /// What both say of an instance is the same, but for what is the attendee's own.
    fn same_content(&mut self, at: usize, view: &Component, latest: i64, attendee: &str) {
        let (theirs, own) = (Object::new(view), Object::new(self.copies[at].calendar));
        let keys: BTreeSet<Instance> =
            theirs.instances().union(&own.instances()).copied().collect();
        for key in keys {
            let (Some(one), Some(other)) = (theirs.find_or_derive(key), own.find_or_derive(key))
            else {
                continue;
            };
            if is_cancelled(&one) || is_cancelled(&other) {
                continue;
            }
            if sequence(&other) > latest {
                self.wrong(at, key, "its SEQUENCE is greater than the organizer's");
            }
            let answers = [&one, &other].map(|component| {
                attendees::line(component, attendee, self.users).map_or(String::new(), partstat)
            });
            if answers[0] != answers[1] {
                let [recorded, given] = &answers;
                let reason = format!("the answer is {given}, and {recorded} at the organizer's");
                self.wrong(at, key, reason);
            }
            let sides = [(&one, &theirs), (&other, &own)]
                .map(|(component, object)| told(component, object, attendee, self.users));
            let differs = instance_diff::changes(&sides[0], &sides[1]);
            if !differs.is_empty() {
                let names = differs.iter().map(|(name, params)| {
                    let params = params.iter().map(|param| format!(";{param}"));
                    format!("{name}{}", params.collect::<String>())
                });
                let names = names.collect::<Vec<_>>().join(", ");
                self.wrong(at, key, format!("it differs from the organizer's: {names}"));
            }
        }
    }
}

/// What an organizer tells of an instance, in comparable form, without the attendee's answer.
fn told(
    component: &Component,
    object: &Object<'_>,
    attendee: &str,
    users: &dyn CalendarUsers,
) -> Normal {
    let shared = normal(component, object.zones(), users);
    let shared = shared.into_iter().filter(|property| !OWN.contains(&property.name.as_str()));
    let shared = shared.map(|mut property| {
        property.params.remove(AGENT);
        if property.name == "ATTENDEE" && property.value == attendee {
            property.params.remove("PARTSTAT");
        }
        property
    });
    shared.collect()
}

type Live = BTreeMap<DateTime<Utc>, (DateTime<Utc>, DateTime<Utc>)>;

/// Start and end of the instances that are not cancelled, and how far they were followed.
fn live(calendar: &Component) -> Option<(Live, Option<DateTime<Utc>>)> {
    let object = Object::new(calendar);
    let budget = Budget { instances: COMPARED_INSTANCES, truncate: true, ..Budget::default() };
    let window = Window { start: None, end: None };
    let expansion = expand(calendar, object.zones(), window, budget).ok()?;
    let components: Vec<&Component> = calendar.main_components().collect();
    let held = expansion.instances.iter().filter(|instance| {
        components.get(instance.component).is_some_and(|component| !is_cancelled(component))
    });
    let live = held.map(|i| (i.recurrence_utc, (i.start, i.end))).collect();
    Some((live, expansion.complete_until))
}

#[cfg(test)]
mod tests;
