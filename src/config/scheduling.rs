//! `[scheduling]`: invitations and answers.

use serde::{Deserialize, Serialize};

/// `[scheduling]`: invitations and answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scheduling {
    /// Mail domains whose addresses can only be ours.
    pub domains: Vec<String>,
    /// Whether stored objects name users of this server by `urn:x-uid:GUID`, with CN and EMAIL
    /// beside it; otherwise the addresses stay as the client wrote them.
    pub normalise_addresses: bool,
    /// What becomes of a changed attendee's copy whose organizer has no such event any more.
    pub orphans: Orphans,
    /// Whether locations and resources may organize events.
    pub resources_may_organize: bool,
    /// What becomes of an attendee's copy that is found damaged when a message comes for it.
    pub damaged_copies: DamagedCopies,
    /// Whether a user's default calendar may be deleted; the next one then takes its place.
    pub default_calendar_removable: bool,
    /// Whether who asks when a location or resource is busy may also see what for.
    pub resource_bookings_visible: bool,
    /// Whether SCHEDULE-AGENT=CLIENT is taken for SERVER where the attendee is one of ours.
    pub serve_local_client_agents: bool,
    /// Whether the members of invited groups are invited one by one.
    pub expand_groups: bool,
    /// Attendees up to which an answer is shown to the others at once.
    pub refresh_at_once: usize,
    /// Days that automatic answers look ahead.
    pub look_ahead_days: u32,
    /// What becomes of edits that others make to the files of scheduling objects.
    pub external_edits: ExternalEdits,
}

/// What becomes of edits past the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExternalEdits {
    /// The owner's clients see them; nothing is sent to others.
    #[default]
    Index,
    /// The same is sent as if the owner's client had made them.
    Schedule,
}

/// What becomes of orphaned copies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Orphans {
    /// They are removed without a message.
    #[default]
    Remove,
    /// The change is refused.
    Refuse,
}

/// What becomes of damaged copies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DamagedCopies {
    /// They are replaced by what the organizer's object says.
    #[default]
    Repair,
    /// The message is not delivered.
    Refuse,
}

impl Default for Scheduling {
    fn default() -> Self {
        Self {
            domains: Vec::new(),
            normalise_addresses: true,
            orphans: Orphans::Remove,
            resources_may_organize: false,
            damaged_copies: DamagedCopies::Repair,
            default_calendar_removable: false,
            resource_bookings_visible: false,
            serve_local_client_agents: false,
            expand_groups: true,
            refresh_at_once: 30,
            look_ahead_days: 365 * 3,
            external_edits: ExternalEdits::Index,
        }
    }
}
