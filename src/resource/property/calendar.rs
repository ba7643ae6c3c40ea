//! Properties of calendars: RFC 4791 §5.2 and §7.5.1, RFC 7809 §5, RFC 7529 §5, caldav-extensions.

use super::{Answer, Live, View, dead, text};
use crate::dav::Name;
use crate::dav::kind::ResourceKind as Kind;
use crate::ical;
use crate::ical::value::rscale::Scale;
use crate::limits;
use crate::resource::Resource;
use crate::resource::calendar::{self, COMPONENT_SET};
use crate::xml::Writer;

const COMPONENT_SETS: Name = Name::caldav("supported-calendar-component-sets");
const CALENDAR_DATA: Name = Name::caldav("supported-calendar-data");
const COLLATION_SET: Name = Name::caldav("supported-collation-set");
const RSCALE_SET: Name = Name::caldav("supported-rscale-set");
const MAX_RESOURCE_SIZE: Name = Name::caldav("max-resource-size");
const MIN_DATE_TIME: Name = Name::caldav("min-date-time");
const MAX_DATE_TIME: Name = Name::caldav("max-date-time");
const MAX_INSTANCES: Name = Name::caldav("max-instances");
const MAX_ATTENDEES: Name = Name::caldav("max-attendees-per-instance");
const MAX_ATTACHMENT_SIZE: Name = Name::caldav("max-attachment-size");
const MAX_ATTACHMENTS: Name = Name::caldav("max-attachments-per-resource");
const MANAGED_ATTACHMENTS_SERVER: Name = Name::caldav("managed-attachments-server-URL");
const TIMEZONE_SERVICE_SET: Name = Name::caldav("timezone-service-set");
/// A sentence about the calendar.
pub const DESCRIPTION: Name = Name::caldav("calendar-description");
/// The zone of floating times, as iCalendar text.
pub const TIMEZONE: Name = Name::caldav("calendar-timezone");
/// The zone of floating times, by identifier.
pub const TIMEZONE_ID: Name = Name::caldav("calendar-timezone-id");

/// The table. RFC 4791 keeps all of them out of `DAV:allprop`.
pub const TABLE: &[Live] = &[
    Live::stored(DESCRIPTION),
    Live::stored(TIMEZONE),
    Live::stored(TIMEZONE_ID),
    Live::named(COMPONENT_SET, component_set),
    Live::named(COMPONENT_SETS, component_sets),
    Live::named(CALENDAR_DATA, calendar_data),
    Live::named(COLLATION_SET, collation_set),
    Live::named(RSCALE_SET, rscale_set),
    Live::named(MAX_RESOURCE_SIZE, max_resource_size),
    Live::named(MIN_DATE_TIME, no_limit),
    Live::named(MAX_DATE_TIME, no_limit),
    Live::named(MAX_INSTANCES, max_instances),
    Live::named(MAX_ATTENDEES, max_attendees),
    Live::named(MAX_ATTACHMENT_SIZE, max_attachment_size),
    Live::named(MAX_ATTACHMENTS, max_attachments),
    Live::named(MANAGED_ATTACHMENTS_SERVER, managed_attachments_server),
    Live::named(TIMEZONE_SERVICE_SET, timezone_service_set),
];

/// The media type of jCal.
pub const JCAL: &str = "application/calendar+json";

/// Writes the time zone as jCal; `None` for other properties and for zones that cannot be read.
pub fn as_json(resource: &Resource, name: &Name, writer: &mut Writer) -> Option<Answer> {
    let text = dead::text_of(resource, &TIMEZONE).filter(|_| *name == TIMEZONE)?;
    let calendar = ical::parse(text.trim_start().as_bytes()).ok()?;
    let json = String::from_utf8(ical::jcal::to_bytes(&calendar)).ok()?;
    writer.open_with(name, &[("content-type", JCAL)]);
    writer.text(&json);
    writer.close(name);
    Some(Answer::Found)
}

/// Whether calendar properties mean something here.
fn applies(resource: &Resource) -> bool {
    resource.kind.holds_calendar_objects()
}

fn write_components(names: &[String], writer: &mut Writer) {
    writer.element(&COMPONENT_SET, |writer| {
        for name in names {
            writer.empty_with(&Name::caldav("comp"), &[("name", name)]);
        }
    });
}

fn component_set(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    if !applies(resource) {
        return Answer::Missing;
    }
    write_components(&calendar::component_kinds(&resource.properties()), writer);
    Answer::Found
}

/// Which sets a new calendar of this home may have.
fn component_sets(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    if resource.kind != Kind::Home {
        return Answer::Missing;
    }
    writer.element(&COMPONENT_SETS, |writer| {
        const KINDS: [&str; 3] = ["VEVENT", "VTODO", "VJOURNAL"];
        let one = view.config.homes.one_kind_per_calendar;
        for set in 1_u32..8 {
            let chosen = KINDS.iter().enumerate().filter(|(bit, _)| set & (1 << bit) != 0);
            let names: Vec<String> = chosen.map(|(_, name)| (*name).to_owned()).collect();
            if !one || names.len() == 1 {
                write_components(&names, writer);
            }
        }
    });
    Answer::Found
}

fn calendar_data(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    if !applies(resource) {
        return Answer::Missing;
    }
    writer.element(&CALENDAR_DATA, |writer| {
        for media_type in ["text/calendar", "application/calendar+json"] {
            let attributes = [("content-type", media_type), ("version", "2.0")];
            writer.empty_with(&Name::caldav("calendar-data"), &attributes);
        }
    });
    Answer::Found
}

fn collation_set(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    if !resource.kind.in_home() {
        return Answer::Missing;
    }
    writer.element(&COLLATION_SET, |writer| {
        for collation in ["i;ascii-casemap", "i;octet", "i;unicode-casemap"] {
            writer.leaf(&Name::caldav("supported-collation"), collation);
        }
    });
    Answer::Found
}

fn rscale_set(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    if !applies(resource) && resource.kind != Kind::Home {
        return Answer::Missing;
    }
    writer.element(&RSCALE_SET, |writer| {
        for (_, name) in Scale::ALL {
            writer.leaf(&Name::caldav("supported-rscale"), name);
        }
    });
    Answer::Found
}

fn limit(resource: &Resource, name: &Name, limit: usize, writer: &mut Writer) -> Answer {
    let limit = applies(resource).then(|| limit.to_string());
    text(name, limit.as_deref(), writer)
}

/// Every date that iCalendar can write is stored and found, which is what the absence of the
/// property says (RFC 4791 §5.2.6, §5.2.7). Nobody may say otherwise: the names are protected.
fn no_limit(_: &View, _: &Resource, _: &mut Writer) -> Answer {
    Answer::Missing
}

fn max_resource_size(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    limit(resource, &MAX_RESOURCE_SIZE, view.config.limits.resource_bytes, writer)
}

fn max_instances(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    limit(resource, &MAX_INSTANCES, view.config.limits.instances, writer)
}

fn max_attendees(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    limit(resource, &MAX_ATTENDEES, view.config.limits.attendees, writer)
}

fn max_attachment_size(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    limit(resource, &MAX_ATTACHMENT_SIZE, view.config.limits.attachment(), writer)
}

fn max_attachments(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    limit(resource, &MAX_ATTACHMENTS, limits::ATTACHMENTS, writer)
}

/// Empty: attachments are asked for where the calendars are (RFC 8607 §6.1).
fn managed_attachments_server(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    if resource.kind != Kind::Home {
        return Answer::Missing;
    }
    writer.empty(&MANAGED_ATTACHMENTS_SERVER);
    Answer::Found
}

fn timezone_service_set(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    if resource.kind != Kind::Home && !applies(resource) {
        return Answer::Missing;
    }
    writer.element(&TIMEZONE_SERVICE_SET, |writer| {
        writer.href(&format!("{}/stdtimezones", view.origin.prefix));
    });
    Answer::Found
}
