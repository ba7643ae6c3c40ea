//! Which facts and members the page of a resource shows.

use super::super::context::Context;
use super::page::{Page, Row};
use crate::acl::Privilege;
use crate::dav::kind::ResourceKind;
use crate::dav::{Response, Result};
use crate::principal::{Record, RecordType};
use crate::resource::{Resource, locate};
use crate::store::Entry;

/// The page of the resource of the request.
pub fn page(context: &Context) -> Result<Response> {
    let resource = &context.resource;
    let mut page = Page { title: resource.path.to_string(), ..Page::default() };
    page.up = resource.path.parent().map(|parent| context.request.href(&parent));
    match (resource.kind, &resource.owner) {
        (ResourceKind::Principal | ResourceKind::ProxyPrincipal, Some(owner)) => {
            page.title.clone_from(&owner.full_name);
            page.facts = facts(context, owner);
        }
        _ => page.rows = Some(rows(context, resource)),
    }
    Ok(Response::new(200).with_body("text/html;charset=utf-8", page.to_html()))
}

fn facts(context: &Context, owner: &Record) -> Vec<(String, Vec<String>)> {
    let one = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
    let mut facts = vec![
        one("GUID", &owner.guid),
        one("Realm", context.directory.realm()),
        one("Type", owner.record_type.segment()),
        one("Name", &owner.full_name),
        ("Short names".to_owned(), owner.short_names.clone()),
        ("E-mail".to_owned(), owner.emails.clone()),
        one("Principal", &context.request.href(&owner.principal_path())),
    ];
    if let Some(home) = owner.home_path() {
        facts.push(one("Calendars", &context.request.href(&home)));
        facts.push(("Addresses".to_owned(), context.directory.addresses_of(owner)));
    }
    facts
}

fn rows(context: &Context, resource: &Resource) -> Vec<Row> {
    let below = |name: &str| {
        let path = resource.path.join(name, true);
        let href = context.request.href(&path);
        Row { href, name: name.to_owned(), ..Row::default() }
    };
    match resource.kind {
        ResourceKind::Root => ["principals", "calendars"].map(below).into(),
        ResourceKind::PrincipalsRoot => RecordType::ALL.map(|kind| below(kind.segment())).into(),
        ResourceKind::CalendarsRoot => RecordType::ALL
            .into_iter()
            .filter(|kind| *kind != RecordType::Group)
            .map(|kind| below(kind.segment()))
            .chain([below(locate::UIDS)])
            .collect(),
        // Names of people are not listed to everybody.
        ResourceKind::PrincipalType | ResourceKind::CalendarsType => Vec::new(),
        _ => resource
            .members()
            .iter()
            .filter(|member| context.access.may(member, Privilege::Read))
            .map(|member| row(context, member))
            .collect(),
    }
}

fn row(context: &Context, member: &Resource) -> Row {
    Row {
        href: context.href(member),
        name: member.path.name().unwrap_or_default().to_owned(),
        size: match member.entry() {
            Some(Entry::Object(object)) => Some(object.size()),
            _ => None,
        },
        modified: member
            .modified()
            .map(|at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string())
            .unwrap_or_default(),
        media_type: media_type(member),
    }
}

fn media_type(member: &Resource) -> String {
    match (member.kind, member.entry()) {
        (ResourceKind::CalendarObject | ResourceKind::InboxItem, _) => "text/calendar".to_owned(),
        (_, Some(Entry::Object(object))) => object.content_type(),
        (ResourceKind::Calendar, _) => "calendar".to_owned(),
        (ResourceKind::FreeBusyUrl, _) => "free-busy".to_owned(),
        _ => "collection".to_owned(),
    }
}
