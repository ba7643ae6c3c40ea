//! `CALDAV:calendar-multiget` (RFC 4791 §7.9): one response for every href, whatever it names.

use std::sync::Arc;

use super::objects;
use super::output::{CALENDAR_DATA, Output};
use crate::acl::Privilege;
use crate::dav::header::Prefer;
use crate::dav::kind::ResourceKind;
use crate::dav::response::Sink;
use crate::dav::{Error, Method, Response, Result};
use crate::ical::timezone::Zone;
use crate::method::context::Context;
use crate::resource::Resource;
use crate::resource::property::{Asked, Rows, View};
use crate::store::{Collection, Entry, ObjectEntry, Text};
use crate::xml::request::CalendarMultiget;
use crate::xml::{self, Element, Multistatus};

/// What an href of the request leads to.
enum Target {
    /// A file of the calendar, as the index knows it; without a name it is what follows the
    /// calendar's href. With its text, where memory has it.
    Member(Arc<ObjectEntry>, Option<String>, Option<Text>),
    /// Anything else that is there.
    Found(Box<Resource>),
    /// Nothing that could be shown.
    Failed(Error),
}

/// Answers the report.
pub fn run(context: &Context, view: View, root: &Element) -> Result<Response> {
    let multiget = CalendarMultiget::read(root)?;
    let output = Output::of(context.request, multiget.calendar_data.as_ref())?;
    let asked = Asked::new(&multiget.selection, Prefer::of(context.request)?.minimal);
    let calendar = context.resource.clone();
    let stored = output.as_ref().is_some_and(Output::is_stored_text);
    let rows = stored.then(|| Rows::of(&view, &calendar, &asked, Some(&CALENDAR_DATA))).flatten();
    let members = rows.as_ref().and_then(|_| Members::of(context));
    let mut targets: Vec<(String, Target)> = multiget
        .hrefs
        .into_iter()
        .map(|href| match members.as_ref().and_then(|members| members.find(&href)) {
            Some(object) => (href, Target::Member(object, None, None)),
            None => find(context, href),
        })
        .collect();
    let prefix = members.map(|members| members.prefix).unwrap_or_default();
    let about = targets.iter().map(|(_, target)| match target {
        Target::Member(object, ..) if rows.is_some() => objects::bytes_of_row(object),
        Target::Member(object, ..) => objects::RESOURCE_BYTES + object.size(),
        Target::Found(_) | Target::Failed(_) => objects::RESOURCE_BYTES,
    });
    let about = about.sum();
    let in_memory = output.is_none() || rows.is_some() && find_texts(context, &mut targets);
    let producer = Box::new(move |out: &mut dyn Sink| {
        let mut answer = Multistatus::begin_of(out, about);
        let mut access = view.access.members(&calendar, &[Privilege::Read]);
        for (href, target) in targets {
            let resource = match target {
                Target::Failed(error) => {
                    answer.status(&href, &error, &view.origin.prefix)?;
                    continue;
                }
                Target::Found(resource) => *resource,
                Target::Member(object, name, text) => {
                    let name = name.as_deref().or_else(|| href.get(prefix.len()..));
                    let Some(name) = name else { continue };
                    if let (Some(rows), true) = (&rows, access.may(name, &object))
                        && objects::row(
                            &mut answer,
                            &view,
                            rows,
                            &calendar,
                            (name, &object),
                            text.as_ref(),
                        )?
                    {
                        continue;
                    }
                    let Some(resource) = calendar.member(name) else { continue };
                    resource
                }
            };
            write(&mut answer, &view, &asked, output.as_ref(), &href, &resource)?;
        }
        answer.finish()
    });
    let about = in_memory.then_some(about);
    Ok(Response::new(207).with_stream(xml::MEDIA_TYPE, producer).of_about(about))
}

/// Looks up the texts of what was asked for; false when a file has to be read for one.
fn find_texts(context: &Context, targets: &mut [(String, Target)]) -> bool {
    let Some(place) = &context.resource.place else { return false };
    if targets.iter().any(|(_, target)| matches!(target, Target::Found(_))) {
        return false;
    }
    let hashes = targets.iter().filter_map(|(_, target)| match target {
        Target::Member(object, ..) => Some(object.hash),
        _ => None,
    });
    let Some(texts) = place.home.texts().find(hashes) else { return false };
    let mut texts = texts.into_iter();
    for (_, target) in targets {
        if let Target::Member(_, _, text) = target {
            *text = texts.next();
        }
    }
    true
}

/// The files of the calendar that was asked, by hrefs in the form that the request itself has.
struct Members<'a> {
    files: &'a Collection,
    /// The calendar's href, with a slash at its end.
    prefix: String,
}

impl<'a> Members<'a> {
    fn of(context: &'a Context) -> Option<Self> {
        let calendar = &context.resource;
        let place = calendar.place.as_ref().filter(|_| calendar.kind == ResourceKind::Calendar)?;
        let files = place.snapshot.collection(&place.path)?;
        // Elsewhere all names are refused alike.
        let readable = context.access.may(calendar, Privilege::Read);
        let prefix = context.request.href(&calendar.path.clone().with_slash(true));
        readable.then_some(Self { files, prefix })
    }

    /// The file, if the href is its calendar's and a name that stands for itself.
    fn find(&self, href: &str) -> Option<Arc<ObjectEntry>> {
        let name = href.strip_prefix(&self.prefix)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~@:!$()*+,;=".contains(&byte);
        self.files.object(name).filter(|_| name.bytes().all(plain)).cloned()
    }
}

/// The resource of an href, if it lies where the report was asked; with the href for the answer.
/// In collections that the actor may not read, all names are refused alike.
fn find(context: &Context, href: String) -> (String, Target) {
    let Ok(path) = context.request.origin.path_of(&href) else {
        return (href, Target::Failed(Error::not_found()));
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
    let target = match inside() {
        Ok(resource) => member(context, &resource)
            .map(|(name, object)| Target::Member(object, Some(name), None))
            .unwrap_or_else(|| Target::Found(Box::new(resource))),
        Err(error) => Target::Failed(error),
    };
    (context.request.href(&path), target)
}

/// Name and entry of a file that lies directly in the calendar that was asked.
fn member(context: &Context, resource: &Resource) -> Option<(String, Arc<ObjectEntry>)> {
    let is_object = resource.kind == ResourceKind::CalendarObject;
    let parent = resource.path.parent().filter(|_| is_object)?;
    let object = resource.entry().and_then(Entry::object)?.clone();
    let name = resource.path.name().filter(|_| parent == context.resource.path)?;
    Some((name.to_owned(), object))
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
