//! THE table of reports by resource kind: `DAV:supported-report-set` shows it and REPORT obeys it
//! (RFC 3253 §3.1.5).

use crate::dav::Name;
use crate::dav::kind::ResourceKind as Kind;

/// On every resource.
const EVERYWHERE: [Name; 6] = [
    Name::dav("acl-principal-prop-set"),
    Name::dav("principal-match"),
    Name::dav("principal-property-search"),
    Name::dav("expand-property"),
    Name::caldav("calendar-query"),
    Name::caldav("calendar-multiget"),
];

/// The reports of a resource of that kind.
pub fn reports(kind: Kind) -> Vec<Name> {
    let mut all = EVERYWHERE.to_vec();
    all.push(Name::calendarserver("calendarserver-principal-search"));
    if kind.is_collection() && !matches!(kind, Kind::Inbox | Kind::Outbox) {
        all.push(Name::caldav("free-busy-query"));
    }
    if is_principal_collection(kind) {
        all.push(Name::dav("principal-search-property-set"));
    }
    if is_synchronised(kind) {
        all.push(Name::dav("sync-collection"));
    }
    all
}

/// Whether a resource of that kind answers the report.
pub fn supports(kind: Kind, report: &Name) -> bool {
    reports(kind).contains(report)
}

/// Whether principals lie in it or below it.
pub fn is_principal_collection(kind: Kind) -> bool {
    matches!(kind, Kind::PrincipalsRoot | Kind::PrincipalType | Kind::PrincipalUids)
}

/// Whether it has a sync token (RFC 6578 §4).
pub fn is_synchronised(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Home | Kind::Calendar | Kind::Inbox | Kind::Notifications | Kind::Collection
    )
}
