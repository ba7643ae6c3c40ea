//! Properties of principals: RFC 3744 §4, RFC 4791 §6.2.1, RFC 6638 §2.1–2.4 and Apple's.
//! All of them come from the directory; principals keep no dead properties.

use std::sync::Arc;

use super::{Answer, Live, View, hrefs, text};
use crate::dav::kind::ResourceKind as Kind;
use crate::dav::{DavPath, Name};
use crate::principal::{AutoScheduleMode, ProxyKind, Record};
use crate::resource::{INBOX, OUTBOX, Resource};
use crate::xml::Writer;

const ALTERNATE_URI_SET: Name = Name::dav("alternate-URI-set");
const PRINCIPAL_URL: Name = Name::dav("principal-URL");
const GROUP_MEMBER_SET: Name = Name::dav("group-member-set");
const GROUP_MEMBERSHIP: Name = Name::dav("group-membership");
const EXPANDED_MEMBERS: Name = Name::calendarserver("expanded-group-member-set");
const EXPANDED_MEMBERSHIP: Name = Name::calendarserver("expanded-group-membership");
const CALENDAR_HOME_SET: Name = Name::caldav("calendar-home-set");
const ADDRESS_SET: Name = Name::caldav("calendar-user-address-set");
const USER_TYPE: Name = Name::caldav("calendar-user-type");
const INBOX_URL: Name = Name::caldav("schedule-inbox-URL");
const OUTBOX_URL: Name = Name::caldav("schedule-outbox-URL");
const RECORD_TYPE: Name = Name::calendarserver("record-type");
const FIRST_NAME: Name = Name::calendarserver("first-name");
const LAST_NAME: Name = Name::calendarserver("last-name");
const EMAIL_SET: Name = Name::calendarserver("email-address-set");
const READ_FOR: Name = Name::calendarserver("calendar-proxy-read-for");
const WRITE_FOR: Name = Name::calendarserver("calendar-proxy-write-for");
const AUTO_SCHEDULE: Name = Name::calendarserver("auto-schedule");
const AUTO_SCHEDULE_MODE: Name = Name::calendarserver("auto-schedule-mode");

/// The table. RFC 3744 §4 keeps its properties out of `DAV:allprop`.
pub const TABLE: &[Live] = &[
    Live::named(ALTERNATE_URI_SET, alternate_uri_set),
    Live::named(PRINCIPAL_URL, principal_url),
    Live::named(GROUP_MEMBER_SET, group_member_set).writable(),
    Live::named(GROUP_MEMBERSHIP, group_membership),
    Live::named(EXPANDED_MEMBERS, expanded_members),
    Live::named(EXPANDED_MEMBERSHIP, expanded_membership),
    Live::named(CALENDAR_HOME_SET, calendar_home_set),
    Live::named(ADDRESS_SET, address_set),
    Live::named(USER_TYPE, user_type),
    Live::named(INBOX_URL, inbox_url),
    Live::named(OUTBOX_URL, outbox_url),
    Live::shown(RECORD_TYPE, record_type),
    Live::shown(FIRST_NAME, first_name),
    Live::shown(LAST_NAME, last_name),
    Live::named(EMAIL_SET, email_set),
    Live::named(READ_FOR, read_for),
    Live::named(WRITE_FOR, write_for),
    Live::shown(AUTO_SCHEDULE, auto_schedule),
    Live::named(AUTO_SCHEDULE_MODE, auto_schedule_mode),
];

/// The record, when the resource is its principal.
fn record(resource: &Resource) -> Option<&Arc<Record>> {
    resource.owner.as_ref().filter(|_| resource.kind == Kind::Principal)
}

/// The record, when the resource is the principal of somebody with a home.
fn calendar_user(resource: &Resource) -> Option<&Arc<Record>> {
    record(resource).filter(|record| record.calendar_enabled)
}

/// The canonical URL of a principal or of a proxy group.
pub fn url_of(resource: &Resource) -> Option<DavPath> {
    let owner = resource.owner.as_ref()?;
    match (resource.kind, resource.proxy) {
        (Kind::Principal, _) => Some(owner.principal_path()),
        (Kind::ProxyPrincipal, Some(kind)) => Some(proxy_path(owner, kind)),
        _ => None,
    }
}

fn proxy_path(owner: &Record, kind: ProxyKind) -> DavPath {
    owner.principal_path().join(kind.segment(), true)
}

fn paths<'a>(records: impl IntoIterator<Item = &'a Arc<Record>>) -> Vec<DavPath> {
    records.into_iter().map(|record| record.principal_path()).collect()
}

fn alternate_uri_set(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    match (resource.kind, record(resource)) {
        (_, Some(record)) => hrefs(view, &ALTERNATE_URI_SET, record.alternate_paths(), writer),
        (Kind::ProxyPrincipal, _) => hrefs(view, &ALTERNATE_URI_SET, [], writer),
        _ => Answer::Missing,
    }
}

fn principal_url(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    match url_of(resource) {
        Some(path) => hrefs(view, &PRINCIPAL_URL, [path], writer),
        None => Answer::Missing,
    }
}

fn group_member_set(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    let Some(owner) = &resource.owner else { return Answer::Missing };
    let members = match (resource.kind, resource.proxy) {
        (Kind::Principal, _) => view.directory.members_of(&owner.guid),
        (Kind::ProxyPrincipal, Some(kind)) => view.directory.delegates_of(&owner.guid, kind),
        _ => return Answer::Missing,
    };
    hrefs(view, &GROUP_MEMBER_SET, paths(members), writer)
}

/// The groups that matter for access: those that hold the principal, at any depth, and that
/// somebody made a delegate. Directories have many others, and clients follow every href.
fn proxy_groups(view: &View, guid: &str) -> Vec<DavPath> {
    let mut groups = view.directory.groups_of(guid);
    groups.retain(|group| {
        let owners = |kind| view.directory.direct_owners_for(&group.guid, kind);
        ProxyKind::ALL.into_iter().any(|kind| !owners(kind).is_empty())
    });
    paths(groups)
}

/// Those groups, and the proxy groups the principal was put into.
fn group_membership(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    if resource.kind == Kind::ProxyPrincipal {
        return hrefs(view, &GROUP_MEMBERSHIP, [], writer);
    }
    let Some(record) = record(resource) else { return Answer::Missing };
    let mut all = proxy_groups(view, &record.guid);
    for kind in ProxyKind::ALL {
        let owners = view.directory.direct_owners_for(&record.guid, kind);
        all.extend(owners.into_iter().map(|owner| proxy_path(owner, kind)));
    }
    hrefs(view, &GROUP_MEMBERSHIP, all, writer)
}

fn expanded_members(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    let Some(owner) = &resource.owner else { return Answer::Missing };
    let members = match (resource.kind, resource.proxy) {
        (Kind::Principal, _) => view.directory.all_members_of(&owner.guid),
        (Kind::ProxyPrincipal, Some(kind)) => view.directory.all_delegates_of(&owner.guid, kind),
        _ => return Answer::Missing,
    };
    hrefs(view, &EXPANDED_MEMBERS, paths(members), writer)
}

fn expanded_membership(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    let Some(record) = record(resource) else { return Answer::Missing };
    let mut all = proxy_groups(view, &record.guid);
    for kind in ProxyKind::ALL {
        let owners = view.directory.owners_for(&record.guid, kind);
        all.extend(owners.into_iter().map(|owner| proxy_path(owner, kind)));
    }
    hrefs(view, &EXPANDED_MEMBERSHIP, all, writer)
}

fn calendar_home_set(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    match calendar_user(resource).and_then(|record| record.home_path()) {
        Some(home) => hrefs(view, &CALENDAR_HOME_SET, [home], writer),
        None => Answer::Missing,
    }
}

fn address_set(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    let Some(record) = record(resource) else { return Answer::Missing };
    let addresses = view.directory.addresses_of(record);
    if addresses.is_empty() {
        return Answer::Missing;
    }
    writer.element(&ADDRESS_SET, |writer| {
        for address in &addresses {
            // Paths among them are seen through the client's prefix, as every other path.
            let prefix = if address.starts_with('/') { view.origin.prefix.as_str() } else { "" };
            writer.href(&format!("{prefix}{address}"));
        }
    });
    Answer::Found
}

fn user_type(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    let kind = record(resource).map(|record| record.record_type.calendar_user_type());
    text(&USER_TYPE, kind, writer)
}

fn inbox_url(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    in_home(view, resource, &INBOX_URL, INBOX, writer)
}

fn outbox_url(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    in_home(view, resource, &OUTBOX_URL, OUTBOX, writer)
}

fn in_home(
    view: &View,
    resource: &Resource,
    name: &Name,
    segment: &str,
    writer: &mut Writer,
) -> Answer {
    match calendar_user(resource).and_then(|record| record.home_path()) {
        Some(home) => hrefs(view, name, [home.join(segment, true)], writer),
        None => Answer::Missing,
    }
}

fn record_type(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    let kind = match (record(resource), resource.proxy) {
        (Some(record), _) => Some(record.record_type.segment()),
        (None, Some(ProxyKind::Read)) => Some("read-delegate-group"),
        (None, Some(ProxyKind::Write)) => Some("write-delegate-group"),
        (None, None) => None,
    };
    text(&RECORD_TYPE, kind, writer)
}

fn first_name(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    text(&FIRST_NAME, record(resource).and_then(|record| record.first_name.as_deref()), writer)
}

fn last_name(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    text(&LAST_NAME, record(resource).and_then(|record| record.last_name.as_deref()), writer)
}

fn email_set(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    let Some(record) = record(resource) else { return Answer::Missing };
    writer.element(&EMAIL_SET, |writer| {
        for email in &record.emails {
            writer.leaf(&Name::calendarserver("email-address"), email);
        }
    });
    Answer::Found
}

fn read_for(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    proxy_for(view, resource, &READ_FOR, ProxyKind::Read, writer)
}

fn write_for(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    proxy_for(view, resource, &WRITE_FOR, ProxyKind::Write, writer)
}

fn proxy_for(
    view: &View,
    resource: &Resource,
    name: &Name,
    kind: ProxyKind,
    writer: &mut Writer,
) -> Answer {
    let Some(record) = calendar_user(resource) else { return Answer::Missing };
    hrefs(view, name, paths(view.directory.owners_for(&record.guid, kind)), writer)
}

fn auto_schedule(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    let mode = calendar_user(resource).map(|record| record.auto_schedule);
    let on = mode.map(|mode| if mode == AutoScheduleMode::None { "false" } else { "true" });
    text(&AUTO_SCHEDULE, on, writer)
}

fn auto_schedule_mode(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    let mode = calendar_user(resource).map(|record| record.auto_schedule.as_str());
    text(&AUTO_SCHEDULE_MODE, mode, writer)
}
