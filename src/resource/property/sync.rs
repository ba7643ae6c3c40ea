//! Change tags: `DAV:sync-token` (RFC 6578 §4) and `CS:getctag`.

use super::{Answer, Live, View, text};
use crate::dav::{Name, SyncToken};
use crate::resource::{Resource, report_set};
use crate::xml::Writer;

const SYNC_TOKEN: Name = Name::dav("sync-token");
const GETCTAG: Name = Name::calendarserver("getctag");

/// The table.
pub const TABLE: &[Live] = &[Live::named(SYNC_TOKEN, sync_token), Live::shown(GETCTAG, getctag)];

/// The point in the journal that a collection has reached.
pub fn token(resource: &Resource) -> Option<SyncToken> {
    let place = resource.place.as_ref()?;
    let point = place.snapshot.sync_token(&place.path)?;
    Some(SyncToken { epoch: point.epoch, number: point.number })
}

fn sync_token(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    let here = report_set::is_synchronised(resource.kind);
    let token = token(resource).filter(|_| here).map(|token| token.to_string());
    text(&SYNC_TOKEN, token.as_deref(), writer)
}

fn getctag(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    // The same as the sync token in other clothes: whoever polls one sees what the other sees.
    let tag = token(resource).map(|token| format!("{:x}-{}", token.epoch, token.number));
    text(&GETCTAG, tag.as_deref(), writer)
}
