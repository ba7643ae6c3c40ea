//! GET and HEAD.

pub mod merge;
pub mod page;
pub mod range;
