//! What lies around the homes: the data directory itself, links of people to their homes, the
//! queue.

use std::path::{Path, PathBuf};

use crate::disk::{EntryKind, Tree, layout};

use super::super::spool;
use super::{Report, StoreError, whole};

/// Calendars are nobody's business but their owners': the directory they lie in is closed.
pub(super) fn privacy(tree: &Tree, repair: bool, report: &mut Report) -> Result<(), StoreError> {
    let Some(root) = tree.dir(Path::new("."))? else { return Ok(()) };
    let Some((owner, permissions)) = root.owner(".")? else { return Ok(()) };
    if permissions & 0o007 == 0 {
        return Ok(());
    }
    let reason = format!("every user of this host may look into it (mode {permissions:o})");
    let finding = whole(tree.path().to_owned(), reason);
    match repair && root.give(".", owner, permissions & !0o007).is_ok() {
        true => report.repaired.push(finding),
        false => report.findings.push(finding),
    }
    Ok(())
}

/// Every link leads to a home. Repairing removes one that leads nowhere: it holds nothing, and
/// is made again with the home.
pub(super) fn links(tree: &Tree, repair: bool, report: &mut Report) -> Result<(), StoreError> {
    let Some(calendars) = tree.dir(Path::new(layout::CALENDARS))? else { return Ok(()) };
    for kind in calendars.list()?.0 {
        if kind.name == layout::UIDS || kind.kind != EntryKind::Directory {
            continue;
        }
        let Some(dir) = calendars.open_dir(&kind.name)? else { continue };
        for listed in dir.list()?.0 {
            let path = dir.path().join(&listed.name);
            let Some(target) = dir.read_link(&listed.name)? else {
                report.findings.push(whole(path, "it is no link to a home".to_owned()));
                continue;
            };
            let home: PathBuf = [Path::new(layout::CALENDARS), Path::new(&kind.name)]
                .iter()
                .chain([&Path::new(&target)])
                .fold(PathBuf::new(), |at, part| joined(at, part));
            if tree.dir(&home)?.is_some() {
                continue;
            }
            let finding = whole(path, format!("it leads to {target}, where no home is"));
            if repair {
                dir.remove_file(&listed.name)?;
                report.repaired.push(finding);
            } else {
                report.findings.push(finding);
            }
        }
    }
    Ok(())
}

/// A path with `..` taken as text: links are the server's own.
fn joined(mut at: PathBuf, part: &Path) -> PathBuf {
    for name in part {
        if name == ".." {
            at.pop();
        } else {
            at.push(name);
        }
    }
    at
}

/// Every entry of the queue can be read.
pub(super) fn queue(tree: &Tree, report: &mut Report) -> Result<(), StoreError> {
    let Some(dir) = tree.dir(Path::new(layout::SPOOL))? else { return Ok(()) };
    for listed in dir.list()?.0 {
        let path = dir.path().join(&listed.name);
        if spool::is_slot(&listed.name) {
            match spool::fault_of(&dir, &listed.name) {
                Ok(None) => {}
                Ok(Some(reason)) => report.findings.push(whole(path, reason)),
                Err(error) => {
                    report.findings.push(whole(path, format!("it cannot be read: {error}")))
                }
            }
            continue;
        }
        let known = [".work", ".pending"].iter().any(|suffix| listed.name.ends_with(suffix));
        // Hidden files are the server's own, from before there were slots.
        if !known && !listed.name.starts_with('.') {
            report.findings.push(whole(path, "it is no message to deliver".to_owned()));
            continue;
        }
        match dir.read(&listed.name, u64::MAX) {
            Ok(Some(content)) if listed.name.ends_with(".work") && !content.contains(&b'\n') => {
                report.findings.push(whole(path, "it is cut off".to_owned()));
            }
            Ok(_) => {}
            Err(error) => {
                let reason = format!("it cannot be read: {}", error.source);
                report.findings.push(whole(path, reason));
            }
        }
    }
    Ok(())
}
