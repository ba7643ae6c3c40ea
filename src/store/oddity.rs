//! What the server lives with in a collection and people should know of: `daybook check` names it,
//! the log tells it once, metrics count it. Pure: looks at what the index knows.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use crate::dav::Name;
use crate::dav::name::CALDAV;
use crate::index::{Collection, CollectionKind, Edit, HomePath, ObjectKind, Snapshot};
use crate::xml;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oddity {
    /// Where it is.
    pub path: HomePath,
    /// The line it was seen in; 0 for the whole file.
    pub line: u32,
    /// What is wrong.
    pub reason: String,
    /// Whether it cannot be served as it is; otherwise it only is not where it belongs.
    pub damaged: bool,
}

/// Finds one kind of oddity among the members of a collection.
type Kind = fn(&HomePath, &Collection, &mut Vec<Oddity>);

/// Everything that is looked for, in the order of telling.
const KINDS: [Kind; 5] =
    [damaged_files, same_uids, other_components, directories_in_calendars, names_alike];

/// All that is odd among the members of the collection at `path`, not below them.
pub fn among(path: &HomePath, collection: &Collection) -> Vec<Oddity> {
    let mut found = Vec::new();
    for kind in KINDS {
        kind(path, collection, &mut found);
    }
    found
}

/// All that is odd in a home.
pub fn of_home(snapshot: &Snapshot) -> Vec<Oddity> {
    let mut found = Vec::new();
    let mut waiting = vec![HomePath::root()];
    while let Some(path) = waiting.pop() {
        let Some(collection) = snapshot.collection(&path) else { continue };
        found.extend(among(&path, collection));
        waiting.extend(collection.collections().map(|(name, _)| path.join(name)));
    }
    found
}

/// Writes to the log what edits made odd that was not so before.
pub(super) fn tell(home: &Path, before: &Snapshot, now: &Snapshot, edits: &[Edit]) {
    let mut places: Vec<HomePath> = Vec::new();
    for edit in edits {
        let path = match edit {
            Edit::PutObject { path, .. } => path,
            Edit::PutCollection { path, .. } => {
                places.push(path.clone());
                path
            }
            _ => continue,
        };
        places.extend(path.parent());
    }
    places.sort();
    places.dedup();
    for place in places {
        let Some(collection) = now.collection(&place) else { continue };
        let known = before.collection(&place).map(|before| among(&place, before));
        let known = known.unwrap_or_default();
        for odd in among(&place, collection).iter().filter(|odd| !known.contains(odd)) {
            tell_one(home, odd);
        }
    }
}

/// Writes to the log all that is odd in a home of which nothing was known.
pub(super) fn tell_all(home: &Path, now: &Snapshot) {
    for odd in of_home(now) {
        tell_one(home, &odd);
    }
}

fn tell_one(home: &Path, odd: &Oddity) {
    let path = odd.path.segments().iter().fold(home.to_owned(), |at, name| at.join(name));
    let (path, line, reason) = (path.display(), odd.line, &odd.reason);
    match odd.damaged {
        true => tracing::warn!(%path, line, %reason, "damaged file"),
        false => tracing::warn!(%path, line, %reason, "misplaced file"),
    }
}

/// Files that cannot be served as calendar data.
fn damaged_files(path: &HomePath, collection: &Collection, found: &mut Vec<Oddity>) {
    for (name, object) in collection.objects() {
        if let ObjectKind::Damaged(damage) = &object.kind {
            let (line, reason) = (damage.line, damage.reason.to_string());
            found.push(Oddity { path: path.join(name), line, reason, damaged: true });
        }
    }
}

/// Objects with the UID of another one (RFC 4791 §4.1).
fn same_uids(path: &HomePath, collection: &Collection, found: &mut Vec<Oddity>) {
    if collection.kind != CollectionKind::Calendar {
        return;
    }
    let mut first: HashMap<&str, &str> = HashMap::new();
    for (name, object) in collection.objects() {
        let Some(summary) = object.calendar() else { continue };
        if let Some(other) = first.get(summary.uid()) {
            let reason = format!("the UID {} is that of {} too", summary.uid(), path.join(other));
            found.push(Oddity { path: path.join(name), line: 0, reason, damaged: true });
        } else {
            first.insert(summary.uid(), name);
        }
    }
}

/// Objects of a kind that their calendar does not take (RFC 4791 §5.2.3).
fn other_components(path: &HomePath, collection: &Collection, found: &mut Vec<Oddity>) {
    let Some(kinds) = component_kinds(collection) else { return };
    for (name, object) in collection.objects() {
        let Some(summary) = object.calendar() else { continue };
        if !kinds.iter().any(|kind| **kind == *summary.component()) {
            let (kinds, component) = (kinds.join(", "), summary.component());
            let reason = format!("it is a {component}, and its calendar takes {kinds}");
            found.push(misplaced(path.join(name), reason));
        }
    }
}

/// Directories in calendars (RFC 4791 §4.2: a calendar holds none).
fn directories_in_calendars(path: &HomePath, collection: &Collection, found: &mut Vec<Oddity>) {
    if collection.kind == CollectionKind::Calendar {
        for (name, _) in collection.collections() {
            let reason = "a calendar holds no directories: what is in it is not served as events";
            found.push(misplaced(path.join(name), reason.to_owned()));
        }
    }
}

/// Names that other file systems cannot keep apart.
fn names_alike(path: &HomePath, collection: &Collection, found: &mut Vec<Oddity>) {
    let mut folded = HashMap::new();
    for (name, _) in collection.children() {
        if let Some(other) = folded.insert(folded_name(name), name) {
            let reason = format!(
                "its name is that of {other} but for capital letters or how accents are written"
            );
            found.push(misplaced(path.join(name), reason));
        }
    }
}

fn misplaced(path: HomePath, reason: String) -> Oddity {
    Oddity { path, line: 0, reason, damaged: false }
}

/// What two names have in common that some file systems take for one (NFC and NFD, capitals).
fn folded_name(name: &str) -> Cow<'_, str> {
    let plain = |name: &str| !name.bytes().any(|byte| byte.is_ascii_uppercase());
    match name.is_ascii() {
        true if plain(name) => Cow::Borrowed(name),
        true => Cow::Owned(name.to_ascii_lowercase()),
        false if is_nfc(name) => Cow::Owned(name.to_lowercase()),
        false => Cow::Owned(name.nfc().collect::<String>().to_lowercase()),
    }
}

/// The kinds of components that a calendar takes; none when it does not say.
fn component_kinds(collection: &Collection) -> Option<Vec<String>> {
    if collection.kind != CollectionKind::Calendar {
        return None;
    }
    let name = Name::caldav("supported-calendar-component-set");
    let element = xml::parse(collection.properties.get(&name)?.as_bytes()).ok()?;
    let comps = element.children_named(CALDAV, "comp");
    let kinds = comps.filter_map(|comp| comp.attribute("name"));
    Some(kinds.map(str::to_ascii_uppercase).collect())
}
