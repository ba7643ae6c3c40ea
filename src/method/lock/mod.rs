//! LOCK and UNLOCK (RFC 4918 §9.10, §9.11).

pub mod table;
