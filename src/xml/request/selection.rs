//! Which properties an answer shall hold: the part that PROPFIND and most reports share
//! (RFC 4918 §14.20, RFC 4791 §9.5).

use super::malformed;
use crate::dav::name::{CALDAV, DAV};
use crate::dav::{Name, Result};
use crate::xml::Element;

/// The properties asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Selection {
    /// Names of all properties.
    PropName,
    /// What `DAV:allprop` covers, and some more.
    AllProp {
        /// `DAV:include`.
        include: Vec<Name>,
    },
    /// These.
    Prop(Vec<Name>),
}

impl Selection {
    /// Reads the child of `root` that selects; `None` when there is none.
    pub fn read(root: &Element) -> Result<Option<Self>> {
        let choices = ["prop", "propname", "allprop"];
        let mut found: Option<&Element> = None;
        for element in root.elements() {
            if element.name.namespace == DAV && choices.contains(&element.name.local.as_ref()) {
                if found.is_some() {
                    return Err(malformed("more than one of prop, propname and allprop"));
                }
                found = Some(element);
            }
        }
        let include = root.child(DAV, "include");
        Ok(match found {
            None if include.is_some() => return Err(malformed("include without allprop")),
            None => None,
            Some(element) if element.name.local == "prop" => Some(Self::Prop(names(element))),
            Some(element) if element.name.local == "propname" => Some(Self::PropName),
            Some(_) => Some(Self::AllProp { include: include.map(names).unwrap_or_default() }),
        })
    }

    /// Reads the selection of a report in which it may be missing: then nothing is asked for.
    pub fn of_report(root: &Element) -> Result<Self> {
        Ok(Self::read(root)?.unwrap_or(Self::Prop(Vec::new())))
    }

    /// The names asked for one by one.
    pub fn names(&self) -> &[Name] {
        match self {
            Self::PropName => &[],
            Self::AllProp { include } => include,
            Self::Prop(names) => names,
        }
    }

    /// Whether a property is asked for by name.
    pub fn asks_for(&self, name: &Name) -> bool {
        self.names().contains(name)
    }
}

/// The names of the child elements, each once, in order.
pub(super) fn names(parent: &Element) -> Vec<Name> {
    let mut seen = std::collections::HashSet::new();
    parent
        .elements()
        .map(|element| &element.name)
        .filter(|name| seen.insert((*name).clone()))
        .cloned()
        .collect()
}

/// The `CALDAV:calendar-data` asked for, with the parts it is restricted to (RFC 4791 §9.6).
pub(super) fn calendar_data(root: &Element) -> Option<Element> {
    root.child(DAV, "prop")?.child(CALDAV, "calendar-data").cloned()
}
