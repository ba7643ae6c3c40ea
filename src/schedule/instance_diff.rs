//! What differs between two versions of a calendar object, per instance.
//!
//! An instance that only one version overrides is compared with the one derived from the other
//! version's master (reference §7.3), so writing an override that changes nothing is no change.

use std::collections::{BTreeMap, BTreeSet};

use super::normalise::{Normal, NormalProperty, normal};
use super::object::{Instance, Object};
use super::users::CalendarUsers;

/// Changed properties, each with the parameters that changed on it.
pub type Changes = BTreeMap<String, BTreeSet<String>>;

/// What differs, per instance. Instances that do not differ are absent.
pub type Difference = BTreeMap<Instance, Changes>;

/// Compares two versions; properties named in `ignored` do not count.
pub fn difference(
    old: &Object<'_>,
    new: &Object<'_>,
    users: &dyn CalendarUsers,
    ignored: &[&str],
) -> Difference {
    let mut out = Difference::new();
    let mut keys = old.instances();
    keys.extend(new.instances());
    for key in keys {
        let side = |object: &Object<'_>| -> Option<Normal> {
            let component = object.find_or_derive(key)?;
            let mut normal = normal(&component, object.zones(), users);
            normal.retain(|property| !ignored.contains(&property.name.as_str()));
            Some(normal)
        };
        let changes = match (side(old), side(new)) {
            (Some(old), Some(new)) => changes(&old, &new),
            // Came or went as a whole: everything in it differs.
            (Some(only), None) | (None, Some(only)) => whole(&only),
            (None, None) => continue,
        };
        if !changes.is_empty() {
            out.insert(key, changes);
        }
    }
    out
}

/// The properties that differ between two normal forms.
pub fn changes(old: &Normal, new: &Normal) -> Changes {
    let mut out = Changes::new();
    let gone: Vec<&NormalProperty> = old.difference(new).collect();
    let come: Vec<&NormalProperty> = new.difference(old).collect();
    for property in gone.iter().chain(&come) {
        out.entry(property.name.clone()).or_default();
    }
    for before in &gone {
        // A property that stands for itself is the same one when its value is; a property that
        // can stand only once is the same one whatever its value.
        let lists =
            matches!(before.name.as_str(), "ATTENDEE" | "COMMENT" | "ATTACH" | "CATEGORIES");
        let pair = come
            .iter()
            .find(|after| after.name == before.name && (!lists || after.value == before.value));
        if let Some(after) = pair {
            let entry = out.entry(before.name.clone()).or_default();
            entry.extend(changed_params(&before.params, &after.params));
        }
    }
    out
}

fn changed_params(
    old: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
) -> BTreeSet<String> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names.into_iter().filter(|name| old.get(*name) != new.get(*name)).cloned().collect()
}

fn whole(normal: &Normal) -> Changes {
    normal.iter().map(|property| (property.name.clone(), BTreeSet::new())).collect()
}
