//! Reads an archive into a home. Properties are gathered first, so that archives which other
//! programs packed again in another order are the same.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read, Seek};
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;

use super::{ABOUT, About, FORMAT, HOME, OF_FILES, OWN, undocument};
use crate::dav::name::TWISTED_PRIVATE;
use crate::disk::layout;
use crate::principal::{AutoScheduleMode, Principals, ProxyKind, Record};
use crate::store::{CollectionKind, HomePath};
use crate::transfer::source::FILE_BYTES;
use crate::transfer::{Intake, Item, Naming, Properties, TransferError};

/// Bytes of all properties of one archive.
const PROPERTIES_BYTES: u64 = 512 * 1024 * 1024;

/// Everything in an archive but the files themselves.
#[derive(Default)]
struct Plan {
    about: Option<About>,
    /// By path, so that a collection comes before what is in it.
    collections: BTreeMap<HomePath, (CollectionKind, Properties)>,
    files: HashMap<HomePath, Properties>,
    objects: usize,
}

/// What a name in an archive is.
enum Place {
    About,
    /// A directory, or the properties of a collection.
    Collection(HomePath),
    OwnProperties(HomePath),
    FileProperties(HomePath),
    File(HomePath),
    Strange,
}

/// Takes the archive at `path`, read from `archive`, into the home of `owner`.
pub fn import(
    intake: &mut Intake<'_>,
    principals: &Principals,
    owner: &Record,
    (path, archive): (&Path, &mut (impl Read + Seek)),
) -> Result<(), TransferError> {
    let failed = |error| TransferError::Archive(path.display().to_string(), error);
    let unfit = |reason: String| TransferError::Unfit { path: path.display().to_string(), reason };
    let plan = plan(intake, path, archive).map_err(failed)?;
    let about = plan.about.as_ref().ok_or_else(|| unfit(format!("it has no {ABOUT}")))?;
    if about.format != FORMAT {
        return Err(unfit(format!("it has form {}, and {FORMAT} is known", about.format)));
    }
    let link = |name: &String| (owner.record_type.segment().to_owned(), name.clone());
    let links: Vec<_> = owner.short_names.iter().map(link).collect();
    let mut target = intake.home(&owner.guid, &links)?;
    intake.expect(plan.objects);
    let moved = |properties: &Properties| moved(properties, &about.guid, &owner.guid);
    let mut refused = Vec::new();
    for (at, (kind, properties)) in &plan.collections {
        let source = path.join(at.to_string());
        if !intake.collection(&mut target, (at, *kind), &source, &moved(properties)) {
            refused.push(at.clone());
        }
    }
    archive.rewind().map_err(failed)?;
    for entry in tar::Archive::new(archive).entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        let (source, Place::File(at)) = place(path, &entry) else { continue };
        let Some((parent, name)) = at.split() else { continue };
        if !entry.header().entry_type().is_file() || refused.contains(&parent) {
            continue;
        }
        let content = match content(&mut entry) {
            Ok(content) => Bytes::from(content),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                intake.refuse(&source, 0, "it is too large");
                continue;
            }
            Err(error) => return Err(failed(error)),
        };
        let properties = plan.files.get(&at).map(&moved).unwrap_or_default();
        let item = Item { source: &source, naming: Naming::Exactly(name), content, properties };
        intake.object(&mut target, &parent, &item);
    }
    intake.finish()?;
    principal(intake, principals, owner, (path, about))
}

/// Everything but the files.
fn plan(intake: &mut Intake<'_>, path: &Path, archive: &mut impl Read) -> io::Result<Plan> {
    let mut plan = Plan::default();
    let mut budget = PROPERTIES_BYTES;
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        let (source, place) = place(path, &entry);
        let kind = entry.header().entry_type();
        if !kind.is_file() && !kind.is_dir() {
            intake.refuse(&source, 0, "it is no regular file");
            continue;
        }
        match place {
            Place::Strange => intake.refuse(&source, 0, "this is no place in a home"),
            Place::Collection(at) if kind.is_dir() => {
                let plain = || (CollectionKind::Plain, Properties::new());
                plan.collections.entry(at).or_insert_with(plain);
            }
            // The directory of files' properties.
            _ if kind.is_dir() => {}
            Place::Collection(_) => intake.refuse(&source, 0, "this is no place in a home"),
            Place::File(_) => plan.objects += 1,
            Place::About | Place::OwnProperties(_) | Place::FileProperties(_) => {
                budget = budget.checked_sub(entry.size()).ok_or(io::ErrorKind::FileTooLarge)?;
                let text = String::from_utf8(content(&mut entry)?)
                    .map_err(|error| io::Error::other(format!("{}: {error}", source.display())))?;
                if let Err(reason) = plan.take(place, &text) {
                    intake.refuse(&source, 0, reason);
                }
            }
        }
    }
    Ok(plan)
}

impl Plan {
    fn take(&mut self, place: Place, text: &str) -> Result<(), String> {
        match place {
            Place::About => {
                let about = toml::from_str(text).map_err(|error| error.to_string())?;
                self.about = Some(about);
            }
            Place::OwnProperties(at) => {
                let (kind, properties) = undocument(text)?;
                let kind = kind.unwrap_or(CollectionKind::Plain);
                self.collections.insert(at, (kind, properties));
            }
            Place::FileProperties(at) => {
                self.files.insert(at, undocument(text)?.1);
            }
            _ => {}
        }
        Ok(())
    }
}

fn content(entry: &mut tar::Entry<'_, impl Read>) -> io::Result<Vec<u8>> {
    if entry.size() > FILE_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut content = Vec::new();
    entry.take(FILE_BYTES).read_to_end(&mut content)?;
    Ok(content)
}

/// What an entry's name stands for. Nothing outside a home has a place.
fn place(archive: &Path, entry: &tar::Entry<'_, impl Read>) -> (PathBuf, Place) {
    let Ok(path) = entry.path() else { return (archive.to_owned(), Place::Strange) };
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(name) => match name.to_str() {
                Some(name) => names.push(name),
                None => return (archive.join(&path), Place::Strange),
            },
            _ => return (archive.to_owned(), Place::Strange),
        }
    }
    let source = names.iter().fold(archive.to_owned(), |at, name| at.join(name));
    let segments = |names: &[&str]| -> Option<HomePath> {
        let segments: Option<Vec<_>> = names.iter().map(|name| layout::segment(name)).collect();
        segments.map(HomePath::new)
    };
    let place = match names.as_slice() {
        [about] if *about == ABOUT => Some(Place::About),
        [home, above @ .., own] if *home == HOME && *own == OWN => {
            segments(above).map(Place::OwnProperties)
        }
        [home, above @ .., of, file] if *home == HOME && *of == OF_FILES => {
            let name = file.strip_suffix(".xml").and_then(layout::segment);
            name.and_then(|name| Some(Place::FileProperties(segments(above)?.join(&name))))
        }
        [home, above @ .., of] if *home == HOME && *of == OF_FILES => {
            segments(above).map(Place::FileProperties)
        }
        [home, names @ ..] if *home == HOME => match entry.header().entry_type().is_dir() {
            true => segments(names).map(Place::Collection),
            false => segments(names).filter(|at| !at.is_root()).map(Place::File),
        },
        _ => None,
    };
    (source, place.unwrap_or(Place::Strange))
}

/// Properties that name their home, in another one: the default calendar keeps its meaning, and no
/// two collections have the same `DAV:resource-id`.
fn moved(properties: &Properties, from: &str, to: &str) -> Properties {
    if from == to {
        return properties.clone();
    }
    let mut moved = Properties::with_capacity(properties.len());
    for (name, xml) in properties {
        if name.is(TWISTED_PRIVATE, "resource-id") {
            continue;
        }
        let xml = match name.local.starts_with("schedule-default-") {
            true => xml.replace(&format!("/__uids__/{from}/"), &format!("/__uids__/{to}/")),
            false => xml.clone(),
        };
        moved.push((name.clone(), xml));
    }
    moved
}

/// Delegates that are missing, and what happens to invitations.
fn principal(
    intake: &mut Intake<'_>,
    principals: &Principals,
    owner: &Record,
    (path, about): (&Path, &About),
) -> Result<(), TransferError> {
    let known = principals.current().delegation(&owner.guid).cloned().unwrap_or_default();
    let missing = |kind: ProxyKind| -> Vec<String> {
        let wanted = about.delegates.of(kind).iter();
        wanted.filter(|guid| !known.of(kind).contains(guid)).cloned().collect()
    };
    let missing = ProxyKind::ALL.map(|kind| (kind, missing(kind)));
    if intake.options().dry_run {
        return Ok(());
    }
    if missing.iter().any(|(_, guids)| !guids.is_empty()) {
        principals.change_delegation(&owner.guid, |delegation| {
            for (kind, guids) in missing {
                delegation.of_mut(kind).extend(guids);
            }
        })?;
    }
    let Some(word) = &about.auto_schedule else { return Ok(()) };
    match AutoScheduleMode::parse(word) {
        Some(mode) if mode == owner.auto_schedule => {}
        Some(mode) => {
            if let Err(error) = principals.set_auto_schedule(&owner.guid, mode) {
                intake.refuse(&path.join(ABOUT), 0, error);
            }
        }
        None => intake.refuse(&path.join(ABOUT), 0, format!("there is no mode called {word}")),
    }
    Ok(())
}
