//! What a URL can name: the kinds of resources, as `acl::required` and the property tables
//! distinguish them. A kind says nothing about existence or owner.

/// The kind of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ResourceKind {
    /// `/`.
    Root,
    /// `/principals/`.
    PrincipalsRoot,
    /// `/principals/users/` and its sisters.
    PrincipalType,
    /// `/principals/__uids__/`, which cannot be listed.
    PrincipalUids,
    /// A user, group, location or resource.
    Principal,
    /// `calendar-proxy-read` or `calendar-proxy-write` below a principal.
    ProxyPrincipal,
    /// `/calendars/`.
    CalendarsRoot,
    /// `/calendars/users/` and its sisters.
    CalendarsType,
    /// `/calendars/__uids__/`, which cannot be listed.
    CalendarsUids,
    /// A calendar home (RFC 4791 §6.2.1).
    Home,
    /// A calendar collection (RFC 4791 §4.2).
    Calendar,
    /// A member of a calendar (RFC 4791 §4.1).
    CalendarObject,
    /// The scheduling inbox (RFC 6638 §2.2).
    Inbox,
    /// A scheduling message in an inbox.
    InboxItem,
    /// The scheduling outbox (RFC 6638 §2.1).
    Outbox,
    /// The free-busy URL of a home.
    FreeBusyUrl,
    /// A subscription to a calendar elsewhere (caldav-subscriptions).
    Subscription,
    /// The notification collection of a home (Apple).
    Notifications,
    /// A member of the notification collection.
    Notification,
    /// A collection without any meaning for calendars.
    Collection,
    /// A file without any meaning for calendars.
    PlainFile,
    /// `/timezones`: the older time-zone service.
    Timezones,
    /// `/stdtimezones`: the time-zone service of RFC 7808.
    TimezoneStd,
    /// `/control`: administration over HTTP, as the reference system has it.
    Control,
    /// `/.well-known/…` (RFC 6764 §5).
    WellKnown,
}

impl ResourceKind {
    /// Every kind.
    pub const ALL: &'static [ResourceKind] = &[
        Self::Root,
        Self::PrincipalsRoot,
        Self::PrincipalType,
        Self::PrincipalUids,
        Self::Principal,
        Self::ProxyPrincipal,
        Self::CalendarsRoot,
        Self::CalendarsType,
        Self::CalendarsUids,
        Self::Home,
        Self::Calendar,
        Self::CalendarObject,
        Self::Inbox,
        Self::InboxItem,
        Self::Outbox,
        Self::FreeBusyUrl,
        Self::Subscription,
        Self::Notifications,
        Self::Notification,
        Self::Collection,
        Self::PlainFile,
        Self::Control,
        Self::Timezones,
        Self::TimezoneStd,
        Self::WellKnown,
    ];

    /// Whether its href ends with a slash.
    pub fn is_collection(self) -> bool {
        !matches!(
            self,
            Self::CalendarObject
                | Self::InboxItem
                | Self::FreeBusyUrl
                | Self::Notification
                | Self::PlainFile
                | Self::Control
                | Self::Timezones
                | Self::TimezoneStd
                | Self::WellKnown
        )
    }

    /// Whether it is a principal or one of the proxy groups of a principal.
    pub fn is_principal(self) -> bool {
        matches!(self, Self::Principal | Self::ProxyPrincipal)
    }

    /// Whether it is a home or lies in one.
    pub fn in_home(self) -> bool {
        matches!(
            self,
            Self::Home
                | Self::Calendar
                | Self::CalendarObject
                | Self::Inbox
                | Self::InboxItem
                | Self::Outbox
                | Self::FreeBusyUrl
                | Self::Subscription
                | Self::Notifications
                | Self::Notification
                | Self::Collection
                | Self::PlainFile
        )
    }

    /// Whether there may be one or not: it lies in a home that does not always have it.
    pub fn may_be_missing(self) -> bool {
        self.in_home()
            && !matches!(
                self,
                Self::Home | Self::Inbox | Self::Outbox | Self::FreeBusyUrl | Self::Notifications
            )
    }

    /// Whether its members are calendar objects: calendars, and inbox and outbox, which are
    /// calendars for PUT and REPORT but not in `DAV:resourcetype`.
    pub fn holds_calendar_objects(self) -> bool {
        matches!(self, Self::Calendar | Self::Inbox | Self::Outbox)
    }
}
