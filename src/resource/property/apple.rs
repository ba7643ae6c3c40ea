//! Bulk requests (apple-calendarserver-bulk-change §5.1) and what is left of Apple's extensions:
//! properties that clients set and that must not be asked for with `DAV:allprop`, and protected
//! ones that other parts of the server write.

use super::{Answer, Live, View};
use crate::dav::{Name, ResourceKind};
use crate::limits;
use crate::resource::Resource;
use crate::xml::Writer;

/// The namespace of bulk requests.
pub const BULK: &str = "http://me.com/_namespace/";
const BULK_REQUESTS: Name = Name::new(BULK, "bulk-requests");

/// The table.
pub const TABLE: &[Live] = &[
    Live::named(BULK_REQUESTS, bulk_requests),
    Live::stored(Name::calendarserver("xmpp-uri")).protected(),
    Live::stored(Name::calendarserver("xmpp-server")).protected(),
    Live::stored(Name::calendarserver("xmpp-heartbeat-uri")).protected(),
    Live::stored(Name::calendarserver("dropbox-home-URL")).protected(),
];

fn bulk_requests(view: &View, resource: &Resource, writer: &mut Writer) -> Answer {
    if resource.kind != ResourceKind::Calendar {
        return Answer::Missing;
    }
    writer.element(&BULK_REQUESTS, |writer| {
        for way in ["simple", "crud"] {
            writer.element(&Name::new(BULK, way), |writer| {
                let resources = limits::BULK_RESOURCES.to_string();
                writer.leaf(&Name::new(BULK, "max-resources"), &resources);
                let bytes = view.config.limits.body_bytes.to_string();
                writer.leaf(&Name::new(BULK, "max-bytes"), &bytes);
            });
        }
    });
    Answer::Found
}
