//! `DAV:principal-property-search` (RFC 3744 §9.4) with Apple's attributes. Searches the directory,
//! not resources.

use super::super::context::Context;
use super::{only_depth_zero, principals};
use crate::dav::header::Prefer;
use crate::dav::kind::ResourceKind as Kind;
use crate::dav::name::{CALDAV, CALENDARSERVER, DAV};
use crate::dav::{Error, Name, Response, Result};
use crate::limits;
use crate::principal::RecordType;
use crate::principal::search::{Criterion, Field, MatchType, Search};
use crate::resource::property::{Asked, View};
use crate::xml::Element;
use crate::xml::request::PrincipalPropertySearch;
use crate::xml::request::principal_property_search::MatchKind;

/// Answers the report.
pub fn run(context: &Context, view: View, root: &Element) -> Result<Response> {
    only_depth_zero(context)?;
    let body = PrincipalPropertySearch::read(root)?;
    let mut criteria = Vec::new();
    for search in &body.searches {
        for field in search.properties.iter().filter_map(field) {
            if field == Field::CalendarUserAddress && !is_address(&search.text) {
                return Err(Error::bad_request("not the beginning of a calendar user address"));
            }
            criteria.push(Criterion {
                fields: vec![field],
                text: search.text.clone(),
                match_type: match search.kind {
                    MatchKind::StartsWith => MatchType::StartsWith,
                    MatchKind::Contains => MatchType::Contains,
                    MatchKind::Equals => MatchType::Equals,
                },
                case_sensitive: !search.caseless,
            });
        }
    }
    let limit = body.limit.unwrap_or(usize::MAX).min(limits::PRINCIPAL_RESULTS);
    let found = match types(context, &body) {
        Some(types) => {
            let search = Search { criteria, any: !body.all, types };
            context.directory.search(&search, limit)
        }
        None => (Vec::new(), false),
    };
    let resources: Vec<_> = found.0.into_iter().map(principals::canonical).collect();
    let asked = Asked::new(&body.selection, Prefer::of(context.request)?.minimal);
    let cut = found.1.then(|| context.href(&context.resource));
    principals::answer(&view, &asked, &resources, cut.as_deref())
}

/// The types of records that are searched; `None` when there is nothing below the resource.
fn types(context: &Context, body: &PrincipalPropertySearch) -> Option<Vec<RecordType>> {
    let user_type = body.user_type.as_deref().map(RecordType::from_calendar_user_type);
    let scope = match context.resource.kind {
        _ if body.everywhere => None,
        Kind::PrincipalsRoot | Kind::PrincipalUids | Kind::Root => None,
        Kind::PrincipalType => Some(context.resource.record_type?),
        _ => return None,
    };
    match (user_type, scope) {
        (Some(None), _) => None,
        (Some(Some(wanted)), Some(scope)) if wanted != scope => None,
        (Some(Some(wanted)), _) => Some(vec![wanted]),
        (None, Some(scope)) => Some(vec![scope]),
        (None, None) => Some(Vec::new()),
    }
}

/// The searchable properties; others are ignored (reference system).
fn field(name: &Name) -> Option<Field> {
    match (name.namespace.as_ref(), name.local.as_ref()) {
        (DAV, "displayname") => Some(Field::DisplayName),
        (CALENDARSERVER, "first-name") => Some(Field::FirstName),
        (CALENDARSERVER, "last-name") => Some(Field::LastName),
        (CALENDARSERVER, "email-address-set") => Some(Field::EmailAddress),
        (CALENDARSERVER, "record-name") => Some(Field::ShortName),
        (CALDAV, "calendar-user-type") => Some(Field::CalendarUserType),
        (CALDAV, "calendar-user-address-set") => Some(Field::CalendarUserAddress),
        _ => None,
    }
}

/// Whether a text can be (part of) an address at all: a search for anything else is a mistake.
fn is_address(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    let schemes = ["mailto:", "urn:", "http://", "https://", "/"];
    text.contains('@') || schemes.iter().any(|scheme| text.starts_with(scheme))
}
