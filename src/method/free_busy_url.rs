//! The free-busy URL of a home (reference system §6.11): `?start=…&end=…|duration=…&format=…`
//! answered with a VFREEBUSY, for subscribers that know no CalDAV.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};

use super::context::Context;
use super::report::free_busy_query::busy_time;
use super::report::objects;
use crate::caldav::Period;
use crate::caldav::free_busy::Options;
use crate::caldav::time_range::parse_utc;
use crate::dav::header::Depth;
use crate::dav::{Error, Name, Precondition, Response, Result, query};
use crate::ical::timezone::{Zone, Zones};
use crate::ical::{self, IcalDuration, Property};
use crate::resource::{INBOX, Resource};
use crate::store::HomePath;

/// What is answered when the query does not say for how long.
const DEFAULT_DAYS: i64 = 14;

/// Answers GET and POST.
pub fn run(context: &Context) -> Result<Response> {
    let query = Query::read(&query::pairs(context.request.query.as_deref()), context.now)?;
    let view = context.view();
    let home = objects::in_home(&context.resource, &HomePath::root(), true);
    let mut calendars = objects::calendars(&view, &home, Depth::Infinity);
    calendars.retain(is_opaque);
    let mut busy = busy_time(&view, &calendars, query.bounds, &Options::default())?;
    if let Some((calendar, zones)) = availability(&home) {
        let all = [(&calendar, &zones)];
        busy.add_availability(all).map_err(|error| Error::internal(error.to_string()))?;
    }
    let mut answer = busy.to_calendar(Some("REPLY"), context.now);
    if let (Some(owner), Some(component)) =
        (&context.resource.owner, answer.components_mut().next())
    {
        let attendee = Property::new("ATTENDEE", &format!("urn:x-uid:{}", owner.guid));
        component.push(attendee.with_param("CN", &owner.full_name));
        component.push(Property::new("UID", &format!("freebusy-{}", owner.guid)));
    }
    Ok(Response::new(200).with_body(&format!("{}; charset=utf-8", query.format), answer.to_bytes()))
}

/// Whether a calendar counts in free-busy time (RFC 6638 §9.1).
fn is_opaque(calendar: &Resource) -> bool {
    let transparency = Name::caldav("schedule-calendar-transp");
    let properties = calendar.properties();
    !properties.get(&transparency).is_some_and(|xml| xml.contains("transparent"))
}

/// The owner's working hours, kept on the inbox.
fn availability(home: &Resource) -> Option<(ical::Component, Zones)> {
    let properties = home.member(INBOX)?.properties();
    let text = properties
        .text(&Name::caldav("calendar-availability"))
        .or_else(|| properties.text(&Name::calendarserver("calendar-availability")))?;
    let calendar = ical::parse(text.trim().as_bytes()).ok()?;
    let zones = Zones::of(&calendar, &Zone::utc());
    Some((calendar, zones))
}

struct Query {
    bounds: Period,
    format: &'static str,
}

impl Query {
    fn read(pairs: &[(String, String)], now: DateTime<Utc>) -> Result<Self> {
        let mut values: [Option<&str>; 4] = [None; 4];
        for (name, value) in pairs {
            let place = match name.as_str() {
                "start" => 0,
                "end" => 1,
                "duration" => 2,
                "format" => 3,
                _ => return Err(Precondition::SupportedQueryParameter.into()),
            };
            if values[place].replace(value).is_some() {
                return Err(Precondition::ValidQueryParameters.into());
            }
        }
        let [start, end, duration, format] = values;
        let invalid = || Error::from(Precondition::ValidQueryParameters);
        if end.is_some() && duration.is_some() {
            return Err(invalid().with_status(406).because("end and duration exclude each other"));
        }
        let instant = |text: &str| parse_utc(text).ok_or_else(invalid);
        let midnight = now.date_naive().and_time(NaiveTime::MIN).and_utc();
        let start = start.map(instant).transpose()?.unwrap_or(midnight);
        let length = match duration {
            None => TimeDelta::days(DEFAULT_DAYS),
            Some(text) => text.parse::<IcalDuration>().map_err(|_| invalid())?.delta(),
        };
        let end = match end.map(instant).transpose()? {
            Some(end) => end,
            None => start.checked_add_signed(length).ok_or_else(invalid)?,
        };
        if end <= start {
            return Err(invalid());
        }
        let format = match format {
            None | Some("text/calendar") => "text/calendar",
            Some("text/plain") => "text/plain",
            Some(_) => return Err(Precondition::SupportedFormat.into()),
        };
        Ok(Self { bounds: Period::new(start, end), format })
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::Query;
    use crate::dav::query;

    fn read(text: &str) -> Result<String, u16> {
        let now = DateTime::from_timestamp(1_136_260_000, 0).unwrap();
        Query::read(&query::pairs(Some(text)), now)
            .map(|query| format!("{} {}", query.bounds.to_ical(), query.format))
            .map_err(|error| error.status)
    }

    #[test]
    fn reads_the_query() {
        for (text, expected) in [
            ("", Ok("20060103T000000Z/20060117T000000Z text/calendar")),
            (
                "start=20060104T000000Z&duration=P1D&format=text/plain",
                Ok("20060104T000000Z/20060105T000000Z text/plain"),
            ),
            ("end=20060104T000000Z", Ok("20060103T000000Z/20060104T000000Z text/calendar")),
            ("token=1", Err(406)),
            ("format=text/html", Err(406)),
            ("start=2006", Err(400)),
            ("duration=1", Err(400)),
            ("end=20060101T000000Z", Err(400)),
            ("end=20060104T000000Z&duration=P1D", Err(406)),
            ("start=20060104T000000Z&start=20060104T000000Z", Err(400)),
        ] {
            assert_eq!(read(text), expected.map(str::to_owned), "{text}");
        }
    }
}
