//! `daybook check --scheduling`: reads every event that somebody organizes, in all homes, and has
//! the copies compared. Changes nothing; a server may be running.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::env::address_of_guid;
use super::queue::Work;
use crate::ical::{self, Component};
use crate::schedule::agreement::{self, Copy};
use crate::schedule::object::Instance;
use crate::schedule::users::CalendarUsers;
use crate::store::check::{Survey, SurveyedHome};
use crate::store::{HomePath, SCHEDULE_TAG, StoreError};

/// How often events are looked at again that seem to be changing just now.
const LOOKS: usize = 4;
/// How long a server may take to carry a change to all homes.
const PATIENCE: Duration = Duration::from_millis(800);

/// Where a copy disagrees with the others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Disagreement {
    /// The file.
    pub path: PathBuf,
    /// The instance.
    pub instance: Instance,
    /// What is wrong.
    pub reason: String,
    /// Whether it can only be a mistake.
    pub certain: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Agreement {
    /// How many events were compared.
    pub events: usize,
    /// How many more wait for messages in the queue.
    pub waiting: usize,
    /// Where copies disagree.
    pub found: BTreeSet<Disagreement>,
}

/// Compares all copies in a data directory. Beside a running server what disagrees is looked at
/// again: only what stays so is told.
pub fn check_agreement(
    root: &Path,
    live: bool,
    users: &dyn CalendarUsers,
) -> Result<Agreement, StoreError> {
    let mut agreement = look(root, users)?;
    for _ in 1..LOOKS {
        if !live || agreement.found.is_empty() {
            break;
        }
        std::thread::sleep(PATIENCE);
        let again = look(root, users)?;
        let stays = again.found.intersection(&agreement.found).cloned().collect();
        agreement = Agreement { found: stays, ..again };
    }
    Ok(agreement)
}

fn look(root: &Path, users: &dyn CalendarUsers) -> Result<Agreement, StoreError> {
    let survey = Survey::of(root)?;
    let waiting: BTreeSet<String> = survey
        .waiting
        .iter()
        .filter_map(|entry| Some(Work::read(entry)?.uid().to_owned()))
        .collect();
    let mut agreement = Agreement::default();
    for (uid, places) in organized(&survey) {
        if waiting.contains(&*uid) {
            agreement.waiting += 1;
            continue;
        }
        agreement.events += 1;
        compare(&survey, &places, users, &mut agreement.found)?;
    }
    Ok(agreement)
}

type Place<'a> = (&'a SurveyedHome, HomePath);

/// Where the objects of each UID lie that has an organizer somewhere, or a schedule-tag.
fn organized(survey: &Survey) -> BTreeMap<String, Vec<Place<'_>>> {
    let mut found: BTreeMap<_, (bool, Vec<Place<'_>>)> = BTreeMap::new();
    for home in &survey.homes {
        for (at, calendar) in home.snapshot.calendars() {
            for (name, object) in calendar.objects() {
                let Some(summary) = object.calendar() else { continue };
                let entry = found.entry(summary.uid().to_owned()).or_default();
                let tagged = object.properties.get(&SCHEDULE_TAG).is_some();
                entry.0 |= summary.organizer().is_some() || tagged;
                entry.1.push((home, at.join(name)));
            }
        }
    }
    found.into_iter().filter(|(_, (any, _))| *any).map(|(uid, (_, places))| (uid, places)).collect()
}

fn compare(
    survey: &Survey,
    places: &[Place<'_>],
    users: &dyn CalendarUsers,
    found: &mut BTreeSet<Disagreement>,
) -> Result<(), StoreError> {
    let mut read: Vec<(&Place<'_>, String, Component)> = Vec::new();
    for place in places {
        if let Some(bytes) = survey.read(place.0, &place.1)?
            && let Ok(calendar) = ical::parse(&bytes)
        {
            read.push((place, users.identity(&address_of_guid(&place.0.guid)), calendar));
        }
    }
    let copies: Vec<Copy<'_>> = read
        .iter()
        .map(|((home, path), owner, calendar)| {
            let properties = home.snapshot.properties(path);
            let tagged = properties.is_some_and(|p| p.get(&SCHEDULE_TAG).is_some());
            Copy { owner, calendar, tagged }
        })
        .collect();
    for finding in agreement::examine(&copies, users) {
        let (home, path) = read[finding.copy].0;
        found.insert(Disagreement {
            path: survey.place(home, path),
            instance: finding.instance,
            reason: finding.reason,
            certain: finding.certain,
        });
    }
    Ok(())
}
