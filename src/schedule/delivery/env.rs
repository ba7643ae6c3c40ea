//! What scheduling borrows from the rest of the server for the length of one operation.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::principal::{Directory, Record, RecordType};
use crate::schedule::users::{CalendarUsers, User, plain_identity};
use crate::store::{Home, HomePath, Store, StoreError};

/// What becomes of an attendee's copy whose organizer has no such event any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orphans {
    /// A changed copy is removed without a message.
    Remove,
    /// The change is refused.
    Refuse,
}

/// What becomes of an attendee's copy that is found damaged when a message comes for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DamagedCopies {
    /// The organizer's object takes its place.
    Repair,
    /// The message is not delivered (5.1).
    Refuse,
}

/// What an administrator may choose; what holds otherwise is said in `config` alone.
#[derive(Clone, Debug)]
pub struct Options {
    /// Mail domains whose addresses can only be ours.
    pub domains: Vec<String>,
    /// Stored objects name our users by `urn:x-uid:GUID`; else as the client wrote them.
    pub normalise_addresses: bool,
    /// What becomes of orphaned copies.
    pub orphans: Orphans,
    /// Locations and resources may organize events.
    pub resources_may_organize: bool,
    /// What becomes of damaged copies.
    pub damaged_copies: DamagedCopies,
    /// Who asks when a location or resource is busy may see what for.
    pub resource_bookings_visible: bool,
    /// SCHEDULE-AGENT=CLIENT on attendees of this server is taken for SERVER: their client could
    /// not deliver into a calendar that only the server writes.
    pub serve_local_client_agents: bool,
    /// Members of invited groups are invited one by one.
    pub expand_groups: bool,
    /// Attendees of one object.
    pub max_attendees: usize,
    /// Attendees up to which an answer is shown to the others inside the request.
    pub refresh_at_once: usize,
    /// Days that automatic answers look ahead.
    pub look_ahead_days: i64,
}

/// A right that scheduling asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// `CALDAV:schedule-send-invite` on an outbox: messages of its owner as organizer.
    SendInvite,
    /// `CALDAV:schedule-send-reply` on an outbox: messages of its owner as attendee.
    SendReply,
    /// `CALDAV:schedule-send-freebusy` on an outbox: questions for busy times.
    AskFreeBusy,
    /// `CALDAV:schedule-deliver-invite` on an inbox: messages of organizers.
    DeliverInvite,
    /// `CALDAV:schedule-deliver-reply` on an inbox: messages of attendees.
    DeliverReply,
    /// `CALDAV:schedule-query-freebusy` on an inbox.
    QueryFreeBusy,
    /// `CALDAV:read-free-busy` on a calendar.
    ReadFreeBusy,
    /// `DAV:read` on a calendar.
    Read,
}

/// What the layer above knows and scheduling may ask.
pub trait Host {
    /// Whether a principal has a right on something in a home.
    fn allows(&self, principal: &str, home: &str, path: &HomePath, right: Right) -> bool;

    /// The home of a principal, made if it does not exist yet.
    fn home(&self, record: &Record) -> Result<Arc<Home>, StoreError>;
}

/// A calendar user of this server, with the home.
pub type Resident = (Arc<Record>, Arc<Home>);

/// The parts of the server that one scheduling operation works with.
pub struct Env<'a> {
    /// All homes.
    pub store: &'a Store,
    /// Who there is.
    pub directory: &'a Directory,
    /// The present.
    pub now: DateTime<Utc>,
    /// What the administrator chose.
    pub options: &'a Options,
    /// Rights and homes.
    pub host: &'a dyn Host,
}

impl Env<'_> {
    fn users(&self) -> Users<'_> {
        Users { directory: self.directory, options: self.options }
    }

    /// The record and the home behind an identity, if it is one of ours with calendars.
    pub fn home_of(&self, identity: &str) -> Result<Option<Resident>, StoreError> {
        let record = self.directory.by_address(identity).filter(|record| record.calendar_enabled);
        let Some(record) = record else { return Ok(None) };
        Ok(Some((record.clone(), self.host.home(record)?)))
    }
}

impl CalendarUsers for Env<'_> {
    fn user(&self, address: &str) -> Option<User> {
        self.users().user(address)
    }

    fn is_ours(&self, address: &str) -> bool {
        self.users().is_ours(address)
    }

    fn identity(&self, address: &str) -> String {
        self.users().identity(address)
    }
}

/// Who the calendar users are, by what the directory says.
#[derive(Clone, Copy)]
pub struct Users<'a> {
    /// Who there is.
    pub directory: &'a Directory,
    /// What the administrator chose.
    pub options: &'a Options,
}

impl CalendarUsers for Users<'_> {
    fn user(&self, address: &str) -> Option<User> {
        let record = self.directory.by_address(address)?;
        let members = (record.record_type == RecordType::Group).then(|| {
            let members = self.directory.all_members_of(&record.guid).into_iter();
            let people = members.filter(|member| member.record_type != RecordType::Group);
            people.map(|member| address_of(member)).collect()
        });
        Some(User {
            guid: record.guid.clone(),
            address: address_of(record),
            full_name: record.full_name.clone(),
            email: record.emails.first().cloned(),
            has_calendars: record.calendar_enabled,
            may_organize: record.record_type == RecordType::User
                || self.options.resources_may_organize,
            members,
        })
    }

    fn is_ours(&self, address: &str) -> bool {
        let identity = plain_identity(address);
        match identity.strip_prefix("mailto:").and_then(|mailbox| mailbox.rsplit_once('@')) {
            Some((_, domain)) => {
                self.options.domains.iter().any(|ours| ours.eq_ignore_ascii_case(domain))
            }
            None => identity.starts_with('/') || identity.starts_with("urn:x-uid:"),
        }
    }

    fn identity(&self, address: &str) -> String {
        match self.directory.by_address(address) {
            Some(record) => address_of(record),
            None => plain_identity(address),
        }
    }
}

/// The address by which stored data name a principal.
pub fn address_of(record: &Record) -> String {
    address_of_guid(&record.guid)
}

/// The address by which stored data name the principal with a GUID.
pub fn address_of_guid(guid: &str) -> String {
    ["urn:x-uid:", guid].concat()
}
