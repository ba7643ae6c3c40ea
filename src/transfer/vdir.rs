//! vdirs (vdirsyncer, khal, todoman): a directory of `.ics` files for each calendar, with the files
//! `color`, `displayname`, `description` and `order` beside them.

use std::path::Path;

use super::files::{self, text_property};
use super::{Intake, Target, TransferError, source};
use crate::dav::Name;
use crate::dav::name::APPLE_ICAL;
use crate::disk::{Dir, EntryKind};
use crate::store::{CollectionKind, HomePath};

/// Files with something about the whole calendar, and the property each is.
const ABOUT: [(&str, Name); 4] = [
    ("color", Name::new(APPLE_ICAL, "calendar-color")),
    ("displayname", Name::dav("displayname")),
    ("description", Name::caldav("calendar-description")),
    ("order", Name::new(APPLE_ICAL, "calendar-order")),
];

/// Takes a vdir as a calendar of the same name; or every vdir in a directory of them.
pub fn import(
    intake: &mut Intake<'_>,
    target: &mut Target,
    path: &Path,
) -> Result<(), TransferError> {
    let dir = source::open(path)?;
    let names = source::names(&dir)?;
    let is_vdir = names.iter().any(|(name, kind)| {
        *kind == EntryKind::File && (name.ends_with(".ics") || ABOUT.iter().any(|(a, _)| a == name))
    });
    if is_vdir || names.is_empty() {
        let full = path.canonicalize();
        let name = full.ok().and_then(|full| Some(full.file_name()?.to_str()?.to_owned()));
        return match name {
            Some(name) => calendar(intake, target, &dir, &name),
            None => {
                intake.refuse(path, 0, "its name is no text");
                Ok(())
            }
        };
    }
    for (name, kind) in names.iter().filter(|(name, _)| !name.starts_with('.')) {
        match (kind, dir.open_dir(name)?) {
            (EntryKind::Directory, Some(child)) => calendar(intake, target, &child, name)?,
            _ => intake.refuse(&dir.path().join(name), 0, "it is no vdir"),
        }
    }
    Ok(())
}

fn calendar(
    intake: &mut Intake<'_>,
    target: &mut Target,
    dir: &Dir,
    name: &str,
) -> Result<(), TransferError> {
    let mut properties = Vec::new();
    for (file, property) in &ABOUT {
        if matches!(dir.stat(file)?, Some((EntryKind::File, _))) {
            match source::read(dir, file).map(|content| String::from_utf8(content.to_vec())) {
                Ok(Ok(text)) => properties.push(text_property(property, text.trim())),
                Ok(Err(_)) => intake.refuse(&dir.path().join(file), 0, "it is no UTF-8"),
                Err(reason) => intake.refuse(&dir.path().join(file), 0, reason),
            }
        }
    }
    let path = HomePath::new([name]);
    let place = (&path, CollectionKind::Calendar);
    if !intake.collection(target, place, dir.path(), &properties) {
        return Ok(());
    }
    for (name, kind) in source::names(dir)? {
        match kind {
            _ if name.starts_with('.') || ABOUT.iter().any(|(file, _)| *file == name) => {}
            EntryKind::File if name.ends_with(".ics") => {
                files::file(intake, target, &path, (dir, &name));
            }
            _ => intake.refuse(&dir.path().join(name), 0, "it is no .ics file"),
        }
    }
    Ok(())
}
