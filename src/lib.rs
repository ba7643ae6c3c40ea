//! Daybook: a CalDAV server with scheduling whose calendars are plain directories of `.ics` files.
//!
//! The modules stand in the order in which a request meets them; `docs/architecture.md` is the
//! map, with the invariants and the table of who may use whom (held by `tests/it/tidy.rs`).

pub mod acl;
pub mod app;
pub mod auth;
pub mod caldav;
pub mod clock;
pub mod config;
pub mod dav;
pub mod disk;
pub mod http;
pub mod ical;
pub mod index;
pub mod limits;
pub mod method;
pub mod metrics;
pub mod principal;
pub mod resource;
pub mod schedule;
pub mod server;
pub mod store;
pub mod transfer;
pub mod watch;
pub mod xml;
