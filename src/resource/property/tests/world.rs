//! Alice's home, and clients that ask for properties and set them.

use std::sync::Arc;

use bytes::Bytes;
use chrono::DateTime;

use crate::acl::Policy;
use crate::config::Config;
use crate::dav::Name;
use crate::dav::request::Origin;
use crate::resource::access::Access;
use crate::resource::property::change::plan;
use crate::resource::property::{Asked, View};
use crate::resource::tests::world::World;
use crate::store::{HomePath, PropertyChanges, StoreError};
use crate::xml::request::{Propfind, Proppatch};
use crate::xml::{Element, Multistatus, parse};

pub const EVENT: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//T//EN\r\nBEGIN:VEVENT\r\n\
     UID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nEND:VEVENT\r\n\
     END:VCALENDAR\r\n";

/// A world where alice has a home with an event.
pub fn with_event() -> World {
    let world = World::new();
    let home = world.provision("alice");
    home.write(|tx| -> Result<(), StoreError> {
        let path = HomePath::new(["calendar", "1.ics"]);
        let tree = crate::ical::parse(EVENT.as_bytes()).unwrap();
        let event = Bytes::from_static(EVENT.as_bytes());
        tx.put(&path, &event, Some(&tree), &PropertyChanges::none())?;
        Ok(())
    })
    .unwrap();
    world
}

impl World {
    pub fn view(&self, login: &str) -> View {
        let actor = self.directory.by_login(login).cloned();
        let guid = actor.as_ref().map(|actor| actor.guid.as_str());
        View {
            access: Access::new(&self.directory, guid, Policy::of(&self.directory)),
            directory: Arc::clone(&self.directory),
            config: Arc::new(Config::default()),
            origin: Origin { prefix: "/dav".into(), ..Origin::default() },
            actor,
            now: DateTime::UNIX_EPOCH,
            timezones: None,
            active_locks: |_, _| String::new(),
        }
    }

    /// The response to a PROPFIND, as (status, properties).
    pub fn propfind(&self, login: &str, path: &str, body: &str) -> Vec<(String, Vec<Element>)> {
        let selection = Propfind::parse(body.as_bytes()).unwrap().selection;
        let mut bytes = Vec::new();
        let mut answer = Multistatus::begin(&mut bytes);
        let (view, resource) = (self.view(login), self.resource(path));
        let asked = Asked::new(&selection, false);
        answer.response("/", |propstats| asked.answer(&view, &resource, propstats)).unwrap();
        answer.finish().unwrap();
        propstats(&bytes)
    }

    /// Applies a PROPPATCH; the outcome as (status, names).
    pub fn proppatch(&self, login: &str, path: &str, body: &str) -> Vec<(String, Vec<String>)> {
        let body = format!(
            "<D:propertyupdate xmlns:D='DAV:' xmlns:C='urn:ietf:params:xml:ns:caldav' \
             xmlns:CS='http://calendarserver.org/ns/' xmlns:A='http://apple.com/ns/ical/'>{body}\
             </D:propertyupdate>"
        );
        let instructions = Proppatch::parse(body.as_bytes()).unwrap().instructions;
        let (view, resource) = (self.view(login), self.resource(path));
        let outcome = plan(&view, &resource, &instructions, false);
        if let Some(place) = &resource.place {
            place
                .home
                .write(|tx| -> Result<(), StoreError> {
                    tx.patch_properties(&place.path, &outcome.plan.here)?;
                    for (path, changes) in &outcome.plan.elsewhere {
                        tx.patch_properties(path, changes)?;
                    }
                    Ok(())
                })
                .unwrap();
        }
        let mut bytes = Vec::new();
        let mut answer = Multistatus::begin(&mut bytes);
        answer.response("/", |propstats| outcome.write("", false, propstats)).unwrap();
        answer.finish().unwrap();
        let local = |element: &Element| element.name.local.to_string();
        let told = propstats(&bytes).into_iter();
        told.map(|(status, list)| (status, list.iter().map(local).collect())).collect()
    }

    /// The inner text of one property, or the status it is refused with.
    pub fn value(&self, login: &str, path: &str, name: &str) -> String {
        let name = Name::from_clark(name).unwrap();
        let asked = Element::new(Name::dav("prop")).with_child(Element::new(name));
        let body = Element::new(Name::dav("propfind")).with_child(asked).to_xml();
        let mut found = self.propfind(login, path, &body);
        let (status, list) = found.remove(0);
        if status != "200" {
            return status;
        }
        let inner = |node: &crate::xml::Node| match node {
            crate::xml::Node::Text(text) => text.clone(),
            crate::xml::Node::Element(child) if child.children.is_empty() => {
                let attributes = child.attributes.iter().map(|a| format!("={}", a.value));
                format!("<{}{}>", child.name.local, attributes.collect::<String>())
            }
            crate::xml::Node::Element(child) => child.text().into_owned(),
        };
        list[0].children.iter().map(inner).collect::<Vec<_>>().join(" ")
    }
}

pub fn propstats(bytes: &[u8]) -> Vec<(String, Vec<Element>)> {
    let root = parse(bytes).unwrap();
    let response = root.child("DAV:", "response").unwrap();
    let one = |propstat: &Element| {
        let status = propstat.child("DAV:", "status").unwrap().text()[9..12].to_owned();
        let prop = propstat.child("DAV:", "prop").unwrap();
        (status, prop.elements().cloned().collect())
    };
    response.children_named("DAV:", "propstat").map(one).collect()
}
