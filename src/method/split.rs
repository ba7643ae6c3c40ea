//! POST ?action=split (apple-caldav-recursplit §3): a recurring object becomes two.

use bytes::Bytes;
use uuid::Uuid;

use super::attachment::kept;
use super::context::Context;
use super::report::objects;
use super::report::output::{CALENDAR_DATA, Output};
use super::scheduling::{self, Scheduling};
use super::{guard, transfer};
use crate::acl::Privilege;
use crate::caldav::attachment;
use crate::dav::header::Prefer;
use crate::dav::response::Sink;
use crate::dav::{Error, Name, Precondition, Response, Result};
use crate::ical::timezone::Zone;
use crate::resource::Resource;
use crate::resource::property::Asked;
use crate::schedule::split::{SplitError, point};
use crate::schedule::{self, Committed, SplitPlan};
use crate::store::{HomePath, PropertyChanges, Transaction};
use crate::xml::request::Selection;
use crate::xml::{self, Multistatus};

/// Longest UID that a client may choose.
const UID_BYTES: usize = 255;

/// Splits the object of the request.
pub fn run(context: &Context, query: &[(String, String)]) -> Result<Response> {
    let target = &context.resource;
    let value = |wanted: &str| {
        query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    };
    let rid = value("rid").ok_or(Precondition::ValidRidParameter)?;
    let older_uid = match value("uid") {
        Some(uid) => checked(uid)?.to_owned(),
        None => Uuid::new_v4().to_string(),
    };
    guard::early(context, target)?;
    let parent = target.parent().ok_or_else(Error::not_found)?;
    context.access.require(&parent, &[Privilege::Bind])?;
    let place = target.place.as_ref().ok_or_else(Error::not_found)?;
    let to = parent.member(&format!("{}.ics", Uuid::new_v4())).ok_or_else(Error::not_found)?;
    let to_path = to.place.as_ref().map(|place| place.path.clone()).ok_or_else(Error::not_found)?;
    let scheduling = Scheduling::of(context);
    let mut uids = scheduling::uids_below(&place.snapshot, &place.path);
    uids.push(older_uid.clone());
    let locks = scheduling.lock(uids)?;
    let committed = place.home.write(|tx| -> Result<Committed> {
        let mut touched = guard::change(&place.path);
        touched.extend(guard::addition(&to_path));
        guard::inside(context, tx, &place.path, &touched)?;
        let old = scheduling::stored(tx, &place.path)?.ok_or_else(Error::not_found)?;
        if !tx.snapshot().by_uid(&older_uid).is_empty() {
            return Err(Error::from(Precondition::ValidSplit).because("the UID is in use"));
        }
        let at = point(&old, rid).map_err(refused)?;
        let asked = schedule::Split {
            actor: context.actor.guid(),
            owner: scheduling::owner_of(target),
            old: &old,
            at,
            older_uid: &older_uid,
        };
        let plan = schedule::on_split(&scheduling.env(), &asked)?;
        let ids = attachment::ids(&old);
        let committed = store(tx, &place.path, &to_path, plan)?;
        kept::settle(context, tx, &older_uid, &ids)?;
        Ok(committed)
    })?;
    scheduling.deliver(locks, vec![committed]);
    respond(context, target, &to)
}

/// A UID that a client chose for the older part.
fn checked(uid: &str) -> Result<&str> {
    match uid.trim().is_empty() || uid.len() > UID_BYTES || uid.chars().any(char::is_control) {
        true => Err(Error::from(Precondition::ValidSplit).because("this UID cannot be used")),
        false => Ok(uid),
    }
}

fn refused(error: SplitError) -> Error {
    let precondition = match error {
        SplitError::InvalidRid => Precondition::ValidRidParameter,
        SplitError::Impossible(_) => Precondition::ValidSplit,
    };
    Error::from(precondition).because(error.to_string())
}

/// Both parts, the older with the dead properties of the object.
fn store(
    tx: &mut Transaction,
    path: &HomePath,
    to: &HomePath,
    plan: SplitPlan,
) -> Result<Committed> {
    let entry = tx.snapshot().entry(path).ok_or_else(Error::not_found)?;
    let PropertyChanges { set, remove, .. } = plan.older_properties;
    let mut properties = transfer::copied_properties(&entry);
    properties
        .set
        .retain(|(name, _)| !remove.contains(name) && !set.iter().any(|(other, _)| other == name));
    properties.set.extend(set);
    let bytes = Bytes::from(plan.newer.to_bytes());
    tx.put(path, &bytes, Some(&plan.newer), &plan.newer_properties)?;
    let bytes = Bytes::from(plan.older.to_bytes());
    tx.put(to, &bytes, Some(&plan.older), &properties)?;
    for entry in plan.plan.entries {
        tx.enqueue(entry);
    }
    Ok(plan.plan.committed)
}

/// Where the older part is; or both parts, for those who ask for them.
fn respond(context: &Context, target: &Resource, older: &Resource) -> Result<Response> {
    if !Prefer::of(context.request)?.representation {
        let href = context.href(older);
        return Ok(Response::new(204).with("split-component-url", href));
    }
    let view = context.view();
    let names = vec![Name::dav("getetag"), Name::caldav("schedule-tag"), CALENDAR_DATA];
    let asked = Asked::new(&Selection::Prop(names), true);
    let parts = [context.resolve(&target.path)?, context.resolve(&older.path)?];
    let producer = Box::new(move |out: &mut dyn Sink| {
        let mut answer = Multistatus::begin(out);
        for part in &parts {
            let href = view.href(&part.path);
            match objects::open(&view, part) {
                Err(error) => answer.status(&href, &error, &view.origin.prefix)?,
                Ok(opened) => answer.response(&href, |propstats| {
                    asked.answer_with(&view, &opened.resource, propstats, &mut |name, writer| {
                        (*name == CALENDAR_DATA)
                            .then(|| Output::default().write(&opened, &Zone::utc(), writer))
                    });
                })?,
            }
        }
        answer.finish()
    });
    let response = Response::new(207).with_stream(xml::MEDIA_TYPE, producer);
    Ok(response.with("preference-applied", "return=representation"))
}
