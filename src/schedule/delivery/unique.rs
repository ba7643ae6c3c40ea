//! One UID, one scheduling object in a home (RFC 6638 §3.2.4.1).

use super::env::Env;
use super::operation::owner_identity;
use crate::dav::error::Detail;
use crate::dav::{DavPath, Error, Precondition, Result};
use crate::ical::Component;
use crate::schedule::users::CalendarUsers;
use crate::store::{CalendarSummary, HomePath, Snapshot};

/// Refuses an object whose UID another calendar of the home has, when either is a scheduling
/// object.
pub fn check(
    env: &Env<'_>,
    snapshot: &Snapshot,
    owner: &str,
    path: &HomePath,
    new: &Component,
    scheduling: bool,
) -> Result<()> {
    let uid = new.uid().unwrap_or_default();
    for other in snapshot.by_uid(uid) {
        if other == *path || other.parent() == path.parent() {
            continue;
        }
        let entry = snapshot.object(&other).cloned();
        let theirs = entry.as_ref().and_then(|object| object.calendar());
        if scheduling || theirs.is_some_and(|summary| is_scheduling(env, owner, summary)) {
            return Err(refused(owner, &other));
        }
    }
    Ok(())
}

/// Whether what the index knows of an object makes it a scheduling object of the owner.
pub fn is_scheduling(env: &Env<'_>, owner: &str, summary: &CalendarSummary) -> bool {
    let owner = owner_identity(env, owner);
    let organizer = summary.organizer().map(|address| env.identity(address));
    organizer.is_some_and(|organizer| {
        organizer == owner || summary.attendees().any(|a| env.identity(a) == owner)
    })
}

/// The error, with where the other object is.
pub fn refused(owner: &str, other: &HomePath) -> Error {
    let mut segments = vec!["calendars".to_owned(), "__uids__".to_owned(), owner.to_owned()];
    segments.extend(other.segments().iter().cloned());
    let href = DavPath::from_segments(segments, false).href();
    Error::from(Precondition::UniqueSchedulingObjectResource)
        .because("the UID is in use in another calendar")
        .holding(Detail::Hrefs(vec![href]))
}
