//! Which methods a resource answers: for OPTIONS, for 405 and for the Allow field.

use crate::dav::Method;
use crate::dav::kind::ResourceKind;

/// The methods of a resource of that kind, in the order of `Method::ALL`.
pub fn methods(kind: ResourceKind, exists: bool) -> Vec<Method> {
    Method::ALL.iter().copied().filter(|method| allows(kind, exists, *method)).collect()
}

/// The Allow field.
pub fn field(kind: ResourceKind, exists: bool) -> String {
    let names: Vec<&str> = methods(kind, exists).into_iter().map(Method::as_str).collect();
    names.join(", ")
}

/// Whether the method means anything for the kind. What only the server may do there is still a
/// method of the resource: it is answered with 403.
pub fn allows(kind: ResourceKind, exists: bool, method: Method) -> bool {
    use Method as M;
    use ResourceKind as Kind;
    if matches!(method, M::Options) {
        return true;
    }
    match kind {
        Kind::Timezones | Kind::TimezoneStd => matches!(method, M::Get | M::Head | M::Post),
        Kind::WellKnown => matches!(method, M::Get | M::Head | M::Propfind),
        _ if !exists => !matches!(method, M::Post) || kind == Kind::CalendarObject,
        _ => match method {
            M::Post => matches!(
                kind,
                Kind::Home
                    | Kind::Calendar
                    | Kind::CalendarObject
                    | Kind::Outbox
                    | Kind::FreeBusyUrl
            ),
            M::Mkcol | M::Mkcalendar => true,
            M::Lock | M::Unlock => kind.in_home(),
            M::Acl => kind.in_home() && !matches!(kind, Kind::Home | Kind::FreeBusyUrl),
            _ => true,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{allows, field};
    use crate::dav::Method;
    use crate::dav::kind::ResourceKind as Kind;

    #[test]
    fn what_each_kind_answers() {
        for (kind, method, answer) in [
            (Kind::Outbox, Method::Post, true),
            (Kind::Inbox, Method::Post, false),
            (Kind::Principal, Method::Lock, false),
            (Kind::Calendar, Method::Lock, true),
            (Kind::Timezones, Method::Put, false),
            (Kind::Principal, Method::Delete, true),
        ] {
            assert_eq!(allows(kind, true, method), answer, "{kind:?} {method}");
        }
        assert!(field(Kind::Calendar, true).starts_with("OPTIONS, GET, HEAD, POST, PUT"));
    }
}
