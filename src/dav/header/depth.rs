//! `Depth` (RFC 4918 §10.2).

use super::{field, malformed};
use crate::dav::{Request, Result};

/// How far below the resource a request reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Depth {
    /// The resource alone.
    Zero,
    /// The resource and its members.
    One,
    /// Everything below.
    Infinity,
}

impl Depth {
    /// The field of a request, if there is one; each method has a default of its own.
    pub fn of(request: &Request) -> Result<Option<Self>> {
        field(request, "depth")?.map(|text| Self::parse(&text)).transpose()
    }

    /// Reads the value.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "0" => Ok(Self::Zero),
            "1" => Ok(Self::One),
            // RFC 9110 is silent on case here; clients write both.
            _ if text.eq_ignore_ascii_case("infinity") => Ok(Self::Infinity),
            _ => Err(malformed("Depth")),
        }
    }
}
