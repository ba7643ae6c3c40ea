//! JSON to tree (RFC 7265 §4).

use serde_json::Value;

use super::write::kind_without_value;
use super::{JcalError, default_type, value};
use crate::ical::component::Component;
use crate::ical::parameter::Parameter;
use crate::ical::property::Property;
use crate::ical::scan::is_name;
use crate::limits;

/// The vcalendar in a JSON value.
pub fn from_json(json: &Value) -> Result<Component, JcalError> {
    let mut reader = Reader { components: 0, path: Vec::new() };
    let calendar = reader.component(json)?;
    match calendar.name() {
        "VCALENDAR" => Ok(calendar),
        _ => Err(reader.fail("not a vcalendar")),
    }
}

struct Reader {
    components: usize,
    path: Vec<String>,
}

impl Reader {
    fn fail(&self, reason: &str) -> JcalError {
        JcalError { path: self.path.join("/"), reason: reason.to_owned() }
    }

    /// Recursive, down to the depth that the parser of text allows too.
    fn component(&mut self, json: &Value) -> Result<Component, JcalError> {
        self.components += 1;
        if self.components > limits::COMPONENTS || self.path.len() >= limits::COMPONENT_DEPTH {
            return Err(self.fail("more components than this server reads"));
        }
        let parts = json.as_array().map(Vec::as_slice);
        let Some([Value::String(name), Value::Array(properties), Value::Array(components)]) = parts
        else {
            return Err(self.fail("a component is [name, [properties], [components]]"));
        };
        if !is_name(name) {
            return Err(self.fail("a component with an improper name"));
        }
        self.path.push(name.clone());
        let mut component = Component::new(name);
        for json in properties {
            component.push(self.property(json)?);
        }
        for json in components {
            let child = self.component(json)?;
            if child.name() == "VCALENDAR" {
                return Err(self.fail("a vcalendar inside another component"));
            }
            component.push_component(child);
        }
        self.path.pop();
        Ok(component)
    }

    fn property(&mut self, json: &Value) -> Result<Property, JcalError> {
        let parts = json.as_array().map(Vec::as_slice);
        let Some(
            [Value::String(name), Value::Object(parameters), Value::String(kind), values @ ..],
        ) = parts
        else {
            return Err(self.fail("a property is [name, {parameters}, type, value…]"));
        };
        let reserved = ["begin", "end"].iter().any(|word| name.eq_ignore_ascii_case(word));
        if !is_name(name) || !is_name(kind) || values.is_empty() || reserved {
            return Err(self.fail("a property without proper name, type and value"));
        }
        self.path.push(name.clone());
        let kind = kind.to_ascii_lowercase();
        let pieces: Option<Vec<String>> = values.iter().map(|json| piece(&kind, json)).collect();
        let pieces = pieces.ok_or_else(|| self.fail("a value that is not of its type"))?;
        let value = pieces.join(",");
        if value.contains('\0') {
            return Err(self.fail("a NUL character"));
        }
        let mut property = Property::new(name, &value);
        let expected = [default_type(property.name()), kind_without_value(&property)];
        if kind != "unknown" && expected.iter().any(|expected| *expected != kind) {
            property = property.with_param("VALUE", &kind.to_ascii_uppercase());
        }
        for (name, json) in parameters {
            let values: Option<Vec<String>> = match json {
                Value::Array(all) => all.iter().map(plain).collect(),
                one => plain(one).map(|value| vec![value]),
            };
            let values = values.filter(|values| !values.is_empty() && is_name(name));
            let values = values.ok_or_else(|| self.fail("an improper parameter"))?;
            if values.iter().any(|value| value.contains('\0')) {
                return Err(self.fail("a NUL character"));
            }
            property.add_param(Parameter { name: name.to_ascii_uppercase(), values });
        }
        self.path.pop();
        Ok(property)
    }
}

fn plain(json: &Value) -> Option<String> {
    json.as_str().map(str::to_owned)
}

/// One value; GEO and REQUEST-STATUS are arrays whose parts stand between semicolons.
fn piece(kind: &str, json: &Value) -> Option<String> {
    match json {
        Value::Array(parts) if kind != "period" => {
            let parts: Option<Vec<String>> =
                parts.iter().map(|part| value::from_json(kind, part)).collect();
            Some(parts?.join(";"))
        }
        json => value::from_json(kind, json),
    }
}
