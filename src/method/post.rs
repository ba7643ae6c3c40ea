//! POST: add-member (RFC 5995), the outbox (RFC 6638 §5), many changes at once, the free-busy URL.

use uuid::Uuid;

use super::context::Context;
use super::media_type;
use super::object::{self, Purpose};
use super::scheduling::{self, Scheduling};
use super::{attachment, bulk, control, free_busy_url, split, timezones};
use crate::dav::kind::ResourceKind;
use crate::dav::{Error, Precondition, Response, Result, query};
use crate::ical::AccessLevel;
use crate::resource::{ADD_MEMBER, Resource};
use crate::schedule;

/// Answers a POST by what it is sent to.
pub fn run(context: &Context) -> Result<Response> {
    let resource = &context.resource;
    if is_add_member(resource) {
        return add_member(context);
    }
    if !resource.exists {
        return Err(Error::not_found());
    }
    match resource.kind {
        ResourceKind::FreeBusyUrl => free_busy_url::run(context),
        ResourceKind::Timezones => timezones::classic(context),
        ResourceKind::Control => control::run(context),
        ResourceKind::Outbox => outbox(context),
        ResourceKind::Calendar => bulk::run(context),
        ResourceKind::CalendarObject => on_object(context),
        _ => Err(Error::status(403).because("nothing can be posted here")),
    }
}

/// What can be done with a calendar object, by `action`.
fn on_object(context: &Context) -> Result<Response> {
    let query = query::pairs(context.request.query.as_deref());
    if let Some(answer) = attachment::run(context, &query) {
        return answer;
    }
    match query.iter().find(|(name, _)| name == "action").map(|(_, action)| action.as_str()) {
        Some("split") => split::run(context, &query),
        _ => Err(Precondition::ValidActionParameter.into()),
    }
}

/// A scheduling message to the outbox: most often a question for busy times. That something may be
/// sent from here is known already; whether this may, when it is read.
fn outbox(context: &Context) -> Result<Response> {
    let format = media_type::check_calendar(context.request)?;
    let message = media_type::read(&context.request.body, format)?;
    let right = schedule::right_to_post(&message)?;
    context.access.require(&context.resource, &[scheduling::privilege_of(right)])?;
    if message.has(AccessLevel::PROPERTY) {
        return Err(Precondition::NoAccessRestrictions.into());
    }
    let scheduling = Scheduling::of(context);
    let owner = scheduling::owner_of(&context.resource);
    let post = schedule::Post { actor: context.actor_id(), owner, message: &message, format };
    let answer = schedule::post(&scheduling.env(), &post)?;
    Ok(Response::new(200).with_body("application/xml; charset=utf-8", answer))
}

/// Whether the request goes to the add-member URL of a calendar.
pub fn is_add_member(resource: &Resource) -> bool {
    resource.kind == ResourceKind::CalendarObject && resource.path.name() == Some(ADD_MEMBER)
}

/// Stores the body under a new name and tells which.
fn add_member(context: &Context) -> Result<Response> {
    let calendar = context.resource.parent().filter(|calendar| calendar.exists);
    let calendar = calendar.ok_or_else(Error::not_found)?;
    Ok(add(context, &calendar)?.0)
}

/// Stores the body as a new member of a calendar.
pub(super) fn add(context: &Context, calendar: &Resource) -> Result<(Response, Resource)> {
    let incoming = object::read_body(context)?;
    let name = format!("{}.ics", Uuid::new_v4());
    let target = calendar.member(&name).ok_or_else(Error::not_found)?;
    let stored = object::store(context, &target, incoming, Purpose::Copy)?;
    let response = object::respond(context, &target, stored)?;
    Ok((response.with("location", context.href(&target)), target))
}
