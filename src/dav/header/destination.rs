//! `Destination` (RFC 4918 §10.3).

use super::field;
use crate::dav::{DavPath, Error, Request, Result};

/// Where COPY and MOVE go: 400 when the field is missing, 502 when it names another server.
pub fn destination(request: &Request) -> Result<DavPath> {
    let text = field(request, "destination")?
        .ok_or_else(|| Error::bad_request("the header field Destination is missing"))?;
    Ok(request.origin.path_of(&text)?)
}
