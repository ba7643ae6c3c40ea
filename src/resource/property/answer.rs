//! From a selection of properties to the propstat elements of one response (RFC 4918 §9.1).

use super::{Answer, Live, View, calendar, dead, live, live_properties};
use crate::dav::{Error, Name};
use crate::resource::Resource;
use crate::xml::Writer;
use crate::xml::multistatus::Propstats;
use crate::xml::request::Selection;

/// A property that only one report knows, such as `CALDAV:calendar-data`: `None` when it is not.
pub type Special<'a> = &'a mut dyn FnMut(&Name, &mut Writer) -> Option<Answer>;

/// The properties of a selection, looked up once for all responses of an answer.
#[derive(Clone, Debug)]
pub struct Asked {
    named: Vec<(Name, Option<&'static Live>)>,
    all: bool,
    only_names: bool,
    minimal: bool,
    json: Vec<Name>,
}

impl Asked {
    /// Looks the selection up; a minimal answer leaves out what was not found (RFC 8144 §2.1).
    pub fn new(selection: &Selection, minimal: bool) -> Self {
        let named = selection.names().iter().map(|name| (name.clone(), live(name))).collect();
        Self {
            named,
            all: matches!(selection, Selection::AllProp { .. }),
            only_names: matches!(selection, Selection::PropName),
            minimal,
            json: Vec::new(),
        }
    }

    /// The same, with these properties as jCal where they hold iCalendar.
    pub fn with_json(mut self, names: Vec<Name>) -> Self {
        self.json = names;
        self
    }

    /// Whether nothing is asked for, so that a response has nothing but a status.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty() && !self.all && !self.only_names
    }

    /// The names, if nothing but names is asked for and none of them as jCal.
    pub fn only_named(&self) -> Option<Vec<&Name>> {
        let plain = !self.all && !self.only_names && self.json.is_empty();
        (plain && !self.named.is_empty()).then(|| self.named.iter().map(|(name, _)| name).collect())
    }

    /// Answers for one resource.
    pub fn answer(&self, view: &View, resource: &Resource, propstats: &mut Propstats<'_>) {
        self.answer_with(view, resource, propstats, &mut |_, _| None);
    }

    /// Answers for one resource in a report with a property of its own.
    pub fn answer_with(
        &self,
        view: &View,
        resource: &Resource,
        propstats: &mut Propstats<'_>,
        special: Special<'_>,
    ) {
        let mut found = Writer::fragment();
        if self.only_names {
            names(view, resource, &mut found);
        }
        if self.all {
            everything(view, resource, &mut found);
        }
        let mut missing = Vec::new();
        let mut refused: Vec<(u16, &Name)> = Vec::new();
        for (name, live) in &self.named {
            if self.all && live.map_or(dead::is_shown(view, resource, name), |l| l.in_allprop) {
                continue;
            }
            let json = self.json.contains(name);
            let answer = special(name, &mut found)
                .or_else(|| json.then(|| calendar::as_json(resource, name, &mut found))?)
                .unwrap_or_else(|| value(view, resource, name, *live, &mut found));
            match answer {
                Answer::Found => {}
                Answer::Missing => missing.push(name),
                Answer::Refused(status) => refused.push((status, name)),
            }
        }
        if self.minimal {
            missing.clear();
        }
        write(propstats, found.as_str(), missing, refused);
    }
}

/// Writes what was found, what is not there and what is not for this user, with its statuses.
pub fn write(
    propstats: &mut Propstats<'_>,
    found: &str,
    missing: Vec<&Name>,
    mut refused: Vec<(u16, &Name)>,
) {
    let refused_only = found.is_empty() && missing.is_empty() && !refused.is_empty();
    if !refused_only {
        propstats.found_and_missing(found, missing);
    }
    while let Some((status, _)) = refused.first() {
        let status = *status;
        let error = Error::status(status);
        propstats.failed_propstat(&error, "", |writer| {
            let same = refused.iter().filter(|(other, _)| *other == status);
            same.for_each(|(_, name)| writer.empty(name));
        });
        refused.retain(|(other, _)| *other != status);
    }
}

/// One property, live or dead.
pub fn value(
    view: &View,
    resource: &Resource,
    name: &Name,
    live: Option<&Live>,
    writer: &mut Writer,
) -> Answer {
    match live {
        Some(Live { value: Some(value), .. }) => value(view, resource, writer),
        _ => dead::write(view, resource, name, writer),
    }
}

/// `DAV:allprop`: the live properties meant for it and all dead ones.
fn everything(view: &View, resource: &Resource, writer: &mut Writer) {
    for live in live_properties().filter(|live| live.in_allprop) {
        value(view, resource, &live.name, Some(live), writer);
    }
    for name in dead::names(resource) {
        if live(&name).is_none() {
            dead::write(view, resource, &name, writer);
        }
    }
}

/// `DAV:propname`.
fn names(view: &View, resource: &Resource, writer: &mut Writer) {
    for live in live_properties() {
        let mut scratch = Writer::fragment();
        if value(view, resource, &live.name, Some(live), &mut scratch) != Answer::Missing {
            writer.empty(&live.name);
        }
    }
    for name in dead::names(resource) {
        if live(&name).is_none() {
            writer.empty(&name);
        }
    }
}
