//! `CALDAV:free-busy-query` (RFC 4791 §7.10): busy time of all objects that the actor may know the
//! busy time of, whatever else they may see.

use chrono::TimeDelta;

use super::objects;
use crate::acl::Privilege;
use crate::caldav::free_busy::{BusyTime, Options};
use crate::caldav::{Period, TimeRange};
use crate::dav::header::Depth;
use crate::dav::{Error, Precondition, Response, Result};
use crate::ical::timezone::Zones;
use crate::ical::{self, Component};
use crate::limits;
use crate::method::context::Context;
use crate::resource::Resource;
use crate::resource::property::View;
use crate::store::{Candidate, File};
use crate::xml::Element;
use crate::xml::request::FreeBusyQuery;

/// Answers the report with a VFREEBUSY.
pub fn run(context: &Context, view: &View, root: &Element) -> Result<Response> {
    let query = FreeBusyQuery::read(root)?;
    let bounds = TimeRange::parse_closed(query.start.as_deref(), query.end.as_deref())
        .map_err(|error| Error::bad_request(error.to_string()))?;
    let depth = Depth::of(context.request)?.unwrap_or(Depth::Zero);
    let calendars = objects::calendars(view, &context.resource, depth);
    let busy = busy_time(view, &calendars, bounds, &Options::default())?;
    let body = busy.to_calendar(None, context.now).to_bytes();
    Ok(Response::new(200).with_body("text/calendar; charset=utf-8", body))
}

/// Who has one of these may know when an object makes busy.
const KNOWN_BY: [Privilege; 2] = [Privilege::ReadFreeBusy, Privilege::Read];

/// The busy time of some calendars, as far as the actor may know it.
pub fn busy_time(
    view: &View,
    calendars: &[Resource],
    bounds: Period,
    options: &Options<'_>,
) -> Result<BusyTime> {
    let few = Some(limits::OWN_THREAD_ENTRIES);
    if let Some(busy) = gather(view, calendars, bounds, options, few)? {
        return Ok(busy);
    }
    let all = || gather(view, calendars, bounds, options, None);
    let busy = match calendars.iter().find_map(|calendar| calendar.place.as_ref()) {
        Some(place) => place.home.lengthy(all)?,
        None => all()?,
    };
    Ok(busy.unwrap_or_else(|| BusyTime::new(bounds)))
}

/// The same; with a bound absent when there are more than about so many candidates, or when memory
/// does not have what it takes.
fn gather(
    view: &View,
    calendars: &[Resource],
    bounds: Period,
    options: &Options<'_>,
    most: Option<usize>,
) -> Result<Option<BusyTime>> {
    let mut busy = BusyTime::new(bounds);
    let mut availability: Vec<(Component, Zones)> = Vec::new();
    let mut opened = 0;
    // Travel time may reach into the period from an event on the next day.
    let end = bounds.end + TimeDelta::days(1);
    let range = (Some(bounds.start.timestamp()), Some(end.timestamp()));
    for calendar in calendars {
        let floating = objects::floating_zone(calendar);
        let Some(place) = &calendar.place else { continue };
        let mut members = view.access.members(calendar, &KNOWN_BY);
        let (start, end) = range;
        let room = most.map_or(usize::MAX, |most| most.saturating_sub(opened));
        let found = place.snapshot.overlapping_up_to(&place.path, start, end, room);
        let Some(found) = found else { return Ok(None) };
        for Candidate { file, .. } in found {
            let File { name, entry } = file;
            if !members.may(name, entry) {
                continue;
            }
            opened += 1;
            if opened > limits::QUERY_RESULTS {
                return Err(Precondition::NumberOfMatchesWithinLimits.into());
            }
            let timetable = match most {
                None => objects::timetable(place, name, entry, &floating, bounds),
                Some(_) => objects::remembered_timetable(place, entry, &floating, bounds),
            };
            if timetable.is_some_and(|timetable| timetable.add_to(&mut busy, options)) {
                continue;
            }
            if most.is_some() {
                return Ok(None);
            }
            let Some(object) = calendar.member(name) else { continue };
            let Ok(Some(bytes)) = object.read() else { continue };
            let Ok(tree) = ical::parse(&bytes) else { continue };
            let zones = Zones::of(&tree, &floating);
            if tree.components_named("VAVAILABILITY").next().is_some() {
                availability.push((tree, zones));
            } else if let Err(error) = busy.add_object(&tree, &zones, options) {
                tracing::warn!(path = %object.path, %error, "busy time cannot be computed");
            }
        }
    }
    let all = availability.iter().map(|(tree, zones)| (tree, zones));
    if let Err(error) = busy.add_availability(all) {
        tracing::warn!(%error, "availability cannot be computed");
    }
    Ok(Some(busy))
}
