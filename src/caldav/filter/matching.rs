//! Applies a filter to one object (RFC 4791 §9.7, §9.9).
//!
//! A time range and the conditions beside it must hold for the same component: a changed instance
//! is found by its own summary at its own time, not by the master's.

use super::{ComponentFilter, Filter, ParameterFilter, PropertyFilter, Test};
use crate::caldav::instances::{self, Moment};
use crate::caldav::{TimeRange, availability};
use crate::ical::timezone::Zones;
use crate::ical::{Component, DateOrTime, Property};

impl Filter {
    /// Whether the object satisfies the filter. `zones` say what floating times mean.
    pub fn matches(&self, calendar: &Component, zones: &Zones) -> bool {
        let subject = Subject { calendar, zones };
        let top = &self.calendar;
        if top.absent {
            return false;
        }
        let conditions = top.properties.iter().map(Condition::Property);
        let conditions = conditions.chain(top.components.iter().map(Condition::Component));
        top.test.holds(conditions, |condition| match condition {
            Condition::Property(filter) => subject.property(filter, calendar, None),
            Condition::Component(filter) => subject.main_component(filter),
        })
    }
}

enum Condition<'a> {
    Property(&'a PropertyFilter),
    Component(&'a ComponentFilter),
}

struct Subject<'a> {
    calendar: &'a Component,
    zones: &'a Zones,
}

/// A main component with its number, by which instances name it.
type Numbered<'a> = (usize, &'a Component);

impl Subject<'_> {
    fn main_component(&self, filter: &ComponentFilter) -> bool {
        let named: Vec<&Component> = self.calendar.components_named(&filter.name).collect();
        if filter.absent || named.is_empty() {
            return filter.absent == named.is_empty();
        }
        let numbers: Vec<Numbered<'_>> = self
            .calendar
            .main_components()
            .enumerate()
            .filter(|(_, component)| component.name() == filter.name)
            .collect();
        if numbers.is_empty() {
            // VTIMEZONE: no instances, and no time range either.
            return named.iter().any(|component| self.inside(filter, component, None, false));
        }
        let Some(range) = filter.time_range else {
            return numbers.iter().any(|(n, c)| self.inside(filter, c, Some(*n), false));
        };
        // The conditions that need no expansion first; then one expansion for all that are left.
        let (mut fitting, rest): (Vec<_>, Vec<_>) =
            numbers.iter().partition(|(n, c)| self.inside(filter, c, Some(*n), true));
        if filter.test == Test::AnyOf {
            if has_conditions(filter) && !fitting.is_empty() {
                return true;
            }
            fitting.extend(rest);
        }
        self.takes_place(&fitting, range)
    }

    /// The conditions inside a component, without its own time range; `beside` says that there is
    /// one, so that having no other condition does not make `anyof` hold.
    fn inside(
        &self,
        filter: &ComponentFilter,
        component: &Component,
        number: Option<usize>,
        beside: bool,
    ) -> bool {
        if beside && filter.test == Test::AnyOf && !has_conditions(filter) {
            return false;
        }
        let conditions = filter.properties.iter().map(Condition::Property);
        let conditions = conditions.chain(filter.components.iter().map(Condition::Component));
        filter.test.holds(conditions, |condition| match condition {
            Condition::Property(filter) => self.property(filter, component, number),
            Condition::Component(filter) => self.inner_component(filter, component, number),
        })
    }

    /// VALARM, AVAILABLE, STANDARD and the like.
    fn inner_component(
        &self,
        filter: &ComponentFilter,
        outer: &Component,
        number: Option<usize>,
    ) -> bool {
        let mut named = outer.components_named(&filter.name).peekable();
        if filter.absent {
            // An override without alarms does not make a series with alarms one without.
            let lacks = |c: &Component| c.components_named(&filter.name).next().is_none();
            return lacks(outer) && self.calendar.master().is_none_or(lacks);
        }
        if named.peek().is_none() {
            return false;
        }
        named.any(|component| {
            let inside = || self.inside(filter, component, None, filter.time_range.is_some());
            let Some(range) = filter.time_range else { return inside() };
            let timed = || match (component.name(), number) {
                ("VALARM", Some(number)) => self.rings((number, outer), component, range),
                ("AVAILABLE", _) => availability::is_available_in(component, self.zones, range),
                _ => false,
            };
            match filter.test {
                Test::AllOf => inside() && timed(),
                Test::AnyOf => inside() || timed(),
            }
        })
    }

    /// Whether an instance of one of these components overlaps the range (§9.9).
    fn takes_place(&self, components: &[Numbered<'_>], range: TimeRange) -> bool {
        let mut recurring: Vec<Numbered<'_>> = Vec::new();
        for &(number, component) in components {
            let overlaps = match component.name() {
                "VFREEBUSY" => instances::free_busy_overlaps(component, self.zones, range),
                "VAVAILABILITY" => availability::overlaps(component, self.zones, range),
                "VTODO" if !component.has("DTSTART") => {
                    range.overlaps_todo(instances::todo_without_start(component, self.zones))
                        || instances::recurring_due_overlaps(component, self.zones, range)
                }
                _ => {
                    recurring.push((number, component));
                    false
                }
            };
            if overlaps {
                return true;
            }
        }
        !recurring.is_empty()
            && instances::any(self.calendar, self.zones, range, |instance| {
                recurring
                    .iter()
                    .find(|(number, _)| *number == instance.component)
                    .is_some_and(|(_, component)| instances::overlaps(component, instance, range))
            })
    }

    /// Whether an alarm of the component goes off in the range.
    fn rings(&self, (number, outer): Numbered<'_>, alarm: &Component, range: TimeRange) -> bool {
        let Some(triggers) = instances::Triggers::of(alarm, self.zones) else { return false };
        if let Some(instant) = triggers.absolute {
            return triggers.times(instant).any(|instant| range.has(instant));
        }
        if outer.name() == "VTODO" && !outer.has("DTSTART") {
            let Some(due) = instances::moment_of(outer, "DUE", self.zones) else { return false };
            return triggers.times(due).any(|instant| range.has(instant));
        }
        let window = triggers.window(range);
        instances::any(self.calendar, self.zones, window, |instance| {
            let anchor = match triggers.related {
                Moment::Start => instance.start,
                Moment::End => instance.end,
            };
            instance.component == number && triggers.times(anchor).any(|at| range.has(at))
        })
    }

    fn property(
        &self,
        filter: &PropertyFilter,
        component: &Component,
        number: Option<usize>,
    ) -> bool {
        let present = component.has(&filter.name);
        if filter.absent {
            return !present;
        }
        let others = filter.text.is_some() || !filter.parameters.is_empty();
        let said = || component.properties_named(&filter.name).any(|p| says(filter, p, component));
        let Some(range) = filter.time_range else { return present && said() };
        let timed = || self.property_time(&filter.name, component, number, range);
        match filter.test {
            Test::AllOf => timed() && (!others || said()),
            Test::AnyOf => timed() || (others && said()),
        }
    }

    /// A time range on a property; DTSTART, DTEND and DUE are those of every instance, also where
    /// DURATION stands instead of them.
    fn property_time(
        &self,
        name: &str,
        component: &Component,
        number: Option<usize>,
        range: TimeRange,
    ) -> bool {
        let moment = match (name, component.name()) {
            ("DTSTART", "VEVENT" | "VTODO" | "VJOURNAL") => Some(Moment::Start),
            ("DTEND", "VEVENT") | ("DUE", "VTODO") => Some(Moment::End),
            _ => None,
        };
        let implied = component.has("DURATION") || component.has(name);
        match (moment, number) {
            (Some(moment), Some(number)) if component.has("DTSTART") && implied => {
                // An end that lies exactly at the start of the range counts (§9.9).
                let window = instances::widened(range);
                instances::any(self.calendar, self.zones, window, |instance| {
                    let at = match moment {
                        Moment::Start => instance.start,
                        Moment::End => instance.end,
                    };
                    instance.component == number && range.has(at)
                })
            }
            _ => component.properties_named(name).any(|property| {
                DateOrTime::from_property(property)
                    .is_ok_and(|value| range.has(self.zones.to_utc(&value)))
            }),
        }
    }
}

fn has_conditions(filter: &ComponentFilter) -> bool {
    !filter.properties.is_empty() || !filter.components.is_empty()
}

/// Text and parameter conditions on one property. A negated one must hold for every property of
/// that name which the others select, so that one line of two values and two lines of one value
/// are answered alike.
fn says(filter: &PropertyFilter, property: &Property, component: &Component) -> bool {
    let conditions = filter.text.iter().map(Said::Text);
    let conditions: Vec<Said<'_>> =
        conditions.chain(filter.parameters.iter().map(Said::Parameter)).collect();
    if filter.test == Test::AnyOf {
        return Test::AnyOf.holds(&conditions, |condition| condition.holds(property));
    }
    let selects = |property: &Property| {
        conditions.iter().filter(|c| !c.is_negated()).all(|c| c.holds(property))
    };
    let negated: Vec<&Said<'_>> = conditions.iter().filter(|c| c.is_negated()).collect();
    selects(property)
        && (negated.is_empty()
            || component
                .properties_named(&filter.name)
                .filter(|other| selects(other))
                .all(|other| negated.iter().all(|condition| condition.holds(other))))
}

enum Said<'a> {
    Text(&'a super::TextMatch),
    Parameter(&'a ParameterFilter),
}

impl Said<'_> {
    fn is_negated(&self) -> bool {
        match self {
            Self::Text(text) => text.negated,
            Self::Parameter(filter) => filter.text.as_ref().is_some_and(|text| text.negated),
        }
    }

    fn holds(&self, property: &Property) -> bool {
        match self {
            Self::Text(text) => {
                let found = text.found_in(&property.text())
                    || text.found_in(property.value())
                    || property.text_list().iter().any(|value| text.found_in(value));
                found != text.negated
            }
            Self::Parameter(filter) => {
                let mut values = property.param_values(&filter.name).peekable();
                if filter.absent || values.peek().is_none() {
                    return filter.absent == values.peek().is_none();
                }
                filter
                    .text
                    .as_ref()
                    .is_none_or(|text| values.any(|value| text.found_in(value)) != text.negated)
            }
        }
    }
}
