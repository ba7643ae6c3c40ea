//! Property values (RFC 5545 §3.3) as types that read and print themselves.
//!
//! Reading is total and lenient where clients are known to stray; printing is strict.

pub mod date_time;
pub mod duration;
pub mod period;
pub mod recur;
pub mod rscale;
pub mod text;
pub mod utc_offset;

#[cfg(test)]
mod tests;

pub use date_time::{DateOrTime, utc_text};
pub use duration::IcalDuration;
pub use period::{Period, PeriodEnd};
pub use recur::Recur;

/// A value that is not of the type it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {kind}")]
pub struct ValueError {
    /// What was expected, in words.
    pub kind: &'static str,
    /// The offending text, cut short.
    pub text: String,
}

impl ValueError {
    pub(crate) fn new(kind: &'static str, text: &str) -> Self {
        Self { kind, text: text.chars().take(80).collect() }
    }
}

/// Reads a run of ASCII digits; `None` for anything else and on overflow.
fn digits(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}
