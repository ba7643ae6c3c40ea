//! The accounts of the conformance scripts, as they are handed out: GUIDs refer to each other,
//! passwords are plain. Keys that say nothing about calendars are passed over.

use std::collections::HashMap;

use serde::Deserialize;

use super::{Draft, Entry, Flaw, Reference};
use crate::principal::record::{AutoScheduleMode, RecordType, Secret};

#[derive(Deserialize)]
struct Document {
    realm: Option<String>,
    #[serde(default)]
    admin_principals: Vec<String>,
    #[serde(default)]
    users: Vec<Account>,
    #[serde(default)]
    groups: Vec<Account>,
    #[serde(default)]
    locations: Vec<Account>,
    #[serde(default)]
    resources: Vec<Account>,
    #[serde(default)]
    addresses: Vec<Place>,
}

#[derive(Deserialize)]
struct Account {
    guid: String,
    name: String,
    password: Option<String>,
    full_name: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    #[serde(default)]
    emails: Vec<String>,
    calendars_enabled: Option<bool>,
    #[serde(default)]
    members: Vec<String>,
    #[serde(default)]
    proxies: Proxies,
    auto_schedule_mode: Option<String>,
    auto_accept_group: Option<String>,
    associated_address: Option<String>,
}

#[derive(Deserialize, Default)]
struct Proxies {
    #[serde(default)]
    read: Vec<String>,
    #[serde(default)]
    write: Vec<String>,
}

#[derive(Deserialize)]
struct Place {
    guid: String,
    street_address: Option<String>,
    geographic_location: Option<String>,
}

pub(super) fn read(text: &str) -> Result<Draft, Flaw> {
    let document: Document =
        serde_json::from_str(text).map_err(|error| Flaw::new(error.line(), error.to_string()))?;
    let places: HashMap<String, Place> =
        document.addresses.into_iter().map(|place| (place.guid.clone(), place)).collect();
    let mut draft = Draft { realm: document.realm, ..Draft::default() };
    draft.admins = references(&document.admin_principals).into_iter().map(|r| (1, r)).collect();
    for (record_type, accounts) in [
        (RecordType::User, document.users),
        (RecordType::Group, document.groups),
        (RecordType::Location, document.locations),
        (RecordType::Resource, document.resources),
    ] {
        for account in accounts {
            draft.entries.push(entry(record_type, account, &places)?);
        }
    }
    Ok(draft)
}

fn entry(
    record_type: RecordType,
    account: Account,
    places: &HashMap<String, Place>,
) -> Result<Entry, Flaw> {
    let mut entry = Entry::new(1, record_type);
    if let Some(mode) = &account.auto_schedule_mode {
        let reason = || Flaw::new(1, format!("{}: no such mode: {mode}", account.name));
        entry.auto_schedule = Some(AutoScheduleMode::parse(mode).ok_or_else(reason)?);
    }
    if let Some(place) = account.associated_address.as_ref().and_then(|guid| places.get(guid)) {
        entry.street_address = place.street_address.clone();
        entry.geographic_location = place.geographic_location.clone();
    }
    entry.calendar_enabled =
        account.calendars_enabled.unwrap_or(true) && record_type != RecordType::Group;
    entry.guid = Some(account.guid);
    entry.short_names = vec![account.name];
    entry.full_name = account.full_name;
    entry.first_name = account.first_name;
    entry.last_name = account.last_name;
    entry.emails = account.emails;
    entry.members = references(&account.members);
    entry.read_proxies = references(&account.proxies.read);
    entry.write_proxies = references(&account.proxies.write);
    entry.auto_accept_group = account.auto_accept_group.as_deref().map(Reference::parse);
    entry.secret = Secret { plain: account.password, ..Secret::default() };
    Ok(entry)
}

fn references(names: &[String]) -> Vec<Reference> {
    names.iter().map(|name| Reference::parse(name)).collect()
}
