//! What the server lives with in a collection and people should know of: `daybook check` names it,
//! the log tells it once, metrics count it. Pure: looks at what the index knows.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use crate::dav::Name;
use crate::dav::name::CALDAV;
use crate::index::{
    CalendarSummary, Collection, CollectionKind, Edit, HomePath, ObjectEntry, ObjectKind, Snapshot,
};
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

/// Finds one kind of oddity of a member.
type Kind = fn(&Place<'_>, &str) -> Option<Oddity>;

/// Everything that is looked for, in the order of telling.
const KINDS: [Kind; 5] =
    [damaged_file, same_uid, other_component, directory_in_calendar, name_alike];

/// A collection whose members are looked at.
struct Place<'a> {
    snapshot: &'a Snapshot,
    path: &'a HomePath,
    collection: &'a Collection,
    /// The kinds of components that it takes; none when it does not say.
    takes: Option<Vec<String>>,
    /// How many members were looked at.
    looks: Cell<usize>,
}

impl<'a> Place<'a> {
    fn of(snapshot: &'a Snapshot, path: &'a HomePath) -> Option<Self> {
        let collection = snapshot.collection(path)?;
        let takes = component_kinds(collection);
        Some(Self { snapshot, path, collection, takes, looks: Cell::new(0) })
    }

    /// What is odd about the member `name`, which need not be there.
    fn about(&self, name: &str, found: &mut Vec<Oddity>) {
        self.looks.set(self.looks.get() + 1);
        found.extend(KINDS.iter().filter_map(|kind| kind(self, name)));
    }

    fn object(&self, name: &str) -> Option<&Arc<ObjectEntry>> {
        self.collection.object(name)
    }

    fn summary(&self, name: &str) -> Option<&CalendarSummary> {
        self.object(name)?.calendar()
    }

    /// The first file with this UID, by name.
    fn first_with(&self, uid: &str) -> Option<Arc<str>> {
        let is_calendar = self.collection.kind == CollectionKind::Calendar;
        is_calendar.then(|| self.snapshot.first_with_uid(self.path, uid)).flatten()
    }

    /// The first other member of such a name, which costs a look.
    fn alike(&self, name: &str) -> Option<Arc<str>> {
        self.collection.member(name)?;
        let found = self.collection.alike(name)?;
        self.looks.set(self.looks.get() + 1);
        Some(found)
    }

    fn all(&self) -> Vec<Oddity> {
        let mut found = Vec::new();
        self.collection.children().for_each(|(name, _)| self.about(name, &mut found));
        found
    }
}

/// All that is odd in a home.
pub fn of_home(snapshot: &Snapshot) -> Vec<Oddity> {
    let mut found = Vec::new();
    let mut waiting = vec![HomePath::root()];
    while let Some(path) = waiting.pop() {
        let Some(collection) = snapshot.collection(&path) else { continue };
        found.extend(Place::of(snapshot, &path).into_iter().flat_map(|place| place.all()));
        waiting.extend(collection.collections().map(|(name, _)| path.join(name)));
    }
    found
}

/// Writes to the log what edits made odd that was not so before.
pub(super) fn tell(home: &Path, before: &Snapshot, now: &Snapshot, edits: &[Edit]) {
    made_by(edits, before, now).0.iter().for_each(|odd| tell_one(home, odd));
}

/// What edits made odd that was not so before, and how many members were looked at to find it:
/// those that were edited and what they resemble, whatever else is there.
fn made_by(edits: &[Edit], before: &Snapshot, now: &Snapshot) -> (Vec<Oddity>, usize) {
    let mut names: BTreeMap<HomePath, BTreeSet<&str>> = BTreeMap::new();
    let mut whole: BTreeSet<&HomePath> = BTreeSet::new();
    for edit in edits {
        let path = match edit {
            Edit::PutObject { path, .. } => path,
            Edit::PutCollection { path, .. } => {
                // What it takes may be something else now; what comes with it has edits of its own.
                whole.extend(takes_other_members(path, before, now).then_some(path));
                path
            }
            _ => continue,
        };
        let Some((parent, name)) = path.split() else { continue };
        names.entry(parent).or_default().insert(name);
    }
    let (mut made, mut looks) = (Vec::new(), 0);
    let mut compare = |path: &HomePath, look: &dyn Fn(&Place<'_>) -> Vec<Oddity>| {
        let [known, found] = [before, now].map(|snapshot| {
            let place = Place::of(snapshot, path);
            let found = place.as_ref().map(look).unwrap_or_default();
            looks += place.map_or(0, |place| place.looks.get());
            found
        });
        made.extend(found.into_iter().filter(|odd| !known.contains(odd)));
    };
    for path in &whole {
        compare(path, &|place| place.all());
    }
    for (path, names) in names.iter().filter(|(path, _)| !whole.contains(path)) {
        let first = first_ones(path, names, before, now);
        compare(path, &|place| {
            let mut found = Vec::new();
            names.iter().for_each(|name| place.about(name, &mut found));
            first.iter().for_each(|name| place.about(name, &mut found));
            found
        });
    }
    (made, looks)
}

/// Files that were the first with their UID, or with their name but for capitals and accents, until
/// some of `names` got the same: they may be odd because of them.
fn first_ones(
    path: &HomePath,
    names: &BTreeSet<&str>,
    before: &Snapshot,
    now: &Snapshot,
) -> BTreeSet<Arc<str>> {
    let mut first = BTreeSet::new();
    let (Some(known), Some(place)) = (Place::of(before, path), Place::of(now, path)) else {
        return first;
    };
    for name in names {
        let uid = place.summary(name).map(|summary| summary.uid());
        first.extend(uid.and_then(|uid| known.first_with(uid)));
        first.extend(known.collection.alike(name));
    }
    first.retain(|name| !names.contains(&**name));
    first
}

/// Whether a collection that was there takes other members than before.
fn takes_other_members(path: &HomePath, before: &Snapshot, now: &Snapshot) -> bool {
    let taken = |snapshot: &Snapshot| {
        let collection = snapshot.collection(path)?;
        Some((collection.kind, component_kinds(collection)))
    };
    taken(before).is_some_and(|before| Some(before) != taken(now))
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

/// A file that cannot be served as calendar data.
fn damaged_file(place: &Place<'_>, name: &str) -> Option<Oddity> {
    let ObjectKind::Damaged(damage) = &place.object(name)?.kind else { return None };
    let (line, reason) = (damage.line, damage.reason.to_string());
    Some(Oddity { path: place.path.join(name), line, reason, damaged: true })
}

/// An object with the UID of another one (RFC 4791 §4.1): all but the first one are odd.
fn same_uid(place: &Place<'_>, name: &str) -> Option<Oddity> {
    let uid = place.summary(name)?.uid();
    let first = place.first_with(uid).filter(|first| **first != *name)?;
    place.looks.set(place.looks.get() + 1);
    let other = place.path.join(&first);
    let reason = format!("the UID {uid} is that of {other} too");
    Some(Oddity { path: place.path.join(name), line: 0, reason, damaged: true })
}

/// An object of a kind that its calendar does not take (RFC 4791 §5.2.3).
fn other_component(place: &Place<'_>, name: &str) -> Option<Oddity> {
    let (takes, component) = (place.takes.as_ref()?, place.summary(name)?.component());
    if takes.iter().any(|taken| **taken == *component) {
        return None;
    }
    let takes = takes.join(", ");
    let reason = format!("it is a {component}, and its calendar takes {takes}");
    Some(misplaced(place.path.join(name), reason))
}

/// A directory in a calendar (RFC 4791 §4.2: a calendar holds none).
fn directory_in_calendar(place: &Place<'_>, name: &str) -> Option<Oddity> {
    let holds_none = place.collection.kind == CollectionKind::Calendar;
    let directory = place.collection.member(name)?.collection().is_some();
    let reason = "a calendar holds no directories: what is in it is not served as events";
    (holds_none && directory).then(|| misplaced(place.path.join(name), reason.to_owned()))
}

/// A name that other file systems cannot keep apart from that of an earlier member.
fn name_alike(place: &Place<'_>, name: &str) -> Option<Oddity> {
    let other = place.alike(name).filter(|other| **other < *name)?;
    let reason =
        format!("its name is that of {other} but for capital letters or how accents are written");
    Some(misplaced(place.path.join(name), reason))
}

fn misplaced(path: HomePath, reason: String) -> Oddity {
    Oddity { path, line: 0, reason, damaged: false }
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

#[cfg(test)]
mod tests {
    use crate::index::{
        CollectionKind, Edit, HomePath, ObjectEntry, ObjectKind, PropertySet, Snapshot, summary,
    };

    use super::{Oddity, made_by, of_home};

    fn at(name: &str) -> HomePath {
        HomePath::new(["calendar", name])
    }

    fn put(name: &str, uid: &str) -> Edit {
        let text = format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
             DTSTART:20260101T100000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        );
        let kind = if uid.is_empty() {
            ObjectKind::damaged(3, "no UID")
        } else {
            summary::of_bytes(text.as_bytes())
        };
        let (stat, properties) = (crate::disk::Stat::default(), PropertySet::empty());
        let entry = ObjectEntry { hash: [0; 16], stat, created_s: 0, number: 0, properties, kind };
        Edit::PutObject { path: at(name), entry }
    }

    fn calendar(size: usize) -> Snapshot {
        let mut home = Snapshot::new(1, 0, PropertySet::empty());
        let (path, kind) = (HomePath::new(["calendar"]), CollectionKind::Calendar);
        home.put_collection(&path, kind, 0, PropertySet::empty(), 0);
        for n in 0..size {
            home.apply(&put(&format!("m{n:05}.ics"), &format!("u{n}")), 0);
        }
        home
    }

    fn after(home: &mut Snapshot, edits: &[Edit]) -> (Vec<String>, usize) {
        let before = home.clone();
        edits.iter().for_each(|edit| home.apply(edit, 0));
        let (made, looks) = made_by(edits, &before, home);
        let told = |odd: &Oddity| format!("{}: {}", odd.path.segments()[1], odd.reason);
        // What was told is what a look at everything finds.
        let all = of_home(home);
        assert!(made.iter().all(|odd| all.contains(odd)), "{made:?} {all:?}");
        (made.iter().map(told).collect(), looks)
    }

    #[test]
    fn an_edit_is_told_once_and_only_what_it_made() {
        let mut home = calendar(3);
        let alike = "but for capital letters or how accents are written";
        let mut told = |edits: &[Edit]| after(&mut home, edits).0;
        assert_eq!(told(&[put("n.ics", "n")]), [""; 0]);
        assert_eq!(told(&[put("n.ics", "")]), ["n.ics: no UID"]);
        assert_eq!(told(&[put("n.ics", "")]), [""; 0]);
        assert_eq!(
            told(&[put("n.ics", "u1")]),
            ["n.ics: the UID u1 is that of calendar/m00001.ics too"]
        );
        assert_eq!(told(&[put("n.ics", "u1")]), [""; 0]);
        // An earlier name makes the later one odd, and not again those that were.
        assert_eq!(
            told(&[put("a.ics", "u1")]),
            ["m00001.ics: the UID u1 is that of calendar/a.ics too"]
        );
        assert_eq!(told(&[put("n.ics", "n")]), [""; 0]);
        assert_eq!(told(&[put("Ab.ics", "x")]), [""; 0]);
        assert_eq!(
            told(&[put("ab.ics", "y")]),
            [format!("ab.ics: its name is that of Ab.ics {alike}")]
        );
        assert_eq!(
            told(&[put("AB.ics", "z")]),
            [format!("Ab.ics: its name is that of AB.ics {alike}")]
        );
        assert_eq!(told(&[put("AB.ics", "z2"), put("ab.ics", "y2")]), [""; 0]);
        let both = told(&[put("cd.ics", "u2"), put("CD.ics", "u2")]);
        let twin = |name: &str| format!("{name}: the UID u2 is that of calendar/CD.ics too");
        let capitals = format!("cd.ics: its name is that of CD.ics {alike}");
        assert_eq!(both, [twin("cd.ics"), capitals, twin("m00002.ics")]);
        let path = at("inner");
        let properties = PropertySet::empty();
        let (kind, created_s) = (CollectionKind::Plain, 0);
        let directory = Edit::PutCollection { path, kind, created_s, properties };
        assert_eq!(told(std::slice::from_ref(&directory)).len(), 1);
        assert_eq!(told(&[directory]).len(), 0);
    }

    #[test]
    fn looking_does_not_grow_with_the_calendar() {
        let looks = |size: usize| {
            let mut home = calendar(size);
            let edits = [put("new.ics", "u3"), put("M00002.ics", "x"), put("bad.ics", "")];
            let (told, looks) = after(&mut home, &edits);
            assert_eq!(told.len(), 3, "{told:?}");
            looks
        };
        let few = looks(10);
        assert_eq!(looks(5_000), few);
        assert!(few <= 30, "{few}");
    }
}
