//! Storing a calendar object: the preconditions of RFC 4791 §5.3.2.1 in the order of the reference
//! system, then one transaction that asks everything again that others may have changed.
//!
//! PUT, POST and copies into calendars come through here.

use bytes::Bytes;

use super::attachment::kept;
use super::context::Context;
use super::errors::not_calendar_data;
use super::scheduling::{self, Scheduling};
use super::{guard, media_type, private, tracking};
use crate::caldav::attachment;
use crate::caldav::calendar_data::Format;
use crate::caldav::repair;
use crate::caldav::validate::{self, Rules};
use crate::dav::error::Detail;
use crate::dav::header::Prefer;
use crate::dav::kind::ResourceKind;
use crate::dav::{ETag, Error, Precondition, Response, Result};
use crate::ical::timezone::{Zone, Zones};
use crate::ical::{self, Component};
use crate::resource::{Resource, calendar};
use crate::schedule::{self, Committed, Plan};
use crate::store::{
    CollectionKind, Home, HomePath, Prepared, PropertyChanges, Snapshot, Transaction,
};

/// A calendar object on its way into a calendar.
pub struct Incoming {
    /// The bytes as the client sent them; absent when they came in another format.
    pub bytes: Option<Bytes>,
    /// The object.
    pub tree: Component,
    /// Dead properties that come along.
    pub properties: PropertyChanges,
}

impl Incoming {
    fn bytes(&self) -> Bytes {
        self.bytes.clone().unwrap_or_else(|| Bytes::from(self.tree.to_bytes()))
    }
}

/// What storing the object is part of.
pub enum Purpose {
    /// The conditions of the request speak of the target.
    Put,
    /// They speak of something else.
    Copy,
    /// The same, and what lies here is removed in the same transaction.
    Move(HomePath),
}

/// What became of it.
pub struct Stored {
    /// Whether there was nothing before.
    pub created: bool,
    /// What is stored now.
    pub bytes: Bytes,
    /// Its entity tag; empty where nothing is.
    pub etag: ETag,
    /// Its schedule tag.
    pub schedule_tag: Option<String>,
    /// Whether the stored bytes differ from the client's.
    pub changed: bool,
    /// Whether nothing is stored at all: an attendee's copy of an event that is no more.
    pub gone: bool,
}

/// PUT of a member of a calendar.
pub fn put(context: &Context) -> Result<Response> {
    let target = &context.resource;
    guard::early(context, target)?;
    if !target.parent().is_some_and(|parent| parent.exists) {
        return Err(Error::status(409).because("there is no such collection"));
    }
    let incoming = read_body(context)?;
    let stored = store(context, target, incoming, Purpose::Put)?;
    respond(context, target, stored)
}

/// The calendar object in the body of the request.
pub fn read_body(context: &Context) -> Result<Incoming> {
    let body = &context.request.body;
    let format = media_type::check_calendar(context.request)?;
    if body.is_empty() {
        return Err(Error::from(Precondition::ValidCalendarData).because("the body is empty"));
    }
    validate::check_size(body.len(), context.config.limits.resource_bytes)?;
    let tree = media_type::read(body, format)?;
    let bytes = (format == Format::ICalendar).then(|| body.clone());
    Ok(Incoming { bytes, tree, properties: PropertyChanges::none() })
}

/// A file outside calendars that is to become a calendar object, with its properties.
pub fn read_resource(context: &Context, source: &Resource) -> Result<Incoming> {
    let object = source.entry().and_then(|entry| entry.object()).ok_or_else(Error::not_found)?;
    let media_type = media_type::MediaType::parse(&object.content_type());
    if media_type.is_none_or(|media_type| media_type.essence != "text/calendar") {
        return Err(Error::from(Precondition::SupportedCalendarData)
            .because("the source is not text/calendar"));
    }
    let bytes = source.read()?.ok_or_else(Error::not_found)?;
    validate::check_size(bytes.len(), context.config.limits.resource_bytes)?;
    let tree = ical::parse(&bytes).map_err(|error| not_calendar_data(&error))?;
    let set = object.properties.iter().map(|(name, xml)| (name.clone(), xml.to_string()));
    let properties = PropertyChanges { set: set.collect(), ..PropertyChanges::default() };
    Ok(Incoming { bytes: Some(bytes), tree, properties })
}

/// Checks and stores an object as `target`.
pub fn store(
    context: &Context,
    target: &Resource,
    mut incoming: Incoming,
    purpose: Purpose,
) -> Result<Stored> {
    let parent = target.parent().ok_or_else(|| Error::status(409))?;
    let place = target.place.as_ref().ok_or_else(|| Error::status(403))?;
    let kinds = calendar::component_kinds(&parent.properties());
    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
    let rules = Rules {
        kinds: &kinds,
        attendees: context.config.limits.attendees,
        method_allowed: parent.kind == ResourceKind::Inbox,
        ..Rules::default()
    };
    let zones = Zones::of(&incoming.tree, &Zone::utc());
    if repair::repair(&mut incoming.tree, &zones) {
        incoming.bytes = None;
    }
    let check = || validate::validate(&incoming.tree, &zones, &rules);
    match incoming.tree.main_components().any(|main| main.has("RRULE")) {
        true => place.home.lengthy(check)?,
        false => check()?,
    }
    if let Some(owner) = target.owner.as_deref().filter(|_| parent.kind == ResourceKind::Calendar)
        && tracking::mark(&mut incoming.tree, owner, context.actor.record().map(|actor| &**actor))
    {
        incoming.bytes = None;
    }
    // From here on it waits for others and for the disk.
    place.home.lengthy(|| commit(context, (target, &parent), incoming, purpose))
}

/// Stores an object that is valid by itself, and delivers what that leads to.
fn commit(
    context: &Context,
    (target, parent): (&Resource, &Resource),
    mut incoming: Incoming,
    purpose: Purpose,
) -> Result<Stored> {
    let place = target.place.as_ref().ok_or_else(|| Error::status(403))?;
    let uid = incoming.tree.uid().unwrap_or_default().to_owned();
    let scheduling = Scheduling::of(context);
    let guard = schedule::lock(&context.app.store, &uid)?;
    let prepared = prepare(&place.home, &place.path, &incoming)?;
    let (stored, committed) = place.home.write_prepared(prepared, |tx| -> Result<_> {
        let created = admit(context, tx, &place.path, &uid, &purpose)?;
        if parent.kind != ResourceKind::Calendar {
            let bytes = incoming.bytes();
            let tree = Some(&incoming.tree);
            let etag = tx.put(&place.path, &bytes, tree, &incoming.properties)?.etag();
            let (schedule_tag, changed, gone) = (None, false, false);
            let stored = Stored { created, bytes, etag, schedule_tag, changed, gone };
            return Ok((stored, Committed::default()));
        }
        let owner = scheduling::owner_of(target);
        let old = scheduling::stored(tx, &place.path)?;
        private::check(context, owner, old.as_ref(), &mut incoming)?;
        if kept::check(context, tx, old.as_ref(), &mut incoming.tree)? {
            incoming.bytes = None;
        }
        let mut plan = scheduling.put(tx, owner, &place.path, old.as_ref(), &incoming.tree)?;
        private::carry(&incoming.tree, &mut plan.store);
        let mut attachments = attachment::ids(&incoming.tree);
        attachments.extend(old.as_ref().map(attachment::ids).unwrap_or_default());
        let committed = carry_out(tx, &place.path, &incoming, plan, created)?;
        kept::settle(context, tx, &uid, &attachments)?;
        if let Purpose::Move(from) = &purpose {
            tx.delete(from)?;
        }
        Ok(committed)
    })?;
    schedule::deliver(&scheduling.env(), Some(guard), committed);
    Ok(stored)
}

/// What scheduling does not touch reaches the disk before the home's writer is asked for.
fn prepare(home: &Home, path: &HomePath, incoming: &Incoming) -> Result<Option<Prepared>> {
    if incoming.tree.main_components().any(|main| main.has("ORGANIZER")) {
        return Ok(None);
    }
    Ok(home.prepare(path, &incoming.bytes(), Some(&incoming.tree), &incoming.properties)?)
}

/// Stores what scheduling made of the object.
fn carry_out(
    tx: &mut Transaction,
    path: &HomePath,
    incoming: &Incoming,
    plan: Plan,
    created: bool,
) -> Result<(Stored, Committed)> {
    let (bytes, changed, gone) = match &plan.store {
        schedule::Stored::AsSent => (incoming.bytes(), incoming.bytes.is_none(), false),
        schedule::Stored::Changed(tree) => (Bytes::from(tree.to_bytes()), true, false),
        schedule::Stored::Nothing => (Bytes::new(), true, true),
    };
    let (mut etag, mut schedule_tag) = (ETag(String::new()), None);
    if !gone {
        let tree = match &plan.store {
            schedule::Stored::Changed(tree) => tree,
            _ => &incoming.tree,
        };
        let before = tx.object(path);
        let properties = plan.properties(incoming.properties.clone(), before.as_deref(), &bytes);
        let stored = tx.put(path, &bytes, Some(tree), &properties)?;
        etag = stored.etag();
        schedule_tag = plan.scheduling.then(|| stored.schedule_tag());
    } else if !created {
        tx.delete(path)?;
    }
    for entry in plan.entries {
        tx.enqueue(entry);
    }
    Ok((Stored { created, bytes, etag, schedule_tag, changed, gone }, plan.committed))
}

/// What the transaction asks again before it stores; tells whether the object is new.
fn admit(
    context: &Context,
    tx: &Transaction,
    path: &HomePath,
    uid: &str,
    purpose: &Purpose,
) -> Result<bool> {
    let snapshot = tx.snapshot();
    let before = snapshot.entry(path);
    let mut touched = match before {
        Some(_) => guard::change(path),
        None => guard::addition(path),
    };
    match purpose {
        Purpose::Put => guard::inside(context, tx, path, &touched)?,
        Purpose::Copy => guard::locks_allow(context, tx, &touched)?,
        Purpose::Move(from) => {
            touched.extend(guard::removal(from));
            guard::inside(context, tx, from, &touched)?;
        }
    }
    let parent = path.parent().and_then(|parent| snapshot.collection(&parent).cloned());
    let parent = parent.ok_or_else(|| Error::status(409).because("the calendar is gone"))?;
    if parent.kind == CollectionKind::Calendar {
        let gone = match purpose {
            Purpose::Move(from) => Some(from),
            _ => None,
        };
        uid_is_free(context, snapshot, uid, path, gone)?;
    }
    Ok(before.is_none())
}

/// No other object of the calendar has the UID, and the object that is replaced has it
/// (RFC 4791 §5.3.2.1, no-uid-conflict). `gone` is about to disappear and does not count.
pub fn uid_is_free(
    context: &Context,
    snapshot: &Snapshot,
    uid: &str,
    path: &HomePath,
    gone: Option<&HomePath>,
) -> Result<()> {
    let conflict = |with: &HomePath, reason: &str| {
        let href = context.home_path(with, false).href();
        let error = Error::from(Precondition::NoUidConflict).because(reason);
        Err(error.holding(Detail::Hrefs(vec![href])))
    };
    let before = snapshot.object(path).and_then(|object| object.calendar());
    if before.is_some_and(|summary| summary.uid() != uid) {
        return conflict(path, "the object that is there has another UID");
    }
    let parent = path.parent();
    for other in snapshot.by_uid(uid) {
        if other != *path && Some(&other) != gone && other.parent() == parent {
            return conflict(&other, "another object of the calendar has this UID");
        }
    }
    Ok(())
}

/// The answer to a PUT or POST: an entity tag only when the client's bytes are what is stored.
pub fn respond(context: &Context, target: &Resource, stored: Stored) -> Result<Response> {
    if stored.gone {
        // "Created (or modified) but immediately deleted" (reference system §7.10).
        return Ok(Response::new(if stored.created { 201 } else { 200 }));
    }
    let prefer = Prefer::of(context.request)?;
    let etag = stored.etag;
    let mut response = Response::new(match (stored.created, prefer.representation) {
        (true, _) => 201,
        (false, true) => 200,
        (false, false) => 204,
    });
    if prefer.representation {
        let (bytes, media_type) = media_type::represent(context.request, stored.bytes.clone())?;
        let etag = if bytes == stored.bytes { etag } else { etag.variant(&bytes) };
        response = response
            .with("preference-applied", "return=representation")
            .with("content-location", context.href(target))
            .with("etag", etag.to_string())
            .with_body(&media_type, bytes);
    } else if !stored.changed {
        response = response.with("etag", etag.to_string());
    }
    if let Some(tag) = stored.schedule_tag {
        response = response.with("schedule-tag", format!("\"{tag}\""));
    }
    Ok(response)
}
