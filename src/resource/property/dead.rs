//! Dead properties (RFC 4918 §4): kept as the client wrote them, in the namespace scope they need.
//!
//! Two things are not shown as they are stored. What the server keeps for itself is never shown,
//! and a few properties of calendars belong to each delegate (the colour in which one assistant
//! sees a calendar is not the owner's business).

use super::{Answer, View};
use crate::dav::Name;
use crate::dav::name::{APPLE_ICAL, DAV, TWISTED, TWISTED_PRIVATE};
use crate::resource::Resource;
use crate::xml::{Writer, is_ncname, parse};

/// Properties that each delegate has for himself.
const PERSONAL: [Name; 2] =
    [Name::new(APPLE_ICAL, "calendar-color"), Name::new(APPLE_ICAL, "calendar-order")];

/// Properties the store or the reference system keeps on resources without meaning them for
/// clients, besides everything in the private namespace.
const HIDDEN: [Name; 4] = [
    Name::new(TWISTED, "getcontentmd5"),
    Name::new(TWISTED, "calendar-access"),
    Name::new(DAV, "acl"),
    Name::new(DAV, "resourcetype"),
];

/// Whether clients may neither see nor set a stored property of that name.
pub fn is_private(name: &Name) -> bool {
    name.namespace == TWISTED_PRIVATE || HIDDEN.contains(name)
}

/// The names of all stored properties that clients may see.
pub fn names(resource: &Resource) -> Vec<Name> {
    let properties = resource.properties();
    let shown = |name: &&Name| !is_private(name) && is_ncname(&name.local);
    properties.iter().map(|(name, _)| name).filter(shown).cloned().collect()
}

/// Whether `DAV:allprop` shows the dead property of that name.
pub fn is_shown(view: &View, resource: &Resource, name: &Name) -> bool {
    write(view, resource, name, &mut Writer::fragment()) == Answer::Found
}

/// The characters inside a stored property, line ends included.
pub fn text_of(resource: &Resource, name: &Name) -> Option<String> {
    let element = parse(resource.properties().get(name)?.as_bytes()).ok()?;
    Some(element.text().into_owned())
}

/// Writes a stored property. One that cannot be read (edited by hand, perhaps) is not there:
/// it must not spoil the answer.
pub fn write(view: &View, resource: &Resource, name: &Name, writer: &mut Writer) -> Answer {
    if is_private(name) {
        return Answer::Missing;
    }
    let properties = resource.properties();
    let own = personal_name(view, resource, name).and_then(|own| properties.get(&own).cloned());
    let Some(xml) = own.or_else(|| properties.get(name).cloned()) else { return Answer::Missing };
    match parse(xml.as_bytes()) {
        Ok(element) if element.name == *name => {
            writer.raw(&element.to_xml());
            Answer::Found
        }
        _ => Answer::Missing,
    }
}

/// The name under which the property of this user is stored, if he has one of his own.
pub fn personal_name(view: &View, resource: &Resource, name: &Name) -> Option<Name> {
    if !resource.kind.in_home() || !PERSONAL.contains(name) {
        return None;
    }
    let (actor, owner) = (view.actor.as_ref()?, resource.owner.as_ref()?);
    if actor.guid == owner.guid {
        return None;
    }
    Some(Name::owned(TWISTED_PRIVATE, format!("{}.of.{}", name.local, actor.guid)))
}
