//! GET and HEAD.

pub mod page;
pub mod range;
