//! Verifies a data directory: what is known of homes against their files, UIDs, damaged files,
//! the links of people, the queue.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::disk::{self, Dir, Tree, layout};
use crate::index::{Collection, CollectionKind, HomePath, Log, PropertySet, Snapshot};

use super::reconcile::Reconciler;
use super::store::homes_in;
use super::{Home, SpoolEntry, Store, StoreError, StoreOptions, oddity, scheduled};

mod files;
mod surroundings;
mod survey;

pub use survey::{Survey, SurveyedHome};

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

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many homes there are.
    pub homes: usize,
    /// Whether a server works on them at the same time.
    pub live: bool,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
    /// What was not as it should be.
    pub repaired: Vec<Finding>,
}

/// Looks at everything in a data directory, beside a running server if there is one. Repairs
/// what can be repaired without losing anything, if asked and if no server runs.
pub fn run(root: &Path, repair: bool) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let tree = match Store::open(root, StoreOptions::default()) {
        Ok(store) => {
            offline(&store, repair, &mut report)?;
            store.tree.clone()
        }
        Err(StoreError::InUse(_)) => {
            report.live = true;
            let tree = Arc::new(Tree::open(&disk::make_root(root)?)?);
            let started = started_ns(&tree)?;
            for guid in homes_in(&tree)? {
                report.homes += 1;
                files::check(&tree, &guid, false, &mut report)?;
                match beside(&tree, &guid, started) {
                    Ok(findings) => report.findings.extend(findings),
                    Err(error) => report.findings.push(whole(guid.into(), error.to_string())),
                }
            }
            tree
        }
        Err(error) => return Err(error),
    };
    surroundings::privacy(&tree, repair && !report.live, &mut report)?;
    surroundings::links(&tree, repair && !report.live, &mut report)?;
    surroundings::queue(&tree, &mut report)?;
    Ok(report)
}

fn whole(path: PathBuf, reason: String) -> Finding {
    Finding { path, line: 0, reason }
}

fn offline(store: &Store, repair: bool, report: &mut Report) -> Result<(), StoreError> {
    for guid in store.homes()? {
        report.homes += 1;
        files::check(&store.tree, &guid, repair, report)?;
        let found = match store.home(&guid) {
            Ok(Some(home)) => check_home(&home)?,
            Ok(None) => continue,
            Err(error) => vec![whole(guid.clone().into(), error.to_string())],
        };
        let stale = found.iter().any(|finding| finding.reason.starts_with(DIFFERS));
        if repair && stale && store.rebuild(&guid)? {
            let left = store.home(&guid)?.map_or(Ok(Vec::new()), |home| check_home(&home))?;
            report.repaired.extend(found.into_iter().filter(|finding| !left.contains(finding)));
            report.findings.extend(left);
        } else {
            report.findings.extend(found);
        }
        store.forget(&guid);
    }
    Ok(())
}

/// When the running server was started, in nanoseconds since 1970.
fn started_ns(tree: &Tree) -> Result<i64, StoreError> {
    let Some(root) = tree.dir(Path::new("."))? else { return Ok(0) };
    Ok(root.stat(disk::lock::FILE)?.map_or(0, |(_, stat)| stat.modified_ns))
}

/// How often a home is looked at again that seems to be changing just now.
const LOOKS: usize = 4;
/// How long a server may take to see a change.
const PATIENCE: Duration = Duration::from_millis(800);

/// Looks at a home that a running server may be writing to. What the server knows is in its log;
/// a home that it has not opened is compared when it is.
fn beside(tree: &Tree, guid: &str, started: i64) -> Result<Vec<Finding>, StoreError> {
    let Some(relative) = layout::home_shard(guid).map(|shard| shard.join(guid)) else {
        return Ok(Vec::new());
    };
    for look in 1.. {
        let Some(dir) = tree.dir(&relative)? else { return Ok(Vec::new()) };
        let open = dir.stat(layout::INDEX)?.is_some_and(|(_, stat)| stat.modified_ns >= started);
        let known = if open { Log::peek(&dir)? } else { None };
        let rebuilt = rebuild(&dir)?;
        let known = known.as_ref().unwrap_or(&rebuilt);
        let changing = !differences(known, &rebuilt).is_empty()
            || !scheduled::unscheduled_in(&dir, &rebuilt)?.is_empty();
        if !changing || look == LOOKS {
            return Ok(findings(&dir, known, &rebuilt));
        }
        std::thread::sleep(PATIENCE);
    }
    Ok(Vec::new())
}

/// Looks at one home.
pub fn check_home(home: &Home) -> Result<Vec<Finding>, StoreError> {
    let dir = home.tree.dir(&home.relative)?;
    let dir = dir.ok_or_else(|| StoreError::NotFound(HomePath::root()))?;
    Ok(findings(&dir, &home.snapshot(), &rebuild(&dir)?))
}

/// How findings begin that a rebuilt index takes away.
const DIFFERS: &str = "the index differs from the files";

/// What is known of a home, what its files say, and where they lie.
struct Compared<'a> {
    dir: &'a Dir,
    known: &'a Snapshot,
    rebuilt: &'a Snapshot,
}

/// Finds one kind of thing that is not as it should be: where, in which line, why.
type Kind = fn(&Compared<'_>) -> Vec<(HomePath, u32, String)>;

/// Everything that is looked for in one home, in the order of telling.
const KINDS: [Kind; 3] = [different, odd, unscheduled];

fn findings(dir: &Dir, known: &Snapshot, rebuilt: &Snapshot) -> Vec<Finding> {
    let compared = Compared { dir, known, rebuilt };
    let found = KINDS.iter().flat_map(|kind| kind(&compared));
    let place = |path: HomePath| {
        path.segments().iter().fold(dir.path().to_owned(), |at, name| at.join(name))
    };
    found.map(|(path, line, reason)| Finding { path: place(path), line, reason }).collect()
}

/// The index is not what the files say.
fn different(home: &Compared<'_>) -> Vec<(HomePath, u32, String)> {
    let found = differences(home.known, home.rebuilt).into_iter();
    found.map(|(path, reason)| (path, 0, format!("{DIFFERS}: {reason}"))).collect()
}

/// Files and directories that the server lives with.
fn odd(home: &Compared<'_>) -> Vec<(HomePath, u32, String)> {
    let found = oddity::of_home(home.rebuilt).into_iter();
    found.map(|odd| (odd.path, odd.line, odd.reason)).collect()
}

/// Edits of which others were not told, where they are to be told.
fn unscheduled(home: &Compared<'_>) -> Vec<(HomePath, u32, String)> {
    let found = scheduled::unscheduled_in(home.dir, home.rebuilt);
    let edits = match found {
        Ok(edits) => edits,
        Err(error) => return vec![(HomePath::root(), 0, error.to_string())],
    };
    let told = edits.into_iter().map(|edit| match &edit.path {
        Some(path) => {
            let reason = "it was edited past the server, and others were not told";
            (path.clone(), 0, reason.to_owned())
        }
        None => {
            let copy = HomePath::new([layout::SCHEDULED.to_owned()]);
            let copy = edit.copy(home.dir).map_or(copy.clone(), |name| copy.join(&name));
            let reason = "the object was removed past the server, and others were not told";
            (copy, 0, reason.to_owned())
        }
    });
    told.collect()
}

/// The home as its files alone say.
fn rebuild(dir: &Dir) -> Result<Snapshot, StoreError> {
    let empty = Snapshot::new(0, 0, PropertySet::empty());
    let mut reconciler = Reconciler::new(dir, empty, 0, 0)?;
    reconciler.read_only = true;
    reconciler.home(dir)?;
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
            && snapshots.0.by_uid(summary.uid()) != snapshots.1.by_uid(summary.uid())
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
