//! `DAV:principal-search-property-set` (RFC 3744 §9.5): what people are offered to search by.

use super::super::context::Context;
use super::only_depth_zero;
use crate::dav::{Name, Response, Result};
use crate::xml::{Element, MEDIA_TYPE, Writer};

const ROOT: Name = Name::dav("principal-search-property-set");

/// The properties and what people call them.
const PROPERTIES: [(Name, &str); 4] = [
    (Name::dav("displayname"), "Display Name"),
    (Name::calendarserver("email-address-set"), "Email Addresses"),
    (Name::caldav("calendar-user-address-set"), "Calendar User Address Set"),
    (Name::caldav("calendar-user-type"), "Calendar User Type"),
];

/// Answers the report.
pub fn run(context: &Context) -> Result<Response> {
    only_depth_zero(context)?;
    let body = Writer::document(&ROOT, |writer| {
        for (name, text) in PROPERTIES {
            writer.element(&Name::dav("principal-search-property"), |writer| {
                writer.element(&Name::dav("prop"), |writer| writer.empty(&name));
                let mut description = Element::new(Name::dav("description")).with_text(text);
                description.set_attribute(Name::new(crate::xml::element::XML, "lang"), "en");
                writer.raw(&description.to_xml());
            });
        }
    });
    Ok(Response::new(200).with_body(MEDIA_TYPE, body))
}
