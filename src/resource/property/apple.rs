//! What is left of Apple's extensions: properties that clients set and that must not be asked for
//! with `DAV:allprop`, and protected ones that other parts of the server write.

use super::Live;
use crate::dav::Name;

/// The table.
pub const TABLE: &[Live] = &[
    Live::stored(Name::calendarserver("xmpp-uri")).protected(),
    Live::stored(Name::calendarserver("xmpp-server")).protected(),
    Live::stored(Name::calendarserver("xmpp-heartbeat-uri")).protected(),
    Live::stored(Name::calendarserver("dropbox-home-URL")).protected(),
];
