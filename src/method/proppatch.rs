//! PROPPATCH (RFC 4918 §9.2): decided by `property::change`, written in one transaction.

use super::context::Context;
use super::guard;
use crate::dav::header::{Prefer, Preference};
use crate::dav::{Error, Response, Result};
use crate::resource::property::change::{Outcome, plan};
use crate::xml::request::Proppatch;
use crate::xml::{MEDIA_TYPE, Multistatus};

/// Changes properties, all or none.
pub fn run(context: &Context) -> Result<Response> {
    let resource = &context.resource;
    if !resource.exists {
        return Err(Error::not_found());
    }
    let body = Proppatch::parse(&context.request.body)?;
    guard::early(context, resource)?;
    let outcome = plan(&context.view(), resource, &body.instructions, false);
    if outcome.is_ok() {
        write(context, &outcome)?;
    }
    let prefer = Prefer::of(context.request)?;
    answer(context, &outcome, prefer)
}

/// Writes the plan: in the home, or in the list of delegates.
fn write(context: &Context, outcome: &Outcome) -> Result<()> {
    let resource = &context.resource;
    if let (Some((kind, members)), Some(owner)) = (&outcome.plan.delegates, &resource.owner) {
        let principals = &context.app.principals;
        principals.set_delegates(&owner.guid, *kind, members).map_err(Error::internal)?;
    }
    let Some(place) = &resource.place else { return Ok(()) };
    place.home.write(|tx| -> Result<()> {
        guard::inside(context, tx, &place.path, &guard::change(&place.path))?;
        if !outcome.plan.here.is_empty() {
            tx.patch_properties(&place.path, &outcome.plan.here)?;
        }
        for (path, changes) in &outcome.plan.elsewhere {
            tx.patch_properties(path, changes)?;
        }
        Ok(())
    })
}

/// What became of each property. When all went well, a client that wants little gets little
/// (RFC 8144 §2.2).
fn answer(context: &Context, outcome: &Outcome, prefer: Prefer) -> Result<Response> {
    let applied = prefer.applied(&[Preference::Minimal]);
    let tell = |response: Response| match &applied {
        Some(applied) => response.with("preference-applied", applied),
        None => response,
    };
    if prefer.minimal && outcome.is_ok() {
        return Ok(tell(Response::new(200)));
    }
    let bytes = multistatus(context, outcome, prefer.minimal).map_err(Error::internal)?;
    Ok(tell(Response::new(207)).with_body(MEDIA_TYPE, bytes))
}

/// The outcome as a multistatus with one response, for the resource of the request.
pub fn multistatus(
    context: &Context,
    outcome: &Outcome,
    minimal: bool,
) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut answer = Multistatus::begin(&mut bytes);
    let prefix = &context.request.origin.prefix;
    let href = context.href(&context.resource);
    answer.response(&href, |propstats| outcome.write(prefix, minimal, propstats))?;
    answer.finish()?;
    Ok(bytes)
}
