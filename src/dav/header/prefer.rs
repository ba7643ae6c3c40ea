//! `Prefer` (RFC 7240, RFC 8144) and its ancestor `Brief` (Microsoft, kept by Apple's clients).

use super::field;
use crate::dav::{Request, Result};

/// What a client would rather have. Preferences are never an error: unknown ones are ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefer {
    /// `return=minimal`, or `Brief: t`.
    pub minimal: bool,
    /// `return=representation`.
    pub representation: bool,
    /// `depth-noroot`: leave the resource of the request out of its own listing.
    pub depth_noroot: bool,
    brief: bool,
}

impl Prefer {
    /// The preferences of a request.
    pub fn of(request: &Request) -> Result<Self> {
        let mut prefer = Self::default();
        for preference in field(request, "prefer")?.unwrap_or_default().split(',') {
            // Parameters after a semicolon change nothing for the preferences we know.
            let token = preference.split(';').next().unwrap_or_default();
            let (name, value) = token.split_once('=').unwrap_or((token, ""));
            let name = name.trim().to_ascii_lowercase();
            let value = value.trim().trim_matches('"').to_ascii_lowercase();
            match (name.as_str(), value.as_str()) {
                // The first of contradicting preferences counts (RFC 7240 §2).
                ("return", "minimal") => prefer.minimal = !prefer.representation,
                ("return", "representation") => prefer.representation = !prefer.minimal,
                // The spelling of the drafts.
                ("return-minimal", "") => prefer.minimal = !prefer.representation,
                ("return-representation", "") => prefer.representation = !prefer.minimal,
                ("depth-noroot", "") => prefer.depth_noroot = true,
                _ => {}
            }
        }
        if field(request, "brief")?.is_some_and(|value| value.eq_ignore_ascii_case("t")) {
            prefer.brief = true;
            prefer.minimal = !prefer.representation;
        }
        Ok(prefer)
    }

    /// The value of `Preference-Applied`, given what this answer honours (RFC 7240 §3). `Brief` is
    /// no preference, so nothing is said about it.
    pub fn applied(&self, honoured: &[Preference]) -> Option<String> {
        let names: Vec<&str> = honoured
            .iter()
            .filter_map(|preference| match preference {
                Preference::Minimal if self.minimal && !self.brief => Some("return=minimal"),
                Preference::Representation if self.representation => Some("return=representation"),
                Preference::DepthNoroot if self.depth_noroot => Some("depth-noroot"),
                _ => None,
            })
            .collect();
        (!names.is_empty()).then(|| names.join(", "))
    }
}

/// A preference that an answer can honour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preference {
    /// `return=minimal`.
    Minimal,
    /// `return=representation`.
    Representation,
    /// `depth-noroot`.
    DepthNoroot,
}
