//! What lies in a home apart from what it means: whether the server may read and write it, whether
//! attributes hold properties, whether a copy lost them.

use std::path::Path;

use crate::disk::{Dir, EntryKind, Tree, attribute, layout};
use crate::store::property::{RESOURCE_TYPE, resource_type};
use crate::xml;

use super::{CollectionKind, Report, StoreError, whole};

/// Directories nested in each other that are looked at.
const DEPTH: usize = 16;

/// Looks at everything in the home of `guid`. Repairing gives files that another user left to the
/// owner of the data directory, and writes down again what a collection is.
pub(super) fn check(
    tree: &Tree,
    guid: &str,
    repair: bool,
    report: &mut Report,
) -> Result<(), StoreError> {
    let Some(shard) = layout::home_shard(guid) else { return Ok(()) };
    let top = tree.dir(Path::new("."))?;
    let owner = top.map(|top| top.owner(".")).transpose()?.flatten().map_or(0, |(owner, _)| owner);
    let Some(dir) = tree.dir(&shard.join(guid))? else { return Ok(()) };
    let mut look = Look { owner, repair, report };
    look.properties(&dir, dir.path(), &dir);
    look.members(&dir, 0)
}

struct Look<'a> {
    /// Who the data directory belongs to.
    owner: u32,
    repair: bool,
    report: &'a mut Report,
}

impl Look<'_> {
    fn members(&mut self, dir: &Dir, depth: usize) -> Result<(), StoreError> {
        for listed in dir.list()?.0 {
            // What the server writes beside resources must be its own too.
            if listed.name.starts_with(layout::TEMPORARY) || listed.kind == EntryKind::Other {
                continue;
            }
            let path = dir.path().join(&listed.name);
            if !self.permissions(dir, &listed.name, &path)? {
                continue;
            }
            let is_resource = layout::segment(&listed.name).is_some();
            match listed.kind {
                EntryKind::Directory if depth < DEPTH => {
                    let Some(child) = dir.open_dir(&listed.name)? else { continue };
                    if is_resource {
                        self.properties(&child, &path, &child);
                        if depth == 0 {
                            self.kind(&child, &listed.name)?;
                        }
                    }
                    self.members(&child, depth + 1)?;
                }
                EntryKind::File if is_resource => {
                    if let Some(file) = dir.open_file(&listed.name)? {
                        self.properties(&file, &path, dir);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether the server may do everything with an entry; false when it is no use to go on.
    fn permissions(&mut self, dir: &Dir, name: &str, path: &Path) -> Result<bool, StoreError> {
        let Some((owner, permissions)) = dir.owner(name)? else { return Ok(false) };
        let wanted = match dir.stat(name)? {
            Some((EntryKind::Directory, _)) => 0o700,
            _ => 0o600,
        };
        let reason = if owner != self.owner {
            format!("it belongs to user {owner}, and the data directory to user {}", self.owner)
        } else if permissions & wanted != wanted {
            format!("its owner may not read and write it (mode {permissions:o})")
        } else {
            return Ok(true);
        };
        let finding = whole(path.to_owned(), reason);
        if self.repair && dir.give(name, self.owner, permissions | wanted).is_ok() {
            self.report.repaired.push(finding);
            return Ok(true);
        }
        self.report.findings.push(finding);
        // Others than the owner may still be able to look at it.
        Ok(match wanted {
            0o700 => dir.open_dir(name).is_ok(),
            _ => dir.open_file(name).is_ok(),
        })
    }

    /// Every attribute that is called like a property holds one.
    fn properties(&mut self, fd: impl std::os::fd::AsFd, path: &Path, dir: &Dir) {
        let stored = match attribute::read_stored(fd, dir.path()) {
            Ok(stored) => stored,
            Err(error) => {
                let reason = format!("its attributes cannot be read: {}", error.source);
                return self.report.findings.push(whole(path.to_owned(), reason));
            }
        };
        for (name, value) in stored {
            let value = attribute::value(&name, &value);
            let holds = value.is_some_and(|value| {
                let element = || xml::parse(value.as_bytes()).ok();
                attribute::is_text(&name) || element().is_some_and(|element| element.name == name)
            });
            if !holds {
                let reason = format!("the attribute of the property {name} does not hold it");
                self.report.findings.push(whole(path.to_owned(), reason));
            }
        }
    }

    /// A collection says what it is. One that does not was copied without its attributes.
    fn kind(&mut self, dir: &Dir, name: &str) -> Result<(), StoreError> {
        let stored = attribute::read_all(dir, dir.path())?;
        if stored.iter().any(|(name, _)| *name == RESOURCE_TYPE) {
            return Ok(());
        }
        let has_objects = || -> Result<bool, StoreError> {
            Ok(dir.list()?.0.iter().any(|listed| listed.name.ends_with(".ics")))
        };
        let kind = match name {
            "inbox" => CollectionKind::Inbox,
            "outbox" => CollectionKind::Outbox,
            "calendar" => CollectionKind::Calendar,
            _ if has_objects()? => CollectionKind::Calendar,
            // Nothing tells a plain directory from a calendar that is empty.
            _ => return Ok(()),
        };
        let value = resource_type(kind);
        let lost = "it has no attributes, so it was made by hand or copied without them (rsync \
                    without -X): name, colour, order, access list and what it takes are defaults";
        let finding = whole(dir.path().to_owned(), lost.to_owned());
        match self.repair && attribute::set(dir, dir.path(), &RESOURCE_TYPE, &value).is_ok() {
            true => self.report.repaired.push(finding),
            false => self.report.findings.push(finding),
        }
        Ok(())
    }
}
