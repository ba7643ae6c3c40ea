//! Scheduling messages that clients POST to an outbox.
//!
//! COUNTER, DECLINECOUNTER and REFRESH (RFC 5546 §3.2.6 to §3.2.8) have no place in a calendar
//! object, so implicit scheduling cannot say them: they are delivered. All others come from clients
//! of before implicit scheduling; the server does that work itself now, so they are answered with
//! success and nothing is done (reference §7.7).

use std::sync::Arc;

use super::deliver::{Committed, deliver};
use super::env::Env;
use super::operation::owner_identity;
use super::outbox::{Post, Response, document, invalid, organizer_owns_outbox};
use super::queue::{Envelope, Work};
use super::route;
use crate::dav::{Error, Precondition, Result};
use crate::ical::{Component, Property};
use crate::schedule::attendees::{self, served_in_order};
use crate::schedule::itip::{self, Message, Method};
use crate::schedule::process_reply;
use crate::schedule::users::{CalendarUsers, normalise_addresses};

const SUCCESS: &str = "2.0;Success";

/// Answers a POST of anything but a question for busy times.
pub fn post(env: &Env<'_>, post: &Post<'_>, method: Method) -> Result<String> {
    let recipients = recipients(env, post, method)?;
    if recipients.is_empty() {
        return Err(Error::from(Precondition::RecipientSpecified).because("for whom?"));
    }
    let answers: Vec<Response> = match method {
        Method::Counter | Method::DeclineCounter | Method::Refresh => {
            recipients.into_iter().map(|to| send(env, post, method, to)).collect()
        }
        _ => recipients
            .into_iter()
            .map(|recipient| Response { recipient, status: SUCCESS, calendar: None })
            .collect(),
    };
    Ok(document(&answers, post.format))
}

/// Whom the message is for. It must come from the owner of the outbox.
fn recipients(env: &Env<'_>, post: &Post<'_>, method: Method) -> Result<Vec<String>> {
    if method.is_from_attendee() {
        if !is_from_owner(env, post, method)? {
            return Err(Error::from(Precondition::AttendeeAllowed)
                .because("the attendee is not the owner of this outbox"));
        }
        let organizers = post.message.main_components().filter_map(|c| c.value_of("ORGANIZER"));
        return Ok(organizers.take(1).map(str::to_owned).collect());
    }
    let Some(component) = post.message.main_components().next() else {
        return Err(invalid("there is nothing in the message"));
    };
    organizer_owns_outbox(env, component, post.owner)?;
    Ok(component.properties_named("ATTENDEE").map(|a| a.value().to_owned()).collect())
}

/// Whether an attendee's message comes from the owner of the outbox. An answer names nobody else;
/// a COUNTER may propose others or name nobody (RFC 5546 §3.2.7), and §4.7.1 shows a REFRESH that
/// names everybody.
fn is_from_owner(env: &Env<'_>, post: &Post<'_>, method: Method) -> Result<bool> {
    let owner = owner_identity(env, post.owner);
    if method == Method::Reply {
        let sender = process_reply::sender(post.message, env);
        let sender = sender.ok_or_else(|| invalid("an answer comes from one attendee"))?;
        return Ok(sender == owner);
    }
    Ok(post.message.main_components().all(|component| {
        (method == Method::Counter && !component.has("ATTENDEE"))
            || attendees::line(component, &owner, env).is_some()
    }))
}

/// Sends to one recipient, under the lock of the UID as every other delivery.
fn send(env: &Env<'_>, post: &Post<'_>, method: Method, recipient: String) -> Response {
    let answer = |status| Response { recipient: recipient.clone(), status, calendar: None };
    let uid = post.message.uid().unwrap_or_default().to_owned();
    let Ok(guard) = super::lock(env.store, &uid) else {
        return answer("5.1;Service unavailable");
    };
    let message = match message(env, post, method, &recipient) {
        Ok(Some(message)) => message,
        Ok(None) => return answer("5.3;Nobody is invited to such an event"),
        Err(error) => {
            tracing::error!(%error, uid, "cannot look for the event of a message");
            return answer("5.1;Service unavailable");
        }
    };
    let (statuses, messages) = route::statuses(env, vec![message]);
    let Some(message) = messages.first() else {
        return answer(match statuses.values().next().map(String::as_str) {
            Some(route::UNKNOWN_USER) => "3.7;Invalid Calendar User",
            Some(route::NO_AUTHORITY) => "3.8;No authority",
            Some(route::NOT_ALLOWED) => "5.3;Organizer change not allowed",
            _ => "5.1;Service unavailable",
        });
    };
    let work = Work::Deliver { uid: uid.clone(), messages: vec![Envelope::new(message)] };
    let entry = work.entry();
    if let Err(error) = env.store.spool().add(&entry) {
        tracing::error!(%error, uid, "cannot queue a message");
        return answer("5.1;Service unavailable");
    }
    deliver(env, Some(guard), Committed { works: vec![(entry.id.clone(), work)] });
    answer(SUCCESS)
}

/// What is delivered, to whom; `None` when organizer and attendee have no such event together.
fn message(
    env: &Env<'_>,
    post: &Post<'_>,
    method: Method,
    recipient: &str,
) -> Result<Option<Message>> {
    let owner = owner_identity(env, post.owner);
    let other = env.identity(recipient);
    let (organizer, attendee) = match method.is_from_attendee() {
        true => (other.clone(), owner.clone()),
        false => (owner.clone(), other.clone()),
    };
    let mut message = Message {
        method,
        recipient: other,
        originator: owner,
        calendar: Arc::new(outgoing(post.message, env)),
        refresh: false,
    };
    if env.user(recipient).is_none() {
        // `route` has the status for those whom nobody knows.
        return Ok(Some(message));
    }
    let uid = post.message.uid().unwrap_or_default();
    let stored = route::stored_object(env, &organizer, uid)?;
    let stored = stored.filter(|calendar| route::organizes(env, calendar, &organizer));
    let Some(stored) = stored else { return Ok(None) };
    if !served_in_order(&stored, &organizer, env).contains(&attendee) {
        return Ok(None);
    }
    if method == Method::Refresh {
        // The answer is the invitation as it stands, and may be given at once.
        let Some(calendar) = itip::request(&stored, &attendee, None, env.now, env) else {
            return Ok(None);
        };
        message = Message {
            method: Method::Request,
            recipient: attendee,
            originator: organizer,
            calendar: Arc::new(calendar),
            refresh: false,
        };
    }
    Ok(Some(message))
}

/// The client's message with addresses as the server writes them, and without its bookkeeping.
fn outgoing(message: &Component, env: &Env<'_>) -> Component {
    const BOOKKEEPING: [&str; 3] = ["SCHEDULE-AGENT", "SCHEDULE-STATUS", "SCHEDULE-FORCE-SEND"];
    let mut message = message.clone();
    if env.options.normalise_addresses {
        normalise_addresses(&mut message, env);
    }
    let lines = message.main_components_mut().flat_map(Component::properties_mut);
    let lines = lines.filter(|p: &&mut Property| matches!(p.name(), "ORGANIZER" | "ATTENDEE"));
    for line in lines {
        for name in BOOKKEEPING {
            line.remove_param(name);
        }
    }
    message
}
