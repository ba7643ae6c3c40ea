//! Verifies homes: what is known of them against their files, UIDs, and damaged files.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::index::{Collection, CollectionKind, HomePath, ObjectKind, PropertySet, Snapshot};

use super::reconcile::Reconciler;
use super::{Home, Store, StoreError};

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file or directory.
    pub path: PathBuf,
    /// The line it was seen in; 0 for the whole file.
    pub line: u32,
    /// What is wrong.
    pub reason: String,
}

/// Looks at every home of the store.
pub fn check(store: &Store) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    for guid in store.homes()? {
        match store.home(&guid) {
            Ok(Some(home)) => findings.extend(check_home(&home)?),
            Ok(None) => {}
            Err(error) => {
                findings.push(Finding { path: guid.into(), line: 0, reason: error.to_string() });
            }
        }
    }
    Ok(findings)
}

/// Looks at one home.
pub fn check_home(home: &Home) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    let known = home.snapshot();
    let finding = |path: &HomePath, line, reason| Finding {
        path: path.segments().iter().fold(home.directory(), |at, name| at.join(name)),
        line,
        reason,
    };
    let rebuilt = rebuild(home)?;
    for (path, reason) in differences(&known, &rebuilt) {
        findings.push(finding(&path, 0, format!("the index differs from the files: {reason}")));
    }
    let mut uids: BTreeMap<(HomePath, Arc<str>), Vec<HomePath>> = BTreeMap::new();
    walk(&HomePath::root(), rebuilt.root(), &mut |path, collection| {
        for (name, object) in collection.objects() {
            let path = path.join(name);
            match &object.kind {
                ObjectKind::Damaged { line, reason } => {
                    findings.push(finding(&path, *line, reason.to_string()));
                }
                ObjectKind::Calendar(summary) if collection.kind == CollectionKind::Calendar => {
                    let parent = path.parent().unwrap_or_default();
                    uids.entry((parent, summary.uid.clone())).or_default().push(path);
                }
                ObjectKind::Calendar(_) | ObjectKind::Plain => {}
            }
        }
    });
    for ((_, uid), paths) in uids.iter().filter(|(_, paths)| paths.len() > 1) {
        for path in &paths[1..] {
            let reason = format!("the UID {uid} is that of {} too", paths[0]);
            findings.push(finding(path, 0, reason));
        }
    }
    Ok(findings)
}

/// The home as its files alone say.
fn rebuild(home: &Home) -> Result<Snapshot, StoreError> {
    let dir = home.tree.dir(&home.relative)?;
    let dir = dir.ok_or_else(|| StoreError::NotFound(HomePath::root()))?;
    let empty = Snapshot::new(0, 0, PropertySet::empty());
    let mut reconciler = Reconciler::new(&dir, empty, 0, 0)?;
    reconciler.home(&dir)?;
    Ok(reconciler.work)
}

fn walk(path: &HomePath, collection: &Collection, f: &mut impl FnMut(&HomePath, &Collection)) {
    f(path, collection);
    for (name, child) in collection.collections() {
        walk(&path.join(name), child, f);
    }
}

/// Where two snapshots tell different things of the same home; numbers and times do not count.
pub fn differences(known: &Snapshot, rebuilt: &Snapshot) -> Vec<(HomePath, &'static str)> {
    let mut found = Vec::new();
    let (mut left, mut right) = (BTreeMap::new(), BTreeMap::new());
    walk(&HomePath::root(), known.root(), &mut |path, collection| {
        left.insert(path.clone(), collection.clone());
    });
    walk(&HomePath::root(), rebuilt.root(), &mut |path, collection| {
        right.insert(path.clone(), collection.clone());
    });
    for (path, one) in &left {
        match right.get(path) {
            None => found.push((path.clone(), "there is no such collection")),
            Some(other) => compare(path, one, other, (known, rebuilt), &mut found),
        }
    }
    let unknown = right.keys().filter(|path| !left.contains_key(*path));
    found.extend(unknown.map(|path| (path.clone(), "the collection is not known")));
    if known.used_bytes() != rebuilt.used_bytes() {
        found.push((HomePath::root(), "the used bytes are wrong"));
    }
    found
}

fn compare(
    path: &HomePath,
    one: &Collection,
    other: &Collection,
    snapshots: (&Snapshot, &Snapshot),
    found: &mut Vec<(HomePath, &'static str)>,
) {
    if one.kind != other.kind {
        found.push((path.clone(), "the collection is of another kind"));
    }
    if *one.properties != *other.properties {
        found.push((path.clone(), "properties"));
    }
    if !one.same_spans(other) {
        found.push((path.clone(), "time spans"));
    }
    for (name, object) in one.objects() {
        let path = path.join(name);
        let Some(object_there) = other.objects_map().get(name) else {
            found.push((path, "there is no such file"));
            continue;
        };
        if object.hash != object_there.hash {
            found.push((path.clone(), "content"));
        }
        if *object.properties != *object_there.properties {
            found.push((path.clone(), "properties"));
        }
        if object.kind != object_there.kind {
            found.push((path.clone(), "summary"));
        }
        if let Some(summary) = object.calendar()
            && snapshots.0.by_uid(&summary.uid) != snapshots.1.by_uid(&summary.uid)
        {
            found.push((path, "UID"));
        }
    }
    for (name, _) in other.objects() {
        if !one.objects_map().contains_key(name) {
            found.push((path.join(name), "the file is not known"));
        }
    }
}
