//! `[limits]`: limits on what clients store and ask. Those that nobody has to move are fixed in
//! `crate::limits`.

use serde::{Deserialize, Serialize};

use crate::limits;

/// `[limits]`: limits on what clients store and ask; further ones are fixed in `limits.rs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// `CALDAV:max-resource-size`.
    pub resource_bytes: usize,
    /// `CALDAV:max-attachment-size`.
    pub attachment_bytes: usize,
    /// Largest request body that is read at all for PUT and POST.
    pub body_bytes: usize,
    /// `CALDAV:max-attendees-per-instance`.
    pub attendees: usize,
    /// Instances an object may have in the year after its first one.
    pub instances: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            resource_bytes: limits::RESOURCE_BYTES,
            attachment_bytes: limits::ATTACHMENT_BYTES,
            body_bytes: limits::REQUEST_BODY_BYTES,
            attendees: limits::ATTENDEES,
            instances: limits::INSTANCES_PER_YEAR,
        }
    }
}

impl Limits {
    /// The largest attachment that can come in: no larger than any body.
    pub fn attachment(&self) -> usize {
        self.attachment_bytes.min(self.body_bytes)
    }

    /// What types cannot say; names the key at fault.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        for (key, value) in [
            ("resource_bytes", self.resource_bytes),
            ("attendees", self.attendees),
            ("instances", self.instances),
        ] {
            if value == 0 {
                return Err((key, "must be at least 1".to_owned()));
            }
        }
        if self.body_bytes < self.resource_bytes {
            return Err(("body_bytes", "is smaller than resource_bytes".to_owned()));
        }
        Ok(())
    }
}
