//! PROPFIND (RFC 4918 §9.1). Answers come from snapshots; a listing is written while it is sent.
//! Depth infinity is refused on collections (§9.1, `propfind-finite-depth`).

use std::io;

use super::context::Context;
use super::report::objects;
use crate::acl::Privilege;
use crate::dav::header::{Depth, Prefer, Preference, calendar_timezones};
use crate::dav::response::Sink;
use crate::dav::{Error, Precondition, Response, Result};
use crate::resource::Resource;
use crate::resource::members::members;
use crate::resource::property::{Asked, Rows, View};
use crate::xml::request::Propfind;
use crate::xml::{MEDIA_TYPE, Multistatus};

/// Answers with a multistatus.
pub fn run(context: &Context) -> Result<Response> {
    let resource = &context.resource;
    if !resource.exists {
        return Err(Error::not_found());
    }
    let one = match Depth::of(context.request)?.unwrap_or(Depth::Infinity) {
        Depth::Infinity if resource.kind.is_collection() => {
            return Err(Precondition::PropfindFiniteDepth.into());
        }
        depth => depth == Depth::One,
    };
    let body = Propfind::parse(&context.request.body)?;
    let prefer = Prefer::of(context.request)?;
    calendar_timezones(context.request)?;
    let listing = Listing {
        view: context.view(),
        asked: Asked::new(&body.selection, prefer.minimal).with_json(body.json),
        resource: resource.clone(),
        root: !(one && prefer.depth_noroot),
        one,
    };
    let mut response = Response::new(207);
    // Without members there is nothing left to leave out of (RFC 8144 §2.1).
    let honoured = [Preference::Minimal, Preference::DepthNoroot];
    if let Some(applied) = prefer.applied(&honoured[..if one { 2 } else { 1 }]) {
        response = response.with("preference-applied", applied);
    }
    if one {
        let about = listing.bytes();
        let write = Box::new(move |out: &mut dyn Sink| listing.write(out));
        let response = response.with_stream(MEDIA_TYPE, write);
        return Ok(match about {
            Some(bytes) => response.of_about(bytes),
            None => response,
        });
    }
    let mut bytes = Vec::new();
    listing.write(&mut bytes).map_err(Error::internal)?;
    Ok(response.with_body(MEDIA_TYPE, bytes))
}

/// Everything an answer needs, so that it can be written after the request is gone.
struct Listing {
    view: View,
    asked: Asked,
    resource: Resource,
    root: bool,
    one: bool,
}

impl Listing {
    fn write(&self, out: &mut dyn Sink) -> io::Result<()> {
        let mut answer = Multistatus::begin(out);
        if self.root {
            self.response(&mut answer, &self.resource)?;
        }
        if self.one {
            if self.rows(&mut answer)? {
                return answer.finish();
            }
            for member in members(&self.view.directory, &self.resource) {
                if self.view.access.may(&member, Privilege::Read) {
                    self.response(&mut answer, &member)?;
                } else {
                    answer.bare_status(&self.view.href(&member.path), 403)?;
                }
            }
        }
        answer.finish()
    }

    /// What it takes to make, where the index has all of it.
    fn bytes(&self) -> Option<u64> {
        Some(objects::bytes_of_listing(objects::files(&self.resource)?, &self.asked))
    }

    /// The members of a calendar or inbox whose files are all answered by the index; false when
    /// nothing was written.
    fn rows(&self, answer: &mut Multistatus<'_>) -> io::Result<bool> {
        let Some(files) = objects::files(&self.resource) else { return Ok(false) };
        let Some(rows) = Rows::of(&self.view, &self.resource, &self.asked, None) else {
            return Ok(false);
        };
        let mut access = self.view.access.members(&self.resource, &[Privilege::Read]);
        for (name, object) in files.objects() {
            if access.may(name, object) {
                answer.beside(|writer| rows.write(name, object, "", writer))?;
            } else {
                let path = self.resource.path.join(name, false);
                answer.bare_status(&self.view.href(&path), 403)?;
            }
        }
        Ok(true)
    }

    fn response(&self, answer: &mut Multistatus<'_>, resource: &Resource) -> io::Result<()> {
        let href = self.view.href(&resource.path);
        answer.response(&href, |propstats| self.asked.answer(&self.view, resource, propstats))
    }
}
