//! The storage folder of Radicale 2 and later: `collection-root/USER/COLLECTION/` with one item a
//! file, and the properties of a collection as JSON in `.Radicale.props`.

use std::path::Path;

use super::files::{self, text_property};
use super::{Intake, TransferError, source};
use crate::dav::Name;
use crate::dav::name::{APPLE_ICAL, CALDAV, CALENDARSERVER, DAV};
use crate::disk::{Dir, EntryKind};
use crate::principal::{Directory, RecordType};
use crate::store::{CollectionKind, HomePath};
use crate::xml::Element;

const PROPS: &str = ".Radicale.props";
const ROOT: &str = "collection-root";

/// Takes the calendars of every user that has an account here.
pub fn import(
    intake: &mut Intake<'_>,
    directory: &Directory,
    path: &Path,
) -> Result<(), TransferError> {
    let top = source::open(path)?;
    let root = match top.open_dir(ROOT)? {
        Some(root) => root,
        None if path.file_name().is_some_and(|name| name == ROOT) => top,
        None => {
            let reason = format!("it has no directory called {ROOT}");
            return Err(TransferError::Unfit { path: path.display().to_string(), reason });
        }
    };
    for (name, kind) in source::names(&root)? {
        let at = root.path().join(&name);
        match (kind, root.open_dir(&name)?) {
            _ if name.starts_with('.') => {}
            (EntryKind::Directory, Some(dir)) => {
                match directory.by_login(&name).or_else(|| directory.by_guid(&name)) {
                    Some(record) => user(intake, (&record.guid, record.short_names.first()), &dir)?,
                    None => intake.refuse(&at, 0, format!("no account is called users:{name}")),
                }
            }
            _ => intake.refuse(&at, 0, "it is no user's directory"),
        }
    }
    Ok(())
}

fn user(
    intake: &mut Intake<'_>,
    (guid, name): (&str, Option<&String>),
    dir: &Dir,
) -> Result<(), TransferError> {
    let links: Vec<_> = name
        .map(|name| (RecordType::User.segment().to_owned(), name.clone()))
        .into_iter()
        .collect();
    let mut target = intake.home(guid, &links)?;
    for (name, kind) in source::names(dir)? {
        let at = dir.path().join(&name);
        let Some(child) = dir.open_dir(&name)?.filter(|_| kind == EntryKind::Directory) else {
            if !name.starts_with('.') {
                intake.refuse(&at, 0, "it is no collection");
            }
            continue;
        };
        if name.starts_with('.') {
            continue;
        }
        let properties = match props(&child) {
            Ok(Props { is_calendar: true, properties }) => properties,
            Ok(_) => {
                intake.refuse(&at, 0, "it is no calendar");
                continue;
            }
            Err(reason) => {
                intake.refuse(&at.join(PROPS), 0, reason);
                continue;
            }
        };
        let path = HomePath::new([name]);
        let place = (&path, CollectionKind::Calendar);
        if intake.collection(&mut target, place, child.path(), &properties) {
            files::members(intake, &mut target, &path, &child)?;
        }
    }
    intake.finish()?;
    Ok(())
}

struct Props {
    is_calendar: bool,
    properties: Vec<(Name, String)>,
}

/// What `.Radicale.props` says. A directory without it is a plain collection.
fn props(dir: &Dir) -> Result<Props, String> {
    if !matches!(dir.stat(PROPS), Ok(Some(_))) {
        return Ok(Props { is_calendar: false, properties: Vec::new() });
    }
    let content = source::read(dir, PROPS)?;
    let value: serde_json::Value =
        serde_json::from_slice(&content).map_err(|error| error.to_string())?;
    let fields = value.as_object().ok_or("it is no JSON object")?;
    let is_calendar = fields.get("tag").and_then(|tag| tag.as_str()) == Some("VCALENDAR");
    let texts = fields.iter().filter_map(|(key, value)| Some((property(key)?, value.as_str()?)));
    Ok(Props { is_calendar, properties: texts.map(|(name, text)| element(&name, text)).collect() })
}

/// The property of a key: `prefix:name` with Radicale's own prefixes, or `{namespace}name`.
fn property(key: &str) -> Option<Name> {
    if key.starts_with('{') {
        return Name::from_clark(key);
    }
    let (prefix, local) = key.split_once(':')?;
    let namespace = match prefix {
        "D" => DAV,
        "C" => CALDAV,
        "CS" => CALENDARSERVER,
        "ICAL" => APPLE_ICAL,
        _ => return None,
    };
    Some(Name::owned(namespace, local))
}

/// Texts are texts, but for the kinds of components, which are a list with commas.
fn element(name: &Name, text: &str) -> (Name, String) {
    if !name.is(CALDAV, "supported-calendar-component-set") {
        return text_property(name, text);
    }
    let kinds = text.split(',').map(str::trim).filter(|kind| !kind.is_empty());
    let set = kinds.fold(Element::new(name.clone()), |set, kind| {
        set.with_child(Element::new(Name::caldav("comp")).with_attribute("name", kind))
    });
    (name.clone(), set.to_xml())
}
