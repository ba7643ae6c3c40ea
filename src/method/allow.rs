//! Which methods a resource answers: for OPTIONS, for 405 and for the Allow field.

use crate::acl::required::{Rule, required};
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

/// Whether the kind has the method at all. What only the server may do there is still a method of
/// the resource: it is answered with 403.
pub fn allows(kind: ResourceKind, exists: bool, method: Method) -> bool {
    !matches!(required(method, kind, exists), Rule::NoMethod)
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
            (Kind::PlainFile, Method::Post, false),
            (Kind::Principal, Method::Lock, false),
            (Kind::Calendar, Method::Lock, true),
            (Kind::Timezones, Method::Lock, false),
            (Kind::Principal, Method::Delete, true),
        ] {
            assert_eq!(allows(kind, true, method), answer, "{kind:?} {method}");
        }
        assert!(field(Kind::Calendar, true).starts_with("OPTIONS, GET, HEAD, POST, "));
    }
}
