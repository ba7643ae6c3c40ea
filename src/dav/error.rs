//! Everything that can be answered instead of what was asked: THE table of statuses and
//! precondition elements, with the clause that defines each. Nobody else writes errors.

use std::fmt;

use super::Name;
use super::name::{CALDAV, CALENDARSERVER, DAV};

/// A result whose failure is an answer to the client.
pub type Result<T> = std::result::Result<T, Error>;

macro_rules! preconditions {
    ($($variant:ident $status:literal $ns:ident $element:literal $clause:literal;)*) => {
        /// A named precondition or postcondition (RFC 4918 §16).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Precondition { $(#[doc = $clause] $variant,)* }

        impl Precondition {
            /// Every precondition the server can answer.
            pub const ALL: &'static [Precondition] = &[$(Precondition::$variant),*];

            /// The status that goes with it.
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// The element inside `DAV:error`.
            pub const fn name(self) -> Name {
                match self { $(Self::$variant => Name::new($ns, $element),)* }
            }

            /// The clause that defines it.
            pub fn clause(self) -> &'static str {
                match self { $(Self::$variant => $clause,)* }
            }
        }
    };
}

preconditions! {
    // WebDAV
    CannotModifyProtectedProperty 403 DAV "cannot-modify-protected-property" "RFC 4918 §16";
    NoExternalEntities            403 DAV "no-external-entities" "RFC 4918 §16";
    PropfindFiniteDepth           403 DAV "propfind-finite-depth" "RFC 4918 §16";
    LockTokenSubmitted            423 DAV "lock-token-submitted" "RFC 4918 §16";
    LockTokenMatchesRequestUri    409 DAV "lock-token-matches-request-uri" "RFC 4918 §16";
    NoConflictingLock             423 DAV "no-conflicting-lock" "RFC 4918 §16";
    ResourceMustBeNull            403 DAV "resource-must-be-null" "RFC 4791 §5.3.1.1";
    ValidResourcetype             403 DAV "valid-resourcetype" "RFC 5689 §3.3";
    QuotaNotExceeded              507 DAV "quota-not-exceeded" "RFC 4331 §6";
    SufficientDiskSpace           507 DAV "sufficient-disk-space" "RFC 4331 §6";
    // Reports and synchronisation
    SupportedReport               403 DAV "supported-report" "RFC 3253 §3.6";
    NumberOfMatchesWithinLimits   403 DAV "number-of-matches-within-limits" "RFC 3744 §8.1.1";
    ValidSyncToken                403 DAV "valid-sync-token" "RFC 6578 §3.2";
    SyncTraversalSupported        403 DAV "sync-traversal-supported" "RFC 6578 §3.3";
    // Access control
    NeedPrivileges                403 DAV "need-privileges" "RFC 3744 §7.1.1";
    NoAceConflict                 403 DAV "no-ace-conflict" "RFC 3744 §8.1.1";
    NoProtectedAceConflict        403 DAV "no-protected-ace-conflict" "RFC 3744 §8.1.1";
    NoInheritedAceConflict        403 DAV "no-inherited-ace-conflict" "RFC 3744 §8.1.1";
    LimitedNumberOfAces           403 DAV "limited-number-of-aces" "RFC 3744 §8.1.1";
    DenyBeforeGrant               403 DAV "deny-before-grant" "RFC 3744 §8.1.1, as the reference system has it";
    NotSupportedPrivilege         403 DAV "not-supported-privilege" "RFC 3744 §8.1.1";
    RecognizedPrincipal           403 DAV "recognized-principal" "RFC 3744 §8.1.1";
    // CalDAV access
    CalendarCollectionLocationOk  403 CALDAV "calendar-collection-location-ok" "RFC 4791 §5.3.1.1";
    SupportedCalendarData         403 CALDAV "supported-calendar-data" "RFC 4791 §5.3.2.1";
    ValidCalendarData             403 CALDAV "valid-calendar-data" "RFC 4791 §5.3.2.1";
    ValidCalendarObjectResource   403 CALDAV "valid-calendar-object-resource" "RFC 4791 §5.3.2.1";
    SupportedCalendarComponent    403 CALDAV "supported-calendar-component" "RFC 4791 §5.3.2.1";
    NoUidConflict                 403 CALDAV "no-uid-conflict" "RFC 4791 §5.3.2.1";
    MaxResourceSize               403 CALDAV "max-resource-size" "RFC 4791 §5.3.2.1";
    NumberOfRecurrencesWithinLimits 403 CALDAV "number-of-recurrences-within-limits" "the reference system's name for RFC 4791 §5.3.2.1 max-instances";
    MaxAttendeesPerInstance       403 CALDAV "max-attendees-per-instance" "RFC 4791 §5.3.2.1";
    ValidCalendarTimezone         403 CALDAV "valid-calendar-data" "RFC 4791 §5.3.1.1";
    ValidTimezone                 403 CALDAV "valid-timezone" "RFC 7809 §5.2";
    ValidFilter                   403 CALDAV "valid-filter" "RFC 4791 §7.8";
    SupportedCollation            403 CALDAV "supported-collation" "RFC 4791 §7.5.1";
    SupportedRscale               403 CALDAV "supported-rscale" "RFC 7529 §5";
    // Scheduling
    UniqueSchedulingObjectResource 403 CALDAV "unique-scheduling-object-resource" "RFC 6638 §3.2.4.1";
    SameOrganizerInAllComponents  403 CALDAV "same-organizer-in-all-components" "RFC 6638 §3.2.4.2";
    AllowedOrganizerChange        403 CALDAV "allowed-organizer-scheduling-object-change" "RFC 6638 §3.2.4.3";
    AllowedAttendeeChange         403 CALDAV "allowed-attendee-scheduling-object-change" "RFC 6638 §3.2.4.4";
    ValidAttendeeChange           403 CALDAV "valid-attendee-change" "reference: RFC 6638 §3.2.2";
    DefaultCalendarNeeded         403 CALDAV "default-calendar-needed" "RFC 6638 §4.3.1.1";
    ValidScheduleDefaultCalendarUrl 403 CALDAV "valid-schedule-default-calendar-URL" "RFC 6638 §9.2";
    ValidCalendarUrl              409 CALDAV "valid-calendar-url" "draft-desruisseaux-caldav-sched-04";
    OrganizerAllowed              403 CALDAV "organizer-allowed" "RFC 6638 §5";
    AttendeeAllowed               403 CALDAV "attendee-allowed" "draft-desruisseaux-caldav-sched-04";
    RecipientSpecified            403 CALDAV "recipient-specified" "draft-desruisseaux-caldav-sched-04";
    // Apple's extensions
    ValidServiceMethod            400 CALENDARSERVER "valid-method" "the reference system's time-zone service";
    SupportedServiceMethod        400 CALENDARSERVER "supported-method" "the reference system's time-zone service";
    ValidServiceTimezone          400 CALENDARSERVER "valid-timezone" "the reference system's time-zone service";
    TimezoneAvailable             404 CALENDARSERVER "timezone-available" "the reference system's time-zone service";
    ValidStartDate                400 CALENDARSERVER "valid-start-date" "the reference system's time-zone service";
    ValidEndDate                  400 CALENDARSERVER "valid-end-date" "the reference system's time-zone service";
    SupportedQueryParameter       406 CALENDARSERVER "supported-query-parameter" "the reference system's free-busy URL";
    SupportedFormat               406 CALENDARSERVER "supported-format" "the reference system's free-busy URL";
    ValidQueryParameters          400 CALENDARSERVER "valid-query-parameters" "the reference system's free-busy URL";
    ValidAccessRestriction        403 CALENDARSERVER "valid-access-restriction" "apple-caldav-privateevents §4.3";
    ValidAccessRestrictionChange  403 CALENDARSERVER "valid-access-restriction-change" "apple-caldav-privateevents §4.3";
    NoDuplicatePrivateComments    403 CALENDARSERVER "no-duplicate-private-comments" "apple-caldav-privatecomments §4.1.5";
    ValidRidParameter             403 CALDAV "valid-rid-parameter" "apple-caldav-recursplit §3";
    ValidActionParameter          403 CALDAV "valid-action-parameter" "RFC 8607 §3.11";
    ValidManagedIdParameter       403 CALDAV "valid-managed-id-parameter" "RFC 8607 §3.11";
    ValidManagedId                403 CALDAV "valid-managed-id" "RFC 8607 §3.11";
    MaxAttachmentSize             403 CALDAV "max-attachment-size" "RFC 8607 §3.11";
    MaxAttachmentsPerResource     403 CALDAV "max-attachments-per-resource" "RFC 8607 §3.11";
    ValidSplit                    403 CALENDARSERVER "valid-split" "apple-caldav-recursplit §3, which calls it invalid-split";
    NoAccessRestrictions          403 CALENDARSERVER "no-access-restrictions" "apple-caldav-privateevents §4.4";
}

/// What the precondition element holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Detail {
    /// An empty element.
    #[default]
    None,
    /// `DAV:href` children: already complete hrefs without the client's prefix.
    Hrefs(Vec<String>),
    /// `DAV:resource` children of need-privileges: path href and missing privilege.
    Privileges(Vec<(String, Name)>),
    /// Text, as in the limit that was exceeded.
    Text(String),
}

/// An answer that is not a success.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// The HTTP status code.
    pub status: u16,
    /// The element inside `DAV:error`, if a clause names one.
    pub precondition: Option<Precondition>,
    /// What that element holds.
    pub detail: Detail,
    /// One sentence for people.
    pub description: Option<String>,
    /// Header fields that go with the status (WWW-Authenticate, Allow, Retry-After, Location).
    pub headers: Vec<(&'static str, String)>,
    /// Whether the answer waits for its moment, so that its time does not tell what was found.
    pub unhurried: bool,
}

impl Error {
    /// A bare status.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            precondition: None,
            detail: Detail::None,
            description: None,
            headers: Vec::new(),
            unhurried: false,
        }
    }

    /// The same answer at a fixed time after the request, however soon it was known
    /// (`limits::REFUSAL_MS`): for refusals that must not tell whether there is something.
    pub fn unhurried(mut self) -> Self {
        self.unhurried = true;
        self
    }

    /// A sentence for people, kept beside whatever else is said.
    pub fn because(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// What the precondition element holds.
    pub fn holding(mut self, detail: Detail) -> Self {
        self.detail = detail;
        self
    }

    /// Another status than the table's, where a clause asks for it.
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// A header field that goes with the answer.
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// 400: the request cannot be understood.
    pub fn bad_request(description: impl Into<String>) -> Self {
        Self::status(400).because(description)
    }

    /// 404.
    pub fn not_found() -> Self {
        Self::status(404)
    }

    /// 412: a condition of the request does not hold.
    pub fn precondition_failed() -> Self {
        Self::status(412)
    }

    /// 500 with a reason for the log; the client is told nothing of it.
    pub fn internal(reason: impl fmt::Display) -> Self {
        tracing::error!(%reason, "internal error");
        Self::status(500)
    }
}

impl From<Precondition> for Error {
    fn from(precondition: Precondition) -> Self {
        let mut error = Self::status(precondition.status());
        error.precondition = Some(precondition);
        error
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if let Some(precondition) = self.precondition {
            write!(f, " {}", precondition.name())?;
        }
        if let Some(description) = &self.description {
            write!(f, ": {description}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
