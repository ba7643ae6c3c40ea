//! Splitting a recurring object on the store (apple-caldav-recursplit): the organizer's two parts,
//! and the same cut through every attendee's copy, which keeps what is the attendee's own.
//!
//! Attendees hear of it by a REQUEST that carries the cut in VCALENDAR properties; it never leaves
//! the queue of this server.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::env::{Env, Right};
use super::operation::{Plan, Stored, env_role, may_send, organizer_change, owner_identity};
use super::queue::{self, Envelope};
use super::{route, schedule_tag};
use crate::dav::{Error, Precondition, Result};
use crate::ical::{Component, DateOrTime, Property};
use crate::schedule::attendees::{self, served_in_order};
use crate::schedule::classify::Role;
use crate::schedule::itip::{self, Message, Method};
use crate::schedule::object::utc;
use crate::schedule::split::{self, Parts};
use crate::store::{HomePath, PropertyChanges, StoreError, Transaction};

const OLDER_UID: &str = "X-CALENDARSERVER-SPLIT-OLDER-UID";
const POINT: &str = "X-CALENDARSERVER-SPLIT-RID";
const RELATED: &str = "X-CALENDARSERVER-SPLIT-RELATED-TO";

/// A request to split an object in a calendar.
pub struct Split<'a> {
    /// GUID of the authorised principal.
    pub actor: Option<&'a str>,
    /// GUID of the owner of the home.
    pub owner: &'a str,
    /// What is there now.
    pub old: &'a Component,
    /// Where, as `schedule::split::point` found it.
    pub at: DateTime<Utc>,
    /// The UID of the older part.
    pub older_uid: &'a str,
}

/// What is to be stored, and sent after the commit.
pub struct SplitPlan {
    /// Takes the place of the object.
    pub newer: Component,
    /// Becomes an object of its own.
    pub older: Component,
    /// Properties of the newer part.
    pub newer_properties: PropertyChanges,
    /// Properties of the older part.
    pub older_properties: PropertyChanges,
    /// Entries for the queue and what is delivered; stores nothing itself.
    pub plan: Plan,
}

/// Splits an object of the owner. Must run inside the transaction that stores both parts.
pub fn on_split(env: &Env<'_>, asked: &Split<'_>) -> Result<SplitPlan> {
    let owner = owner_identity(env, asked.owner);
    let role = env_role(env, asked.old, &owner)?;
    if matches!(role, Role::Attendee { .. }) {
        return Err(impossible("only the organizer can split it"));
    }
    let mut old = asked.old.clone();
    let related = split::relation(&old).unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let mut messages = Vec::new();
    if let Role::Organizer { organizer } = &role {
        may_send(env, asked.actor, asked.owner, Right::SendInvite)?;
        split::bump(&mut old);
        let told = tell(env, asked, &mut old, organizer, &related);
        messages = told;
    }
    let cut = split::Split { at: asked.at, older_uid: asked.older_uid, related: &related };
    let Parts { newer: Some(newer), older: Some(older) } = split::split(&old, &cut) else {
        return Err(impossible("nothing would be left of one part"));
    };
    // Neither part has the content of the whole, nor its tag.
    let properties = || schedule_tag::forget(PropertyChanges::none());
    let plan =
        Plan::quiet(Stored::AsSent).with_messages(asked.old.uid().unwrap_or_default(), &messages);
    let (newer_properties, older_properties) = (properties(), properties());
    Ok(SplitPlan { newer, older, newer_properties, older_properties, plan })
}

/// The messages to the attendees; who cannot be told has it in SCHEDULE-STATUS.
fn tell(
    env: &Env<'_>,
    asked: &Split<'_>,
    old: &mut Component,
    organizer: &str,
    related: &str,
) -> Vec<Message> {
    let change = organizer_change(env, None, organizer, false);
    let messages = served_in_order(old, organizer, env).into_iter().filter_map(|attendee| {
        let mut calendar = itip::request(old, &attendee, None, change.now, env)?;
        calendar.push(Property::text_value(OLDER_UID, asked.older_uid));
        calendar.push(utc(asked.at).to_property(POINT));
        calendar.push(Property::text_value(RELATED, related));
        let originator = organizer.to_owned();
        let (method, calendar) = (Method::Request, Arc::new(calendar));
        Some(Message { method, recipient: attendee, originator, calendar, refresh: false })
    });
    let messages = messages.collect();
    let (mut statuses, messages) = route::statuses(env, messages);
    statuses.retain(|_, status| status != route::DELIVERED);
    attendees::set_schedule_status(old, &statuses, env);
    messages
}

/// The cut that a message asks for.
pub struct Cut {
    at: DateTime<Utc>,
    older_uid: String,
    related: String,
}

/// Whether a message asks for a cut.
pub fn cut_of(message: &Component) -> Option<Cut> {
    let DateOrTime::Utc(at) = DateOrTime::from_property(message.property(POINT)?).ok()? else {
        return None;
    };
    Some(Cut {
        at: at.and_utc(),
        older_uid: message.text_of(OLDER_UID)?,
        related: message.text_of(RELATED)?,
    })
}

/// Cuts an attendee's copy. What the attendee was not invited to is no part.
pub fn cut_copy(
    tx: &mut Transaction<'_>,
    envelope: &Envelope,
    path: &HomePath,
    stored: &Component,
    cut: &Cut,
) -> std::result::Result<(), StoreError> {
    let mut stored = stored.clone();
    split::bump(&mut stored);
    let known = tx.object(path);
    let known = known.as_ref().map(|object| &*object.properties);
    let forget = || schedule_tag::forget(PropertyChanges::none());
    let properties = || queue::mark_delivered(forget(), known, &envelope.id);
    let Cut { at, older_uid, related } = cut;
    let parts = split::split(&stored, &split::Split { at: *at, older_uid, related });
    // The new file comes last: who looks for the latest change finds it.
    match parts.newer {
        Some(newer) => {
            tx.put(path, &Bytes::from(newer.to_bytes()), Some(&newer), &properties())?;
        }
        None => tx.delete(path)?,
    }
    if let Some(older) = parts.older.filter(|_| tx.snapshot().by_uid(older_uid).is_empty()) {
        let hash = blake3::hash(older_uid.as_bytes()).to_hex();
        let to = path.parent().unwrap_or_else(HomePath::root);
        let mut to_path = to.join(&format!("{}.ics", &hash[..32]));
        if tx.snapshot().entry(&to_path).is_some() {
            to_path = to.join(&format!("{}.ics", uuid::Uuid::new_v4()));
        }
        tx.put(&to_path, &Bytes::from(older.to_bytes()), Some(&older), &properties())?;
    }
    Ok(())
}

fn impossible(reason: &str) -> Error {
    Error::from(Precondition::ValidSplit).because(reason)
}
