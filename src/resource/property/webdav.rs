//! Properties of RFC 4918 §15, RFC 3253 §3.1.5, RFC 5842 §3.1 and RFC 5995 §3.2.1.

use super::{Answer, Live, View, dead, text};
use crate::acl;
use crate::dav::kind::ResourceKind as Kind;
use crate::dav::name::TWISTED_PRIVATE;
use crate::dav::{ETag, Method, Name};
use crate::principal::ProxyKind;
use crate::resource::{ADD_MEMBER, Resource, report_set};
use crate::store::Entry;
use crate::xml::Writer;

const RESOURCETYPE: Name = Name::dav("resourcetype");
const GETETAG: Name = Name::dav("getetag");
const GETCONTENTTYPE: Name = Name::dav("getcontenttype");
const GETCONTENTLENGTH: Name = Name::dav("getcontentlength");
const GETCONTENTLANGUAGE: Name = Name::dav("getcontentlanguage");
const GETLASTMODIFIED: Name = Name::dav("getlastmodified");
const CREATIONDATE: Name = Name::dav("creationdate");
const DISPLAYNAME: Name = Name::dav("displayname");
const SUPPORTEDLOCK: Name = Name::dav("supportedlock");
const LOCKDISCOVERY: Name = Name::dav("lockdiscovery");
const SUPPORTED_REPORT_SET: Name = Name::dav("supported-report-set");
const RESOURCE_ID: Name = Name::dav("resource-id");
const ADD_MEMBER_URL: Name = Name::dav("add-member");

/// Where a collection keeps its `DAV:resource-id`.
pub const STORED_RESOURCE_ID: Name = Name::new(TWISTED_PRIVATE, "resource-id");

/// The table.
pub const TABLE: &[Live] = &[
    Live::shown(RESOURCETYPE, resourcetype),
    Live::shown(GETETAG, getetag),
    Live::shown(GETCONTENTTYPE, getcontenttype),
    Live::shown(GETCONTENTLENGTH, getcontentlength),
    Live::shown(GETLASTMODIFIED, getlastmodified),
    Live::shown(CREATIONDATE, creationdate),
    Live::shown(DISPLAYNAME, displayname).writable(),
    Live::stored(GETCONTENTLANGUAGE),
    Live::shown(SUPPORTEDLOCK, supportedlock),
    Live::shown(LOCKDISCOVERY, lockdiscovery),
    Live::named(SUPPORTED_REPORT_SET, supported_report_set),
    Live::named(RESOURCE_ID, resource_id),
    Live::named(ADD_MEMBER_URL, add_member),
];

fn resourcetype(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    writer.element(&RESOURCETYPE, |writer| {
        if resource.kind.is_collection() {
            writer.empty(&Name::dav("collection"));
        }
        let further: &[Name] = match resource.kind {
            Kind::Principal => &[Name::dav("principal")],
            Kind::ProxyPrincipal if resource.proxy == Some(ProxyKind::Write) => {
                &[Name::dav("principal"), Name::calendarserver("calendar-proxy-write")]
            }
            Kind::ProxyPrincipal => {
                &[Name::dav("principal"), Name::calendarserver("calendar-proxy-read")]
            }
            Kind::Calendar => &[Name::caldav("calendar")],
            Kind::Inbox => &[Name::caldav("schedule-inbox")],
            Kind::Outbox => &[Name::caldav("schedule-outbox")],
            Kind::Notifications => &[Name::calendarserver("notification")],
            Kind::Subscription => &[Name::calendarserver("subscribed")],
            Kind::FreeBusyUrl => &[Name::calendarserver("free-busy-url")],
            _ => &[],
        };
        further.iter().for_each(|name| writer.empty(name));
    });
    Answer::Found
}

fn getetag(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    // Collections above the homes have no state of their own: their address stands for it.
    let etag = resource.etag().unwrap_or_else(|| ETag::of(resource.path.href().as_bytes()));
    text(&GETETAG, Some(&etag.to_string()), writer)
}

fn getcontenttype(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    let media_type = match resource.entry() {
        Some(Entry::Object(object)) => object.content_type(),
        _ if resource.kind.is_collection() => "httpd/unix-directory".to_owned(),
        _ => return Answer::Missing,
    };
    text(&GETCONTENTTYPE, Some(&media_type), writer)
}

fn getcontentlength(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    let length = match resource.entry() {
        Some(Entry::Object(object)) => object.size(),
        _ if resource.kind.is_collection() => 0,
        _ => return Answer::Missing,
    };
    text(&GETCONTENTLENGTH, Some(&length.to_string()), writer)
}

fn getlastmodified(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    let date = resource.modified().map(|instant| httpdate::fmt_http_date(instant.into()));
    text(&GETLASTMODIFIED, date.as_deref(), writer)
}

fn creationdate(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    let created = resource.entry().map(|entry| match entry {
        Entry::Object(object) => object.created(),
        Entry::Collection(collection) => collection.created(),
    });
    let date = created.map(|instant| instant.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    text(&CREATIONDATE, date.as_deref(), writer)
}

/// What somebody called it, else what the directory or its address calls it.
fn displayname(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    if dead::write(view, resource, &DISPLAYNAME, writer) == Answer::Found {
        return Answer::Found;
    }
    let name = match (resource.kind, &resource.owner) {
        (Kind::Principal | Kind::Home, Some(owner)) => Some(owner.full_name.as_str()),
        (kind, _) if kind.is_collection() => Some(resource.path.name().unwrap_or("/")),
        _ => None,
    };
    text(&DISPLAYNAME, name, writer)
}

fn is_lockable(resource: &Resource) -> bool {
    let has_lock = acl::required(Method::Lock, resource.kind, true) != acl::Rule::NoMethod;
    has_lock && resource.entry().is_some()
}

fn supportedlock(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    writer.element(&SUPPORTEDLOCK, |writer| {
        for scope in ["exclusive", "shared"].iter().filter(|_| is_lockable(resource)) {
            writer.element(&Name::dav("lockentry"), |writer| {
                writer.element(&Name::dav("lockscope"), |writer| writer.empty(&Name::dav(scope)));
                writer.element(&Name::dav("locktype"), |w| w.empty(&Name::dav("write")));
            });
        }
    });
    Answer::Found
}

fn lockdiscovery(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    writer.element(&LOCKDISCOVERY, |writer| {
        if is_lockable(resource) {
            writer.raw(&(view.active_locks)(view, resource));
        }
    });
    Answer::Found
}

fn supported_report_set(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    writer.element(&SUPPORTED_REPORT_SET, |writer| {
        for report in report_set::reports(resource.kind) {
            writer.element(&Name::dav("supported-report"), |writer| {
                writer.element(&Name::dav("report"), |writer| writer.empty(&report));
            });
        }
    });
    Answer::Found
}

/// Where a POST adds a member that the server names (RFC 5995 §3.2.1).
fn add_member(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    if resource.kind != Kind::Calendar {
        return Answer::Missing;
    }
    let url = view.href(&resource.path.join(ADD_MEMBER, false));
    writer.element(&ADD_MEMBER_URL, |writer| writer.href(&url));
    Answer::Found
}

/// Principals have their GUID; a collection has an identifier from its making on, which goes with
/// it when it moves. One that was made without us is known by its place.
fn resource_id(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    let owner = resource.owner.as_ref();
    let id = match (resource.kind, resource.entry()) {
        (Kind::Principal, _) => owner.map(|owner| format!("urn:x-uid:{}", owner.guid)),
        (_, Some(Entry::Collection(_))) => {
            let stored = resource.properties().text(&STORED_RESOURCE_ID);
            Some(stored.unwrap_or_else(|| {
                let place = resource.canonical().href();
                let uuid = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, place.as_bytes());
                format!("urn:uuid:{uuid}")
            }))
        }
        _ => None,
    };
    match id {
        Some(id) => {
            writer.element(&RESOURCE_ID, |writer| writer.href(&id));
            Answer::Found
        }
        None => Answer::Missing,
    }
}
