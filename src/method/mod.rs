//! Step 5 of a request: one file per HTTP method.
//!
//! Must not decide access; a method file is reached only through `http::pipeline`.

pub mod conditions;
pub mod get;
pub mod lock;
