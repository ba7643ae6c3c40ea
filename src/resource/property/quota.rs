//! Quota (RFC 4331 §3, §4): the home is the quota root, everything in it shares the figures.

use super::{Answer, Live, View, text};
use crate::dav::Name;
use crate::resource::Resource;
use crate::xml::Writer;

const AVAILABLE: Name = Name::dav("quota-available-bytes");
const USED: Name = Name::dav("quota-used-bytes");

/// The table. RFC 4331 §3 keeps both out of `DAV:allprop`.
pub const TABLE: &[Live] = &[Live::named(AVAILABLE, available), Live::named(USED, used)];

fn used_bytes(resource: &Resource) -> Option<u64> {
    Some(resource.place.as_ref()?.snapshot.used_bytes())
}

fn available(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    let limit = view.config.data.home_quota_bytes;
    let left = used_bytes(resource).filter(|_| limit > 0).map(|used| limit.saturating_sub(used));
    text(&AVAILABLE, left.map(|left| left.to_string()).as_deref(), writer)
}

fn used(_: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    text(&USED, used_bytes(resource).map(|used| used.to_string()).as_deref(), writer)
}
