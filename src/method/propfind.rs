//! PROPFIND (RFC 4918 §9.1). Answers come from snapshots; a listing is written while it is sent.
//! Depth infinity is refused on collections (§9.1, `propfind-finite-depth`).

use std::io;

use super::context::Context;
use super::listing::{self, Beside, Listing};
use super::report::objects;
use crate::acl::Privilege;
use crate::dav::header::{Depth, Prefer, Preference, calendar_timezones};
use crate::dav::response::Sink;
use crate::dav::{Error, Precondition, Response, Result};
use crate::resource::Resource;
use crate::resource::members::members;
use crate::resource::property::{Asked, View};
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
    let mut response = Response::new(207);
    // Without members there is nothing left to leave out of (RFC 8144 §2.1).
    let honoured = [Preference::Minimal, Preference::DepthNoroot];
    if let Some(applied) = prefer.applied(&honoured[..if one { 2 } else { 1 }]) {
        response = response.with("preference-applied", applied);
    }
    let asked = Asked::new(&body.selection, prefer.minimal).with_json(body.json);
    let (view, root) = (context.view(), !(one && prefer.depth_noroot));
    if !one {
        let mut bytes = Vec::new();
        let tree = Tree { view, asked, resource: resource.clone(), root, members: false };
        tree.write(&mut bytes).map_err(Error::internal)?;
        return Ok(response.with_body(MEDIA_TYPE, bytes));
    }
    if let Some(rows) = listing::rows(&view, &asked, resource) {
        let beside = Beside { own: root, refusals: true, token: None };
        return Ok(Listing::new(rows, view, asked, resource, beside).answer(response));
    }
    let about = objects::files(resource).map(|files| objects::bytes_of_listing(files, &asked));
    let tree = Tree { view, asked, resource: resource.clone(), root, members: true };
    let write = Box::new(move |out: &mut dyn Sink| tree.write(out));
    Ok(response.with_stream(MEDIA_TYPE, write).of_about(about))
}

/// Everything an answer needs, so that it can be written after the request is gone.
struct Tree {
    view: View,
    asked: Asked,
    resource: Resource,
    root: bool,
    members: bool,
}

impl Tree {
    fn write(&self, out: &mut dyn Sink) -> io::Result<()> {
        let mut answer = Multistatus::begin(out);
        if self.root {
            self.response(&mut answer, &self.resource)?;
        }
        if self.members {
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

    fn response(&self, answer: &mut Multistatus<'_>, resource: &Resource) -> io::Result<()> {
        let href = self.view.href(&resource.path);
        answer.response(&href, |propstats| self.asked.answer(&self.view, resource, propstats))
    }
}
