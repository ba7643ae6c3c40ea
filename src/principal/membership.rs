//! Members that administrators added to groups, or took out of them, through the server: kept in
//! `groups.toml` in the data directory, because the accounts file may be written by others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::record::Record;

/// The changes, by the GUID of the group.
pub type Memberships = BTreeMap<String, Membership>;

/// What is different from the accounts file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Membership {
    /// GUIDs of members that the accounts file does not have.
    pub added: BTreeSet<String>,
    /// GUIDs of members that are none any more.
    pub removed: BTreeSet<String>,
}

/// Notes a change.
pub fn change(all: &mut Memberships, group: &str, added: &[String], removed: &[String]) {
    let membership = all.entry(group.to_owned()).or_default();
    for guid in added {
        membership.removed.remove(guid);
        membership.added.insert(guid.clone());
    }
    for guid in removed {
        membership.added.remove(guid);
        membership.removed.insert(guid.clone());
    }
}

/// Makes the changes in records that were read.
pub fn apply(records: &mut [Arc<Record>], all: &Memberships) {
    for record in records {
        let Some(membership) = all.get(&record.guid) else { continue };
        let record = Arc::make_mut(record);
        record.members.retain(|guid| !membership.removed.contains(guid));
        for guid in &membership.added {
            if !record.members.contains(guid) {
                record.members.push(guid.clone());
            }
        }
    }
}

/// The text of the file.
pub fn print(all: &Memberships) -> String {
    let text = toml::to_string(all).unwrap_or_default();
    format!(
        "# Members added to groups and taken out of them beside the accounts file, by GUID. Kept\n\
         # by the server; edits are seen at once.\n{text}"
    )
}

#[cfg(test)]
mod tests {
    use super::{Memberships, change, print};

    #[test]
    fn the_last_change_counts_and_the_file_is_read_back() {
        let mut all = Memberships::new();
        let names = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        change(&mut all, "G", &names("a b"), &[]);
        change(&mut all, "G", &[], &names("b c"));
        change(&mut all, "G", &names("c"), &[]);
        let group = &all["G"];
        assert!(group.added.iter().eq(["a", "c"]) && group.removed.iter().eq(["b"]));
        assert_eq!(toml::from_str::<Memberships>(&print(&all)).unwrap(), all);
    }
}
