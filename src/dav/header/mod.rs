//! Header fields that WebDAV and CalDAV requests steer the server with: each type reads its field
//! and nothing else. A field that is there but cannot be read is answered with 400.

pub mod accept;
pub mod depth;
pub mod destination;
pub mod if_header;
pub mod lock;
pub mod prefer;
pub mod switch;

pub use accept::Accept;
pub use depth::Depth;
pub use destination::destination;
pub use if_header::{Condition, If, List, Tag};
pub use lock::{Timeout, lock_token};
pub use prefer::{Prefer, Preference};
pub use switch::{calendar_timezones, overwrite, schedule_reply};

use super::{Error, Request, Result};

/// The value of a field; several fields of the name are one list (RFC 9110 §5.3).
fn field(request: &Request, name: &str) -> Result<Option<String>> {
    let mut joined: Option<String> = None;
    for value in request.headers.get_all(name) {
        // Bytes above 0x7f are opaque to HTTP; clients that send them mean UTF-8.
        let text = std::str::from_utf8(value.as_bytes()).map_err(|_| malformed(name))?;
        match &mut joined {
            None => joined = Some(text.trim().to_owned()),
            Some(joined) => {
                joined.push_str(", ");
                joined.push_str(text.trim());
            }
        }
    }
    Ok(joined)
}

/// 400 for a field that cannot be read.
fn malformed(name: &str) -> Error {
    Error::bad_request(format!("the header field {name} cannot be read"))
}

#[cfg(test)]
mod tests;
