//! Plain `.ics` files, with one object or many, into one calendar.
//!
//! A file with one object keeps its bytes and its name; of others each object becomes a file of
//! its own, with the time zones it names (RFC 4791 §4.1).

use std::path::Path;

use bytes::Bytes;

use super::{Intake, Item, Naming, Target, TransferError, source};
use crate::caldav::bundle;
use crate::dav::Name;
use crate::disk::{Dir, EntryKind};
use crate::ical;
use crate::store::HomePath;

/// Takes a file, or the `.ics` files of a directory, into the calendar.
pub fn import(
    intake: &mut Intake<'_>,
    target: &mut Target,
    calendar: &HomePath,
    path: &Path,
) -> Result<(), TransferError> {
    if path.is_dir() {
        return members(intake, target, calendar, &source::open(path)?);
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        intake.refuse(path, 0, "its name is no text");
        return Ok(());
    };
    file(intake, target, calendar, (&source::open(parent)?, name));
    Ok(())
}

/// Takes the `.ics` files of a directory; what else is in it is named, but for hidden files.
pub(super) fn members(
    intake: &mut Intake<'_>,
    target: &mut Target,
    calendar: &HomePath,
    dir: &Dir,
) -> Result<(), TransferError> {
    for (name, kind) in source::names(dir)? {
        match kind {
            _ if name.starts_with('.') => {}
            EntryKind::File if name.ends_with(".ics") => {
                file(intake, target, calendar, (dir, &name));
            }
            _ => intake.refuse(&dir.path().join(name), 0, "it is no .ics file"),
        }
    }
    Ok(())
}

/// Takes every object of one file.
pub(super) fn file(
    intake: &mut Intake<'_>,
    target: &mut Target,
    calendar: &HomePath,
    (dir, name): (&Dir, &str),
) {
    let at = dir.path().join(name);
    let content = match source::read(dir, name) {
        Ok(content) => content,
        Err(reason) => return intake.refuse(&at, 0, reason),
    };
    let calendars = match ical::parse_stream(&content) {
        Ok(calendars) => calendars,
        Err(error) => return intake.refuse(&at, error.line, error.reason),
    };
    if calendars.is_empty() {
        return intake.refuse(&at, 0, "no VCALENDAR");
    }
    let (mut objects, mut without) = (Vec::new(), 0);
    for calendar in &calendars {
        let (found, lost) = bundle::split(calendar);
        objects.extend(found);
        without += lost;
    }
    intake.expect(objects.len() + without);
    (0..without).for_each(|_| intake.refuse(&at, 0, "a component without a UID"));
    let single = objects.len() == 1 && without == 0 && calendars.len() == 1;
    for object in objects {
        let named = single && name.ends_with(".ics");
        let item = Item {
            source: &at,
            naming: if named { Naming::Rather(name) } else { Naming::Any },
            content: if single { content.clone() } else { Bytes::from(object.to_bytes()) },
            properties: Vec::new(),
        };
        intake.object(target, calendar, &item);
    }
}

/// A property with nothing but text in it.
pub(super) fn text_property(name: &Name, text: &str) -> (Name, String) {
    let element = crate::xml::Element::new(name.clone());
    let element = if text.is_empty() { element } else { element.with_text(text) };
    (name.clone(), element.to_xml())
}
