//! `CS:calendarserver-principal-search`: every word must be found in the name or an address.

use super::super::context::Context;
use super::{only_depth_zero, principals};
use crate::dav::header::Prefer;
use crate::dav::{Response, Result};
use crate::limits;
use crate::principal::RecordType;
use crate::principal::search::{Criterion, Field, MatchType, Search};
use crate::resource::property::{Asked, View};
use crate::xml::Element;
use crate::xml::request::CalendarserverPrincipalSearch;
use crate::xml::request::calendarserver_principal_search::SearchContext;

/// Where words are looked for.
const FIELDS: [Field; 4] =
    [Field::DisplayName, Field::FirstName, Field::LastName, Field::EmailAddress];

/// Answers the report.
pub fn run(context: &Context, view: View, root: &Element) -> Result<Response> {
    only_depth_zero(context)?;
    let body = CalendarserverPrincipalSearch::read(root)?;
    let criteria = body.tokens.iter().map(|token| Criterion {
        fields: FIELDS.to_vec(),
        text: token.clone(),
        match_type: MatchType::Contains,
        case_sensitive: false,
    });
    let types = match body.context {
        SearchContext::Any | SearchContext::Attendee => Vec::new(),
        SearchContext::User => vec![RecordType::User],
        SearchContext::Group => vec![RecordType::Group],
        SearchContext::Location => vec![RecordType::Location],
        SearchContext::Resource => vec![RecordType::Resource],
    };
    let search = Search { criteria: criteria.collect(), any: false, types };
    let limit = body.limit.unwrap_or(usize::MAX).min(limits::PRINCIPAL_RESULTS);
    let (found, more) = context.directory.search(&search, limit);
    let resources: Vec<_> = found.into_iter().map(principals::canonical).collect();
    let asked = Asked::new(&body.selection, Prefer::of(context.request)?.minimal);
    let cut = more.then(|| context.href(&context.resource));
    principals::answer(&view, &asked, &resources, cut.as_deref())
}
