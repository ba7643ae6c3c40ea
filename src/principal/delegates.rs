//! Who may act for whom (caldav-proxy): the text of `delegates.toml`.
//!
//! An owner that the file names has exactly the delegates it says; for everybody else the accounts
//! file's proxies hold. So a change of the accounts file never undoes what somebody set.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The two proxy groups of a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProxyKind {
    /// `calendar-proxy-read`: may look.
    Read,
    /// `calendar-proxy-write`: may change and schedule.
    Write,
}

impl ProxyKind {
    /// Both kinds.
    pub const ALL: [ProxyKind; 2] = [Self::Read, Self::Write];

    /// The path segment below the principal.
    pub fn segment(self) -> &'static str {
        match self {
            Self::Read => "calendar-proxy-read",
            Self::Write => "calendar-proxy-write",
        }
    }

    /// The kind of a path segment.
    pub fn from_segment(segment: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.segment() == segment)
    }
}

/// The delegates of one owner, by GUID. A GUID that no record has (any more) is kept: the record
/// may come back when the directory does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delegation {
    /// Who may read.
    #[serde(default)]
    pub read: Vec<String>,
    /// Who may read, write and schedule.
    #[serde(default)]
    pub write: Vec<String>,
}

impl Delegation {
    /// The list of one kind.
    pub fn of(&self, kind: ProxyKind) -> &[String] {
        match kind {
            ProxyKind::Read => &self.read,
            ProxyKind::Write => &self.write,
        }
    }

    /// The list of one kind, to be changed.
    pub fn of_mut(&mut self, kind: ProxyKind) -> &mut Vec<String> {
        match kind {
            ProxyKind::Read => &mut self.read,
            ProxyKind::Write => &mut self.write,
        }
    }
}

/// Owner GUID → delegates.
pub type Delegations = BTreeMap<String, Delegation>;

/// Reads `delegates.toml`.
pub fn parse(text: &str) -> Result<Delegations, toml::de::Error> {
    toml::from_str(text)
}

/// Writes `delegates.toml`; `describe` gives a name for people to write beside a GUID.
pub fn print(delegations: &Delegations, describe: impl Fn(&str) -> Option<String>) -> String {
    let mut text = String::from(
        "# Who may act for whom: for each owner the GUIDs of delegates that may read, and of\n\
         # those that may also write and schedule. Kept by the server; edits are seen at once.\n\
         # Owners that are not listed here have the proxies that the accounts file names.\n",
    );
    let line = |text: &mut String, kind: &str, guids: &[String]| {
        text.push_str(kind);
        text.push_str(" = [");
        for guid in guids {
            text.push_str("\n    ");
            text.push_str(&quoted(guid));
            text.push(',');
            comment(text, describe(guid));
        }
        text.push_str(if guids.is_empty() { "]\n" } else { "\n]\n" });
    };
    for (owner, delegation) in delegations {
        text.push_str(&format!("\n[{}]", quoted(owner)));
        comment(&mut text, describe(owner));
        text.push('\n');
        line(&mut text, "read", &delegation.read);
        line(&mut text, "write", &delegation.write);
    }
    text
}

/// A TOML basic string; JSON's are a subset of them.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn comment(text: &mut String, name: Option<String>) {
    if let Some(name) = name {
        text.push_str(" # ");
        text.extend(name.chars().filter(|c| !c.is_control()));
    }
}

#[cfg(test)]
mod tests {
    use super::{Delegation, Delegations, parse, print};

    #[test]
    fn prints_what_it_reads() {
        let mut delegations = Delegations::new();
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        delegations.insert("A-1".into(), Delegation { read: list(&["B", "\"q"]), write: vec![] });
        delegations.insert("B".into(), Delegation { read: vec![], write: list(&["A-1"]) });
        let text = print(&delegations, |guid| (guid == "B").then(|| "users:bob\nx = 1".into()));
        assert!(text.contains("[\"B\"] # users:bobx = 1\n"), "{text}");
        assert_eq!(parse(&text).unwrap(), delegations, "{text}");
        assert!(parse("[a]\nreads = []").is_err());
        assert_eq!(parse("").unwrap(), Delegations::new());
    }
}
