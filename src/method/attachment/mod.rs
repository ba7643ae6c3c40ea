//! POST with `action=attachment-…` (RFC 8607 §3.3 to §3.6): attachments that the server keeps.
//! Changing the event goes the way of a PUT, so that attendees get the attachment by scheduling.

pub mod kept;

use http::HeaderValue;
use uuid::Uuid;

use super::context::Context;
use super::media_type::MediaType;
use super::object::{self, Incoming, Purpose, Stored};
use super::scheduling::{Scheduling, owner_of};
use super::{errors, guard};
use crate::caldav::attachment::{self, Managed, Rid};
use crate::dav::{Error, Method, Precondition, Request, Response, Result};
use crate::ical::timezone::{Zone, Zones};
use crate::ical::{self, Component};
use crate::limits;
use crate::resource::Resource;
use crate::schedule::users::CalendarUsers;
use crate::store::PropertyChanges;

/// Times that a change is tried again when somebody else changed the event meanwhile.
const ATTEMPTS: usize = 5;
/// Longest name of an attachment.
const FILENAME_BYTES: usize = 200;
/// The answer's field with the MANAGED-ID.
const MANAGED_ID: &str = "cal-managed-id";

/// What a request asks for.
enum Action<'a> {
    Add(Option<Vec<Rid>>),
    Update(&'a str),
    Remove(&'a str, Option<Vec<Rid>>),
}

/// Answers the actions of attachments; `None` for others.
pub fn run(context: &Context, query: &[(String, String)]) -> Option<Result<Response>> {
    let value = |wanted: &str| {
        query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    };
    let rids = || match value("rid") {
        None => Ok(None),
        Some(text) => match attachment::rids(text) {
            Some(rids) => Ok(Some(rids)),
            None => Err(Error::from(Precondition::ValidRidParameter)),
        },
    };
    let id =
        || value("managed-id").ok_or_else(|| Error::from(Precondition::ValidManagedIdParameter));
    let action = match value("action")? {
        "attachment-add" => match value("managed-id") {
            None => rids().map(Action::Add),
            Some(_) => Err(Precondition::ValidManagedIdParameter.into()),
        },
        "attachment-update" => match value("rid") {
            None => id().map(Action::Update),
            Some(_) => Err(Precondition::ValidRidParameter.into()),
        },
        "attachment-remove" => id().and_then(|id| Ok(Action::Remove(id, rids()?))),
        _ => return None,
    };
    Some(action.and_then(|action| carry_out(context, &action)))
}

fn carry_out(context: &Context, action: &Action<'_>) -> Result<Response> {
    guard::early(context, &context.resource)?;
    let (stored, target) = match action {
        Action::Remove(id, rids) => change(context, &|tree, zones| {
            known(tree, id)?;
            all_there(attachment::remove(tree, rids.as_deref(), zones, id))
        })?,
        Action::Add(_) | Action::Update(_) => return keep(context, action),
    };
    object::respond(context, &target, stored)
}

/// Adds an attachment, or puts it in the place of another. The file is there before the event
/// names it, and goes again when the event cannot.
fn keep(context: &Context, action: &Action<'_>) -> Result<Response> {
    let body = &context.request.body;
    if body.len() > context.config.limits.attachment() {
        return Err(Precondition::MaxAttachmentSize.into());
    }
    let media_type = context.request.header("content-type").and_then(MediaType::parse);
    let it = Managed {
        id: Uuid::new_v4().to_string(),
        url: String::new(),
        media_type: media_type.map_or("application/octet-stream".to_owned(), |it| it.essence),
        filename: filename(context.request),
        bytes: body.len(),
    };
    let url = kept::url(context, &it.id, &it.filename);
    let it = Managed { url, ..it };
    // Before the file is written, what can be told of the event as it is now.
    let edit = |tree: &mut Component, zones: &Zones| match action {
        Action::Update(id) => {
            known(tree, id)?;
            attachment::replace(tree, id, &it);
            Ok(())
        }
        Action::Add(rids) => {
            if attachment::ids(tree).len() >= limits::ATTACHMENTS {
                return Err(Precondition::MaxAttachmentsPerResource.into());
            }
            all_there(attachment::add(tree, rids.as_deref(), zones, &it))
        }
        Action::Remove(..) => Ok(()),
    };
    let (mut tree, zones, _) = read(context, &context.resource)?;
    edit(&mut tree, &zones)?;
    kept::write(context, &it, tree.uid().unwrap_or_default(), body)?;
    let changed = change(context, &edit);
    let (stored, target) = match changed {
        Ok(changed) => changed,
        Err(error) => {
            kept::forget(context, &it.id)?;
            return Err(error);
        }
    };
    let mut response = object::respond(context, &target, stored)?;
    if let Action::Add(_) = action {
        response.status = 201;
    }
    let id = it.id;
    Ok(response.with(MANAGED_ID, id).with("location", it.url))
}

/// Reads the event, changes it and stores it, again if somebody else was quicker.
fn change(
    context: &Context,
    edit: &dyn Fn(&mut Component, &Zones) -> Result<()>,
) -> Result<(Stored, Resource)> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let target = context.resolve(&context.request.path)?;
        let (mut tree, zones, etag) = read(context, &target)?;
        edit(&mut tree, &zones)?;
        let request = as_put(context.request, &etag)?;
        let inner = Context {
            app: context.app,
            config: context.config.clone(),
            directory: context.directory.clone(),
            actor: context.actor.clone(),
            access: context.access.clone(),
            request: &request,
            resource: target.clone(),
            now: context.now,
        };
        let incoming = Incoming { bytes: None, tree, properties: PropertyChanges::none() };
        match object::store(&inner, &target, incoming, Purpose::Put) {
            Err(error) if error.status == 412 && attempt < ATTEMPTS => {}
            stored => return stored.map(|stored| (stored, target)),
        }
    }
}

/// The event as it is now, with its entity tag. Only the organizer attaches: what an attendee
/// would, nobody else could see.
fn read(context: &Context, target: &Resource) -> Result<(Component, Zones, String)> {
    let bytes = target.read()?.ok_or_else(Error::not_found)?;
    let etag = crate::dav::ETag::of(&bytes).to_string();
    let tree = ical::parse(&bytes).map_err(|error| errors::not_calendar_data(&error))?;
    let scheduling = Scheduling::of(context);
    let owner = format!("urn:x-uid:{}", owner_of(target));
    let organizer = tree.main_components().find_map(|main| main.value_of("ORGANIZER"));
    if organizer.is_some_and(|organizer| !scheduling.env().same(organizer, &owner)) {
        let refused = Error::from(Precondition::AllowedAttendeeChange);
        return Err(refused.because("only the organizer attaches something"));
    }
    let zones = Zones::of(&tree, &Zone::utc());
    Ok((tree, zones, etag))
}

/// The request that a change of the event stands for: on what was read, with the lock tokens.
fn as_put(request: &Request, etag: &str) -> Result<Request> {
    let mut put = Request { method: Method::Put, ..request.clone() };
    for name in [
        "if-none-match",
        "if-modified-since",
        "if-unmodified-since",
        "if-schedule-tag-match",
        "content-type",
    ] {
        put.headers.remove(name);
    }
    put.headers.insert("if-match", HeaderValue::from_str(etag).map_err(Error::internal)?);
    Ok(put)
}

fn known(tree: &Component, id: &str) -> Result<()> {
    match attachment::ids(tree).contains(id) {
        true => Ok(()),
        false => Err(Precondition::ValidManagedIdParameter.into()),
    }
}

fn all_there(there: bool) -> Result<()> {
    if there { Ok(()) } else { Err(Precondition::ValidRidParameter.into()) }
}

/// The name of `Content-Disposition` (RFC 6266 §4.3), as one that can be a file's.
fn filename(request: &Request) -> String {
    let field = request.header("content-disposition").unwrap_or_default();
    let field = MediaType::parse(&format!("x/{field}"));
    let plain = field.as_ref().and_then(|field| field.parameter("filename"));
    // RFC 8187: `UTF-8''na%C3%AFve.txt`.
    let extended = field.as_ref().and_then(|field| {
        let value = field.parameter("filename*")?;
        let (_, text) = value.get(..5)?.eq_ignore_ascii_case("utf-8").then(|| value.split_at(5))?;
        let text = text.splitn(3, '\'').nth(2)?;
        Some(percent_encoding::percent_decode_str(text).decode_utf8().ok()?.into_owned())
    });
    let given = extended.unwrap_or_else(|| plain.unwrap_or_default().to_owned());
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    let mut name: String = last.chars().filter(|c| !c.is_control() && *c != '"').collect();
    while name.len() > FILENAME_BYTES {
        name.pop();
    }
    match name.trim_matches('.').is_empty() {
        true => "attachment".to_owned(),
        false => name,
    }
}
