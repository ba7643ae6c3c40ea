//! `CALDAV:calendar-data` in answers (RFC 4791 §9.6), with the time zones the client wants
//! (RFC 7809 §4.1).

use std::borrow::Cow;

use super::objects::{Opened, text_of};
use crate::caldav::by_reference;
use crate::caldav::calendar_data::{CalendarData, Format};
use crate::dav::header::calendar_timezones;
use crate::dav::{Error, Name, Request, Result};
use crate::ical::jcal;
use crate::ical::timezone::{Zone, Zones};
use crate::resource::property::Answer;
use crate::xml::{Element, Writer};

/// The property's name.
pub const CALENDAR_DATA: Name = Name::caldav("calendar-data");

/// What of each object an answer holds.
#[derive(Clone, Default)]
pub struct Output {
    data: CalendarData,
    timezones: Option<bool>,
}

impl Output {
    /// Reads the element of the request; absent when calendar data are not asked for.
    pub fn of(request: &Request, element: Option<&Element>) -> Result<Option<Self>> {
        let Some(element) = element else { return Ok(None) };
        let data = CalendarData::read(element)?;
        Ok(Some(Self { data, timezones: calendar_timezones(request)? }))
    }

    /// Writes the property for one object.
    pub fn write(&self, opened: &Opened, floating: &Zone, writer: &mut Writer) -> Answer {
        match self.text(opened, floating) {
            Ok(text) if self.data.format == Format::ICalendar => {
                writer.leaf_lines(&CALENDAR_DATA, &text);
                Answer::Found
            }
            Ok(text) => {
                let attributes =
                    [("content-type", "application/calendar+json"), ("version", "2.0")];
                writer.open_with(&CALENDAR_DATA, &attributes);
                writer.text(&text);
                writer.close(&CALENDAR_DATA);
                Answer::Found
            }
            Err(error) => Answer::Refused(error.status),
        }
    }

    /// Whether the stored text is what is wanted.
    pub fn is_stored_text(&self) -> bool {
        self.data.is_plain() && self.timezones.is_none() && self.data.format == Format::ICalendar
    }

    fn text<'a>(&self, opened: &'a Opened, floating: &Zone) -> Result<Cow<'a, str>> {
        if let (true, Some(bytes)) = (self.is_stored_text(), &opened.bytes) {
            return Ok(text_of(bytes));
        }
        let stored = opened.tree.as_ref().ok_or_else(|| Error::internal("not parsed"))?;
        let zones = Zones::of(stored, floating);
        let mut tree = self
            .data
            .apply(stored, &zones)
            .map_err(|error| Error::status(403).because(error.to_string()))?;
        // Expanded instances are in UTC.
        let timezones = self.timezones.filter(|wanted| !wanted || self.data.expand.is_none());
        by_reference::apply(&mut tree, timezones);
        match self.data.format {
            Format::ICalendar => Ok(text_of(&tree.to_bytes()).into_owned().into()),
            Format::JCal => Ok(text_of(&jcal::to_bytes(&tree)).into_owned().into()),
        }
    }
}
