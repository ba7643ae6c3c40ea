//! `calendaruserproxy.sqlite` (who may act for whom, reference system §4.7) and
//! `resourceinfo.sqlite` (what happens to a room's invitations, §4.8).

use std::collections::BTreeMap;
use std::path::Path;

use super::sqlite::{Column, Database};
use crate::disk::Dir;
use crate::principal::{AutoScheduleMode, Principals, ProxyKind, RecordType};
use crate::transfer::{Intake, TransferError, source};

const PROXIES: &str = "calendaruserproxy.sqlite";
const RESOURCES: &str = "resourceinfo.sqlite";
/// Where delegates were before there was a data root (§3.10).
const EARLY_PROXIES: &str = ".db.calendaruserproxy";

/// Takes what the databases say of principals that there are.
pub(super) fn take(
    intake: &mut Intake<'_>,
    principals: &Principals,
    top: &Dir,
    data_root: Option<&Path>,
) -> Result<(), TransferError> {
    let data = data_root.map(source::open).transpose()?;
    let data = data.as_ref().unwrap_or(top);
    match read(intake, data, PROXIES, "GROUPS") {
        Some(rows) => delegates(intake, principals, &data.path().join(PROXIES), &rows)?,
        None => {
            if let Some(early) = top.open_dir("principals")?
                && let Some(rows) = read(intake, &early, EARLY_PROXIES, "GROUPS")
            {
                delegates(intake, principals, &early.path().join(EARLY_PROXIES), &rows)?;
            }
        }
    }
    if let Some(rows) = read(intake, data, RESOURCES, "RESOURCEINFO") {
        automatic(intake, principals, &data.path().join(RESOURCES), &rows)?;
    }
    Ok(())
}

/// The rows of a table; none where there is no such file, or it cannot be read, which is told.
fn read(intake: &mut Intake<'_>, dir: &Dir, name: &str, table: &str) -> Option<Vec<Vec<Column>>> {
    if !matches!(dir.stat(name), Ok(Some(_))) {
        return None;
    }
    let path = dir.path().join(name);
    let unfinished = ["-journal", "-wal"].iter().any(|suffix| {
        matches!(dir.stat(&format!("{name}{suffix}")), Ok(Some((_, stat))) if stat.size > 0)
    });
    if unfinished {
        let reason = "a write to it was not finished: open it once with sqlite3";
        intake.refuse(&path, 0, reason);
        return None;
    }
    let rows = source::read(dir, name).and_then(|content| {
        let database = Database::open(&content).map_err(|error| error.to_string())?;
        database.rows(table).map_err(|error| error.to_string())
    });
    rows.map_err(|reason| intake.refuse(&path, 0, reason)).ok()
}

/// `GUID#calendar-proxy-read|write` → member.
fn delegates(
    intake: &mut Intake<'_>,
    principals: &Principals,
    path: &Path,
    rows: &[Vec<Column>],
) -> Result<(), TransferError> {
    let mut wanted: BTreeMap<String, Vec<(ProxyKind, String)>> = BTreeMap::new();
    for row in rows {
        let [Column::Text(group), Column::Text(member), ..] = row.as_slice() else {
            intake.refuse(path, 0, "a row of GROUPS is not two texts");
            continue;
        };
        let group = group.split_once('#');
        match group.and_then(|(guid, kind)| Some((guid, ProxyKind::from_segment(kind)?))) {
            Some((owner, kind)) => {
                wanted.entry(owner.to_owned()).or_default().push((kind, member.clone()));
            }
            None => intake.refuse(path, 0, format!("delegate {member}: of what is not said")),
        }
    }
    let directory = principals.current();
    for (owner, members) in wanted {
        let Some(record) = directory.by_guid(&owner) else {
            for (_, member) in members {
                let reason = format!("delegate {member} of {owner}: no account has this GUID");
                intake.refuse(path, 0, reason);
            }
            continue;
        };
        let known = directory.delegation(&record.guid).cloned().unwrap_or_default();
        let canonical = |member: &str| match directory.by_guid(member) {
            Some(record) => record.guid.clone(),
            None => member.to_owned(),
        };
        let (old, new): (Vec<_>, Vec<_>) = members
            .iter()
            .map(|(kind, member)| (*kind, canonical(member)))
            .partition(|(kind, member)| known.of(*kind).contains(member));
        old.iter().for_each(|_| intake.count(false));
        if !new.is_empty() && !intake.options().dry_run {
            principals.change_delegation(&record.guid, |delegation| {
                for (kind, member) in &new {
                    delegation.of_mut(*kind).push(member.clone());
                }
            })?;
        }
        new.iter().for_each(|_| intake.count(true));
    }
    Ok(())
}

/// GUID → 0 or 1.
fn automatic(
    intake: &mut Intake<'_>,
    principals: &Principals,
    path: &Path,
    rows: &[Vec<Column>],
) -> Result<(), TransferError> {
    for row in rows {
        let [Column::Text(guid), Column::Number(flag), ..] = row.as_slice() else {
            intake.refuse(path, 0, "a row of RESOURCEINFO is not a GUID and a number");
            continue;
        };
        let mode = match flag {
            0 => AutoScheduleMode::None,
            _ => AutoScheduleMode::Automatic,
        };
        let directory = principals.current();
        let Some(record) = directory.by_guid(guid) else {
            intake.refuse(path, 0, format!("auto-schedule of {guid}: no account has this GUID"));
            continue;
        };
        if record.auto_schedule == mode {
            intake.count(false);
            continue;
        }
        let automatic = matches!(record.record_type, RecordType::Location | RecordType::Resource);
        if !automatic && mode != AutoScheduleMode::None {
            let reason = format!("auto-schedule of {guid}: it is no location or resource");
            intake.refuse(path, 0, reason);
            continue;
        }
        if !intake.options().dry_run
            && let Err(error) = principals.set_auto_schedule(&record.guid, mode)
        {
            intake.refuse(path, 0, format!("auto-schedule of {guid}: {error}"));
            continue;
        }
        intake.count(true);
    }
    Ok(())
}
