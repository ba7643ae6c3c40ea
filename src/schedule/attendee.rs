//! What an attendee may change in their copy (RFC 6638 §3.2.2.1), and what of it the organizer
//! has to hear. Pure.
//!
//! The result is built from the stored copy; only what belongs to the attendee is taken from
//! the client (reference §7.10). The rest is silently reverted, a change of the organizer's
//! times is refused.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::attendees;
use super::delegation;
use super::normalise::{Normal, normal};
use super::object::{Instance, Object, is_cancelled, put_component, zones_of};
use super::own_data;
use super::users::CalendarUsers;
use crate::ical::{Component, Property};

/// What an attendee asks for.
pub struct Change<'a> {
    /// The stored copy, or for a new resource the attendee's view of the organizer's object.
    pub base: &'a Component,
    /// Identity of the attendee.
    pub attendee: &'a str,
    /// The present.
    pub now: DateTime<Utc>,
    /// The client holds a version from before answers of others came in.
    pub merge: bool,
    /// The client leaves TRANSP as it was when it answers (known clients only).
    pub fix_transparency: bool,
}

/// What comes of it.
#[derive(Clone, Debug)]
pub struct Merged {
    /// The object to store.
    pub object: Component,
    /// Instances that the organizer has to hear of; empty for none.
    pub answered: BTreeSet<Instance>,
}

/// The change is not the attendee's to make; why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub &'static str);

/// Merges what the client sent into the base.
pub fn merge(
    change: &Change<'_>,
    client: &Component,
    users: &dyn CalendarUsers,
) -> Result<Merged, Refused> {
    let mut client = client.clone();
    unmask_fake_master(change.base, &mut client);
    let (base, sent) = (Object::new(change.base), Object::new(&client));
    let mut out = Out { object: change.base.clone(), answered: BTreeSet::new(), change, users };
    let sent_exdates = sent.exdates();
    for (instance, stored) in base.components() {
        match sent.find(instance) {
            Some(component) => {
                check_times(stored, component, &base, &sent, users)?;
                out.take(instance, stored.clone(), component)?;
            }
            None if change.merge && unseen(instance, &sent, &sent_exdates) => {
                // Somebody else's answer made this override; the client's master speaks for it.
                if let Some(derived) = sent.derive(instance) {
                    check_times(stored, &derived, &base, &sent, users)?;
                    out.take(instance, stored.clone(), &derived)?;
                }
            }
            None => {
                out.missing(instance, stored, client.master().is_some(), &sent_exdates, &base)?
            }
        }
    }
    for (instance, component) in sent.components() {
        if base.find(instance).is_none() {
            out.added(instance, component, &base, &sent)?;
        }
    }
    if client.master().is_some() && change.base.master().is_some() {
        if !base.exdates().is_subset(&sent_exdates) {
            // The organizer took that instance out; only the organizer can put it back. A client
            // that stores an override for it was refused above, so the EXDATE simply stays.
            let lost = base.exdates().difference(&sent_exdates).count();
            if lost > 0 && !cancelled_cover(&base, &sent) {
                return Err(Refused("EXDATE removed"));
            }
        }
        for at in sent_exdates.difference(&base.exdates()) {
            out.decline(Instance::At(*at), &base);
        }
    }
    if forced_reply(&client) {
        out.answered.insert(Instance::Master);
        out.answered.extend(Object::new(&out.object).instances());
    }
    Ok(Merged { object: out.object, answered: out.answered })
}

/// Whether an instance lies in the client's series without an override or EXDATE.
fn unseen(instance: Instance, sent: &Object<'_>, exdates: &BTreeSet<DateTime<Utc>>) -> bool {
    match instance {
        Instance::Master => false,
        Instance::At(at) => !exdates.contains(&at) && sent.holds(instance),
    }
}

/// Whether every EXDATE the client dropped came back as a cancelled override.
fn cancelled_cover(base: &Object<'_>, sent: &Object<'_>) -> bool {
    let sent_exdates = sent.exdates();
    base.exdates()
        .difference(&sent_exdates)
        .all(|at| sent.find(Instance::At(*at)).is_some_and(is_cancelled))
}

/// The attendee's answer to everything: what deleting the copy says.
pub fn declines_all(base: &Component) -> BTreeSet<Instance> {
    let mut all = Object::new(base).instances();
    all.insert(Instance::Master);
    all
}

/// SCHEDULE-FORCE-SEND=REPLY on ORGANIZER (RFC 6638 §7.2).
fn forced_reply(client: &Component) -> bool {
    client.main_components().filter_map(|c| c.property("ORGANIZER")).any(|organizer| {
        organizer.param("SCHEDULE-FORCE-SEND").is_some_and(|v| v.eq_ignore_ascii_case("REPLY"))
    })
}

/// Clients that only know one instance sometimes send it without RECURRENCE-ID.
fn unmask_fake_master(base: &Component, client: &mut Component) {
    if base.master().is_some() {
        return;
    }
    let zones = zones_of(base);
    let Some(master) = client.master() else { return };
    let start = |c: &Component| {
        c.property("DTSTART").map(|p| (p.value().to_owned(), p.param("TZID").map(str::to_owned)))
    };
    let id = |c: &Component| {
        c.property("RECURRENCE-ID")
            .map(|p| (p.value().to_owned(), p.param("TZID").map(str::to_owned)))
    };
    let wanted = start(master);
    let known = base
        .overrides()
        .find(|c| id(c) == wanted)
        .or_else(|| base.overrides().find(|c| start(c) == wanted));
    let property = known.and_then(|c| c.property("RECURRENCE-ID").cloned());
    if let (Some(property), Some(master)) = (property, client.master_mut()) {
        master.remove_properties("RRULE");
        master.set(property);
    }
    let _ = zones;
}

/// The organizer's times must be as they were.
fn check_times(
    stored: &Component,
    sent: &Component,
    base: &Object<'_>,
    client: &Object<'_>,
    users: &dyn CalendarUsers,
) -> Result<(), Refused> {
    const FIXED: &[&str] = &["DTSTART", "DTEND", "DUE", "RRULE", "RDATE"];
    let times = |component: &Component, object: &Object<'_>| -> Normal {
        let mut times = normal(component, object.zones(), users);
        times.retain(|property| FIXED.contains(&property.name.as_str()));
        // Which zone an instant is written in does not matter here.
        times
            .into_iter()
            .map(|mut property| {
                property.params.remove("TZID");
                property
            })
            .collect()
    };
    if times(stored, base) != times(sent, client) {
        return Err(Refused("times changed"));
    }
    Ok(())
}

/// The result as it grows.
struct Out<'a> {
    object: Component,
    answered: BTreeSet<Instance>,
    change: &'a Change<'a>,
    users: &'a dyn CalendarUsers,
}

impl Out<'_> {
    /// A component that both know: the attendee's part of it is taken.
    fn take(
        &mut self,
        instance: Instance,
        mut stored: Component,
        sent: &Component,
    ) -> Result<(), Refused> {
        let before = stored.clone();
        let answered = self.take_answer(&mut stored, sent)?;
        own_data::take(&mut stored, sent);
        if answered && self.change.fix_transparency && stored.name() == "VEVENT" {
            own_data::fix_transparency(&mut stored, self.change.attendee, self.users);
        }
        let comment =
            |c: &Component| c.value_of("X-CALENDARSERVER-PRIVATE-COMMENT").map(str::to_owned);
        if answered || comment(&before) != comment(&stored) {
            self.answered.insert(instance);
        }
        let zones = zones_of(&self.object);
        put_component(&mut self.object, &zones, stored);
        Ok(())
    }

    /// Takes PARTSTAT, DELEGATED-TO and RSVP of the attendee's own line.
    fn take_answer(&self, stored: &mut Component, sent: &Component) -> Result<bool, Refused> {
        let Change { attendee, now, .. } = self.change;
        let Some(theirs) = attendees::line(sent, attendee, self.users) else { return Ok(false) };
        let Some(own) = attendees::line_mut(stored, attendee, self.users) else {
            return Ok(false);
        };
        match theirs.param("RSVP") {
            Some(value) if value.eq_ignore_ascii_case("TRUE") => own.set_param("RSVP", "TRUE"),
            _ => drop(own.remove_param("RSVP")),
        }
        let answered = attendees::partstat(theirs) != attendees::partstat(own);
        if answered {
            own.set_param("PARTSTAT", &attendees::partstat(theirs));
        }
        let delegated = delegation::take(own, theirs);
        if !(answered || delegated) {
            return Ok(false);
        }
        if !delegation::is_possible(own, self.users) {
            return Err(Refused("delegating needs somebody to delegate to"));
        }
        attendees::take_sent_by(own, theirs);
        own.set_param("X-CALENDARSERVER-DTSTAMP", &super::itip::stamp(*now));
        Ok(true)
    }

    /// A component of the base that the client left out.
    fn missing(
        &mut self,
        instance: Instance,
        stored: &Component,
        client_has_master: bool,
        sent_exdates: &BTreeSet<DateTime<Utc>>,
        base: &Object<'_>,
    ) -> Result<(), Refused> {
        let Instance::At(at) = instance else { return Err(Refused("master removed")) };
        if client_has_master && !sent_exdates.contains(&at) {
            return Err(Refused("overridden instance removed without EXDATE"));
        }
        if is_cancelled(stored) {
            self.drop_component(instance);
            if let Some(master) = self.object.master_mut() {
                master.push(base.in_master_form(at).to_property("EXDATE"));
            }
        } else {
            self.decline(instance, base);
        }
        Ok(())
    }

    /// A component that the base does not have.
    fn added(
        &mut self,
        instance: Instance,
        sent: &Component,
        base: &Object<'_>,
        client: &Object<'_>,
    ) -> Result<(), Refused> {
        let Instance::At(at) = instance else { return Err(Refused("master added")) };
        if is_cancelled(sent) {
            if !base.exdates().contains(&at) {
                return Err(Refused("cancelled instance that the organizer never cancelled"));
            }
            let zones = base.zones();
            if let Some(master) = self.object.master_mut() {
                super::object::remove_dates(master, "EXDATE", &BTreeSet::from([at]), zones);
            }
            self.object.push_component(sent.clone());
            return Ok(());
        }
        let derived = base.derive(instance).ok_or(Refused("no such instance"))?;
        check_times(&derived, sent, base, client, self.users)?;
        self.take(instance, derived, sent)
    }

    /// The attendee does not come to one instance.
    fn decline(&mut self, instance: Instance, base: &Object<'_>) {
        let Some(mut component) = base.find_or_derive(instance) else { return };
        if is_cancelled(&component) {
            return;
        }
        let Some(line) = attendees::line_mut(&mut component, self.change.attendee, self.users)
        else {
            return;
        };
        if attendees::partstat(line) != "DECLINED" {
            line.set_param("PARTSTAT", "DECLINED");
            line.remove_param("DELEGATED-TO");
            line.set_param("X-CALENDARSERVER-DTSTAMP", &super::itip::stamp(self.change.now));
            self.answered.insert(instance);
        }
        line.remove_param("RSVP");
        component.remove_properties("X-APPLE-NEEDS-REPLY");
        if component.name() == "VEVENT" {
            component.set(Property::new("TRANSP", "TRANSPARENT"));
        }
        let zones = zones_of(&self.object);
        put_component(&mut self.object, &zones, component);
    }

    fn drop_component(&mut self, instance: Instance) {
        let zones = zones_of(&self.object);
        self.object.retain_components(|component| {
            component.is_timezone() || super::object::instance_of(component, &zones) != instance
        });
    }
}
