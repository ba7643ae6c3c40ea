//! Expanded XML names (namespace + local name): the key of every property, privilege and report.

use std::borrow::Cow;
use std::fmt;

/// `DAV:` (RFC 4918).
pub const DAV: &str = "DAV:";
/// CalDAV (RFC 4791, RFC 6638).
pub const CALDAV: &str = "urn:ietf:params:xml:ns:caldav";
/// Apple's calendarserver.org extensions.
pub const CALENDARSERVER: &str = "http://calendarserver.org/ns/";
/// Apple's iCal properties (calendar colour and order).
pub const APPLE_ICAL: &str = "http://apple.com/ns/ical/";
/// Text that explains an error, as the reference system writes it (`error-description`).
pub const TWISTED: &str = "http://twistedmatrix.com/xml_namespace/dav/";
/// Properties the reference system keeps for itself; never shown to a client.
pub const TWISTED_PRIVATE: &str = "http://twistedmatrix.com/xml_namespace/dav/private/";

/// An expanded name. Two names are equal when namespace and local name are.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// The namespace name; empty for none.
    pub namespace: Cow<'static, str>,
    /// The local name.
    pub local: Cow<'static, str>,
}

impl Name {
    /// A name known when the program is written.
    pub const fn new(namespace: &'static str, local: &'static str) -> Self {
        Self { namespace: Cow::Borrowed(namespace), local: Cow::Borrowed(local) }
    }

    /// A name met in a request or on disk.
    pub fn owned(namespace: impl Into<String>, local: impl Into<String>) -> Self {
        Self { namespace: Cow::Owned(namespace.into()), local: Cow::Owned(local.into()) }
    }

    /// A name in `DAV:`.
    pub const fn dav(local: &'static str) -> Self {
        Self::new(DAV, local)
    }

    /// A name in the CalDAV namespace.
    pub const fn caldav(local: &'static str) -> Self {
        Self::new(CALDAV, local)
    }

    /// A name in the calendarserver.org namespace.
    pub const fn calendarserver(local: &'static str) -> Self {
        Self::new(CALENDARSERVER, local)
    }

    /// Whether this is `local` in `namespace`.
    pub fn is(&self, namespace: &str, local: &str) -> bool {
        self.local == local && self.namespace == namespace
    }

    /// Reads the `{namespace}local` form.
    pub fn from_clark(text: &str) -> Option<Self> {
        let rest = text.strip_prefix('{')?;
        let (namespace, local) = rest.split_once('}')?;
        (!local.is_empty()).then(|| Self::owned(namespace, local))
    }
}

/// `{namespace}local`, as in attribute names on disk and in log lines.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}{}", self.namespace, self.local)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
