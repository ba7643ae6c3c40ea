//! `DAV:expand-property` (RFC 3253 §3.8): hrefs in properties are replaced by what the resources
//! they point to say; what those say may be expanded in turn. Levels, hrefs and properties are
//! bounded, since every level multiplies the work.

use super::super::context::Context;
use super::only_depth_zero;
use crate::acl::Privilege;
use crate::dav::name::DAV;
use crate::dav::{Error, Name, Response, Result};
use crate::limits;
use crate::resource::Resource;
use crate::resource::property::{Answer, View, answer, live};
use crate::xml::multistatus::{Propstats, write_response};
use crate::xml::request::expand_property::{ExpandProperty, Expansion};
use crate::xml::{Element, MEDIA_TYPE, Multistatus, Writer, parse};

/// A property that is text for people wherever it is (RFC 4918 §15.2): it holds no hrefs, so a
/// request that wants them followed, inside an expansion, is not meant for this server. The
/// reference system answers so to every expansion inside another one, and its scripts ask for it.
const TEXT: Name = Name::dav("displayname");

/// Answers the report.
pub fn run(context: &Context, view: &View, root: &Element) -> Result<Response> {
    only_depth_zero(context)?;
    let body = ExpandProperty::read(root)?;
    check(&body.properties, 1)?;
    let mut expander = Expander {
        context,
        view,
        hrefs: limits::EXPANDED_HREFS,
        properties: limits::EXPANDED_PROPERTIES,
    };
    let told = expander.ask(&context.resource, &body.properties)?;
    let mut bytes = Vec::new();
    let mut answer = Multistatus::begin(&mut bytes);
    let written =
        answer.response(&context.href(&context.resource), |propstats| told.write(propstats));
    written.and_then(|()| answer.finish()).map_err(Error::internal)?;
    Ok(Response::new(207).with_body(MEDIA_TYPE, bytes))
}

/// Refuses what is not expanded; `level` is that of the resource whose properties these are.
fn check(properties: &[Expansion], level: usize) -> Result<()> {
    for expansion in properties.iter().filter(|expansion| expansion.expands()) {
        if level > limits::EXPANDED_LEVELS {
            let most = format!("more than {} levels", limits::EXPANDED_LEVELS);
            return Err(Error::status(501).because(most));
        }
        if level > 1 && expansion.name == TEXT {
            return Err(Error::status(501).because("there is nothing to expand in a displayname"));
        }
        check(&expansion.properties, level + 1)?;
    }
    Ok(())
}

struct Expander<'a> {
    context: &'a Context<'a>,
    view: &'a View,
    /// Hrefs that may still be followed.
    hrefs: usize,
    /// Properties that may still be asked for.
    properties: usize,
}

/// What one resource says of the properties asked for.
#[derive(Default)]
struct Told<'n> {
    found: String,
    missing: Vec<&'n Name>,
    refused: Vec<(u16, &'n Name)>,
}

impl Told<'_> {
    fn write(self, propstats: &mut Propstats<'_>) {
        answer::write(propstats, &self.found, self.missing, self.refused);
    }
}

impl Expander<'_> {
    /// Asks a resource for properties, and follows the hrefs in those that are expanded.
    fn ask<'n>(&mut self, resource: &Resource, asked: &'n [Expansion]) -> Result<Told<'n>> {
        let mut found = Writer::fragment();
        let mut told = Told::default();
        for expansion in asked {
            spend(&mut self.properties)?;
            let name = &expansion.name;
            let mut value = Writer::fragment();
            match answer::value(self.view, resource, name, live(name), &mut value) {
                Answer::Found if expansion.expands() => {
                    self.expand(expansion, &value.into_string(), &mut found)?;
                }
                Answer::Found => found.raw(value.as_str()),
                Answer::Missing => told.missing.push(name),
                Answer::Refused(status) => told.refused.push((status, name)),
            }
        }
        told.found = found.into_string();
        Ok(told)
    }

    /// Writes the property with a response in the place of each href.
    fn expand(&mut self, expansion: &Expansion, value: &str, writer: &mut Writer) -> Result<()> {
        let document = Writer::document(&Name::dav("prop"), |writer| writer.raw(value));
        let root = parse(document.as_bytes())?;
        let hrefs: Vec<String> = root
            .elements()
            .flat_map(|property| property.children_named(DAV, "href"))
            .map(|href| href.text().into_owned())
            .collect();
        writer.open(&expansion.name);
        for href in hrefs {
            spend(&mut self.hrefs)?;
            match self.target(&href) {
                Ok(resource) => {
                    let told = self.ask(&resource, &expansion.properties)?;
                    write_response(writer, &href, |propstats| told.write(propstats));
                }
                Err(status) => write_response(writer, &href, |propstats| {
                    propstats.status_only(status);
                }),
            }
        }
        writer.close(&expansion.name);
        Ok(())
    }

    /// The resource behind an href, if the user may see it.
    fn target(&self, href: &str) -> std::result::Result<Resource, u16> {
        let path = self.context.request.origin.path_of(href).map_err(|_| 404_u16)?;
        let resource = self.context.resolve(&path).map_err(|error| error.status)?;
        if !resource.exists {
            return Err(if self.view.access.sees(&resource) { 404 } else { 403 });
        }
        if !self.view.access.may(&resource, Privilege::Read) {
            return Err(403);
        }
        Ok(resource)
    }
}

/// Takes one of what is left.
fn spend(left: &mut usize) -> Result<()> {
    *left = left.checked_sub(1).ok_or_else(|| Error::status(507))?;
    Ok(())
}
