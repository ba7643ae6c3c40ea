//! What methods lend to `schedule`: rights, homes, options, and the object that is stored now.

use std::sync::Arc;

use super::context::Context;
use crate::acl::Privilege;
use crate::app::App;
use crate::config::{self, Config};
use crate::dav::header;
use crate::dav::{DavPath, Result};
use crate::ical::{self, Component};
use crate::principal::{Directory, Record};
use crate::resource::access::{self, Access};
use crate::resource::{Resolver, Resource, provision};
use crate::schedule::{
    self, Committed, DamagedCopies, Delete, Env, Host, Options, Orphans, Plan, Put, Right,
};
use crate::store::{
    CollectionKind, Home, HomePath, LastScheduled, Snapshot, StoreError, Transaction, UidGuard,
};

/// Scheduling on behalf of one request.
pub struct Scheduling<'a> {
    context: &'a Context<'a>,
    options: Options,
}

impl<'a> Scheduling<'a> {
    /// For the request of this context.
    pub fn of(context: &'a Context<'a>) -> Self {
        Self { context, options: options(&context.config) }
    }

    /// What the scheduling functions work with.
    pub fn env(&self) -> Env<'_> {
        Env {
            store: &self.context.app.store,
            directory: &self.context.directory,
            now: self.context.now,
            options: &self.options,
            host: self,
        }
    }

    /// What storing an object in a calendar of `owner` leads to.
    pub fn put(
        &self,
        tx: &mut Transaction,
        owner: &str,
        path: &HomePath,
        old: Option<&Component>,
        new: &Component,
    ) -> Result<Plan> {
        let request = self.context.request;
        let put = Put {
            actor: self.context.actor.guid(),
            owner,
            path,
            old,
            new,
            merge: request.header("if-schedule-tag-match").is_some()
                || request.header("if-match").is_some_and(|field| field.trim() != "*"),
            user_agent: request.header("user-agent"),
        };
        let plan = schedule::on_put(&self.env(), tx, &put)?;
        tx.settle(new.uid().unwrap_or_default());
        Ok(plan)
    }

    /// Keeps other operations on these UIDs out. Always taken in order, so that two requests
    /// never wait for each other.
    pub fn lock(&self, mut uids: Vec<String>) -> Result<Vec<UidGuard>> {
        uids.sort();
        uids.dedup();
        let lock = |uid: &String| Ok(schedule::lock(&self.context.app.store, uid)?);
        uids.iter().map(lock).collect()
    }

    /// Tells scheduling that every object at and below a path goes; the caller removes them.
    pub fn delete_below(
        &self,
        tx: &mut Transaction,
        owner: &str,
        path: &HomePath,
    ) -> Result<Vec<Committed>> {
        let mut committed = Vec::new();
        for path in objects_below(tx.snapshot(), path) {
            let Some(plan) = self.delete(tx, owner, &path)? else { continue };
            for entry in plan.entries {
                tx.enqueue(entry);
            }
            committed.push(plan.committed);
        }
        Ok(committed)
    }

    /// Delivers after the commit; the UIDs stay locked until it is done.
    pub fn deliver(&self, locks: Vec<UidGuard>, committed: Vec<Committed>) {
        for committed in committed {
            schedule::deliver(&self.env(), None, committed);
        }
        drop(locks);
    }

    /// What removing an object from a calendar of `owner` leads to; nothing for what is no
    /// calendar object.
    fn delete(&self, tx: &mut Transaction, owner: &str, path: &HomePath) -> Result<Option<Plan>> {
        let Some(old) = stored(tx, path)? else { return Ok(None) };
        let reply = header::schedule_reply(self.context.request)?;
        let delete = Delete { actor: self.context.actor.guid(), owner, old: &old, reply };
        let plan = schedule::on_delete(&self.env(), &delete)?;
        tx.settle(old.uid().unwrap_or_default());
        Ok(Some(plan))
    }
}

/// What the administrator chose.
pub fn options(config: &Config) -> Options {
    let chosen = &config.scheduling;
    Options {
        domains: chosen.domains.clone(),
        normalise_addresses: chosen.normalise_addresses,
        orphans: match chosen.orphans {
            config::Orphans::Remove => Orphans::Remove,
            config::Orphans::Refuse => Orphans::Refuse,
        },
        resources_may_organize: chosen.resources_may_organize,
        damaged_copies: match chosen.damaged_copies {
            config::DamagedCopies::Repair => DamagedCopies::Repair,
            config::DamagedCopies::Refuse => DamagedCopies::Refuse,
        },
        resource_bookings_visible: chosen.resource_bookings_visible,
        serve_local_client_agents: chosen.serve_local_client_agents,
        expand_groups: chosen.expand_groups,
        max_attendees: config.limits.attendees,
        refresh_at_once: chosen.refresh_at_once,
        look_ahead_days: i64::from(chosen.look_ahead_days),
    }
}

/// The object that is stored now, as it was when others were told of it; damaged ones count as
/// none.
pub fn stored(tx: &Transaction, path: &HomePath) -> Result<Option<Component>> {
    let Some(object) = tx.object(path) else { return Ok(None) };
    let Some(summary) = object.calendar() else { return Ok(None) };
    let alone = !summary.has_addresses();
    let bytes = match tx.last_scheduled(summary.uid())? {
        LastScheduled::Copy(bytes) => Some(bytes),
        LastScheduled::Nothing if !alone => None,
        LastScheduled::Nothing | LastScheduled::NotKept => tx.read(path)?,
    };
    Ok(bytes.and_then(|bytes| ical::parse(&bytes).ok()))
}

/// The UIDs of all calendar objects at and below a path.
pub fn uids_below(snapshot: &Snapshot, path: &HomePath) -> Vec<String> {
    objects_below(snapshot, path)
        .iter()
        .filter_map(|path| Some(snapshot.object(path)?.calendar()?.uid().to_owned()))
        .collect()
}

/// The objects in calendars at and below a path.
pub fn objects_below(snapshot: &Snapshot, path: &HomePath) -> Vec<HomePath> {
    let in_calendar = |path: &HomePath| {
        let parent = path.parent().and_then(|parent| snapshot.collection(&parent).cloned());
        parent.is_some_and(|parent| parent.kind == CollectionKind::Calendar)
    };
    if snapshot.object(path).is_some() {
        return Some(path.clone()).filter(in_calendar).into_iter().collect();
    }
    let calendars = snapshot.calendars().into_iter().filter(|(at, _)| path.contains(at));
    calendars
        .flat_map(|(at, calendar)| {
            let names: Vec<_> = calendar.objects().map(|(name, _)| at.join(name)).collect();
            names
        })
        .collect()
}

impl Host for Scheduling<'_> {
    fn allows(&self, principal: &str, home: &str, path: &HomePath, right: Right) -> bool {
        allows(self.context.app, &self.context.directory, principal, home, path, right)
    }

    fn home(&self, record: &Record) -> std::result::Result<Arc<Home>, StoreError> {
        let store = &self.context.app.store;
        if let Some(home) = store.home(&record.guid)?
            && provision::is_complete(&home.snapshot())
        {
            return Ok(home);
        }
        store.provision(&record.guid, &provision::initial(&self.context.config.homes, record))
    }
}

/// Whether a principal has a right on something in a home.
pub fn allows(
    app: &App,
    directory: &Directory,
    principal: &str,
    home: &str,
    path: &HomePath,
    right: Right,
) -> bool {
    let segments = ["calendars", "__uids__", home].into_iter().map(str::to_owned);
    let segments = segments.chain(path.segments().iter().cloned());
    let path = DavPath::from_segments(segments, true);
    let resolver = Resolver { store: &app.store, directory };
    let Ok(resource) = resolver.resolve(&path) else { return false };
    let policy = access::policy(directory, &app.config().privacy);
    Access::new(directory, Some(principal), policy).may(&resource, privilege_of(right))
}

/// The privilege that a right is (RFC 6638 §6).
pub fn privilege_of(right: Right) -> Privilege {
    match right {
        Right::SendInvite => Privilege::ScheduleSendInvite,
        Right::SendReply => Privilege::ScheduleSendReply,
        Right::AskFreeBusy => Privilege::ScheduleSendFreebusy,
        Right::DeliverInvite => Privilege::ScheduleDeliverInvite,
        Right::DeliverReply => Privilege::ScheduleDeliverReply,
        Right::QueryFreeBusy => Privilege::ScheduleQueryFreebusy,
        Right::ReadFreeBusy => Privilege::ReadFreeBusy,
        Right::Read => Privilege::Read,
    }
}

/// GUID of the owner of the home in which something lies.
pub fn owner_of(resource: &Resource) -> &str {
    resource.owner.as_ref().map(|owner| owner.guid.as_str()).unwrap_or_default()
}
