//! Tree to JSON (RFC 7265 §3).

use serde_json::{Map, Value};

use super::{default_type, is_list, value};
use crate::ical::component::Component;
use crate::ical::property::Property;
use crate::ical::scan::is_name;
use crate::ical::value::text;

/// The component as `[name, properties, components]`.
///
/// Recursive: the parser bounds how deep components lie in each other.
pub fn to_json(component: &Component) -> Value {
    let properties: Vec<Value> = component.properties().map(property).collect();
    let components: Vec<Value> = component.components().map(to_json).collect();
    Value::Array(vec![
        component.name().to_ascii_lowercase().into(),
        properties.into(),
        components.into(),
    ])
}

fn property(property: &Property) -> Value {
    let kind = kind(property);
    let mut array = vec![
        property.name().to_ascii_lowercase().into(),
        Value::Object(parameters(property)),
        kind.as_str().into(),
    ];
    let raw = property.value();
    match property.name() {
        "GEO" if kind == "float" => {
            let parts: Vec<Value> = raw.split(';').map(|p| value::to_json(&kind, p)).collect();
            array.push(parts.into());
        }
        "REQUEST-STATUS" if kind == "text" => {
            let parts: Vec<Value> =
                text::split(raw, ';').map(|p| value::to_json(&kind, p)).collect();
            array.push(parts.into());
        }
        name if is_list(name) => {
            array.extend(text::split(raw, ',').map(|piece| value::to_json(&kind, piece)));
        }
        _ => array.push(value::to_json(&kind, raw)),
    }
    Value::Array(array)
}

/// VALUE, the default, or what the value obviously is where clients forget to say.
fn kind(property: &Property) -> String {
    // What is no name names no type, and UNKNOWN is none that text has (RFC 7265 §5.1).
    let is_type = |value: &&str| is_name(value) && !value.eq_ignore_ascii_case("UNKNOWN");
    if let Some(value) = property.param("VALUE").filter(is_type) {
        return value.to_ascii_lowercase();
    }
    kind_without_value(property).to_owned()
}

/// The type of a value whose line does not say: the default, or what the value obviously is.
pub(super) fn kind_without_value(property: &Property) -> &'static str {
    let raw = property.value();
    match default_type(property.name()) {
        "date-time" if raw.contains('/') => "period",
        "date-time" if raw.split(',').all(is_date) => "date",
        "duration" if raw.starts_with(|c: char| c.is_ascii_digit()) => "date-time",
        known => known,
    }
}

fn parameters(property: &Property) -> Map<String, Value> {
    let mut object = Map::new();
    for parameter in property.params().iter().filter(|parameter| parameter.name != "VALUE") {
        let mut values: Vec<Value> = Vec::new();
        let name = parameter.name.to_ascii_lowercase();
        if let Some(earlier) = object.remove(&name) {
            match earlier {
                Value::Array(earlier) => values.extend(earlier),
                earlier => values.push(earlier),
            }
        }
        values.extend(parameter.values.iter().map(|value| value.as_str().into()));
        let value = if values.len() == 1 { values.remove(0) } else { values.into() };
        object.insert(name, value);
    }
    object
}

fn is_date(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit())
}
