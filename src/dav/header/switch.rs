//! Fields that say `T` or `F`: `Overwrite` (RFC 4918 §10.6), `Schedule-Reply` (RFC 6638 §8.1) and
//! `CalDAV-Timezones` (RFC 7809 §4.1).

use super::{field, malformed};
use crate::dav::{Request, Result};

/// Whether COPY and MOVE may replace what is at the destination; they may unless told otherwise.
pub fn overwrite(request: &Request) -> Result<bool> {
    switch(request, "overwrite", true)
}

/// Whether deleting an invitation tells its organizer; it does unless told otherwise.
pub fn schedule_reply(request: &Request) -> Result<bool> {
    switch(request, "schedule-reply", true)
}

/// Whether the client wants VTIMEZONE components: `None` when it does not say.
pub fn calendar_timezones(request: &Request) -> Result<Option<bool>> {
    match field(request, "caldav-timezones")? {
        None => Ok(None),
        Some(_) => switch(request, "caldav-timezones", true).map(Some),
    }
}

fn switch(request: &Request, name: &str, default: bool) -> Result<bool> {
    match field(request, name)?.as_deref() {
        None => Ok(default),
        Some("T" | "t") => Ok(true),
        Some("F" | "f") => Ok(false),
        Some(_) => Err(malformed(name)),
    }
}
