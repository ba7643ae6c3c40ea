//! Files without any meaning for calendars: any content, kept with its media type.

use super::context::Context;
use super::media_type::MediaType;
use super::{get, guard};
use crate::dav::header::Prefer;
use crate::dav::name::DAV;
use crate::dav::{ETag, Error, Name, Response, Result};
use crate::store::PropertyChanges;

/// The media type of a file as a client gave it.
const CONTENT_TYPE: Name = Name::dav("getcontenttype");

/// PUT of a plain file.
pub fn put(context: &Context) -> Result<Response> {
    let target = &context.resource;
    guard::early(context, target)?;
    let place = target.place.as_ref().ok_or_else(|| Error::status(403))?;
    if !target.parent().is_some_and(|parent| parent.exists && parent.kind.is_collection()) {
        return Err(Error::status(409).because("there is no such collection"));
    }
    let body = context.request.body.clone();
    let created = place.home.write(|tx| -> Result<bool> {
        let before = tx.snapshot().entry(&place.path);
        let touched = match before {
            Some(_) => guard::change(&place.path),
            None => guard::addition(&place.path),
        };
        guard::inside(context, tx, &place.path, &touched)?;
        if before.as_ref().is_some_and(|entry| entry.object().is_none()) {
            return Err(Error::status(403).because("there is a collection"));
        }
        tx.put(&place.path, &body, None, &content_type(context))?;
        Ok(before.is_none())
    })?;
    let etag = ETag::of(&body).to_string();
    if !Prefer::of(context.request)?.representation {
        return Ok(Response::new(if created { 201 } else { 204 }).with("etag", etag));
    }
    let current = get::current(context, &context.resolve(&context.request.path)?)?;
    Ok(Response { status: if created { 201 } else { 200 }, ..current }
        .with("preference-applied", "return=representation")
        .with("content-location", context.href(target)))
}

/// The change that keeps the media type of the request with the file.
fn content_type(context: &Context) -> PropertyChanges {
    let mut changes = PropertyChanges::default();
    match context.request.header("content-type").and_then(MediaType::parse) {
        Some(media_type) => changes.set.push(content_type_property(&media_type.to_text())),
        None => changes.remove.push(CONTENT_TYPE),
    }
    changes
}

/// `DAV:getcontenttype` as it is kept.
pub(super) fn content_type_property(text: &str) -> (Name, String) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    (CONTENT_TYPE, format!("<getcontenttype xmlns=\"{DAV}\">{text}</getcontenttype>"))
}
