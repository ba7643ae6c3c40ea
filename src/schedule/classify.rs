//! Whose object it is: organizer's, attendee's, or nobody's business (RFC 6638 §3.1).

use super::users::CalendarUsers;
use crate::ical::{Component, Property};

/// What the owner of a calendar is to an object in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// The owner organises it.
    Organizer {
        /// The owner's identity.
        organizer: String,
    },
    /// The owner is invited to it.
    Attendee {
        /// The owner's identity.
        attendee: String,
        /// The organizer's identity.
        organizer: String,
    },
    /// Not a scheduling object.
    None,
}

impl Role {
    /// Whether it is a scheduling object resource.
    pub fn is_scheduling(&self) -> bool {
        *self != Self::None
    }
}

/// Two ORGANIZER values in one object (RFC 6638 §3.2.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeveralOrganizers;

/// Who handles messages to or from the user of a property (RFC 6638 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agent {
    /// The server does; also when the parameter is absent.
    Server,
    /// The client does.
    Client,
    /// Nobody does; also for values we do not know.
    Nobody,
}

/// The SCHEDULE-AGENT of an ORGANIZER or ATTENDEE.
pub fn agent(property: &Property) -> Agent {
    match property.param("SCHEDULE-AGENT") {
        None => Agent::Server,
        Some(value) if value.eq_ignore_ascii_case("SERVER") => Agent::Server,
        Some(value) if value.eq_ignore_ascii_case("CLIENT") => Agent::Client,
        Some(_) => Agent::Nobody,
    }
}

/// The one ORGANIZER of an object: its identity, or none.
pub fn organizer_of(
    calendar: &Component,
    users: &dyn CalendarUsers,
) -> Result<Option<String>, SeveralOrganizers> {
    let mut found: Option<(String, String)> = None;
    for component in calendar.main_components() {
        let Some(property) = component.property("ORGANIZER") else { continue };
        match &found {
            None => {
                let written = property.value().to_owned();
                found = Some((written, users.identity(property.value())));
            }
            Some((written, _)) if written == property.value() => {}
            Some((_, identity)) if *identity == users.identity(property.value()) => {}
            Some(_) => return Err(SeveralOrganizers),
        }
    }
    Ok(found.map(|(_, identity)| identity))
}

/// Copies the ORGANIZER into components that lack it while others have it (reference §7.1).
/// Returns whether anything changed.
pub fn complete_organizer(calendar: &mut Component) -> bool {
    let mut changed = false;
    let found = calendar.main_components().find_map(|c| c.property("ORGANIZER").cloned());
    if let Some(organizer) = found {
        for component in calendar.main_components_mut() {
            if !component.has("ORGANIZER") {
                component.push(organizer.clone());
                changed = true;
            }
        }
    }
    changed
}

/// The role of `owner` (an identity) in an object.
pub fn role(
    calendar: &Component,
    owner: &str,
    users: &dyn CalendarUsers,
) -> Result<Role, SeveralOrganizers> {
    let Some(organizer) = organizer_of(calendar, users)? else { return Ok(Role::None) };
    if organizer == owner {
        return Ok(Role::Organizer { organizer });
    }
    let ours =
        |property: &Property| property.name() == "ORGANIZER" && agent(property) != Agent::Server;
    if calendar.main_components().any(|c| c.properties().any(ours)) {
        return Ok(Role::None);
    }
    let invited = calendar.main_components().any(|component| {
        let mut attendees = component.properties_named("ATTENDEE");
        attendees.any(|a| agent(a) == Agent::Server && users.identity(a.value()) == owner)
    });
    Ok(if invited { Role::Attendee { attendee: owner.to_owned(), organizer } } else { Role::None })
}

/// Whether any main component has an ATTENDEE.
pub fn has_attendees(calendar: &Component) -> bool {
    calendar.main_components().any(|component| component.has("ATTENDEE"))
}
