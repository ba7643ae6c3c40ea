//! What a home has from the beginning: the initial calendars, inbox, outbox, notifications.

use crate::config::Homes;
use crate::dav::Name;
use crate::dav::name::CALDAV;
use crate::principal::Record;
use crate::store::{CollectionKind, PropertyChanges, Provision, ProvisionedCollection};

use super::calendar;
use super::{INBOX, NOTIFICATION, OUTBOX};

/// What is made when somebody's home is made, and what of it is made again when it is missing.
pub fn initial(homes: &Homes, owner: &Record) -> Provision {
    let mut collections = vec![
        server_made(INBOX, CollectionKind::Inbox),
        server_made(OUTBOX, CollectionKind::Outbox),
        server_made(NOTIFICATION, CollectionKind::Plain),
    ];
    collections.extend(homes.calendars.iter().map(|(name, kinds)| {
        let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
        ProvisionedCollection {
            name: name.clone(),
            kind: CollectionKind::Calendar,
            properties: new_calendar(&kinds, "opaque"),
            always: false,
        }
    }));
    let record_type = owner.record_type.segment();
    let link = |name: &String| (record_type.to_owned(), name.clone());
    Provision {
        collections,
        properties: PropertyChanges::none(),
        links: owner.short_names.iter().map(link).collect(),
    }
}

/// The properties every new calendar has: what it takes, and whether it counts as busy
/// (RFC 6638 §9.1).
pub fn new_calendar(kinds: &[&str], transparency: &str) -> PropertyChanges {
    let (name, component_set) = calendar::component_set(kinds);
    let local = "schedule-calendar-transp";
    let transp = format!("<{local} xmlns=\"{CALDAV}\"><{transparency}/></{local}>");
    PropertyChanges::none().with(name, component_set).with(Name::caldav(local), transp)
}

fn server_made(name: &str, kind: CollectionKind) -> ProvisionedCollection {
    let properties = PropertyChanges::none();
    ProvisionedCollection { name: name.to_owned(), kind, properties, always: true }
}
