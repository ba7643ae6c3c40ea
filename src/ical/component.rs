//! A component (RFC 5545 §3.6): properties and sub-components in source order, and the
//! conveniences that only make sense on a whole calendar object.

use std::hash::{Hash, Hasher};

use bytes::Bytes;

use super::property::Property;

/// A child of a component.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Item {
    /// A content line.
    Property(Property),
    /// A nested component.
    Component(Component),
}

/// A component with everything in it.
#[derive(Clone, Debug)]
pub struct Component {
    name: String,
    items: Vec<Item>,
    /// The BEGIN and END lines as read.
    pub(super) begin: Option<Bytes>,
    pub(super) end: Option<Bytes>,
}

impl PartialEq for Component {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.items == other.items
    }
}

impl Eq for Component {}

impl Hash for Component {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.items.hash(state);
    }
}

impl Component {
    /// An empty component.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_ascii_uppercase(), items: Vec::new(), begin: None, end: None }
    }

    /// Whether both are written as the same bytes, as far as can be told without writing them.
    pub fn is_written_like(&self, other: &Self) -> bool {
        let alike = |(one, other): (&Item, &Item)| match (one, other) {
            (Item::Property(one), Item::Property(other)) => one.is_written_like(other),
            (Item::Component(one), Item::Component(other)) => one.is_written_like(other),
            _ => false,
        };
        (&self.name, &self.begin, &self.end) == (&other.name, &other.begin, &other.end)
            && self.items.len() == other.items.len()
            && self.items.iter().zip(&other.items).all(alike)
    }

    /// Upper-case name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Properties and components in source order.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The children, for free editing.
    pub fn items_mut(&mut self) -> &mut Vec<Item> {
        &mut self.items
    }

    /// Properties in source order.
    pub fn properties(&self) -> impl DoubleEndedIterator<Item = &Property> {
        self.items.iter().filter_map(|item| match item {
            Item::Property(property) => Some(property),
            Item::Component(_) => None,
        })
    }

    /// Properties in source order, changeable.
    pub fn properties_mut(&mut self) -> impl Iterator<Item = &mut Property> {
        self.items.iter_mut().filter_map(|item| match item {
            Item::Property(property) => Some(property),
            Item::Component(_) => None,
        })
    }

    /// Direct sub-components in source order.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &Component> {
        self.items.iter().filter_map(|item| match item {
            Item::Component(component) => Some(component),
            Item::Property(_) => None,
        })
    }

    /// Direct sub-components, changeable.
    pub fn components_mut(&mut self) -> impl Iterator<Item = &mut Component> {
        self.items.iter_mut().filter_map(|item| match item {
            Item::Component(component) => Some(component),
            Item::Property(_) => None,
        })
    }

    /// Direct sub-components of one name (upper case).
    pub fn components_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Component> {
        self.components().filter(move |component| component.name == name)
    }

    /// The first property of that name (upper case).
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties().find(|property| property.name() == name)
    }

    /// The first property of that name, changeable.
    pub fn property_mut(&mut self, name: &str) -> Option<&mut Property> {
        self.properties_mut().find(|property| property.name() == name)
    }

    /// Every property of that name.
    pub fn properties_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Property> {
        self.properties().filter(move |property| property.name() == name)
    }

    /// Every property of that name, changeable.
    pub fn properties_named_mut<'a>(
        &'a mut self,
        name: &'a str,
    ) -> impl Iterator<Item = &'a mut Property> {
        self.properties_mut().filter(move |property| property.name() == name)
    }

    /// Whether there is a property of that name.
    pub fn has(&self, name: &str) -> bool {
        self.property(name).is_some()
    }

    /// The raw value of the first property of that name.
    pub fn value_of(&self, name: &str) -> Option<&str> {
        self.property(name).map(Property::value)
    }

    /// The unescaped TEXT of the first property of that name.
    pub fn text_of(&self, name: &str) -> Option<String> {
        self.property(name).map(Property::text)
    }

    /// Puts the property in place of the first one of its name and drops further ones; a new
    /// name goes after the last property.
    pub fn set(&mut self, property: Property) {
        let named = |item: &Item| matches!(item, Item::Property(p) if p.name() == property.name());
        let Some(at) = self.items.iter().position(named) else {
            self.push(property);
            return;
        };
        let mut index = 0;
        self.items.retain(|item| {
            index += 1;
            index <= at + 1 || !named(item)
        });
        if self.items[at] != Item::Property(property.clone()) {
            self.items[at] = Item::Property(property);
        }
    }

    /// Adds a property after the last one, before the sub-components that follow.
    pub fn push(&mut self, property: Property) {
        let last = self.items.iter().rposition(|item| matches!(item, Item::Property(_)));
        self.items.insert(last.map_or(0, |at| at + 1), Item::Property(property));
    }

    /// Adds a sub-component at the end.
    pub fn push_component(&mut self, component: Component) {
        self.items.push(Item::Component(component));
    }

    /// Removes every property of that name; tells whether there was one.
    pub fn remove_properties(&mut self, name: &str) -> bool {
        let before = self.items.len();
        self.retain_properties(|property| property.name() != name);
        self.items.len() != before
    }

    /// Keeps only the properties that `keep` likes; sub-components stay.
    pub fn retain_properties(&mut self, mut keep: impl FnMut(&Property) -> bool) {
        self.items.retain(|item| match item {
            Item::Property(property) => keep(property),
            Item::Component(_) => true,
        });
    }

    /// Keeps only the direct sub-components that `keep` likes; properties stay.
    pub fn retain_components(&mut self, mut keep: impl FnMut(&Component) -> bool) {
        self.items.retain(|item| match item {
            Item::Component(component) => keep(component),
            Item::Property(_) => true,
        });
    }

    /// Whether this is the time-zone definition of an object and not what the object is about.
    pub fn is_timezone(&self) -> bool {
        self.name == "VTIMEZONE"
    }

    /// On a VCALENDAR: the components it is about, all but VTIMEZONE.
    pub fn main_components(&self) -> impl DoubleEndedIterator<Item = &Component> {
        self.components().filter(|component| !component.is_timezone())
    }

    /// On a VCALENDAR: the components it is about, changeable.
    pub fn main_components_mut(&mut self) -> impl Iterator<Item = &mut Component> {
        self.components_mut().filter(|component| !component.is_timezone())
    }

    /// On a VCALENDAR: the UID of the first main component that has one.
    pub fn uid(&self) -> Option<&str> {
        self.main_components().find_map(|component| component.value_of("UID"))
    }

    /// On a VCALENDAR: the name of the first main component, such as VEVENT.
    pub fn main_kind(&self) -> Option<&str> {
        self.main_components().next().map(Component::name)
    }

    /// On a VCALENDAR: the first main component without RECURRENCE-ID.
    pub fn master(&self) -> Option<&Component> {
        self.main_components().find(|component| !component.has("RECURRENCE-ID"))
    }

    /// On a VCALENDAR: the first main component without RECURRENCE-ID, changeable.
    pub fn master_mut(&mut self) -> Option<&mut Component> {
        self.main_components_mut().find(|component| !component.has("RECURRENCE-ID"))
    }

    /// On a VCALENDAR: main components with RECURRENCE-ID.
    pub fn overrides(&self) -> impl Iterator<Item = &Component> {
        self.main_components().filter(|component| component.has("RECURRENCE-ID"))
    }

    /// On a VCALENDAR: the time-zone definitions.
    pub fn timezones(&self) -> impl Iterator<Item = &Component> {
        self.components().filter(|component| component.is_timezone())
    }
}
