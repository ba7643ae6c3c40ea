//! `CALDAV:calendar-multiget` (RFC 4791 §7.9): one response for every href, whatever it names.

use super::objects;
use super::output::{CALENDAR_DATA, Output};
use crate::acl::Privilege;
use crate::dav::header::Prefer;
use crate::dav::kind::ResourceKind;
use crate::dav::{Error, Method, Response, Result};
use crate::ical::timezone::Zone;
use crate::method::context::Context;
use crate::resource::Resource;
use crate::resource::property::{Asked, Rows, View};
use crate::store::{Entry, ObjectEntry};
use crate::xml::request::CalendarMultiget;
use crate::xml::{self, Element, Multistatus};

/// Answers the report.
pub fn run(context: &Context, view: View, root: &Element) -> Result<Response> {
    let multiget = CalendarMultiget::read(root)?;
    let output = Output::of(context.request, multiget.calendar_data.as_ref())?;
    let asked = Asked::new(&multiget.selection, Prefer::of(context.request)?.minimal);
    let targets: Vec<(String, Result<Resource>)> =
        multiget.hrefs.into_iter().map(|href| find(context, href)).collect();
    let calendar = context.resource.clone();
    let producer = Box::new(move |out: &mut dyn std::io::Write| {
        let mut answer = Multistatus::begin(out);
        let stored = output.as_ref().is_some_and(Output::is_stored_text);
        let rows = stored.then(|| Rows::of(&view, &calendar, &asked, Some(&CALENDAR_DATA)));
        for (href, resource) in targets {
            match resource {
                Ok(resource) => {
                    if let Some(Some(rows)) = &rows
                        && row(&mut answer, &view, rows, &calendar, &resource)?
                    {
                        continue;
                    }
                    write(&mut answer, &view, &asked, output.as_ref(), &href, &resource)?
                }
                Err(error) => answer.status(&href, &error, &view.origin.prefix)?,
            }
        }
        answer.finish()
    });
    Ok(Response::new(207).with_stream(xml::MEDIA_TYPE, producer))
}

/// The resource of an href, if it lies where the report was asked; with the href for the answer.
/// In collections that the actor may not read, all names are refused alike.
fn find(context: &Context, href: String) -> (String, Result<Resource>) {
    let Ok(path) = context.request.origin.path_of(&href) else {
        return (href, Err(Error::not_found()));
    };
    let inside = || {
        let resource = context.resolve(&path)?;
        let below = context.resource.canonical().contains(&resource.canonical());
        if !below || !context.resource.shares_home(&resource) {
            return Err(Error::not_found());
        }
        match (resource.exists, context.access.sees(&resource)) {
            (true, true) => Ok(resource),
            (false, true) => Err(Error::not_found()),
            (_, false) => Err(context.access.unseen(Method::Report, &resource, &path)),
        }
    };
    (context.request.href(&path), inside())
}

/// Answers for a file of the calendar with its stored text; false when nothing was written.
fn row(
    answer: &mut Multistatus<'_>,
    view: &View,
    rows: &Rows,
    calendar: &Resource,
    resource: &Resource,
) -> std::io::Result<bool> {
    let is_member = resource.kind == ResourceKind::CalendarObject
        && resource.path.parent().is_some_and(|parent| parent == calendar.path);
    let (Some(place), Some(Entry::Object(object))) = (&resource.place, resource.entry()) else {
        return Ok(false);
    };
    let Some(name) = resource.path.name().filter(|_| is_member) else { return Ok(false) };
    let whole = |entry: &ObjectEntry| view.access.shows_whole(calendar, entry);
    if !whole(object) || !view.access.may(resource, Privilege::Read) {
        return Ok(false);
    }
    match objects::xml_text(place, &place.path, object).filter(|(entry, _)| whole(entry)) {
        Some((entry, text)) => {
            answer.beside(|writer| rows.write(name, &entry, text.as_str(), writer))?;
            Ok(true)
        }
        None => Ok(false),
    }
}

fn write(
    answer: &mut Multistatus<'_>,
    view: &View,
    asked: &Asked,
    output: Option<&Output>,
    href: &str,
    resource: &Resource,
) -> std::io::Result<()> {
    let prefix = &view.origin.prefix;
    if let Err(error) = view.access.require(resource, &[Privilege::Read]) {
        return answer.status(href, &error, prefix);
    }
    let is_object = matches!(resource.kind, ResourceKind::CalendarObject | ResourceKind::InboxItem);
    let Some(output) = output.filter(|_| is_object) else {
        return answer.response(href, |propstats| asked.answer(view, resource, propstats));
    };
    match objects::open_for(view, resource, !output.is_stored_text()) {
        Err(error) => answer.status(href, &error, prefix),
        Ok(opened) => {
            let calendar = resource.parent();
            let floating = calendar.map_or_else(Zone::utc, |c| objects::floating_zone(&c));
            answer.response(href, |propstats| {
                asked.answer_with(view, &opened.resource, propstats, &mut |name, writer| {
                    (*name == CALENDAR_DATA).then(|| output.write(&opened, &floating, writer))
                });
            })
        }
    }
}
