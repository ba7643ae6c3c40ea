//! One home of the reference system: its calendars, inbox and attachments.

use std::path::Path;

use super::property;
use crate::dav::name::{CALDAV, DAV};
use crate::dav::{DavPath, Name};
use crate::disk::{Dir, EntryKind};
use crate::principal::Directory;
use crate::store::{CollectionKind, HomePath};
use crate::transfer::{Intake, Item, Naming, Properties, Target, TransferError, source};
use crate::xml::Element;

const FREE_BUSY_SET: Name = Name::caldav("calendar-free-busy-set");
const TRANSPARENCY: Name = Name::caldav("schedule-calendar-transp");
/// Collections in collections that are looked at.
const DEPTH: usize = 8;

/// Takes everything in `dir`, which is the home of `guid`.
pub(super) fn take(
    intake: &mut Intake<'_>,
    directory: &Directory,
    guid: &str,
    dir: &Dir,
) -> Result<(), TransferError> {
    let links = directory.by_guid(guid).map_or_else(Vec::new, |record| {
        let name = |name: &String| (record.record_type.segment().to_owned(), name.clone());
        record.short_names.iter().map(name).collect()
    });
    let target = intake.home(guid, &links)?;
    let mut work = Work { intake, directory, target, busy: None };
    work.busy = work.busy_calendars(dir)?;
    let (own, _) = work.own_properties(dir)?;
    let root = (&HomePath::root(), CollectionKind::Home);
    work.intake.collection(&mut work.target, root, dir.path(), &own);
    for (name, kind) in source::names(dir)? {
        // An empty file that stands for the free-busy URL.
        if name.starts_with('.') || name == "freebusy" {
            continue;
        }
        match (kind, dir.open_dir(&name)?) {
            (EntryKind::Directory, Some(child)) => {
                work.collection(&child, &HomePath::new([name]), 0)?;
            }
            _ => work.intake.refuse(&dir.path().join(name), 0, "it is no collection"),
        }
    }
    Ok(())
}

struct Work<'w, 'i> {
    intake: &'w mut Intake<'i>,
    directory: &'w Directory,
    target: Target,
    /// The calendars that the inbox lists as busy; none where it lists nothing.
    busy: Option<Vec<String>>,
}

impl Work<'_, '_> {
    fn collection(
        &mut self,
        dir: &Dir,
        path: &HomePath,
        depth: usize,
    ) -> Result<(), TransferError> {
        if depth > DEPTH {
            self.intake.refuse(dir.path(), 0, "collections are nested too deep");
            return Ok(());
        }
        let (mut properties, stored) = self.own_properties(dir)?;
        let kind = kind(dir, path, stored.as_ref())?;
        if kind == CollectionKind::Calendar {
            properties.extend(self.transparency(path, &properties));
        }
        if !self.intake.collection(&mut self.target, (path, kind), dir.path(), &properties) {
            return Ok(());
        }
        let names = source::names(dir)?;
        self.intake.expect(names.iter().filter(|(_, kind)| *kind == EntryKind::File).count());
        for (name, entry) in names {
            let at = dir.path().join(&name);
            match entry {
                // The index, copies of an interrupted write, what a desktop leaves behind.
                _ if name.starts_with('.') => {}
                EntryKind::Directory if kind == CollectionKind::Plain => {
                    if let Some(child) = dir.open_dir(&name)? {
                        self.collection(&child, &path.join(&name), depth + 1)?;
                    }
                }
                EntryKind::File => self.file(dir, &name, (path, kind), &at),
                EntryKind::Directory => {
                    self.intake.refuse(&at, 0, "a calendar holds no collection")
                }
                EntryKind::Other => self.intake.refuse(&at, 0, "it is no regular file"),
            }
        }
        Ok(())
    }

    fn file(
        &mut self,
        dir: &Dir,
        name: &str,
        (path, kind): (&HomePath, CollectionKind),
        at: &Path,
    ) {
        let content = match source::read(dir, name) {
            Ok(content) => content,
            Err(reason) => return self.intake.refuse(at, 0, reason),
        };
        let stored = match source::file_properties(dir, name) {
            Ok(stored) => stored,
            Err(error) => return self.intake.refuse(at, 0, error),
        };
        let mut properties = self.properties(at, stored);
        // Calendar objects are what they are; other files are what their author said.
        let typed = |name: &Name| kind.holds_objects() && name.is(DAV, "getcontenttype");
        properties.retain(|(name, _)| !typed(name));
        let item = Item { source: at, naming: Naming::Exactly(name), content, properties };
        self.intake.object(&mut self.target, path, &item);
    }

    /// The properties of a directory, and what it says it is.
    fn own_properties(&mut self, dir: &Dir) -> Result<(Properties, Option<String>), TransferError> {
        let mut properties = self.properties(dir.path(), source::own_properties(dir)?);
        let mut kind = None;
        properties.retain(|(name, xml)| match name.is(DAV, "resourcetype") {
            true => {
                kind = Some(xml.clone());
                false
            }
            // What is busy is kept on each calendar here.
            false => *name != FREE_BUSY_SET,
        });
        Ok((properties, kind))
    }

    /// The properties that mean something, as XML; those that cannot be read are told.
    fn properties(&mut self, at: &Path, stored: Vec<(Name, Vec<u8>)>) -> Vec<(Name, String)> {
        let mut properties = Vec::with_capacity(stored.len());
        for (name, value) in stored {
            if property::is_derived(&name) {
                continue;
            }
            match property::read(&name, &value) {
                Ok(mut element) => {
                    property::adapt(&mut element, self.directory);
                    properties.push((name, element.to_xml()));
                }
                Err(reason) => self.intake.refuse(at, 0, format!("property {name}: {reason}")),
            }
        }
        properties
    }

    /// The names of the calendars in the inbox's `calendar-free-busy-set`.
    fn busy_calendars(&mut self, home: &Dir) -> Result<Option<Vec<String>>, TransferError> {
        let Some(inbox) = home.open_dir("inbox")? else { return Ok(None) };
        let stored = source::own_properties(&inbox)?;
        let Some((name, value)) = stored.into_iter().find(|(name, _)| *name == FREE_BUSY_SET)
        else {
            return Ok(None);
        };
        // That it cannot be read is told with the inbox's other properties.
        let Ok(element) = property::read(&name, &value) else { return Ok(None) };
        let last = |href: &Element| {
            let path = DavPath::parse(href.text().trim()).ok()?;
            path.segments().last().cloned()
        };
        Ok(Some(element.children_named(DAV, "href").filter_map(last).collect()))
    }

    /// Whether a calendar counts as busy, where only the inbox says so.
    fn transparency(
        &self,
        path: &HomePath,
        properties: &[(Name, String)],
    ) -> Option<(Name, String)> {
        let busy = self.busy.as_ref()?;
        if properties.iter().any(|(name, _)| *name == TRANSPARENCY) {
            return None;
        }
        let is_busy = path.name().is_some_and(|name| busy.iter().any(|busy| busy == name));
        let value = if is_busy { "opaque" } else { "transparent" };
        let local = &TRANSPARENCY.local;
        Some((TRANSPARENCY, format!("<{local} xmlns=\"{CALDAV}\"><{value}/></{local}>")))
    }
}

/// What a directory of a home is for.
fn kind(
    dir: &Dir,
    path: &HomePath,
    stored: Option<&String>,
) -> Result<CollectionKind, TransferError> {
    match (path.segments(), stored) {
        ([name], _) if name == "inbox" => return Ok(CollectionKind::Inbox),
        ([name], _) if name == "outbox" => return Ok(CollectionKind::Outbox),
        ([name], _) if name == "dropbox" => return Ok(CollectionKind::Plain),
        ([name], None) if name == "calendar" => return Ok(CollectionKind::Calendar),
        // Collections are never calendars below another collection (RFC 4791 §4.2).
        ([_, _, ..], _) => return Ok(CollectionKind::Plain),
        (_, Some(xml)) => {
            let element = crate::xml::parse(xml.as_bytes());
            if element.is_ok_and(|element| element.child(CALDAV, "calendar").is_some()) {
                return Ok(CollectionKind::Calendar);
            }
        }
        _ => {}
    }
    let has_objects = dir.list()?.0.iter().any(|listed| listed.name.ends_with(".ics"));
    Ok(if has_objects { CollectionKind::Calendar } else { CollectionKind::Plain })
}
