//! `[data]` and `[homes]`: where the calendars lie, and what everybody's home begins with.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::limits;

/// `[data]`: where the calendars lie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Data {
    /// The data directory; made when it is missing.
    pub root: PathBuf,
    /// Whether a write is answered only when it has reached the disk. Without it a power failure
    /// may lose the last seconds: for trying things out.
    pub fsync: bool,
    /// Bytes of calendars and files one home may hold; 0: any.
    pub home_quota_bytes: u64,
    /// Bytes of memory that the indexes of open homes may take, about 450 for an event; homes that
    /// were not used for the longest are closed beyond it. 0: any.
    pub index_memory_bytes: u64,
    /// Bytes of memory for the texts of events as reports send them, which are kept compressed;
    /// others are read from their files. 0: none is kept.
    pub text_memory_bytes: u64,
    /// How often open homes are looked at for changes that others made to the files; 0: the system
    /// tells of them. Network file systems do not tell what other machines change; there it is
    /// every 20 seconds without this.
    pub poll_seconds: u64,
}

impl Default for Data {
    fn default() -> Self {
        Self {
            root: PathBuf::from("daybook-data"),
            fsync: true,
            home_quota_bytes: 0,
            index_memory_bytes: 1 << 30,
            text_memory_bytes: limits::TEXT_MEMORY_BYTES,
            poll_seconds: 0,
        }
    }
}

/// `[homes]`: what everybody's home begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Homes {
    /// Whether a calendar takes one kind of component only, as some clients like it.
    pub one_kind_per_calendar: bool,
    /// Calendars that a new home begins with: name = the kinds of components it takes.
    pub calendars: BTreeMap<String, Vec<String>>,
}

impl Default for Homes {
    fn default() -> Self {
        let calendar = |name: &str, kind: &str| (name.to_owned(), vec![kind.to_owned()]);
        Self {
            one_kind_per_calendar: false,
            calendars: [calendar("calendar", "VEVENT"), calendar("tasks", "VTODO")].into(),
        }
    }
}
