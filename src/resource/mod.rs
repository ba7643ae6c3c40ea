//! Step 3 of a request: from a URL to a resource. A member that does not exist is a value with
//! `exists == false`, never an error.
//!
//! Must not decide access and must not know any method.

pub mod locate;
