//! Calendar semantics of RFC 4791, as pure functions over parsed calendar objects.
//!
//! No file, no clock, no lock and no network here: the caller brings the object, the time zones
//! and the present instant. Every loop over instances ends at a limit of `limits`.

pub mod collation;
pub mod period;
pub mod text_match;
pub mod time_range;

pub use period::Period;
pub use text_match::TextMatch;
pub use time_range::TimeRange;
