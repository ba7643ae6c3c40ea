//! PUT and DELETE of a calendar object as scheduling operations (RFC 6638 §3.2.3): called inside
//! the owner's transaction, under the lock of the UID.

use super::attendee_operation as attendee;
use super::default_calendar::outbox;
use super::deliver::Committed;
use super::env::{Env, Right};
use super::queue::{Envelope, Work};
use super::route;
use super::{schedule_tag, unique};
use crate::dav::error::Detail;
use crate::dav::{DavPath, Error, Name, Precondition, Result};
use crate::ical::Component;
use crate::schedule::classify::{self, Agent, Role, agent};
use crate::schedule::itip::Message;
use crate::schedule::users::{
    CalendarUsers, drop_duplicate_attendees, expand_groups, normalise_addresses,
};
use crate::schedule::{attendees, lost_properties, organizer, own_data};
use crate::store::{HomePath, ObjectEntry, PropertyChanges, SpoolEntry, Transaction};

/// A calendar object on its way into a calendar.
pub struct Put<'a> {
    /// GUID of the authorised principal; `None` for the server itself.
    pub actor: Option<&'a str>,
    /// GUID of the owner of the home.
    pub owner: &'a str,
    /// Where it goes.
    pub path: &'a HomePath,
    /// What is there now.
    pub old: Option<&'a Component>,
    /// What the client sent.
    pub new: &'a Component,
    /// Answers that came meanwhile are to be merged in: the request had a matching
    /// If-Schedule-Tag-Match, or an If-Match that passed.
    pub merge: bool,
    /// The client, for those with known habits.
    pub user_agent: Option<&'a str>,
}

/// A calendar object on its way out.
pub struct Delete<'a> {
    /// GUID of the authorised principal; `None` for the server itself.
    pub actor: Option<&'a str>,
    /// GUID of the owner of the home.
    pub owner: &'a str,
    /// What is there now.
    pub old: &'a Component,
    /// Whether the organizer is told (`Schedule-Reply: F` says no).
    pub reply: bool,
}

/// What is to be stored.
#[derive(Clone, Debug, PartialEq)]
pub enum Stored {
    /// The bytes of the client.
    AsSent,
    /// Something else: no ETag in the answer.
    Changed(Component),
    /// Nothing: what is there goes without a message, and the client is told so.
    Nothing,
}

/// What the transaction has to do, and what is to be done after its commit.
#[derive(Debug)]
pub struct Plan {
    /// The object.
    pub store: Stored,
    /// Whether it is a scheduling object, which has a schedule-tag.
    pub scheduling: bool,
    /// Spool entries for `Transaction::enqueue`.
    pub entries: Vec<SpoolEntry>,
    /// For [`super::deliver`] after the commit.
    pub committed: Committed,
}

impl Plan {
    pub(super) fn quiet(store: Stored) -> Self {
        Self { store, scheduling: false, entries: Vec::new(), committed: Committed::default() }
    }

    /// The changes of properties with which the object is to be stored as `content`, in place of
    /// `before`.
    pub fn properties(
        &self,
        changes: PropertyChanges,
        before: Option<&ObjectEntry>,
        content: &[u8],
    ) -> PropertyChanges {
        match self.scheduling {
            true => schedule_tag::renew(changes, before, content),
            false => schedule_tag::forget(changes),
        }
    }

    pub(super) fn with_messages(mut self, uid: &str, messages: &[Message]) -> Self {
        if !messages.is_empty() {
            let messages = Envelope::all(messages);
            let work = Work::Deliver { uid: uid.to_owned(), messages };
            let entry = work.entry();
            self.committed.works.push((entry.id.clone(), work));
            self.entries.push(entry);
        }
        self
    }
}

/// A PUT into a calendar. Must run inside the transaction that stores the result.
pub fn on_put(env: &Env<'_>, tx: &Transaction<'_>, put: &Put<'_>) -> Result<Plan> {
    let owner = owner_identity(env, put.owner);
    let mut new = put.new.clone();
    no_duplicate_comments(&new, env)?;
    if let Some(old) = put.old {
        if env_role(env, old, &owner)?.is_scheduling() {
            lost_properties::restore(old, &mut new, &owner, env);
        }
        if matches!(env_role(env, old, &owner), Ok(Role::Organizer { .. })) {
            own_data::keep_comments(&mut new, old);
        }
    }
    classify::complete_organizer(&mut new);
    let before = match put.old {
        Some(old) => env_role(env, old, &owner).unwrap_or(Role::None),
        None => Role::None,
    };
    if env.options.normalise_addresses {
        normalise_addresses(&mut new, env);
    }
    drop_duplicate_attendees(&mut new, env);
    let after = env_role(env, &new, &owner)?;
    let creates = !before.is_scheduling();
    if put.old.is_none() || (creates && after.is_scheduling()) {
        unique::check(env, tx.snapshot(), put.owner, put.path, &new, after.is_scheduling())?;
    }
    let either = |is: fn(&Role) -> bool| is(&before) || is(&after);
    if either(|role| matches!(role, Role::Organizer { .. })) {
        may_send(env, put.actor, put.owner, Right::SendInvite)?;
    }
    if either(|role| matches!(role, Role::Attendee { .. })) {
        may_send(env, put.actor, put.owner, Right::SendReply)?;
    }
    let plan = match (&before, &after) {
        (Role::Attendee { .. }, Role::Organizer { .. } | Role::None) => {
            return Err(changed_type());
        }
        (Role::Organizer { .. }, Role::Attendee { .. }) => {
            return Err(organizer_changed());
        }
        (Role::Organizer { organizer }, Role::None) => {
            if classify::has_attendees(&new) {
                if classify::organizer_of(&new, env).ok().flatten().is_some() {
                    return Err(organizer_changed());
                }
                let refused = Error::from(Precondition::OrganizerAllowed);
                return Err(refused.because("attendees need an organizer"));
            }
            let old = put.old.unwrap_or(put.new);
            let change = organizer_change(env, None, organizer, false);
            let messages = organizer::remove(&change, old, env);
            let plan = plain(put, new);
            return Ok(plan.with_messages(old.uid().unwrap_or_default(), &messages));
        }
        (_, Role::Organizer { organizer }) => {
            let old = put.old.filter(|_| before.is_scheduling());
            organize(env, put, old, new, organizer)?
        }
        (_, Role::Attendee { attendee, organizer }) => {
            let known = put.old.filter(|_| before.is_scheduling());
            attendee::put(env, put, known, new, attendee, organizer)?
        }
        (Role::None, Role::None) => {
            not_invited(env, &mut new, &owner);
            plain(put, new)
        }
    };
    Ok(plan)
}

/// A DELETE of an object in a calendar. Must run inside the transaction that removes it.
pub fn on_delete(env: &Env<'_>, delete: &Delete<'_>) -> Result<Plan> {
    let owner = owner_identity(env, delete.owner);
    let role = env_role(env, delete.old, &owner).unwrap_or(Role::None);
    let plan = Plan::quiet(Stored::Nothing);
    let messages = match &role {
        Role::None => return Ok(plan),
        Role::Organizer { organizer } => {
            may_send(env, delete.actor, delete.owner, Right::SendInvite)?;
            let mut old = delete.old.clone();
            serve_local_agents(env, &mut old);
            organizer::remove(&organizer_change(env, None, organizer, false), &old, env)
        }
        Role::Attendee { attendee, organizer } => {
            may_send(env, delete.actor, delete.owner, Right::SendReply)?;
            match delete.reply {
                true => attendee::removal(env, delete.old, attendee, organizer)?,
                false => Vec::new(),
            }
        }
    };
    Ok(plan.with_messages(delete.old.uid().unwrap_or_default(), &messages))
}

/// Whether an object is a scheduling object of the home's owner.
pub fn is_scheduling_object(env: &Env<'_>, owner: &str, calendar: &Component) -> bool {
    env_role(env, calendar, &owner_identity(env, owner)).is_ok_and(|role| role.is_scheduling())
}

fn organize(
    env: &Env<'_>,
    put: &Put<'_>,
    old: Option<&Component>,
    mut new: Component,
    organizer: &str,
) -> Result<Plan> {
    let refuse = |reason: &str| Err(Error::from(Precondition::OrganizerAllowed).because(reason));
    if env.user(organizer).is_some_and(|user| !user.may_organize) && classify::has_attendees(&new) {
        return refuse("this kind of calendar user cannot organize events");
    }
    // The object may lose its series later; a new one that has none is an orphaned instance.
    if old.is_none() && new.master().is_none() {
        return refuse("an organizer's event needs its recurring master");
    }
    if env.options.expand_groups {
        expand_groups(&mut new, env, env.options.max_attendees);
    }
    serve_local_agents(env, &mut new);
    let change = organizer_change(env, old, organizer, put.merge);
    let planned = organizer::store(&change, new, env).map_err(|_| organizer_changed())?;
    let mut object = planned.object;
    drop_lost_comments(&mut object, env);
    let (statuses, messages) = route::statuses(env, planned.messages);
    attendees::set_schedule_status(&mut object, &statuses, env);
    Ok(finish(put, object).with_messages(put.new.uid().unwrap_or_default(), &messages))
}

/// A stored scheduling object has a new schedule-tag.
pub(super) fn finish(put: &Put<'_>, object: Component) -> Plan {
    Plan { scheduling: true, ..Plan::quiet(stored(put, object)) }
}

fn plain(put: &Put<'_>, object: Component) -> Plan {
    Plan::quiet(stored(put, object))
}

fn stored(put: &Put<'_>, object: Component) -> Stored {
    if object == *put.new { Stored::AsSent } else { Stored::Changed(object) }
}

pub(super) fn organizer_change<'a>(
    env: &Env<'_>,
    old: Option<&'a Component>,
    organizer: &'a str,
    merge: bool,
) -> organizer::Change<'a> {
    organizer::Change { old, organizer, merge, now: env.now }
}

/// SCHEDULE-AGENT=CLIENT makes no sense for users whose calendars only this server writes.
fn serve_local_agents(env: &Env<'_>, calendar: &mut Component) {
    if !env.options.serve_local_client_agents {
        return;
    }
    for component in calendar.main_components_mut() {
        for line in component.properties_named_mut("ATTENDEE") {
            if agent(line) == Agent::Client && env.user(line.value()).is_some() {
                line.remove_param("SCHEDULE-AGENT");
            }
        }
    }
}

/// An event of another user of this server that does not invite the owner: nothing will be
/// delivered for it, and the client sees why.
fn not_invited(env: &Env<'_>, calendar: &mut Component, owner: &str) {
    for component in calendar.main_components_mut() {
        if let Some(organizer) = component.property_mut("ORGANIZER")
            && agent(organizer) == Agent::Server
            && env.user(organizer.value()).is_some()
            && env.identity(organizer.value()) != owner
        {
            organizer.set_param("SCHEDULE-AGENT", "NONE");
            organizer.set_param("SCHEDULE-STATUS", "5.3");
        }
    }
}

/// One comment of each attendee in a component (apple-caldav-privatecomments §4.1.5).
fn no_duplicate_comments(calendar: &Component, users: &dyn CalendarUsers) -> Result<()> {
    for component in calendar.main_components() {
        let mut seen = std::collections::BTreeSet::new();
        let comments = component.properties_named("X-CALENDARSERVER-ATTENDEE-COMMENT");
        for reference in comments.filter_map(|c| c.param("X-CALENDARSERVER-ATTENDEE-REF")) {
            if !seen.insert(users.identity(reference)) {
                return Err(Precondition::NoDuplicatePrivateComments.into());
            }
        }
    }
    Ok(())
}

/// Comments of attendees who are not invited any more go with them.
fn drop_lost_comments(calendar: &mut Component, users: &dyn CalendarUsers) {
    const COMMENT: &str = "X-CALENDARSERVER-ATTENDEE-COMMENT";
    for component in calendar.main_components_mut().filter(|component| component.has(COMMENT)) {
        let invited: Vec<String> =
            component.properties_named("ATTENDEE").map(|a| users.identity(a.value())).collect();
        component.retain_properties(|property| {
            property.name() != COMMENT
                || property
                    .param("X-CALENDARSERVER-ATTENDEE-REF")
                    .is_some_and(|reference| invited.contains(&users.identity(reference)))
        });
    }
}

pub(super) fn env_role(env: &Env<'_>, calendar: &Component, owner: &str) -> Result<Role> {
    classify::role(calendar, owner, env)
        .map_err(|_| Error::from(Precondition::SameOrganizerInAllComponents))
}

/// The identity of the owner of a home.
pub(super) fn owner_identity(env: &Env<'_>, guid: &str) -> String {
    env.identity(&format!("urn:x-uid:{guid}"))
}

/// The authorised principal needs schedule-send-invite or schedule-send-reply on the owner's
/// outbox (RFC 6638 §6.2.2, §6.2.3).
pub(super) fn may_send(
    env: &Env<'_>,
    actor: Option<&str>,
    owner: &str,
    right: Right,
) -> Result<()> {
    let Some(actor) = actor else { return Ok(()) };
    if env.host.allows(actor, owner, &outbox(), right) {
        return Ok(());
    }
    let privilege = match right {
        Right::SendReply => "schedule-send-reply",
        _ => "schedule-send-invite",
    };
    let path = DavPath::from_segments(["calendars", "__uids__", owner, "outbox"], true);
    let missing = vec![(path.href(), Name::caldav(privilege))];
    Err(Error::from(Precondition::NeedPrivileges).holding(Detail::Privileges(missing)))
}

fn organizer_changed() -> Error {
    Error::from(Precondition::AllowedOrganizerChange).because("the organizer cannot be exchanged")
}

/// An attendee's copy that would stop to be one.
fn changed_type() -> Error {
    Error::from(Precondition::ValidAttendeeChange)
        .because("an attendee's copy cannot lose its organizer or the attendee")
}
