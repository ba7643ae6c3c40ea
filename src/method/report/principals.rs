//! What reports about principals share: an answer that lists some of them.

use std::io;
use std::sync::Arc;

use crate::dav::{Error, Precondition, Response, Result};
use crate::principal::Record;
use crate::resource::Resource;
use crate::resource::members::principal;
use crate::resource::property::{Asked, View};
use crate::xml::{MEDIA_TYPE, Multistatus};

/// A record's principal under its canonical URL.
pub fn canonical(record: &Arc<Record>) -> Resource {
    principal(record, &record.principal_path(), None)
}

/// A multistatus about these resources. `cut` is the href of the request when there would have
/// been more (RFC 3744 §9.4: 507 for the collection that was searched).
pub fn answer(
    view: &View,
    asked: &Asked,
    resources: &[Resource],
    cut: Option<&str>,
) -> Result<Response> {
    let mut bytes = Vec::new();
    write(view, asked, resources, cut, &mut bytes).map_err(Error::internal)?;
    Ok(Response::new(207).with_body(MEDIA_TYPE, bytes))
}

fn write(
    view: &View,
    asked: &Asked,
    resources: &[Resource],
    cut: Option<&str>,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let mut answer = Multistatus::begin(out);
    for resource in resources {
        let href = view.href(&resource.path);
        answer.response(&href, |propstats| {
            if !asked.is_empty() {
                asked.answer(view, resource, propstats);
            }
        })?;
    }
    if let Some(href) = cut {
        let error = Error::from(Precondition::NumberOfMatchesWithinLimits).with_status(507);
        answer.status(href, &error, "")?;
    }
    answer.finish()
}
