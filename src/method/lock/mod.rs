//! LOCK and UNLOCK (RFC 4918 §9.10, §9.11). The locks of a home are a private property of the
//! home, so that they are written in the same transactions as what they protect.

pub mod table;

use bytes::Bytes;
use chrono::Duration;
use uuid::Uuid;

use self::table::{Lock, Locks};
use super::context::Context;
use super::guard;
use crate::acl::Privilege;
use crate::dav::error::Detail;
use crate::dav::header::{self, Depth, If, Timeout};
use crate::dav::kind::ResourceKind;
use crate::dav::{DavPath, Error, Precondition, Response, Result};
use crate::limits;
use crate::resource::Resource;
use crate::resource::property::View;
use crate::store::{HomePath, PropertyChanges};
use crate::xml::request::lockinfo::LockInfo;
use crate::xml::{self, Multistatus};

/// LOCK: a new lock, or more time for an old one.
pub fn lock(context: &Context) -> Result<Response> {
    if context.resource.place.is_none() || !context.resource.kind.in_home() {
        return Err(Error::status(403).because("only what lies in a home can be locked"));
    }
    match LockInfo::parse(&context.request.body)? {
        Some(info) => new_lock(context, info),
        None => refresh(context),
    }
}

fn new_lock(context: &Context, info: LockInfo) -> Result<Response> {
    let resource = &context.resource;
    let place = resource.place.as_ref().ok_or_else(|| Error::status(403))?;
    let deep = match Depth::of(context.request)? {
        Some(Depth::Zero) => false,
        None | Some(Depth::Infinity) => true,
        Some(Depth::One) => return Err(Error::bad_request("a lock is not one level deep")),
    };
    let seconds = seconds(context)?;
    let lock = Lock {
        token: format!("urn:uuid:{}", Uuid::new_v4()),
        root: place.path.segments().to_vec(),
        deep: deep && resource.kind.is_collection(),
        exclusive: info.exclusive,
        owner: info.owner.map(|owner| owner.to_xml()),
        principal: context.actor_id().to_owned(),
        seconds,
        expires: context.now + Duration::seconds(seconds.cast_signed()),
    };
    let granted = place.home.write(|tx| -> Result<Granted> {
        guard::inside(context, tx, &place.path, &[])?;
        let mut locks = guard::locks_of(context, tx.snapshot());
        let held = locks.conflicting(&lock.root, lock.deep, lock.exclusive);
        let root = |held: &Lock| guard::href_in(context, tx.snapshot(), &held.root);
        if let Some(here) = held.iter().find(|held| !held.lies_below(&lock.root)) {
            let detail = Detail::Hrefs(vec![root(here)]);
            return Err(Error::from(Precondition::NoConflictingLock).holding(detail));
        }
        if !held.is_empty() {
            return Ok(Granted::No(held.into_iter().map(root).collect()));
        }
        if locks.0.len() >= limits::LOCKS {
            return Err(Error::status(503).because("the home has too many locks"));
        }
        let created = tx.snapshot().entry(&place.path).is_none();
        if created {
            guard::locks_allow(context, tx, &guard::addition(&place.path))?;
            make_empty(context, tx)?;
        }
        locks.0.push(lock.clone());
        guard::keep_locks(tx, &locks)?;
        Ok(Granted::Yes { created })
    })?;
    let response = match granted {
        Granted::Yes { created } => Response::new(if created { 201 } else { 200 }),
        Granted::No(held) => return members_are_locked(context, &held),
    };
    Ok(describe(context, response, &lock).with("lock-token", format!("<{}>", lock.token)))
}

/// What became of a wish for a lock.
enum Granted {
    Yes {
        created: bool,
    },
    /// Members of the collection, by their hrefs, are locked already.
    No(Vec<String>),
}

/// A collection is locked with all its members or not at all (§9.10.3, §9.10.9).
fn members_are_locked(context: &Context, held: &[String]) -> Result<Response> {
    let prefix = &context.request.origin.prefix;
    let mut bytes = Vec::new();
    let mut answer = Multistatus::begin(&mut bytes);
    let mut tell = || -> std::io::Result<()> {
        for href in held {
            let detail = Detail::Hrefs(vec![href.clone()]);
            let error = Error::from(Precondition::NoConflictingLock).holding(detail);
            answer.status(&format!("{prefix}{href}"), &error, prefix)?;
        }
        answer.bare_status(&context.href(&context.resource), 424)
    };
    tell().and_then(|()| answer.finish()).map_err(Error::internal)?;
    Ok(Response::new(207).with_body(xml::MEDIA_TYPE, bytes))
}

/// A lock on a name without a resource makes an empty one (§7.3); in a calendar, where nothing
/// empty can be, it keeps the name only.
fn make_empty(context: &Context, tx: &mut crate::store::Transaction) -> Result<()> {
    let place = context.resource.place.as_ref().ok_or_else(|| Error::status(403))?;
    let parent = place.path.parent().and_then(|parent| tx.snapshot().entry(&parent));
    if parent.is_none_or(|parent| parent.collection().is_none()) {
        return Err(Error::status(409).because("there is no such collection"));
    }
    match context.resource.kind {
        ResourceKind::PlainFile => {
            tx.put(&place.path, &Bytes::new(), None, &PropertyChanges::none())?;
            Ok(())
        }
        ResourceKind::CalendarObject => Ok(()),
        _ => Err(Error::status(403).because("nothing can be made here")),
    }
}

/// More time for a lock that the If field names (§9.10.2).
fn refresh(context: &Context) -> Result<Response> {
    let place = context.resource.place.as_ref().ok_or_else(|| Error::status(403))?;
    let field = If::of(context.request)?
        .ok_or_else(|| Error::bad_request("neither a lockinfo nor a token in an If field"))?;
    let tokens: Vec<&str> = field.submitted().collect();
    let seconds = seconds(context)?;
    let lock = place.home.write(|tx| -> Result<Lock> {
        guard::inside(context, tx, &place.path, &[])?;
        let mut locks = guard::locks_of(context, tx.snapshot());
        let path = place.path.segments();
        let ours = |lock: &&mut Lock| {
            tokens.contains(&lock.token.as_str())
                && lock.covers(path)
                && lock.principal == context.actor_id()
        };
        let lock = locks.0.iter_mut().find(ours).ok_or_else(Error::precondition_failed)?;
        lock.seconds = seconds;
        lock.expires = context.now + Duration::seconds(seconds.cast_signed());
        let lock = lock.clone();
        guard::keep_locks(tx, &locks)?;
        Ok(lock)
    })?;
    Ok(describe(context, Response::new(200), &lock))
}

/// UNLOCK: by whoever made the lock, and by who has DAV:unlock (§9.11, RFC 3744 §3.5).
pub fn unlock(context: &Context) -> Result<Response> {
    let token = header::lock_token(context.request)?;
    let wrong = || Error::from(Precondition::LockTokenMatchesRequestUri);
    let place = context.resource.place.as_ref().ok_or_else(wrong)?;
    let others = context.access.require(&context.resource, &[Privilege::Unlock]);
    place.home.write(|tx| -> Result<()> {
        let mut locks: Locks = guard::locks_of(context, tx.snapshot());
        let lock = locks.by_token(&token).filter(|lock| lock.covers(place.path.segments()));
        let lock = lock.ok_or_else(wrong)?;
        if lock.principal != context.actor_id() {
            others.clone()?;
        }
        locks.0.retain(|lock| lock.token != token);
        guard::keep_locks(tx, &locks)
    })?;
    Ok(Response::new(204))
}

/// Seconds granted: what was asked for, within the server's limit.
fn seconds(context: &Context) -> Result<u64> {
    Ok(match Timeout::of(context.request)? {
        Some(Timeout::Seconds(seconds)) => u64::from(seconds).clamp(1, limits::LOCK_SECONDS),
        Some(Timeout::Infinite) | None => limits::LOCK_SECONDS,
    })
}

/// The lockdiscovery of a new or refreshed lock (§9.10.1).
fn describe(context: &Context, response: Response, lock: &Lock) -> Response {
    let slash = context.resource.kind.is_collection();
    let root = context.home_path(&HomePath::new(lock.root.clone()), slash);
    let active = active_lock(&context.request.href(&root), lock);
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:prop xmlns:D=\"DAV:\">\
         <D:lockdiscovery>{active}</D:lockdiscovery></D:prop>\n"
    );
    response.with_body("application/xml; charset=utf-8", body)
}

/// The `DAV:activelock` elements of a resource, for `DAV:lockdiscovery` (§15.8).
pub fn active_locks(view: &View, resource: &Resource) -> String {
    let Some(place) = &resource.place else { return String::new() };
    let locks = guard::locks_at(&place.snapshot, view.now);
    let covering = locks.covering(place.path.segments());
    let home: Vec<String> = resource.path.segments().iter().take(3).cloned().collect();
    let active = covering.into_iter().map(|lock| {
        let entry = place.snapshot.entry(&HomePath::new(lock.root.clone()));
        let slash = entry.is_some_and(|entry| entry.collection().is_some());
        let segments: Vec<String> = home.iter().chain(&lock.root).cloned().collect();
        active_lock(&view.href(&DavPath::from_segments(segments, slash)), lock)
    });
    active.collect()
}

/// `DAV:activelock` (§14.1), with the prefix `D` bound to `DAV:` around it.
fn active_lock(root: &str, lock: &Lock) -> String {
    let scope = if lock.exclusive { "exclusive" } else { "shared" };
    let depth = if lock.deep { "infinity" } else { "0" };
    format!(
        "<D:activelock><D:locktype><D:write/></D:locktype><D:lockscope><D:{scope}/></D:lockscope>\
         <D:depth>{depth}</D:depth>{}<D:timeout>Second-{}</D:timeout>\
         <D:locktoken><D:href>{}</D:href></D:locktoken>\
         <D:lockroot><D:href>{root}</D:href></D:lockroot></D:activelock>",
        lock.owner.as_deref().unwrap_or_default(),
        lock.seconds,
        lock.token,
    )
}
