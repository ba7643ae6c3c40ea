//! Step 5 of a request: one file per HTTP method.
//!
//! Must not decide access; a method file is reached only through `http::pipeline`.

mod acl;
pub mod allow;
mod attachment;
mod bulk;
mod collection;
pub mod conditions;
pub mod context;
mod control;
mod default_calendar;
mod delete;
mod errors;
pub mod external_edits;
mod free_busy_url;
pub mod get;
pub mod guard;
pub mod left_over;
mod listing;
pub mod lock;
pub mod media_type;
mod object;
pub mod options;
mod plain;
pub mod post;
mod private;
mod propfind;
mod proppatch;
mod put;
pub mod report;
mod scheduling;
mod split;
mod timezones;
mod tracking;
mod transfer;

pub use context::Context;
pub use scheduling::options as scheduling_options;

use crate::dav::{Method, Response, Result};

/// Answers a request that has been allowed.
pub fn run(context: &Context) -> Result<Response> {
    match context.request.method {
        Method::Options => options::run(context),
        Method::Get | Method::Head => get::run(context),
        Method::Post => post::run(context),
        Method::Put => put::run(context),
        Method::Delete => delete::run(context),
        Method::Mkcol => collection::mkcol(context),
        Method::Mkcalendar => collection::mkcalendar(context),
        Method::Copy | Method::Move => transfer::run(context),
        Method::Lock => lock::lock(context),
        Method::Unlock => lock::unlock(context),
        Method::Propfind => propfind::run(context),
        Method::Proppatch => proppatch::run(context),
        Method::Report => report::run(context),
        Method::Acl => acl::run(context),
        // THE table has it for no kind.
        Method::Schedule => Err(crate::dav::Error::status(405)),
    }
}
