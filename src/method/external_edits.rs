//! Edits past the server that are scheduled (`scheduling.external_edits = "schedule"`): what an
//! editor, `rsync` or `git` made of an object with attendees takes the path of its owner's PUT or
//! DELETE, compared with what others were last told.
//!
//! What is to be done is read off the files (`store::scheduled`), so that nothing is forgotten when
//! the process dies and nothing is done twice. Must not be reached by requests.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue};

use super::context::Context;
use super::object;
use super::scheduling::Scheduling;
use crate::app::App;
use crate::auth::Actor;
use crate::dav::request::Origin;
use crate::dav::{DavPath, ETag, Error, Method, Request, Result};
use crate::ical;
use crate::principal::Record;
use crate::resource::Resolver;
use crate::resource::access::{self, Access};
use crate::schedule::{self, Committed, Delete};
use crate::store::{Home, HomePath, LastScheduled, ObjectKind, StoreError, Unscheduled};

/// How long an object must have been as it is: whoever edits it is probably done then.
const STILL: Duration = Duration::from_secs(2);
/// The same for one that is gone: a tool may be writing it anew, or moving it.
const GONE: Duration = Duration::from_secs(5);
/// How often homes that nobody opened are looked at.
const WALK: Duration = Duration::from_secs(15 * 60);
/// Homes looked at in one round.
const STEP: usize = 20;

/// What was seen so far.
#[derive(Default)]
pub struct Follower {
    /// Edits by home, and since when they are as they are.
    seen: BTreeMap<String, Vec<(Unscheduled, Instant)>>,
    /// Their homes, which stay open until it is done.
    held: BTreeMap<String, Arc<Home>>,
    to_walk: VecDeque<String>,
    walked: Option<Instant>,
}

/// What became of one edit.
enum Outcome {
    Done,
    /// Others must not be told; the file stays as it is.
    Refused(String),
    /// Not yet.
    Later,
}

impl Follower {
    /// Looks once at what changed, and schedules what has been left alone for long enough.
    pub fn follow(&mut self, app: &App) {
        self.walk(app);
        let mut homes = app.store.opened();
        homes.extend(self.held.values().cloned());
        for home in homes {
            if home.take_edited() && self.follow_home(app, &home) {
                home.set_edited();
                self.held.insert(home.guid().to_owned(), home);
            } else if !self.seen.contains_key(home.guid()) {
                self.held.remove(home.guid());
            }
        }
    }

    /// Opens some of the homes that may have been edited while they were closed.
    fn walk(&mut self, app: &App) {
        if self.to_walk.is_empty() && self.walked.is_none_or(|at| at.elapsed() >= WALK) {
            self.walked = Some(Instant::now());
            match app.store.homes() {
                Ok(homes) => self.to_walk = homes.into(),
                Err(error) => tracing::error!(%error, "homes cannot be listed"),
            }
        }
        for _ in 0..STEP {
            let Some(guid) = self.to_walk.pop_front() else { return };
            match app.store.home(&guid) {
                Ok(Some(home)) if !home.unscheduled().is_empty() => {
                    self.held.insert(guid, home);
                }
                Ok(_) => {}
                Err(error) => tracing::error!(%error, guid, "a home cannot be looked at"),
            }
        }
    }

    /// Schedules the edits of a home; whether some are left.
    fn follow_home(&mut self, app: &App, home: &Home) -> bool {
        let before = self.seen.remove(home.guid()).unwrap_or_default();
        let mut waiting = Vec::new();
        for edit in home.unscheduled() {
            let since = before.iter().find(|(seen, _)| *seen == edit).map(|(_, since)| *since);
            let since = since.unwrap_or_else(Instant::now);
            let pause = if edit.path.is_some() { STILL } else { GONE };
            let outcome = match since.elapsed() < pause {
                true => Outcome::Later,
                false => schedule(app, home, &edit),
            };
            let guid = home.guid();
            let path = edit.path.as_ref().map(ToString::to_string).unwrap_or_default();
            match outcome {
                Outcome::Done => tracing::info!(guid, path, "an edit past the server is scheduled"),
                Outcome::Refused(reason) => {
                    tracing::warn!(guid, path, reason, "an edit past the server is told to nobody");
                    home.refuse(&edit);
                }
                Outcome::Later => waiting.push((edit, since)),
            }
        }
        let left = !waiting.is_empty();
        if left {
            self.seen.insert(home.guid().to_owned(), waiting);
        }
        left
    }
}

/// Takes one edit the way of a request of the home's owner.
fn schedule(app: &App, home: &Home, edit: &Unscheduled) -> Outcome {
    let owner = app.principals.current().by_guid(home.guid()).cloned();
    let Some(owner) = owner else {
        return Outcome::Refused("the owner of the home is no user of this server".to_owned());
    };
    let done = match &edit.path {
        Some(path) => stored(app, home, &owner, edit, path),
        None => removed(app, home, &owner, edit),
    };
    match done {
        Ok(true) => Outcome::Done,
        Ok(false) => Outcome::Later,
        // Somebody was quicker, something is in use, or the disk fails: it may work later.
        Err(error) if error.status >= 500 || matches!(error.status, 412 | 423) => Outcome::Later,
        Err(error) => Outcome::Refused(error.to_string()),
    }
}

/// As a PUT of what the file holds.
fn stored(
    app: &App,
    home: &Home,
    owner: &Arc<Record>,
    edit: &Unscheduled,
    path: &HomePath,
) -> Result<bool> {
    let Some((entry, bytes)) = home.load(path)? else { return Ok(false) };
    if Some(entry.hash) != edit.hash {
        return Ok(false);
    }
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("text/calendar; charset=utf-8"));
    // What is stored is what was read, not what somebody stores meanwhile.
    let unchanged = format!("([{}])", ETag::of(&bytes));
    headers.insert("if", HeaderValue::from_str(&unchanged).map_err(Error::internal)?);
    let segments = ["calendars", "__uids__", home.guid()].into_iter().map(str::to_owned);
    let path = DavPath::from_segments(segments.chain(path.segments().iter().cloned()), false);
    let origin = Origin::default();
    let request = Request { method: Method::Put, path, query: None, headers, body: bytes, origin };
    with_context(app, owner, &request, object::put).map(|_| true)
}

/// As a DELETE of what was last scheduled.
fn removed(app: &App, home: &Home, owner: &Arc<Record>, edit: &Unscheduled) -> Result<bool> {
    let LastScheduled::Copy(bytes) = home.last_scheduled(edit)? else { return Ok(false) };
    let old = ical::parse(&bytes).map_err(|error| Error::bad_request(error.to_string()))?;
    let uid = old.uid().unwrap_or_default().to_owned();
    if may_be_damaged(home, &uid)? {
        return Ok(false);
    }
    let segments = ["calendars", "__uids__", home.guid()];
    let (headers, origin) = (HeaderMap::new(), Origin::default());
    let path = DavPath::from_segments(segments, true);
    let (method, body) = (Method::Delete, bytes::Bytes::new());
    let request = Request { method, path, query: None, headers, body, origin };
    with_context(app, owner, &request, |context| {
        let scheduling = Scheduling::of(context);
        let locks = scheduling.lock(vec![uid.clone()])?;
        let committed = home.write(|tx| -> Result<Option<Committed>> {
            if !tx.is_unscheduled(edit, &uid) {
                return Ok(None);
            }
            let delete = Delete { actor: None, owner: &owner.guid, old: &old, reply: true };
            let plan = schedule::on_delete(&scheduling.env(), &delete)?;
            tx.settle(&uid);
            for entry in plan.entries {
                tx.enqueue(entry);
            }
            Ok(Some(plan.committed))
        })?;
        let done = committed.is_some();
        scheduling.deliver(locks, committed.into_iter().collect());
        Ok(done)
    })
}

/// Whether a damaged file may be what is missing: half written, it is nothing for a moment.
fn may_be_damaged(home: &Home, uid: &str) -> std::result::Result<bool, StoreError> {
    for (at, calendar) in home.snapshot().calendars() {
        for (name, object) in calendar.objects() {
            if !matches!(object.kind, ObjectKind::Damaged(_)) {
                continue;
            }
            let Some(bytes) = home.read(&at.join(name))? else { continue };
            let text = String::from_utf8_lossy(&bytes);
            let mut uids = text.lines().filter_map(|line| line.strip_prefix("UID:")).peekable();
            if uids.peek().is_none() || uids.any(|found| found.trim() == uid) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Runs `f` as a request of the home's owner.
fn with_context<R>(
    app: &App,
    owner: &Arc<Record>,
    request: &Request,
    f: impl FnOnce(&Context<'_>) -> Result<R>,
) -> Result<R> {
    let (config, directory) = (app.config(), app.principals.current());
    let policy = access::policy(&directory, &config.privacy);
    let access = Access::new(&directory, Some(&owner.guid), policy);
    let resolver = Resolver { store: &app.store, directory: &directory };
    let resource = resolver.resolve(&request.path)?;
    let (actor, now) = (Actor::user(Arc::clone(owner)), app.clock.now());
    f(&Context {
        app,
        config,
        directory: Arc::clone(&directory),
        actor,
        access,
        request,
        resource,
        now,
    })
}
