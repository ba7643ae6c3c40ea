//! `CALDAV:calendar-query` (RFC 4791 §7.8). The index says which objects can match; only those
//! are opened, and none when the index alone decides. The answer is streamed.

use bytes::Bytes;

use super::objects::{self, Opened};
use super::output::{CALENDAR_DATA, Output};
use crate::acl::Privilege;
use crate::caldav::Filter;
use crate::caldav::filter::Candidates;
use crate::dav::header::{Depth, Prefer};
use crate::dav::kind::ResourceKind;
use crate::dav::{Error, Precondition, Response, Result};
use crate::ical::timezone::{Zone, Zones};
use crate::limits;
use crate::method::context::Context;
use crate::resource::property::{Asked, View};
use crate::resource::{Resource, zone};
use crate::xml::request::CalendarQuery;
use crate::xml::{self, Element, Multistatus};

/// Content that the search keeps for the answer, so that it is not read twice.
const KEPT_BYTES: usize = 16 * 1024 * 1024;

/// An object that matches.
struct Match {
    resource: Resource,
    floating: Zone,
    opened: Option<Opened>,
}

/// Answers the report.
pub fn run(context: &Context, view: View, root: &Element) -> Result<Response> {
    let query = CalendarQuery::read(root)?;
    let output = Output::of(context.request, query.calendar_data.as_ref())?;
    let filter = Filter::read(&query.filter)?;
    let floating = match (&query.timezone, &query.timezone_id) {
        (Some(text), _) => Some(zone::of_text(text)?),
        (None, Some(id)) => Some(zone::of_id(id)?),
        (None, None) => None,
    };
    let depth = Depth::of(context.request)?.unwrap_or(Depth::Zero);
    let matches = search(&view, &context.resource, depth, &filter, floating.as_ref())?;
    let prefer = Prefer::of(context.request)?;
    let asked = Asked::new(&query.selection, prefer.minimal);
    let producer = Box::new(move |out: &mut dyn std::io::Write| {
        let mut answer = Multistatus::begin(out);
        for found in matches {
            write(&mut answer, &view, &asked, output.as_ref(), found)?;
        }
        answer.finish()
    });
    Ok(Response::new(207).with_stream(xml::MEDIA_TYPE, producer))
}

fn write(
    answer: &mut Multistatus<'_>,
    view: &View,
    asked: &Asked,
    output: Option<&Output>,
    found: Match,
) -> std::io::Result<()> {
    let href = view.href(&found.resource.path);
    let Some(output) = output else {
        return answer.response(&href, |propstats| asked.answer(view, &found.resource, propstats));
    };
    let opened = found.opened.map_or_else(|| objects::open(view, &found.resource), Ok);
    match opened {
        Err(error) => answer.status(&href, &error, &view.origin.prefix),
        Ok(opened) => answer.response(&href, |propstats| {
            asked.answer_with(view, &opened.resource, propstats, &mut |name, writer| {
                (*name == CALENDAR_DATA).then(|| output.write(&opened, &found.floating, writer))
            });
        }),
    }
}

fn search(
    view: &View,
    target: &Resource,
    depth: Depth,
    filter: &Filter,
    floating: Option<&Zone>,
) -> Result<Vec<Match>> {
    let candidates = filter.candidates();
    let mut search = Search { view, filter, found: Vec::new(), kept: 0 };
    let zone_of =
        |calendar: &Resource| floating.cloned().unwrap_or_else(|| objects::floating_zone(calendar));
    if matches!(target.kind, ResourceKind::CalendarObject | ResourceKind::InboxItem) {
        let zone = target.parent().map_or_else(Zone::utc, |calendar| zone_of(&calendar));
        search.look_at(target.clone(), &zone, false)?;
        return Ok(search.found);
    }
    for calendar in objects::calendars(view, target, depth) {
        let zone = zone_of(&calendar);
        for object in preselected(&calendar, &candidates) {
            // The index knows spans that may match, not those that do: a range is tested again.
            let decided = candidates.complete && candidates.time_range.is_none();
            search.look_at(object, &zone, decided)?;
        }
    }
    Ok(search.found)
}

/// What the index leaves of a calendar.
fn preselected(calendar: &Resource, candidates: &Candidates) -> Vec<Resource> {
    // A to-do without any time is in every range (RFC 4791 §9.9); the index has no span for it.
    let timeless =
        candidates.kinds.as_ref().is_none_or(|kinds| kinds.iter().any(|k| k != "VEVENT"));
    let range = candidates.time_range.filter(|_| !timeless).map(|range| {
        let seconds = |at: Option<chrono::DateTime<chrono::Utc>>| at.map(|at| at.timestamp());
        (seconds(range.start), seconds(range.end))
    });
    let mut objects = objects::candidates(calendar, range);
    objects.retain(|object| {
        let summary = object.entry().and_then(|entry| entry.object());
        let Some(summary) = summary.and_then(|object| object.calendar()) else { return false };
        let kind = candidates.kinds.as_ref();
        kind.is_none_or(|kinds| kinds.iter().any(|kind| **kind == *summary.component))
            && candidates.uid.as_ref().is_none_or(|uid| **uid == *summary.uid)
    });
    objects
}

struct Search<'a> {
    view: &'a View,
    filter: &'a Filter,
    found: Vec<Match>,
    kept: usize,
}

impl Search<'_> {
    fn look_at(&mut self, resource: Resource, floating: &Zone, decided: bool) -> Result<()> {
        if !self.view.access.may(&resource, Privilege::Read) {
            return Ok(());
        }
        let mut opened = None;
        if !decided || !self.view.access.sees_all(&resource) {
            // What is gone, damaged or private does not match; the others do not suffer from it.
            let Ok(object) = objects::open(self.view, &resource) else { return Ok(()) };
            let zones = Zones::of(&object.tree, floating);
            if !self.filter.matches(&object.tree, &zones) {
                return Ok(());
            }
            let size = object.bytes.as_ref().map_or(0, Bytes::len);
            if self.kept + size <= KEPT_BYTES {
                self.kept += size;
                opened = Some(object);
            }
        }
        if self.found.len() == limits::QUERY_RESULTS {
            return Err(Error::from(Precondition::NumberOfMatchesWithinLimits)
                .because(format!("more than {} objects match", limits::QUERY_RESULTS)));
        }
        self.found.push(Match { resource, floating: floating.clone(), opened });
        Ok(())
    }
}
