//! `DAV:expand-property` (RFC 3253 §3.8): hrefs in properties are replaced by what the resources
//! they point to say. One level: an expansion inside an expansion is answered with 501, as no
//! client asks for it and every level multiplies the work.

use super::super::context::Context;
use super::only_depth_zero;
use crate::acl::Privilege;
use crate::dav::name::DAV;
use crate::dav::{Error, Name, Response, Result};
use crate::limits;
use crate::resource::Resource;
use crate::resource::property::{Answer, Asked, View, answer, live};
use crate::xml::multistatus::write_response;
use crate::xml::request::Selection;
use crate::xml::request::expand_property::{ExpandProperty, Expansion};
use crate::xml::{Element, MEDIA_TYPE, Multistatus, Writer, parse};

/// Answers the report.
pub fn run(context: &Context, view: &View, root: &Element) -> Result<Response> {
    only_depth_zero(context)?;
    let body = ExpandProperty::read(root)?;
    let nested = |expansion: &Expansion| expansion.properties.iter().any(|p| p.expands());
    if body.properties.iter().any(nested) {
        return Err(Error::status(501).because("only one level is expanded"));
    }
    let mut expander = Expander { context, view, left: limits::EXPANDED_HREFS };
    let mut found = Writer::fragment();
    let mut missing = Vec::new();
    let mut refused = Vec::new();
    for expansion in &body.properties {
        let mut value = Writer::fragment();
        let name = &expansion.name;
        match answer::value(view, &context.resource, name, live(name), &mut value) {
            Answer::Found if expansion.expands() => {
                expander.expand(expansion, &value.into_string(), &mut found)?;
            }
            Answer::Found => found.raw(value.as_str()),
            Answer::Missing => missing.push(name),
            Answer::Refused(status) => refused.push((status, name)),
        }
    }
    let mut bytes = Vec::new();
    let mut answer = Multistatus::begin(&mut bytes);
    let written = answer.response(&context.href(&context.resource), |propstats| {
        propstats.found_and_missing(found.as_str(), missing);
        for (status, name) in refused {
            propstats.propstat(status, |writer| writer.empty(name));
        }
    });
    written.and_then(|()| answer.finish()).map_err(Error::internal)?;
    Ok(Response::new(207).with_body(MEDIA_TYPE, bytes))
}

struct Expander<'a> {
    context: &'a Context<'a>,
    view: &'a View,
    /// Hrefs that may still be followed.
    left: usize,
}

impl Expander<'_> {
    /// Writes the property with a response in the place of each href.
    fn expand(&mut self, expansion: &Expansion, value: &str, writer: &mut Writer) -> Result<()> {
        let document = Writer::document(&Name::dav("prop"), |writer| writer.raw(value));
        let root = parse(document.as_bytes())?;
        let names = expansion.properties.iter().map(|property| property.name.clone()).collect();
        let asked = Asked::new(&Selection::Prop(names), false);
        let hrefs: Vec<String> = root
            .elements()
            .flat_map(|property| property.children_named(DAV, "href"))
            .map(|href| href.text().into_owned())
            .collect();
        writer.open(&expansion.name);
        for href in hrefs {
            self.left = self.left.checked_sub(1).ok_or_else(|| Error::status(507))?;
            match self.target(&href) {
                Ok(resource) => write_response(writer, &href, |propstats| {
                    asked.answer(self.view, &resource, propstats);
                }),
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
