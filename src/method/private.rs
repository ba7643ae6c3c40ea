//! Private events (apple-caldav-privateevents): who may set the level, and that a client which does
//! not know it keeps it. What the level means to others is `acl`'s.

use super::context::Context;
use super::object::Incoming;
use crate::dav::{Precondition, Result};
use crate::ical::{AccessLevel, Component, Property};
use crate::schedule::Stored;

/// Checks the level of an object on its way into a calendar of `owner`, and keeps the level of
/// the object it replaces when it says none (§4.2.6; reference system §6.10).
pub fn check(
    context: &Context,
    owner: &str,
    old: Option<&Component>,
    incoming: &mut Incoming,
) -> Result<()> {
    let kept = old.and_then(|old| old.property(AccessLevel::PROPERTY));
    let said: Vec<Option<AccessLevel>> = incoming
        .tree
        .properties_named(AccessLevel::PROPERTY)
        .map(|property| AccessLevel::parse(property.value()))
        .collect();
    match said[..] {
        [Some(level)] => {
            let known = kept.and_then(|kept| AccessLevel::parse(kept.value()));
            let changes = level != AccessLevel::Public && known != Some(level);
            if changes && context.actor.guid() != Some(owner) {
                return Err(Precondition::ValidAccessRestrictionChange.into());
            }
        }
        [] => {
            if let Some(kept) = kept.cloned() {
                incoming.tree.push(kept);
                incoming.bytes = None;
            }
        }
        _ => return Err(Precondition::ValidAccessRestriction.into()),
    }
    Ok(())
}

/// The level is never the organizer's to say: an attendee's copy has the one it was stored with.
pub fn carry(sent: &Component, stored: &mut Stored) {
    let Stored::Changed(tree) = stored else { return };
    let said = sent.property(AccessLevel::PROPERTY).map(Property::value);
    if said == tree.value_of(AccessLevel::PROPERTY) {
        return;
    }
    match sent.property(AccessLevel::PROPERTY) {
        Some(level) => tree.set(level.clone()),
        None => drop(tree.remove_properties(AccessLevel::PROPERTY)),
    }
}
