//! What may forbid a write at the last moment: conditions, the If header and locks. `early` asks
//! the state that the request saw, to be polite; `inside` asks the transaction, to be right.

use chrono::{DateTime, Utc};

use super::conditions::{self, State, Verdict};
use super::context::Context;
use super::lock::table::{Locks, Touch};
use crate::acl::Privilege;
use crate::dav::error::Detail;
use crate::dav::header::{If, if_header};
use crate::dav::name::TWISTED_PRIVATE;
use crate::dav::{DavPath, Error, Name, Precondition, Result, SyncToken};
use crate::resource::{self, Resource, report_set};
use crate::schedule::schedule_tag::MATCH_ETAGS;
use crate::store::{HomePath, PropertyChanges, Snapshot, Transaction};

/// A state token of collections: this and the ctag (apple-calendarserver-bulk-change §6).
pub const CTAG: &str = "http://me.com/_namespace/ctag/";
const LOCKS: Name = Name::new(TWISTED_PRIVATE, "locks");

/// The state that the conditions of a request are compared with, in the home of its resource.
pub fn state_at(context: &Context, snapshot: &Snapshot, path: &HomePath) -> State {
    let Some(entry) = snapshot.entry(path) else { return State::default() };
    let accepted = entry.properties().text(&MATCH_ETAGS).unwrap_or_default();
    let owner = context.resource.owner.as_ref().filter(|_| conditions::on_tag(context.request));
    State {
        exists: true,
        etag: resource::etag_at(snapshot, path),
        selected: None,
        accepted: conditions::entity_tags(&accepted).into_iter().map(|(tag, _)| tag).collect(),
        modified: resource::modified_at(snapshot, path),
        schedule_tag: owner.and_then(|owner| {
            resource::schedule_tag_at(&context.directory, &owner.guid, snapshot, path)
        }),
    }
}

/// The conditions of a request on what it saw.
pub fn early(context: &Context, target: &Resource) -> Result<Verdict> {
    let Some(place) = &target.place else {
        return conditions::evaluate(context.request, &State::default());
    };
    let verdict = match conditions::are_made(context.request) {
        true => {
            conditions::evaluate(context.request, &state_at(context, &place.snapshot, &place.path))?
        }
        false => Verdict::Proceed,
    };
    if_holds(context, &place.snapshot)?;
    Ok(verdict)
}

/// The conditions of a request on what it would be answered, where that is not what lies there.
pub fn early_as(context: &Context, state: &State) -> Result<Verdict> {
    let verdict = conditions::evaluate(context.request, state)?;
    if let Some(place) = &context.resource.place {
        if_holds(context, &place.snapshot)?;
    }
    Ok(verdict)
}

/// The conditions of a request, and the locks on what it touches, as the transaction sees them.
pub fn inside(
    context: &Context,
    tx: &Transaction,
    target: &HomePath,
    touched: &[Touch],
) -> Result<()> {
    if conditions::are_made(context.request) {
        conditions::evaluate(context.request, &state_at(context, tx.snapshot(), target))?;
    }
    locks_allow(context, tx, touched)
}

/// The If header and the locks on what is touched, without the validators.
pub fn locks_allow(context: &Context, tx: &Transaction, touched: &[Touch]) -> Result<()> {
    let snapshot = tx.snapshot();
    if_holds(context, snapshot)?;
    let locks = locks_of(context, snapshot);
    if locks.0.is_empty() {
        return Ok(());
    }
    let tokens = submitted(context)?;
    match locks.blocking(touched, &tokens, context.actor_id()) {
        None => Ok(()),
        Some(lock) => {
            let root = vec![href_in(context, snapshot, &lock.root)];
            Err(Error::from(Precondition::LockTokenSubmitted).holding(Detail::Hrefs(root)))
        }
    }
}

/// The href of something in the home of the request; that of a collection ends with a slash.
pub fn href_in(context: &Context, snapshot: &Snapshot, path: &[String]) -> String {
    let path = HomePath::new(path.to_vec());
    let slash = snapshot.entry(&path).is_some_and(|entry| entry.collection().is_some());
    context.home_path(&path, slash).href()
}

/// What a change of one resource touches.
pub fn change(path: &HomePath) -> Vec<Touch> {
    vec![Touch { path: path.segments().to_vec(), deep: false }]
}

/// What a new member touches: itself and the collection that gets it.
pub fn addition(path: &HomePath) -> Vec<Touch> {
    let mut touched = change(path);
    touched.extend(
        path.parent().map(|parent| Touch { path: parent.segments().to_vec(), deep: false }),
    );
    touched
}

/// What a removal touches: the resource with all below it, and the collection that loses it.
pub fn removal(path: &HomePath) -> Vec<Touch> {
    let mut touched = addition(path);
    touched[0].deep = true;
    touched
}

/// The locks of a home that have not ended.
pub fn locks_of(context: &Context, snapshot: &Snapshot) -> Locks {
    locks_at(snapshot, context.now)
}

/// The locks of a home at some moment.
pub fn locks_at(snapshot: &Snapshot, now: DateTime<Utc>) -> Locks {
    match snapshot.root().properties.text(&LOCKS) {
        Some(text) => Locks::from_text(&text).at(now),
        None => Locks::default(),
    }
}

/// Keeps the locks of a home.
pub fn keep_locks(tx: &mut Transaction, locks: &Locks) -> Result<()> {
    let mut changes = PropertyChanges::default();
    if locks.0.is_empty() {
        changes.remove.push(LOCKS);
    } else {
        let text = locks.to_text().replace('&', "&amp;").replace('<', "&lt;");
        changes.set.push((LOCKS, format!("<locks xmlns=\"{TWISTED_PRIVATE}\">{text}</locks>")));
    }
    Ok(tx.patch_properties(&HomePath::root(), &changes)?)
}

/// Drops the locks on something that is gone (RFC 4918 §9.6.1).
pub fn forget_locks(context: &Context, tx: &mut Transaction, path: &HomePath) -> Result<()> {
    let mut locks = locks_of(context, tx.snapshot());
    match locks.forget(path.segments()) {
        true => keep_locks(tx, &locks),
        false => Ok(()),
    }
}

fn submitted(context: &Context) -> Result<Vec<String>> {
    let field = If::of(context.request)?;
    Ok(field.iter().flat_map(|field| field.submitted()).map(str::to_owned).collect())
}

fn if_holds(context: &Context, snapshot: &Snapshot) -> Result<()> {
    let Some(field) = If::of(context.request)? else { return Ok(()) };
    if field.holds(|path| if_state(context, snapshot, path)) {
        return Ok(());
    }
    // It may speak of something that is somebody else's.
    Err(Error::precondition_failed().because("If does not hold").unhurried())
}

/// Entity tag and lock tokens of a resource that an If header speaks of.
fn if_state(context: &Context, snapshot: &Snapshot, path: Option<&DavPath>) -> if_header::State {
    let resource = match path.map(|path| context.resolve(path)) {
        None => context.resource.clone(),
        // What somebody may not read cannot be guessed at either.
        Some(Ok(other)) if context.access.may(&other, Privilege::Read) => other,
        Some(_) => return if_header::State::default(),
    };
    let Some(place) = &resource.place else { return if_header::State::default() };
    let same_home = context.resource.shares_home(&resource);
    let snapshot = if same_home { snapshot } else { &place.snapshot };
    let locks = locks_of(context, snapshot);
    let tokens = locks.covering(place.path.segments()).into_iter();
    let etag = resource::etag_at(snapshot, &place.path);
    // The ctag of a collection is its entity tag.
    let ctag = etag.as_ref().filter(|_| resource.kind.is_collection());
    let ctag = ctag.map(|etag| format!("{CTAG}{}", etag.0));
    // So is its sync token (RFC 6578 §5).
    let point = snapshot.sync_token(&place.path);
    let point = point.filter(|_| report_set::is_synchronised(resource.kind));
    let sync = point.map(|point| SyncToken { epoch: point.epoch, number: point.number });
    let tokens = tokens.map(|lock| lock.token.clone());
    let tokens = tokens.chain(ctag).chain(sync.map(|token| token.to_string()));
    if_header::State { etag, tokens: tokens.collect() }
}
