//! `Timeout` (RFC 4918 §10.7) and `Lock-Token` (§10.5).

use super::{field, malformed};
use crate::dav::{Error, Request, Result};

/// How long a client wants to hold a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// As long as it may.
    Infinite,
    /// So many seconds.
    Seconds(u32),
}

impl Timeout {
    /// The first wish of the field that means something here; the field is advice, so what cannot
    /// be read is passed over.
    pub fn of(request: &Request) -> Result<Option<Self>> {
        let text = field(request, "timeout")?.unwrap_or_default();
        Ok(text.split(',').find_map(|wish| Self::parse(wish.trim())))
    }

    fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("infinite") {
            return Some(Self::Infinite);
        }
        let (head, digits) = text.split_at_checked("Second-".len())?;
        let digits = Some(digits).filter(|_| head.eq_ignore_ascii_case("second-"))?;
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        // RFC 4918 ends at 2^32-1; more than that is forever.
        plain.then(|| digits.parse().map_or(Self::Infinite, Self::Seconds))
    }
}

/// The token of an UNLOCK, without angle brackets; 400 when the field is missing.
pub fn lock_token(request: &Request) -> Result<String> {
    let text = field(request, "lock-token")?
        .ok_or_else(|| Error::bad_request("the header field Lock-Token is missing"))?;
    let token = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    match token {
        Some(token) if !token.is_empty() && !token.contains(['<', '>', ' ']) => {
            Ok(token.to_owned())
        }
        _ => Err(malformed("Lock-Token")),
    }
}
