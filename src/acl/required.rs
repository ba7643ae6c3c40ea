//! THE table: what a method needs on which kind of resource (RFC 3744 appendix B, RFC 4791, RFC
//! 6638 §6). A pair that is not in it is refused, so a new kind begins with no access at all.

use super::privilege::Privilege as P;
use crate::dav::name::{CALDAV, DAV};
use crate::dav::{Method as M, Name, ResourceKind as K};

/// The privileges a request needs before its method runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// On the resource itself.
    pub target: &'static [P],
    /// On the collection it is (or would be) a member of.
    pub parent: &'static [P],
}

/// What the table says about a method on a kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Goes on, if these privileges are there.
    Needs(Need),
    /// Goes on, if one of these privileges is there on the resource itself: the method asks for the
    /// right one once it has read the body. The first is told to be missing where none is.
    NeedsOneOf(&'static [P]),
    /// The kind does not have this method (405, with Allow).
    NoMethod,
    /// The kind refuses it whoever asks (403).
    Refused,
}

const fn target(privileges: &'static [P]) -> Rule {
    Rule::Needs(Need { target: privileges, parent: &[] })
}

const fn parent(privileges: &'static [P]) -> Rule {
    Rule::Needs(Need { target: &[], parent: privileges })
}

const READ: Rule = target(&[P::Read]);
const SEND: &[P] = &[P::ScheduleSendFreebusy, P::ScheduleSendReply, P::ScheduleSendInvite];
const WRITE_PROPERTIES: Rule = target(&[P::WriteProperties]);

/// What `method` needs on a resource of this kind. `exists` tells whether the URL is mapped; where
/// it is not, `kind` is what the request would make there (a plain guess is good enough).
pub fn required(method: M, kind: K, exists: bool) -> Rule {
    match method {
        M::Options | M::Get | M::Head | M::Propfind if exists => READ,
        // Who may not see the collection must not learn what is in it.
        M::Options | M::Get | M::Head | M::Propfind => parent(&[P::Read]),
        M::Report => report(kind),
        M::Post => post(kind),
        M::Put => put(kind, exists),
        M::Delete => delete(kind),
        M::Proppatch => proppatch(kind),
        M::Mkcol => make(kind, exists),
        M::Mkcalendar => match (kind, exists) {
            // The precondition of RFC 4791 §5.3.1.1 is the method's to answer.
            (K::Inbox | K::Outbox | K::FreeBusyUrl | K::Timezones | K::TimezoneStd, _) => READ,
            _ => make(kind, exists),
        },
        M::Copy => match kind {
            K::Home | K::Inbox | K::Outbox | K::FreeBusyUrl | K::Notifications => Rule::Refused,
            kind if kind.in_home() => READ,
            _ => Rule::Refused,
        },
        M::Move => match kind {
            K::Home | K::Inbox | K::Outbox | K::FreeBusyUrl | K::Notifications => Rule::Refused,
            kind => remove(kind),
        },
        M::Lock => match kind {
            kind if !lockable(kind) => Rule::NoMethod,
            _ if exists => target(&[P::WriteContent]),
            _ => parent(&[P::Bind]),
        },
        // A lock's owner needs nothing more (RFC 3744 §3.5): the method decides.
        M::Unlock if lockable(kind) => READ,
        M::Unlock | M::Schedule => Rule::NoMethod,
        M::Acl => match kind {
            K::Home | K::FreeBusyUrl => Rule::NoMethod,
            kind if kind.in_home() => target(&[P::WriteAcl]),
            _ => Rule::NoMethod,
        },
    }
}

/// What is told to be missing where the actor may see neither the resource nor its collection: the
/// same whatever is there and whether anything is, so that refusals do not tell.
pub fn unseen(method: M) -> Need {
    let need = |target, parent| Need { target, parent };
    match method {
        M::Options | M::Get | M::Head | M::Propfind | M::Report | M::Copy => need(&[P::Read], &[]),
        M::Put | M::Lock => need(&[P::WriteContent], &[P::Bind]),
        M::Post | M::Unlock | M::Schedule => need(&[P::WriteContent], &[]),
        M::Delete | M::Move => need(&[P::Read], &[P::Unbind]),
        M::Mkcol | M::Mkcalendar => need(&[P::Read], &[P::Bind]),
        M::Proppatch => need(&[P::WriteProperties], &[]),
        M::Acl => need(&[P::WriteAcl], &[]),
    }
}

/// What writing to the destination of COPY and MOVE needs.
pub fn destination(method: M, exists: bool) -> Need {
    match (method, exists) {
        (M::Copy, true) => Need { target: &[P::WriteContent, P::WriteProperties], parent: &[] },
        (_, true) => Need { target: &[P::Read], parent: &[P::Bind, P::Unbind] },
        (_, false) => Need { target: &[], parent: &[P::Bind] },
    }
}

/// What a report needs on the resource it is asked of.
pub fn report_needs(report: &Name) -> &'static [P] {
    match (report.namespace.as_ref(), report.local.as_ref()) {
        (CALDAV, "free-busy-query") => &[P::ReadFreeBusy],
        (DAV, "acl-principal-prop-set") => &[P::ReadAcl],
        _ => &[P::Read],
    }
}

fn report(kind: K) -> Rule {
    match kind {
        K::Timezones | K::TimezoneStd | K::WellKnown | K::FreeBusyUrl | K::Control => {
            Rule::NoMethod
        }
        // `report_needs`, once the body is read: read-free-busy may be there without read.
        _ => target(&[]),
    }
}

fn post(kind: K) -> Rule {
    match kind {
        // Questions for busy times, what attendees say, what organizers say (RFC 6638 §6.2.2 to
        // §6.2.4). Which one it is stands in the body.
        K::Outbox => Rule::NeedsOneOf(SEND),
        // RFC 5995 and the reference system's bulk and split requests.
        K::Calendar | K::Collection => target(&[P::Bind]),
        K::CalendarObject => target(&[P::WriteContent]),
        K::Home | K::Inbox | K::FreeBusyUrl | K::Notifications => READ,
        K::Timezones | K::TimezoneStd => READ,
        // Nobody has it but administrators, who have everything.
        K::Control => target(&[P::All]),
        _ => Rule::NoMethod,
    }
}

fn put(kind: K, exists: bool) -> Rule {
    match kind {
        K::CalendarObject | K::InboxItem | K::PlainFile if exists => target(&[P::WriteContent]),
        K::CalendarObject | K::InboxItem | K::PlainFile => parent(&[P::Bind]),
        K::Calendar | K::Collection | K::Subscription if !exists => parent(&[P::Bind]),
        K::Root | K::FreeBusyUrl | K::Timezones | K::TimezoneStd => Rule::Refused,
        _ => Rule::Refused,
    }
}

fn delete(kind: K) -> Rule {
    match kind {
        K::Home | K::Inbox | K::Outbox | K::FreeBusyUrl | K::Notifications => Rule::Refused,
        kind => remove(kind),
    }
}

fn remove(kind: K) -> Rule {
    match kind {
        // RFC 3744 asks the collection only; a private event is out of reach altogether
        // (apple-caldav-privateevents §4.2.4).
        K::CalendarObject => Rule::Needs(Need { target: &[P::Read], parent: &[P::Unbind] }),
        kind if kind.in_home() => parent(&[P::Unbind]),
        _ => Rule::Refused,
    }
}

fn proppatch(kind: K) -> Rule {
    match kind {
        K::ProxyPrincipal => WRITE_PROPERTIES,
        kind if kind.in_home() => WRITE_PROPERTIES,
        _ => Rule::Refused,
    }
}

fn make(kind: K, exists: bool) -> Rule {
    match kind {
        K::FreeBusyUrl | K::Timezones | K::TimezoneStd => Rule::Refused,
        // A mapped URL is answered 405 (RFC 4918 §9.3.1) or resource-must-be-null (RFC 4791
        // §5.3.1), but only to those who could make something there.
        kind if kind.in_home() => parent(&[P::Bind]),
        _ if exists => READ,
        _ => Rule::Refused,
    }
}

fn lockable(kind: K) -> bool {
    matches!(kind, K::Calendar | K::CalendarObject | K::Collection | K::PlainFile)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_without_a_privilege() {
        let harmless = [M::Options, M::Get, M::Head, M::Propfind, M::Report, M::Copy, M::Unlock];
        for kind in K::ALL {
            for method in M::ALL {
                for exists in [true, false] {
                    let Rule::Needs(need) = required(*method, *kind, exists) else { continue };
                    let none = need.target.is_empty() && need.parent.is_empty();
                    assert!(!none || *method == M::Report, "{method} on {kind:?} needs nothing");
                    // Where nothing can be made, the methods refuse it themselves.
                    let taken = exists || !kind.may_be_missing();
                    if taken && matches!(method, M::Mkcol | M::Mkcalendar) {
                        continue;
                    }
                    if !harmless.contains(method) && !none && *method != M::Post {
                        let writes = |needed: &[P]| needed.iter().any(|one| *one != P::Read);
                        let writes = writes(need.target) || writes(need.parent);
                        assert!(writes, "{method} on {kind:?} needs only read");
                    }
                }
            }
        }
    }

    #[test]
    fn the_rows_people_ask_about() {
        for (method, kind, exists, rule) in [
            (M::Put, K::CalendarObject, false, parent(&[P::Bind])),
            (M::Put, K::CalendarObject, true, target(&[P::WriteContent])),
            (M::Delete, K::PlainFile, true, parent(&[P::Unbind])),
            (M::Mkcalendar, K::Calendar, false, parent(&[P::Bind])),
            (M::Proppatch, K::Principal, true, Rule::Refused),
            (M::Proppatch, K::ProxyPrincipal, true, target(&[P::WriteProperties])),
            (M::Acl, K::Home, true, Rule::NoMethod),
            (M::Acl, K::Calendar, true, target(&[P::WriteAcl])),
            (M::Get, K::CalendarObject, false, parent(&[P::Read])),
            (M::Post, K::Outbox, true, Rule::NeedsOneOf(SEND)),
            (M::Copy, K::Home, true, Rule::Refused),
            (M::Delete, K::Root, true, Rule::Refused),
        ] {
            assert_eq!(required(method, kind, exists), rule, "{method} {kind:?} {exists}");
        }
    }
}
