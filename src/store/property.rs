//! Changes of dead properties, and those properties that the store keeps for itself.

use std::sync::Arc;

use crate::dav::Name;
use crate::index::{CollectionKind, PropertySet};

/// Written on collections so that a home can be read again from its files alone.
pub(super) const RESOURCE_TYPE: Name = Name::dav("resourcetype");

/// What is to change in a resource's dead properties.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PropertyChanges {
    /// New values: the XML of the whole element, self-contained.
    pub set: Vec<(Name, String)>,
    /// Properties to remove; those that are not there do not matter.
    pub remove: Vec<Name>,
}

impl PropertyChanges {
    /// No change.
    pub fn none() -> Self {
        Self::default()
    }

    /// Also sets a property.
    pub fn with(mut self, name: Name, xml: impl Into<String>) -> Self {
        self.set.push((name, xml.into()));
        self
    }

    /// Also removes a property.
    pub fn without(mut self, name: Name) -> Self {
        self.remove.push(name);
        self
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }

    /// The properties after the changes.
    pub(super) fn apply(&self, before: &Arc<PropertySet>) -> Arc<PropertySet> {
        if self.is_empty() {
            return before.clone();
        }
        let mut after = (**before).clone();
        for name in &self.remove {
            after.remove(name);
        }
        for (name, xml) in &self.set {
            after.set(name.clone(), Arc::from(xml.as_str()));
        }
        after.shared()
    }
}

/// The stored form of a collection's kind.
pub(super) fn resource_type(kind: CollectionKind) -> String {
    let inner = match kind {
        CollectionKind::Calendar => "<C:calendar/>",
        CollectionKind::Inbox => "<C:schedule-inbox/>",
        CollectionKind::Outbox => "<C:schedule-outbox/>",
        CollectionKind::Plain | CollectionKind::Home => "",
    };
    format!(
        "<resourcetype xmlns=\"DAV:\" xmlns:C=\"urn:ietf:params:xml:ns:caldav\">\
         <collection/>{inner}</resourcetype>"
    )
}

/// Reads a collection's kind back from whatever wrote it.
pub(super) fn kind_of(resource_type: &str) -> CollectionKind {
    let has = |local: &str| {
        resource_type.split('<').any(|tag| {
            let name = tag.split(|c: char| c.is_whitespace() || c == '/' || c == '>').next();
            name.and_then(|name| name.rsplit(':').next()) == Some(local)
        })
    };
    if has("schedule-inbox") {
        CollectionKind::Inbox
    } else if has("schedule-outbox") {
        CollectionKind::Outbox
    } else if has("calendar") {
        CollectionKind::Calendar
    } else {
        CollectionKind::Plain
    }
}

#[cfg(test)]
mod tests {
    use super::{kind_of, resource_type};
    use crate::index::CollectionKind::{Calendar, Inbox, Outbox, Plain};

    #[test]
    fn kinds_come_back() {
        for kind in [Calendar, Inbox, Outbox, Plain] {
            assert_eq!(kind_of(&resource_type(kind)), kind);
        }
        let foreign = "<x:resourcetype xmlns:x='DAV:'><x:collection/>\
                       <calendar xmlns='urn:ietf:params:xml:ns:caldav'/></x:resourcetype>";
        assert_eq!(kind_of(foreign), Calendar);
    }
}
