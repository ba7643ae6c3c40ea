//! Partial retrieval (RFC 4791 §7.6): `comp`, `prop`, `allcomp`, `allprop`, `novalue`.

use super::ComponentSelection;
use crate::ical::{Component, Item};

impl ComponentSelection {
    /// Drops everything that was not asked for. What stays keeps its order and its bytes.
    pub fn apply(&self, component: &mut Component) {
        component.items_mut().retain_mut(|item| match item {
            Item::Property(property) => self.properties.as_ref().is_none_or(|wanted| {
                let found = wanted.iter().find(|wanted| wanted.name == property.name());
                if found.is_some_and(|wanted| wanted.no_value) {
                    property.set_value("");
                }
                found.is_some()
            }),
            Item::Component(inner) => self.components.as_ref().is_none_or(|wanted| {
                let found = wanted.iter().find(|wanted| wanted.name == inner.name());
                if let Some(wanted) = found {
                    wanted.apply(inner);
                }
                found.is_some()
            }),
        });
    }
}
