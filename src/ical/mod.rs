//! iCalendar text (RFC 5545): a lossless tree of components, properties and parameters, their
//! values, time zones and recurrence.
//!
//! Pure and total: no IO, no clock, no locks; every loop is bounded and nothing panics. What the
//! module does not know it keeps, and a line that nobody changed comes out byte for byte.

mod access_level;
pub mod component;
pub mod jcal;
pub mod parameter;
mod parse;
pub mod property;
pub mod recur;
mod scan;
pub mod timezone;
pub mod value;
mod write;

#[cfg(test)]
mod tests;

pub use access_level::AccessLevel;
pub use component::{Component, Item};
pub use parameter::Parameter;
pub use parse::{ParseError, parse, parse_stream};
pub use property::Property;
pub use timezone::{Zone, Zones};
pub use value::{DateOrTime, IcalDuration, Period, ValueError};
