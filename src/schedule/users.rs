//! Who calendar users are: the facts about principals that the deciding parts need.

use crate::ical::{Component, Property};

/// A calendar user of this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The GUID of the principal and of its calendar home.
    pub guid: String,
    /// The form in which stored data names the user: `urn:x-uid:GUID`.
    pub address: String,
    /// What people call the user.
    pub full_name: String,
    /// The first e-mail address, if there is one.
    pub email: Option<String>,
    /// Whether the principal has calendars.
    pub has_calendars: bool,
    /// Whether the principal may organise events (users always may).
    pub may_organize: bool,
    /// Members, when this is a group: their addresses, nested groups followed.
    pub members: Option<Vec<String>>,
}

/// What scheduling asks about calendar user addresses.
pub trait CalendarUsers {
    /// The local user behind an address, in whatever form it is written.
    fn user(&self, address: &str) -> Option<User>;

    /// Whether the address could only belong to this server (its domain is ours).
    fn is_ours(&self, address: &str) -> bool;

    /// The form in which two addresses of one user are equal.
    fn identity(&self, address: &str) -> String {
        match self.user(address) {
            Some(user) => user.address,
            None => plain_identity(address),
        }
    }

    /// Whether two addresses name the same user.
    fn same(&self, one: &str, other: &str) -> bool {
        one == other || self.identity(one) == self.identity(other)
    }
}

/// The comparable form of an address nobody here owns.
pub fn plain_identity(address: &str) -> String {
    let address = address.trim();
    match address.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => address.to_ascii_lowercase(),
        _ => address.trim_end_matches('/').to_owned(),
    }
}

/// Writes addresses of local users as `urn:x-uid:GUID`, with the e-mail address beside it.
///
/// A group keeps its line; [`expand_groups`] adds its members.
pub fn normalise_addresses(calendar: &mut Component, users: &dyn CalendarUsers) {
    for component in calendar.main_components_mut() {
        for property in component.properties_mut() {
            if matches!(property.name(), "ORGANIZER" | "ATTENDEE") {
                normalise_address(property, users);
            }
        }
    }
}

fn normalise_address(property: &mut Property, users: &dyn CalendarUsers) {
    let Some(user) = users.user(property.value()) else { return };
    let written = property.value().to_owned();
    let email = match written.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => Some(written[7..].to_owned()),
        _ => user.email.clone(),
    };
    if property.param("CN").is_none() && !user.full_name.is_empty() {
        property.set_param("CN", &user.full_name);
    }
    if let Some(email) = email {
        property.set_param("EMAIL", &email);
    }
    property.set_value(&user.address);
}

/// A calendar user may be an attendee only once in a component, however the address is written
/// (reference §7.1).
pub fn drop_duplicate_attendees(calendar: &mut Component, users: &dyn CalendarUsers) {
    for component in calendar.main_components_mut() {
        let mut seen = std::collections::BTreeSet::new();
        component.retain_properties(|property| {
            property.name() != "ATTENDEE" || seen.insert(users.identity(property.value()))
        });
    }
}

/// Adds the members of group attendees as attendees with MEMBER, and takes out members that
/// came from a group which is gone. Returns whether anything changed.
pub fn expand_groups(calendar: &mut Component, users: &dyn CalendarUsers, limit: usize) -> bool {
    let mut changed = false;
    for component in calendar.main_components_mut() {
        changed |= expand_component(component, users, limit);
    }
    changed
}

fn expand_component(component: &mut Component, users: &dyn CalendarUsers, limit: usize) -> bool {
    let groups: Vec<(String, User)> = component
        .properties_named("ATTENDEE")
        .filter_map(|attendee| users.user(attendee.value()))
        .filter(|user| user.members.is_some())
        .map(|user| (user.address.clone(), user))
        .collect();
    let from_groups = |line: &Property| line.param("MEMBER").is_some();
    if groups.is_empty() && !component.properties_named("ATTENDEE").any(from_groups) {
        return false;
    }
    let live: std::collections::BTreeSet<String> = groups.iter().map(|(a, _)| a.clone()).collect();
    let before = component.properties_named("ATTENDEE").count();
    // Who came with a group goes with it, and when that group loses them.
    let belongs = |property: &Property| {
        let groups_of: Vec<String> =
            property.param_values("MEMBER").map(|group| users.identity(group)).collect();
        let identity = users.identity(property.value());
        let is_member = |group: &String| {
            let group = groups.iter().find(|(address, _)| address == group);
            let members = group.and_then(|(_, user)| user.members.as_ref());
            members.is_some_and(|all| all.iter().any(|m| users.identity(m) == identity))
        };
        groups_of.is_empty() || groups_of.iter().any(is_member)
    };
    component.retain_properties(|property| property.name() != "ATTENDEE" || belongs(property));
    let mut changed = component.properties_named("ATTENDEE").count() != before;
    let organizer = component.value_of("ORGANIZER").map(|address| users.identity(address));
    for line in component.properties_named_mut("ATTENDEE") {
        if live.contains(&users.identity(line.value())) {
            // A group answers nothing itself.
            line.set_param("CUTYPE", "X-SERVER-GROUP");
            line.remove_param("PARTSTAT");
            line.remove_param("RSVP");
            line.set_param("SCHEDULE-STATUS", "2.7");
        }
    }
    for (address, group) in groups {
        for member in group.members.iter().flatten() {
            let identity = users.identity(member);
            let present: Vec<String> = component
                .properties_named("ATTENDEE")
                .map(|attendee| users.identity(attendee.value()))
                .collect();
            if present.contains(&identity)
                || organizer.as_ref() == Some(&identity)
                || present.len() >= limit
            {
                continue;
            }
            component.push(member_line(&identity, &address, users));
            changed = true;
        }
    }
    changed
}

fn member_line(identity: &str, group: &str, users: &dyn CalendarUsers) -> Property {
    let mut line = line_of(identity, users);
    line.set_param("MEMBER", group);
    line.set_param("PARTSTAT", "NEEDS-ACTION");
    line.set_param("RSVP", "TRUE");
    line
}

/// A new ATTENDEE line, with what the directory knows of the user.
pub fn line_of(identity: &str, users: &dyn CalendarUsers) -> Property {
    let mut line = Property::new("ATTENDEE", identity);
    if let Some(user) = users.user(identity) {
        line.set_param("CN", &user.full_name);
        if let Some(email) = user.email {
            line.set_param("EMAIL", &email);
        }
    }
    line
}
