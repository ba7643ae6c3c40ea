//! One entry of the directory and the few enumerations that describe it.

use std::fmt;

use crate::dav::DavPath;

/// What a record is; each type is a collection below `/principals/` and `/calendars/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordType {
    /// People.
    User,
    /// Sets of principals.
    Group,
    /// Rooms and other places.
    Location,
    /// Projectors, cars and the like.
    Resource,
}

impl RecordType {
    /// Every type, in the order of listings.
    pub const ALL: [RecordType; 4] = [Self::User, Self::Group, Self::Location, Self::Resource];

    /// The path segment: `users`, `groups`, `locations`, `resources`.
    pub fn segment(self) -> &'static str {
        match self {
            Self::User => "users",
            Self::Group => "groups",
            Self::Location => "locations",
            Self::Resource => "resources",
        }
    }

    /// The type of a path segment.
    pub fn from_segment(segment: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.segment() == segment)
    }

    /// `CUTYPE` and `CALDAV:calendar-user-type` (RFC 5545 §3.2.3, RFC 6638 §2.4.2).
    pub fn calendar_user_type(self) -> &'static str {
        match self {
            Self::User => "INDIVIDUAL",
            Self::Group => "GROUP",
            Self::Location => "ROOM",
            Self::Resource => "RESOURCE",
        }
    }

    /// The type of a `CUTYPE` value.
    pub fn from_calendar_user_type(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.calendar_user_type().eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.segment())
    }
}

/// What the server does by itself with invitations to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AutoScheduleMode {
    /// Nothing: somebody answers by hand.
    None,
    /// Accept what fits, leave the rest to somebody.
    AcceptIfFree,
    /// Decline what does not fit, leave the rest to somebody.
    DeclineIfBusy,
    /// Accept what fits, decline the rest.
    Automatic,
    /// Accept everything.
    AcceptAlways,
    /// Decline everything.
    DeclineAlways,
}

impl AutoScheduleMode {
    /// Every mode.
    pub const ALL: [AutoScheduleMode; 6] = [
        Self::None,
        Self::AcceptIfFree,
        Self::DeclineIfBusy,
        Self::Automatic,
        Self::AcceptAlways,
        Self::DeclineAlways,
    ];

    /// The mode of records for which nobody said anything.
    pub fn default_for(record_type: RecordType) -> Self {
        match record_type {
            RecordType::Location | RecordType::Resource => Self::Automatic,
            RecordType::User | RecordType::Group => Self::None,
        }
    }

    /// The word used in files and by tools.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::AcceptIfFree => "accept-if-free",
            Self::DeclineIfBusy => "decline-if-busy",
            Self::Automatic => "automatic",
            Self::AcceptAlways => "accept-always",
            Self::DeclineAlways => "decline-always",
        }
    }

    /// Reads a mode, or a yes or no of the older files.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        match text.as_str() {
            "true" | "yes" | "1" | "t" | "y" | "on" => Some(Self::Automatic),
            "false" | "no" | "0" | "f" | "n" | "off" => Some(Self::None),
            other => Self::ALL.into_iter().find(|mode| mode.as_str() == other),
        }
    }
}

impl fmt::Display for AutoScheduleMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What proves that somebody is a record. Never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret {
    /// A password hash in PHC form (`$argon2id$…`).
    pub hash: Option<String>,
    /// A plain password: old account files, demonstrations and tests.
    pub plain: Option<String>,
    /// Hashes for Digest (`MD5:…`, `SHA-256:…`), each good for one name and this realm.
    pub digests: Vec<String>,
}

impl Secret {
    /// A place that only this secret of this record has, and that says nothing about either.
    pub(super) fn place(&self, guid: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("daybook 2026-11 decoy");
        let texts = [Some(guid), self.hash.as_deref(), self.plain.as_deref()];
        let digests = self.digests.iter().map(|digest| Some(digest.as_str()));
        for text in texts.into_iter().chain(digests) {
            let text = text.unwrap_or_default();
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }

    /// Whether nobody can sign in with it.
    pub fn is_empty(&self) -> bool {
        self.hash.is_none() && self.plain.is_none() && self.digests.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "Secret(none)" } else { "Secret(…)" })
    }
}

/// A user, group, location or resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The identifier that never changes; spelled as in the accounts file.
    pub guid: String,
    /// What it is.
    pub record_type: RecordType,
    /// Names in URLs and for signing in; at least one.
    pub short_names: Vec<String>,
    /// The name for people.
    pub full_name: String,
    /// Given name, if known.
    pub first_name: Option<String>,
    /// Family name, if known.
    pub last_name: Option<String>,
    /// E-mail addresses in lower case, the main one first.
    pub emails: Vec<String>,
    /// Its own calendar user addresses, normalised: a `mailto:` for each e-mail address and what
    /// the accounts file adds. Empty for records without calendars.
    pub addresses: Vec<String>,
    /// Whether it has a home and takes part in scheduling.
    pub calendar_enabled: bool,
    /// GUIDs of the direct members of a group.
    pub members: Vec<String>,
    /// What happens to invitations; an administrator's setting wins over the accounts file.
    pub auto_schedule: AutoScheduleMode,
    /// GUID of the group whose members are accepted whatever the mode says.
    pub auto_accept_group: Option<String>,
    /// Postal address of a location.
    pub street_address: Option<String>,
    /// `geo:` URI of a location.
    pub geographic_location: Option<String>,
    /// The password.
    pub secret: Secret,
}

impl Record {
    /// The first short name.
    pub fn name(&self) -> &str {
        self.short_names.first().map_or(&self.guid, String::as_str)
    }

    /// `/principals/__uids__/GUID/`: the canonical principal URL, decoded.
    pub fn principal_path(&self) -> DavPath {
        DavPath::from_segments(["principals", "__uids__", &self.guid], true)
    }

    /// The principal URLs by short name (`DAV:alternate-URI-set`).
    pub fn alternate_paths(&self) -> impl Iterator<Item = DavPath> + '_ {
        let segment = self.record_type.segment();
        self.short_names
            .iter()
            .map(move |name| DavPath::from_segments(["principals", segment, name], true))
    }

    /// `/calendars/__uids__/GUID/`: the canonical home URL; records without calendars have none.
    pub fn home_path(&self) -> Option<DavPath> {
        self.calendar_enabled
            .then(|| DavPath::from_segments(["calendars", "__uids__", &self.guid], true))
    }
}
