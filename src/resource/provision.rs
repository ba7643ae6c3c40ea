//! What a home has from the beginning: the initial calendars, inbox, outbox, notifications.

use uuid::Uuid;

use crate::config::Homes;
use crate::dav::Name;
use crate::dav::name::CALDAV;
use crate::principal::Record;
use crate::store::{CollectionKind, PropertyChanges, Provision, ProvisionedCollection, Snapshot};

use super::calendar;
use super::property::webdav::STORED_RESOURCE_ID;
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
            properties: with_resource_id(new_calendar(&kinds, "opaque")),
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

/// Whether everything is there that is made again when it is missing.
pub fn is_complete(home: &Snapshot) -> bool {
    [INBOX, OUTBOX, NOTIFICATION].iter().all(|name| home.root().member(name).is_some())
}

/// What a new calendar takes when its maker does not say: everything (RFC 4791 §5.2.3).
pub fn unasked_kinds(homes: &Homes) -> &'static [&'static str] {
    if homes.one_kind_per_calendar { &["VEVENT"] } else { calendar::DEFAULT_KINDS }
}

/// The properties every new calendar has: what it takes, and whether it counts as busy
/// (RFC 6638 §9.1).
pub fn new_calendar(kinds: &[&str], transparency: &str) -> PropertyChanges {
    let (name, component_set) = calendar::component_set(kinds);
    let local = "schedule-calendar-transp";
    let transp = format!("<{local} xmlns=\"{CALDAV}\"><{transparency}/></{local}>");
    PropertyChanges::none().with(name, component_set).with(Name::caldav(local), transp)
}

/// The `DAV:resource-id` of a new collection (RFC 5842 §3.1).
pub fn new_resource_id() -> (Name, String) {
    let Name { namespace, local } = STORED_RESOURCE_ID;
    let xml = format!("<{local} xmlns=\"{namespace}\">urn:uuid:{}</{local}>", Uuid::new_v4());
    (STORED_RESOURCE_ID, xml)
}

fn with_resource_id(mut properties: PropertyChanges) -> PropertyChanges {
    properties.set.push(new_resource_id());
    properties
}

fn server_made(name: &str, kind: CollectionKind) -> ProvisionedCollection {
    let properties = with_resource_id(PropertyChanges::none());
    ProvisionedCollection { name: name.to_owned(), kind, properties, always: true }
}
