//! Events that invite groups follow the groups' members: who joined is invited, who left is told
//! that the event is off. Only what is still to come changes: a series that has begun is split.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::deliver::{Committed, deliver};
use super::env::Env;
use super::operation::{Put, Stored, on_put, owner_identity};
use super::split::{Split, on_split};
use crate::dav::Error;
use crate::ical::recur::{Window, first_instance};
use crate::ical::{self, Component, DateOrTime};
use crate::principal::RecordType;
use crate::schedule::classify::organizer_of;
use crate::schedule::object::zones_of;
use crate::schedule::split;
use crate::schedule::users::expand_groups;
use crate::store::{Home, HomePath, PropertyChanges, Snapshot, StoreError, Transaction};

/// Brings every organizer's events up to date.
pub fn refresh_groups(env: &Env<'_>) -> Result<(), StoreError> {
    if !env.options.expand_groups {
        return Ok(());
    }
    for guid in env.store.homes()? {
        let Some(home) = env.store.home(&guid)? else { continue };
        for (path, uid) in inviting_groups(env, &home.snapshot()) {
            let guard = env.store.uid_lock(&uid)?;
            match refresh(env, &home, &guid, &path) {
                Ok(committed) => deliver(env, Some(guard), committed),
                Err(error) => {
                    tracing::error!(%error, uid, "an event does not follow its groups");
                }
            }
        }
    }
    Ok(())
}

/// The events of a home with a group among the attendees, by what the index says.
fn inviting_groups(env: &Env<'_>, snapshot: &Snapshot) -> Vec<(HomePath, String)> {
    let is_group = |address: &str| {
        let record = env.directory.by_address(address);
        record.is_some_and(|record| record.record_type == RecordType::Group)
    };
    let mut found = Vec::new();
    for (at, calendar) in snapshot.calendars() {
        for (name, object) in calendar.objects() {
            if let Some(summary) = object.calendar()
                && summary.attendees().any(is_group)
            {
                found.push((at.join(name), summary.uid().to_owned()));
            }
        }
    }
    found
}

fn refresh(env: &Env<'_>, home: &Home, owner: &str, path: &HomePath) -> Result<Committed, Error> {
    home.write(|tx| {
        let Some(bytes) = tx.read(path)? else { return Ok(Committed::default()) };
        let Ok(old) = ical::parse(&bytes) else { return Ok(Committed::default()) };
        let organizer = organizer_of(&old, env).ok().flatten();
        if organizer != Some(owner_identity(env, owner)) || !is_to_come(env, &old) {
            return Ok(Committed::default());
        }
        let changed = |calendar: &Component| {
            let mut new = calendar.clone();
            expand_groups(&mut new, env, env.options.max_attendees).then_some(new)
        };
        let Some(new) = changed(&old) else { return Ok(Committed::default()) };
        let Some(at) = split_point(env, &old) else {
            return store(env, tx, owner, path, &old, &new);
        };
        let (cut, mut committed) = cut(env, tx, owner, path, &old, at)?;
        if let Some(new) = changed(&cut.newer) {
            committed.works.extend(store(env, tx, owner, path, &cut.newer, &new)?.works);
        }
        // The new file comes last: who looks for the latest change finds it.
        let older = path.parent().unwrap_or_else(HomePath::root).join(&cut.older_name);
        let bytes = Bytes::from(cut.older.to_bytes());
        tx.put(&older, &bytes, Some(&cut.older), &cut.older_properties)?;
        Ok(committed)
    })
}

/// Whether an instance ends after the present.
fn is_to_come(env: &Env<'_>, calendar: &Component) -> bool {
    let window = Window { start: Some(env.now), end: None };
    // What cannot be followed that far is no reason to leave somebody out.
    first_instance(calendar, &zones_of(calendar), window).map_or(true, |found| found.is_some())
}

/// Where a series is cut that has begun: what was stays as it was.
fn split_point(env: &Env<'_>, calendar: &Component) -> Option<DateTime<Utc>> {
    let start = calendar.master()?.property("DTSTART")?;
    let form = match DateOrTime::from_property(start).ok()? {
        DateOrTime::Date(_) => "%Y%m%d",
        DateOrTime::Floating(_) => "%Y%m%dT%H%M%S",
        _ => "%Y%m%dT%H%M%SZ",
    };
    split::point(calendar, &env.now.format(form).to_string()).ok()
}

/// A series in two parts.
struct Cut {
    newer: Component,
    older: Component,
    older_name: String,
    older_properties: PropertyChanges,
}

/// Cuts a series and stores the newer part; the older one is to become an object of its own.
fn cut(
    env: &Env<'_>,
    tx: &mut Transaction<'_>,
    owner: &str,
    path: &HomePath,
    old: &Component,
    at: DateTime<Utc>,
) -> Result<(Cut, Committed), Error> {
    let older_uid = uuid::Uuid::new_v4().to_string();
    let asked = Split { actor: None, owner, old, at, older_uid: &older_uid };
    let plan = on_split(env, &asked)?;
    let bytes = Bytes::from(plan.newer.to_bytes());
    tx.put(path, &bytes, Some(&plan.newer), &plan.newer_properties)?;
    for entry in plan.plan.entries {
        tx.enqueue(entry);
    }
    let cut = Cut {
        newer: plan.newer,
        older: plan.older,
        older_name: format!("{older_uid}.ics"),
        older_properties: plan.older_properties,
    };
    Ok((cut, plan.plan.committed))
}

fn store(
    env: &Env<'_>,
    tx: &mut Transaction<'_>,
    owner: &str,
    path: &HomePath,
    old: &Component,
    new: &Component,
) -> Result<Committed, Error> {
    let put = Put { actor: None, owner, path, old: Some(old), new, merge: false, user_agent: None };
    let plan = on_put(env, tx, &put)?;
    let object = match &plan.store {
        Stored::AsSent => new,
        Stored::Changed(object) => object,
        Stored::Nothing => return Ok(Committed::default()),
    };
    let bytes = Bytes::from(object.to_bytes());
    let properties = plan.properties(PropertyChanges::none(), tx.object(path).as_deref(), &bytes);
    tx.put(path, &bytes, Some(object), &properties)?;
    for entry in plan.entries {
        tx.enqueue(entry);
    }
    Ok(plan.committed)
}
