//! Showing the other attendees what somebody answered (RFC 6638 §4.2, reference §7.9).
//!
//! Answers that come while a refresh waits share it: the refresh carries the organizer's object as
//! it is when the refresh runs.

use std::sync::Arc;

use super::alike::Alike;
use super::deliver::deliver_one;
use super::env::Env;
use super::queue::Envelope;
use super::route;
use crate::schedule::attendees::served_in_order;
use crate::schedule::classify::organizer_of;
use crate::schedule::itip::{self, Message, Method};
use crate::store::StoreError;

/// Sends the present state of an event to everybody invited.
pub fn run(
    env: &Env<'_>,
    organizer: &str,
    uid: &str,
    except: Option<&str>,
) -> Result<(), StoreError> {
    let Some((_, home)) = env.home_of(organizer)? else { return Ok(()) };
    let Some((_, calendar)) = route::find(&home, uid)? else { return Ok(()) };
    if organizer_of(&calendar, env).ok().flatten().as_deref() != Some(organizer) {
        return Ok(());
    }
    let mut alike = Alike::default();
    for attendee in served_in_order(&calendar, organizer, env) {
        if except == Some(&attendee) {
            continue;
        }
        let Some(request) = itip::request(&calendar, &attendee, None, env.now, env) else {
            continue;
        };
        let message = Message {
            method: Method::Request,
            recipient: attendee,
            originator: organizer.to_owned(),
            calendar: Arc::new(request),
            refresh: true,
        };
        deliver_one(env, &Envelope::new(&message), &mut alike)?;
    }
    Ok(())
}
