//! `DAV:sync-collection` (RFC 6578 §3.2): what changed since a token, from the journal. The first
//! synchronisation also names the collection itself, and a later one names it when its own
//! properties changed, as Apple's clients expect.

use super::objects;
use super::output::{CALENDAR_DATA, Output};
use crate::acl::Privilege;
use crate::dav::header::Depth as DepthField;
use crate::dav::header::Prefer;
use crate::dav::kind::ResourceKind;
use crate::dav::response::Sink;
use crate::dav::sync_token::SyncToken;
use crate::dav::{Error, Name, Precondition, Response, Result};
use crate::ical::timezone::Zone;
use crate::limits;
use crate::method::context::Context;
use crate::method::listing::{self, Beside, Listing};
use crate::resource::attachment::ATTACHMENTS;
use crate::resource::property::{Asked, View};
use crate::resource::{FREEBUSY, Resource};
use crate::store::{Change, ChangeKind, Depth, Entry, SyncPoint};
use crate::xml::request::SyncCollection;
use crate::xml::request::sync_collection::SyncLevel;
use crate::xml::{self, Element, Multistatus};

/// One response to be.
enum Line {
    Present(Resource),
    Gone(Resource),
    /// A collection that is not synchronised along with its home (RFC 6578 §3.3).
    NotTraversed(Resource),
}

/// Numbers of the journal that are looked through on the thread of the connection.
const FEW: u64 = limits::OWN_THREAD_ENTRIES as u64;

/// Answers the report.
pub fn run(context: &Context, view: View, root: &Element) -> Result<Response> {
    let request = SyncCollection::read(root)?;
    let output = Output::of(context.request, request.calendar_data.as_ref())?;
    let depth = depth(context, request.level)?;
    let point = request.token.as_deref().map(read_token).transpose()?;
    let place = context.resource.place.as_ref().ok_or_else(Error::not_found)?;
    let limit = request.limit.unwrap_or(usize::MAX);
    if limit == 0 {
        return Err(Precondition::NumberOfMatchesWithinLimits.into());
    }
    let asked = Asked::new(&request.selection, Prefer::of(context.request)?.minimal);
    let (snapshot, path) = (&place.snapshot, &place.path);
    let token = || -> Result<SyncToken> {
        let now = snapshot.sync_token(path).ok_or_else(Error::not_found)?;
        Ok(SyncToken { epoch: now.epoch, number: now.number })
    };
    let whole = point.is_none() && output.is_none() && depth == Depth::One;
    let files = objects::files(&context.resource).filter(|_| whole);
    let files = files.filter(|files| files.object_count() <= limit);
    if let Some(rows) = files.and_then(|_| listing::rows(&view, &asked, &context.resource)) {
        let beside = Beside { own: true, refusals: false, token: Some(token()?) };
        let listing = Listing::new(rows, view, asked, &context.resource, beside);
        return Ok(listing.answer(Response::new(207)));
    }
    let few = point.is_some_and(|point| snapshot.number().abs_diff(point.number) <= FEW);
    let changes = match few {
        true => snapshot.changes_since(path, point, depth),
        false => place.home.lengthy(|| snapshot.changes_since(path, point, depth)),
    };
    let changes = changes.map_err(|error| invalid_token(&error.to_string()))?;
    let mut token = token()?;
    let mut lines = unknown_to_journal(&context.resource, point);
    let room = limit.saturating_sub(lines.len());
    let (changes, truncated) = page(&changes, room);
    if truncated {
        let last = changes.last().ok_or(Precondition::NumberOfMatchesWithinLimits)?;
        token.number = last.number;
    } else {
        // An answer that is cut off names the collection with 507, and no href comes twice.
        let own = own_line(&context.resource, point);
        lines.splice(0..0, own);
    }
    let line = |change| line(&view, &context.resource, change, point.is_some());
    lines.extend(changes.iter().filter_map(line));
    let own = context.href(&context.resource);
    let about = lines.len() as u64 * objects::RESOURCE_BYTES;
    let in_memory = output.is_none();
    let producer = Box::new(move |out: &mut dyn Sink| {
        let mut answer = Multistatus::begin(out);
        for line in lines {
            write(&mut answer, &view, &asked, output.as_ref(), line)?;
        }
        if truncated {
            let error = Error::from(Precondition::NumberOfMatchesWithinLimits).with_status(507);
            answer.status(&own, &error, &view.origin.prefix)?;
        }
        answer.beside(|writer| writer.leaf(&Name::dav("sync-token"), &token.to_string()))?;
        answer.finish()
    });
    let about = in_memory.then_some(about);
    Ok(Response::new(207).with_stream(xml::MEDIA_TYPE, producer).of_about(about))
}

/// Clients older than the RFC say it with Depth instead of sync-level.
fn depth(context: &Context, level: Option<SyncLevel>) -> Result<Depth> {
    Ok(match level {
        Some(SyncLevel::One) => Depth::One,
        Some(SyncLevel::Infinite) => Depth::Infinity,
        None => match DepthField::of(context.request)? {
            Some(DepthField::Infinity) => Depth::Infinity,
            Some(DepthField::One) => Depth::One,
            _ => return Err(Error::bad_request("sync-level is missing")),
        },
    })
}

fn read_token(text: &str) -> Result<SyncPoint> {
    let token =
        SyncToken::parse(text).ok_or_else(|| invalid_token("not a token of this server"))?;
    Ok(SyncPoint { epoch: token.epoch, number: token.number })
}

fn invalid_token(reason: &str) -> Error {
    Error::from(Precondition::ValidSyncToken).because(reason)
}

/// As many changes as there is room for, and whether there are more. What happened under one
/// number stays together: the next token could not tell it apart (RFC 6578 §3.7).
fn page(changes: &[Change], room: usize) -> (&[Change], bool) {
    if changes.len() <= room {
        return (changes, false);
    }
    let mut end = room;
    while end > 0 && changes[end].number == changes[end - 1].number {
        end -= 1;
    }
    (&changes[..end], true)
}

/// The collection itself.
fn own_line(resource: &Resource, point: Option<SyncPoint>) -> Option<Line> {
    let collection = resource.entry().and_then(Entry::collection);
    let changed = match (point, collection) {
        (None, _) => true,
        (Some(point), Some(collection)) => collection.number > point.number,
        (Some(_), None) => false,
    };
    changed.then(|| Line::Present(resource.clone()))
}

/// Members that the journal does not know: they never change.
fn unknown_to_journal(resource: &Resource, point: Option<SyncPoint>) -> Vec<Line> {
    if point.is_some() || resource.kind != ResourceKind::Home {
        return Vec::new();
    }
    let free_busy = resource.member(FREEBUSY).map(Line::Present);
    let attachments = resource.member(ATTACHMENTS).map(Line::NotTraversed);
    free_busy.into_iter().chain(attachments).collect()
}

/// A changed resource. One that the actor may not read is gone for those who may have seen it
/// earlier (RFC 6578 §3.5.2), unless it lies in a collection that they may not read either.
fn line(view: &View, near: &Resource, change: &Change, again: bool) -> Option<Line> {
    match &change.kind {
        ChangeKind::Removed { collection } => {
            let gone = objects::in_home(near, &change.path, *collection);
            view.access.sees(&gone).then_some(Line::Gone(gone))
        }
        ChangeKind::Changed(entry) => {
            let slash = entry.collection().is_some();
            let resource = objects::in_home(near, &change.path, slash);
            match view.access.may(&resource, Privilege::Read) {
                true => Some(Line::Present(resource)),
                false => (again && view.access.sees(&resource)).then_some(Line::Gone(resource)),
            }
        }
    }
}

fn write(
    answer: &mut Multistatus<'_>,
    view: &View,
    asked: &Asked,
    output: Option<&Output>,
    line: Line,
) -> std::io::Result<()> {
    let resource = match line {
        Line::Gone(resource) => return answer.bare_status(&view.href(&resource.path), 404),
        Line::NotTraversed(resource) => {
            let error = Error::from(Precondition::SyncTraversalSupported);
            let href = view.href(&resource.path.with_slash(true));
            return answer.status(&href, &error, &view.origin.prefix);
        }
        Line::Present(resource) => resource,
    };
    let href = view.href(&resource.path);
    let is_object = matches!(resource.kind, ResourceKind::CalendarObject | ResourceKind::InboxItem);
    let opened = output
        .filter(|_| is_object)
        .map(|output| (output, objects::open_for(view, &resource, !output.is_stored_text())));
    match opened {
        Some((output, Ok(opened))) => answer.response(&href, |propstats| {
            asked.answer_with(view, &opened.resource, propstats, &mut |name, writer| {
                (*name == CALENDAR_DATA).then(|| output.write(&opened, &Zone::utc(), writer))
            });
        }),
        _ => answer.response(&href, |propstats| asked.answer(view, &resource, propstats)),
    }
}
