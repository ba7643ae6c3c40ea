//! Private events (apple-caldav-privateevents): who may set the level, and that a client which does
//! not know it keeps it.

use super::context::Context;
use super::object::Incoming;
use crate::caldav::redact::Access;
use crate::dav::name::TWISTED;
use crate::dav::{Precondition, Result};
use crate::ical::{Component, Property};
use crate::resource::access::CALENDAR_ACCESS;
use crate::store::{HomePath, Transaction};

/// The property on VCALENDAR that holds the level.
pub const ACCESS: &str = "X-CALENDARSERVER-ACCESS";

/// Checks the level of an object on its way into a calendar of `owner`, and keeps the level of
/// the object it replaces when it says none.
pub fn check(
    context: &Context,
    tx: &Transaction,
    owner: &str,
    path: &HomePath,
    incoming: &mut Incoming,
) -> Result<()> {
    let kept = tx.object(path).and_then(|object| object.properties.text(&CALENDAR_ACCESS));
    match level(&incoming.tree)? {
        Some(level) => {
            let changes = kept.as_deref().and_then(Access::parse) != Some(level);
            if level != Access::Public && changes && context.actor.guid() != Some(owner) {
                return Err(Precondition::ValidAccessRestrictionChange.into());
            }
            keep(incoming, level);
        }
        None => match kept.as_deref().and_then(Access::parse) {
            Some(level) => {
                incoming.tree.push(Property::new(ACCESS, level.as_str()));
                incoming.bytes = None;
                keep(incoming, level);
            }
            None => incoming.properties.remove.push(CALENDAR_ACCESS),
        },
    }
    Ok(())
}

/// The level an object asks for, if it says one.
fn level(object: &Component) -> Result<Option<Access>> {
    match object.value_of(ACCESS) {
        None => Ok(None),
        Some(text) => match Access::parse(text) {
            Some(level) => Ok(Some(level)),
            None => Err(Precondition::ValidAccessRestriction.into()),
        },
    }
}

/// Keeps the level beside the object, where access is decided without reading it.
fn keep(incoming: &mut Incoming, level: Access) {
    let local = &CALENDAR_ACCESS.local;
    let xml = format!("<{local} xmlns=\"{TWISTED}\">{}</{local}>", level.as_str());
    incoming.properties.set.push((CALENDAR_ACCESS, xml));
}
