//! What a pickle holds, and the property element it stands for.
//!
//! Values are kept in one list and name each other by position, because a pickle may name the same
//! value twice and add to it later.

use crate::dav::Name;
use crate::dav::name::{CALDAV, CALENDARSERVER, DAV, TWISTED};
use crate::limits;
use crate::xml::Element;

/// A place in [`Values`].
pub(super) type Id = usize;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    None,
    Number(i64),
    Text(String),
    /// Lists and tuples.
    List(Vec<Id>),
    Map(Vec<(Id, Id)>),
    Class {
        module: String,
        name: String,
    },
    Object {
        class: Id,
        state: Option<Id>,
    },
}

/// All values of one pickle.
#[derive(Debug, Default)]
pub(super) struct Values(Vec<Value>);

impl Values {
    pub(super) fn add(&mut self, value: Value) -> Id {
        self.0.push(value);
        self.0.len() - 1
    }

    pub(super) fn get(&self, id: Id) -> Option<&Value> {
        self.0.get(id)
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut Value> {
        self.0.get_mut(id)
    }

    fn text(&self, id: Id) -> Option<&str> {
        match self.get(id)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What an object's state says under a name.
    fn field(&self, state: Id, name: &str) -> Option<Id> {
        match self.get(state)? {
            Value::Map(pairs) => {
                let found = pairs.iter().rev().find(|(key, _)| self.text(*key) == Some(name));
                found.map(|(_, value)| *value)
            }
            // State of objects with slots: the dictionary comes first, if there is one.
            Value::List(parts) => parts.iter().find_map(|part| match self.get(*part) {
                Some(Value::Map(_)) => self.field(*part, name),
                _ => None,
            }),
            _ => None,
        }
    }

    /// The element of `name` that a pickled document or element stands for; none when it is
    /// anything else.
    pub(super) fn element(&self, root: Id, name: &Name) -> Option<Element> {
        let Value::Object { state, .. } = self.get(root)? else { return None };
        let root = state.and_then(|state| self.field(state, "root_element")).unwrap_or(root);
        let mut budget = limits::PROPERTY_BYTES;
        let mut element = self.build(root, 0, &mut budget)?;
        element.name = name.clone();
        Some(element)
    }

    fn build(&self, id: Id, depth: usize, budget: &mut usize) -> Option<Element> {
        if depth > limits::XML_DEPTH {
            return None;
        }
        let Value::Object { class, state } = self.get(id)? else { return None };
        let mut element = Element::new(self.element_name(*class, *state)?);
        *budget = budget.checked_sub(element.name.local.len() + 2)?;
        let Some(state) = *state else { return Some(element) };
        if let Some(Value::Map(pairs)) = self.field(state, "attributes").and_then(|a| self.get(a)) {
            for (key, value) in pairs {
                let (key, value) = (self.text(*key)?, self.text(*value)?);
                *budget = budget.checked_sub(key.len() + value.len() + 4)?;
                element = element.with_attribute(key, value);
            }
        }
        let children = self.field(state, "children").and_then(|children| self.get(children));
        let Some(Value::List(children)) = children else { return Some(element) };
        for child in children {
            let data = match self.get(*child)? {
                Value::Object { state: Some(state), .. } => self.field(*state, "data"),
                Value::Text(_) => Some(*child),
                _ => None,
            };
            element = match data.and_then(|data| self.text(data)) {
                Some(text) => {
                    *budget = budget.checked_sub(text.len())?;
                    element.with_text(text)
                }
                None => element.with_child(self.build(*child, depth + 1, budget)?),
            };
        }
        Some(element)
    }

    /// What element the objects of a class are. Elements without a class carry their name.
    fn element_name(&self, class: Id, state: Option<Id>) -> Option<Name> {
        let own = |field| state.and_then(|state| self.text(self.field(state, field)?));
        if let Some(local) = own("name") {
            return Some(Name::owned(own("namespace").unwrap_or_default(), local));
        }
        let Value::Class { module, name } = self.get(class)? else { return None };
        let namespace = match module.rsplit('.').next()? {
            "rfc2518" | "rfc3253" | "rfc3744" | "rfc4331" | "rfc5397" => DAV,
            "caldavxml" => CALDAV,
            "customxml" => CALENDARSERVER,
            "extensions" => TWISTED,
            _ => return None,
        };
        Some(Name::owned(namespace, local_name(name)))
    }
}

/// The element that a class of the reference system is named after: words with hyphens between
/// them, but for a few.
fn local_name(class: &str) -> String {
    const OTHERS: [(&str, &str); 10] = [
        ("HRef", "href"),
        ("ResourceType", "resourcetype"),
        ("DisplayName", "displayname"),
        ("LockDiscovery", "lockdiscovery"),
        ("CalendarComponent", "comp"),
        ("CalendarTimeZone", "calendar-timezone"),
        ("ScheduleDefaultCalendarURL", "schedule-default-calendar-URL"),
        ("ReadFreeBusy", "read-free-busy"),
        ("TwistedACLInheritable", "inheritable"),
        ("IScheduleInbox", "ischedule-inbox"),
    ];
    if let Some((_, local)) = OTHERS.iter().find(|(known, _)| *known == class) {
        return (*local).to_owned();
    }
    let letters: Vec<char> = class.chars().collect();
    let mut local = String::with_capacity(class.len() + 4);
    for (at, letter) in letters.iter().enumerate() {
        let lower = |at: Option<usize>| {
            at.and_then(|at| letters.get(at)).is_some_and(|letter| letter.is_lowercase())
        };
        // `ReadACL` is `read-acl`, `ACLRestrictions` is `acl-restrictions`.
        let begins = letter.is_uppercase() && (lower(at.checked_sub(1)) || lower(Some(at + 1)));
        if begins && at > 0 {
            local.push('-');
        }
        local.extend(letter.to_lowercase());
    }
    local
}

#[cfg(test)]
mod tests {
    use super::local_name;

    #[test]
    fn classes_are_elements() {
        for (class, local) in [
            ("HRef", "href"),
            ("ACL", "acl"),
            ("ReadACL", "read-acl"),
            ("ACLRestrictions", "acl-restrictions"),
            ("CalendarFreeBusySet", "calendar-free-busy-set"),
            ("WriteProperties", "write-properties"),
            ("ReadCurrentUserPrivilegeSet", "read-current-user-privilege-set"),
            ("CalendarComponent", "comp"),
            ("Opaque", "opaque"),
        ] {
            assert_eq!(local_name(class), local);
        }
    }
}
