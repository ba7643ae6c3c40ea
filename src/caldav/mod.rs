//! Calendar semantics of RFC 4791, as pure functions over parsed calendar objects.
//!
//! No file, no clock, no lock and no network here: the caller brings the object, the time zones
//! and the present instant. Requests come in as elements that `xml` has read. Every loop over
//! instances ends at a limit of `limits`.

pub mod attachment;
pub mod availability;
pub mod bundle;
pub mod by_reference;
pub mod calendar_data;
pub mod collation;
pub mod filter;
pub mod free_busy;
pub mod instances;
pub mod period;
pub mod redact;
pub mod repair;
pub mod split;
pub mod text_match;
pub mod time_range;
pub mod timetable;
pub mod timezone_service;
pub mod validate;

#[cfg(test)]
mod tests;

pub use calendar_data::CalendarData;
pub use filter::Filter;
pub use period::Period;
pub use text_match::TextMatch;
pub use time_range::TimeRange;
pub use timetable::Timetable;
