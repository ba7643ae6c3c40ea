//! What an index can say about a filter before any object is opened.

use super::{ComponentFilter, Filter, Test};
use crate::caldav::TimeRange;

/// A superset of what matches, in terms that an index knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidates {
    /// Only objects of these kinds can match; absent: of any kind.
    pub kinds: Option<Vec<String>>,
    /// Only objects with an instance in this range can match.
    pub time_range: Option<TimeRange>,
    /// Only the object with this UID can match.
    pub uid: Option<String>,
    /// Whether every object so described does match, so that none has to be opened.
    pub complete: bool,
}

/// The kinds an object resource can be of; it is of exactly one (RFC 4791 §4.1).
const KINDS: &[&str] = &["VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY", "VPOLL"];

impl Filter {
    /// What the index can answer for this filter.
    pub fn candidates(&self) -> Candidates {
        let top = &self.calendar;
        if top.absent {
            return Candidates { kinds: Some(Vec::new()), complete: true, ..Candidates::default() };
        }
        let mut parts = top.components.iter().map(of_component);
        let Some(first) = parts.next() else {
            return Candidates { complete: top.properties.is_empty(), ..Candidates::default() };
        };
        let mut found = match top.test {
            // A condition on VCALENDAR's own properties alone could let any object in.
            Test::AnyOf if !top.properties.is_empty() => return Candidates::default(),
            Test::AnyOf => parts.fold(first, union),
            Test::AllOf => parts.fold(first, intersection),
        };
        found.complete &= top.properties.is_empty();
        found
    }
}

fn of_component(filter: &ComponentFilter) -> Candidates {
    if filter.absent || !KINDS.contains(&filter.name.as_str()) {
        return Candidates::default();
    }
    let conditions = filter.properties.len()
        + filter.components.len()
        + usize::from(filter.time_range.is_some());
    // With `anyof` a single condition is not necessary for the object to match.
    let necessary = filter.test == Test::AllOf || conditions == 1;
    let uid = filter.properties.iter().filter(|property| property.name == "UID").find_map(|uid| {
        let plain = uid.test == Test::AllOf || uid.parameters.is_empty();
        uid.text.as_ref().and_then(|text| text.exact()).filter(|_| plain)
    });
    Candidates {
        kinds: Some(vec![filter.name.clone()]),
        time_range: filter.time_range.filter(|_| necessary),
        uid: uid.filter(|_| necessary).map(str::to_owned),
        // The index keeps spans; only for events is overlapping one of them the whole question.
        complete: conditions == 0
            || (conditions == 1 && filter.time_range.is_some() && filter.name == "VEVENT"),
    }
}

fn union(left: Candidates, right: Candidates) -> Candidates {
    let same = left.time_range == right.time_range;
    let kinds = left.kinds.zip(right.kinds).map(|(mut kinds, more)| {
        kinds.extend(more);
        kinds
    });
    let time_range = left.time_range.zip(right.time_range).map(|(a, b)| TimeRange {
        start: a.start.zip(b.start).map(|(a, b)| a.min(b)),
        end: a.end.zip(b.end).map(|(a, b)| a.max(b)),
    });
    let uid = left.uid.filter(|uid| right.uid.as_ref() == Some(uid));
    Candidates { kinds, time_range, uid, complete: same && left.complete && right.complete }
}

fn intersection(left: Candidates, right: Candidates) -> Candidates {
    let both = left.kinds.is_some() && right.kinds.is_some();
    let kinds = match (left.kinds, right.kinds) {
        (Some(a), Some(b)) => Some(a.into_iter().filter(|kind| b.contains(kind)).collect()),
        (a, b) => a.or(b),
    };
    let complete = both && left.complete && right.complete;
    // An instance in each of two ranges need not be one in their intersection.
    let complete = complete && (left.time_range.is_none() || right.time_range.is_none());
    Candidates {
        kinds,
        time_range: left.time_range.or(right.time_range),
        uid: left.uid.or(right.uid),
        complete,
    }
}
