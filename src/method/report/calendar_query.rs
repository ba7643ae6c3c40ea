//! `CALDAV:calendar-query` (RFC 4791 §7.8). The index says which objects can match; only those
//! are opened, and none when the index alone decides. The answer is streamed.

use std::io;

use bytes::Bytes;

use super::objects::{self, Opened};
use super::output::{CALENDAR_DATA, Output};
use crate::acl::Privilege;
use crate::caldav::Filter;
use crate::caldav::filter::Candidates;
use crate::dav::header::{Depth, Prefer};
use crate::dav::kind::ResourceKind;
use crate::dav::response::{Sink, Size};
use crate::dav::{Error, Precondition, Response, Result};
use crate::ical::timezone::{Zone, Zones};
use crate::limits;
use crate::method::context::Context;
use crate::resource::property::{Asked, Rows, View};
use crate::resource::{Resource, zone};
use crate::store::{self, Entry, File, Text};
use crate::xml::request::CalendarQuery;
use crate::xml::{self, Element, Multistatus, Writer, multistatus};

/// Content that the search keeps for the answer, so that it is not read twice.
const KEPT_BYTES: usize = 16 * 1024 * 1024;

/// Objects whose texts are put together before anything of them is sent.
const TEXTS_AT_ONCE: usize = 64;

/// An object that matches.
enum Match {
    /// The object that was asked itself.
    Itself(Box<(Resource, Zone, Opened)>),
    /// A file of a calendar.
    Member(Member),
}

/// A file of the calendar with that number among those that are searched.
struct Member {
    calendar: usize,
    file: File,
    /// Its content, where the search had to look at it.
    opened: Option<Box<Opened>>,
    /// Its text, where memory has it.
    text: Option<Text>,
}

impl Match {
    /// What the answer takes; with `whole` texts as they are stored.
    fn bytes(&self, whole: bool) -> u64 {
        match self {
            Match::Member(Member { file, opened: None, .. }) if whole => {
                objects::bytes_of_row(&file.entry)
            }
            Match::Member(member) => objects::RESOURCE_BYTES + member.file.entry.size(),
            Match::Itself(_) => objects::RESOURCE_BYTES,
        }
    }
}

/// A calendar that is searched, and the zone of its floating times.
type Searched = (Resource, Zone);

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
    let search = |most| search(&view, &context.resource, depth, &filter, floating.as_ref(), most);
    let few = match filter.candidates().complete {
        true => search(Some(limits::OWN_THREAD_ENTRIES))?,
        false => None,
    };
    let found = match few {
        Some(found) => Some(found),
        None => context.app.store.lengthy(|| search(None))?,
    };
    let (calendars, mut matches) = found.unwrap_or_default();
    let about = match &output {
        Some(output) => matches.iter().map(|found| found.bytes(output.is_stored_text())).sum(),
        None => matches.len() as u64 * objects::ROW_BYTES,
    };
    let prefer = Prefer::of(context.request)?;
    let asked = Asked::new(&query.selection, prefer.minimal);
    let special = output.is_some().then_some(CALENDAR_DATA);
    let stored = output.as_ref().is_none_or(Output::is_stored_text);
    let rows_of = |(calendar, _): &Searched| {
        stored.then(|| Rows::of(&view, calendar, &asked, special.as_ref())).flatten()
    };
    let rows: Vec<Option<Rows>> = calendars.iter().map(rows_of).collect();
    let in_memory = output.is_none() || find_texts(&calendars, &mut matches, &rows);
    if let Some(length) = length(&view, &calendars, &matches, &rows)
        && length <= limits::OWN_THREAD_ANSWER_BYTES
    {
        let parts = Box::new(of_texts(length, matches, rows));
        return Ok(Response::new(207).with_parts(xml::MEDIA_TYPE, parts, Size::Exact(length)));
    }
    let producer = Box::new(move |out: &mut dyn Sink| {
        let document = Multistatus::begin_of(out, about);
        let (view, asked, output) = (&view, &asked, output.as_ref());
        let mut answer = Answer { document, view, asked, output, calendars: &calendars, rows };
        for found in matches {
            answer.write(found)?;
        }
        answer.document.finish()
    });
    let about = in_memory.then_some(about);
    Ok(Response::new(207).with_stream(xml::MEDIA_TYPE, producer).of_about(about))
}

/// Looks up the texts of what matches; false when a file has to be read for one.
fn find_texts(calendars: &[Searched], matches: &mut [Match], rows: &[Option<Rows>]) -> bool {
    let Some(place) = calendars.iter().find_map(|(calendar, _)| calendar.place.as_ref()) else {
        return true;
    };
    let unopened = |found: &Match| match found {
        Match::Member(member) if member.opened.is_none() => {
            Some((member.calendar, member.file.entry.hash))
        }
        _ => None,
    };
    let mut all = matches.iter().filter_map(unopened);
    if !all.all(|(calendar, _)| rows.get(calendar).is_some_and(Option::is_some)) {
        return false;
    }
    let hashes = matches.iter().filter_map(unopened).map(|(_, hash)| hash);
    let Some(texts) = place.home.texts().find(hashes) else { return false };
    let mut texts = texts.into_iter();
    for found in matches {
        if let Match::Member(Member { opened: None, text, .. }) = found {
            *text = texts.next();
        }
    }
    true
}

/// Bytes of the answer, if it is made of nothing but texts that were found in memory.
fn length(
    view: &View,
    calendars: &[Searched],
    matches: &[Match],
    rows: &[Option<Rows>],
) -> Option<u64> {
    let of = |found: &Match| {
        let Match::Member(Member { calendar, file, opened: None, text }) = found else {
            return None;
        };
        let (resource, _) = calendars.get(*calendar)?;
        let rows = rows.get(*calendar)?.as_ref()?;
        let whole = view.access.shows_whole(resource, &file.entry);
        let text = text.as_ref().filter(|_| whole)?;
        Some(rows.length(&file.name, &file.entry, text.length()) as u64)
    };
    let responses: Option<u64> = matches.iter().map(of).sum();
    Some(multistatus::frame_bytes() + responses?)
}

/// The answer of which `length` told the length, some objects at a time.
fn of_texts(
    length: u64,
    matches: Vec<Match>,
    rows: Vec<Option<Rows>>,
) -> impl FnMut(&mut dyn Sink) -> io::Result<bool> {
    let (mut matches, mut begun) = (matches.into_iter(), false);
    move |out| {
        let mut answer = match std::mem::replace(&mut begun, true) {
            false => Multistatus::begin_of(out, length),
            true => Multistatus::resume(out),
        };
        for found in matches.by_ref().take(TEXTS_AT_ONCE) {
            let Match::Member(Member { calendar, file, text: Some(text), .. }) = found else {
                return Err(io::ErrorKind::InvalidInput.into());
            };
            let rows = rows.get(calendar).and_then(Option::as_ref);
            let rows = rows.ok_or(io::ErrorKind::InvalidInput)?;
            let mut done = false;
            answer.beside(|writer| {
                let text = |writer: &mut Writer| text.append(writer.bytes());
                done = rows.write_with(&file.name, &file.entry, writer, text);
            })?;
            if !done {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        if matches.as_slice().is_empty() {
            return answer.finish().map(|()| false);
        }
        answer.pause().map(|()| true)
    }
}

/// The answer in the making.
struct Answer<'a> {
    document: Multistatus<'a>,
    view: &'a View,
    asked: &'a Asked,
    output: Option<&'a Output>,
    calendars: &'a [Searched],
    /// For each calendar whose files the index and the stored text answer.
    rows: Vec<Option<Rows>>,
}

impl Answer<'_> {
    fn write(&mut self, found: Match) -> io::Result<()> {
        match found {
            Match::Itself(itself) => {
                let (resource, floating, opened) = *itself;
                self.response(&resource, &floating, Some(opened))
            }
            Match::Member(member) => {
                if self.row(&member)? {
                    return Ok(());
                }
                let calendar = self.calendars.get(member.calendar);
                let Some((calendar, floating)) = calendar else { return Ok(()) };
                let Some(resource) = calendar.member(&member.file.name) else { return Ok(()) };
                self.response(&resource, floating, member.opened.map(|opened| *opened))
            }
        }
    }

    /// A response that needs neither a tree nor a resource; false when nothing was written.
    fn row(&mut self, member: &Member) -> io::Result<bool> {
        let Some(Some(rows)) = self.rows.get(member.calendar) else { return Ok(false) };
        let (name, object, opened) =
            (&*member.file.name, &*member.file.entry, member.opened.as_deref());
        if self.output.is_none() {
            self.document.beside(|writer| rows.write(name, object, "", writer))?;
            return Ok(true);
        }
        if let Some(Opened { bytes: Some(bytes), resource, .. }) = opened
            && let Some(entry) = resource.entry().and_then(Entry::object)
        {
            let text = objects::escaped(bytes);
            self.document.beside(|writer| rows.write(name, entry, &text, writer))?;
            return Ok(true);
        }
        if opened.is_some() {
            return Ok(false);
        }
        let Some((calendar, _)) = self.calendars.get(member.calendar) else { return Ok(false) };
        objects::row(
            &mut self.document,
            self.view,
            rows,
            calendar,
            (name, object),
            member.text.as_ref(),
        )
    }

    fn response(
        &mut self,
        resource: &Resource,
        floating: &Zone,
        opened: Option<Opened>,
    ) -> io::Result<()> {
        let (view, asked) = (self.view, self.asked);
        let href = view.href(&resource.path);
        let Some(output) = self.output else {
            return self
                .document
                .response(&href, |propstats| asked.answer(view, resource, propstats));
        };
        match opened.map_or_else(|| objects::open(view, resource), Ok) {
            Err(error) => self.document.status(&href, &error, &view.origin.prefix),
            Ok(opened) => self.document.response(&href, |propstats| {
                asked.answer_with(view, &opened.resource, propstats, &mut |name, writer| {
                    (*name == CALENDAR_DATA).then(|| output.write(&opened, floating, writer))
                });
            }),
        }
    }
}

/// What matches; with a bound absent when there are more than about so many candidates, or when
/// memory does not have what it takes.
fn search(
    view: &View,
    target: &Resource,
    depth: Depth,
    filter: &Filter,
    floating: Option<&Zone>,
    most: Option<usize>,
) -> Result<Option<(Vec<Searched>, Vec<Match>)>> {
    let candidates = filter.candidates();
    let mut search = Search {
        view,
        filter,
        candidates: &candidates,
        reads: most.is_none(),
        found: Vec::new(),
        kept: 0,
    };
    let zone_of =
        |calendar: &Resource| floating.cloned().unwrap_or_else(|| objects::floating_zone(calendar));
    if matches!(target.kind, ResourceKind::CalendarObject | ResourceKind::InboxItem) {
        let zone = target.parent().map_or_else(Zone::utc, |calendar| zone_of(&calendar));
        if most.is_some() {
            return Ok(None);
        }
        if view.access.may(target, Privilege::Read)
            && let Some(opened) = search.opened(target, &zone)
        {
            search.found.push(Match::Itself(Box::new((target.clone(), zone, opened))));
        }
        return Ok(Some((Vec::new(), search.found)));
    }
    let calendars: Vec<Searched> = objects::calendars(view, target, depth)
        .into_iter()
        .map(|calendar| {
            let zone = zone_of(&calendar);
            (calendar, zone)
        })
        .collect();
    let mut room = most.unwrap_or(usize::MAX);
    for (number, (calendar, zone)) in calendars.iter().enumerate() {
        let mut access = view.access.members(calendar, &[Privilege::Read]);
        let Some(objects) = preselected(calendar, &candidates, room) else { return Ok(None) };
        room = room.saturating_sub(objects.len());
        for found in objects {
            if access.may(&found.file.name, &found.file.entry)
                && !search.look_at(number, calendar, zone, found)?
            {
                return Ok(None);
            }
        }
    }
    Ok(Some((calendars, search.found)))
}

/// What the index leaves of a calendar; absent when more than about `most` had to be looked at.
fn preselected<'a>(
    calendar: &'a Resource,
    candidates: &Candidates,
    most: usize,
) -> Option<Vec<store::Candidate<'a>>> {
    // A to-do without any time is in every range (RFC 4791 §9.9); the index has no span for it.
    let timeless =
        candidates.kinds.as_ref().is_none_or(|kinds| kinds.iter().any(|k| k != "VEVENT"));
    let Some(place) = &calendar.place else { return Some(Vec::new()) };
    let mut objects = match candidates.time_range.filter(|_| !timeless) {
        Some(range) => {
            let seconds = |at: Option<chrono::DateTime<chrono::Utc>>| at.map(|at| at.timestamp());
            let (start, end) = (seconds(range.start), seconds(range.end));
            place.snapshot.overlapping_up_to(&place.path, start, end, most)?
        }
        None => {
            let collection = place.snapshot.collection(&place.path);
            if collection.is_some_and(|collection| collection.object_count() > most) {
                return None;
            }
            let all = collection.into_iter().flat_map(|collection| collection.files());
            all.map(|file| store::Candidate { file, exact: None }).collect()
        }
    };
    objects.retain(|found| {
        let Some(summary) = found.file.entry.calendar() else { return false };
        let kind = candidates.kinds.as_ref();
        kind.is_none_or(|kinds| kinds.iter().any(|kind| **kind == *summary.component()))
            && candidates.uid.as_ref().is_none_or(|uid| **uid == *summary.uid())
    });
    Some(objects)
}

struct Search<'a> {
    view: &'a View,
    filter: &'a Filter,
    candidates: &'a Candidates,
    /// Whether files may be read.
    reads: bool,
    found: Vec<Match>,
    kept: usize,
}

impl Search<'_> {
    /// False when a file would have to be read and must not be.
    fn look_at(
        &mut self,
        number: usize,
        calendar: &Resource,
        floating: &Zone,
        found: store::Candidate<'_>,
    ) -> Result<bool> {
        let mut opened = None;
        match self.decided(calendar, floating, found) {
            Some(false) => return Ok(true),
            Some(true) => {}
            None if !self.reads => return Ok(false),
            None => {
                let Some(resource) = calendar.member(&found.file.name) else { return Ok(true) };
                let Some(object) = self.opened(&resource, floating) else { return Ok(true) };
                let size = object.bytes.as_ref().map_or(0, Bytes::len);
                if self.kept + size <= KEPT_BYTES {
                    self.kept += size;
                    opened = Some(Box::new(object));
                }
            }
        }
        if self.found.len() == limits::QUERY_RESULTS {
            return Err(Error::from(Precondition::NumberOfMatchesWithinLimits)
                .because(format!("more than {} objects match", limits::QUERY_RESULTS)));
        }
        let file = found.file.clone();
        self.found.push(Match::Member(Member { calendar: number, file, opened, text: None }));
        Ok(true)
    }

    /// What can be said without opening the object, where the actor sees all of it.
    fn decided(
        &self,
        calendar: &Resource,
        floating: &Zone,
        store::Candidate { file, exact }: store::Candidate<'_>,
    ) -> Option<bool> {
        let object = &file.entry;
        if !self.candidates.complete || !self.view.access.shows_whole(calendar, object) {
            return None;
        }
        // The index knows spans that may match, not those that do: a timetable does.
        let Some(range) = self.candidates.time_range else { return Some(true) };
        if let Some((start, end)) = exact {
            return Some(range.overlaps_seconds(start, end));
        }
        let place = calendar.place.as_ref()?;
        let closed = range.closed()?;
        let timetable = match self.reads {
            true => objects::timetable(place, &file.name, object, floating, closed),
            false => objects::remembered_timetable(place, object, floating, closed),
        };
        timetable?.overlaps(range)
    }

    /// The object if it matches. What is gone, damaged or private does not; the others do not
    /// suffer from it.
    fn opened(&self, resource: &Resource, floating: &Zone) -> Option<Opened> {
        let object = objects::open(self.view, resource).ok()?;
        let tree = object.tree.as_ref()?;
        self.filter.matches(tree, &Zones::of(tree, floating)).then_some(object)
    }
}
