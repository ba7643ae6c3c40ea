//! THE order in which a request is answered, on one screen.

use std::sync::Arc;

use super::{Answered, Application, Pace, response, well_known};
use crate::acl::{self, Need, Privilege, Rule};
use crate::app::App;
use crate::auth::Actor;
use crate::dav::{Error, Method, Request, ResourceKind, Response, Result};
use crate::limits;
use crate::method::{self, Context};
use crate::resource::access::{self, Access};
use crate::resource::{Resolver, Resource, provision};

/// The server as an application.
pub struct Pipeline {
    app: Arc<App>,
}

impl Pipeline {
    /// The pipeline over the parts of a server.
    pub fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    fn run(&self, request: &Request, user: &mut String) -> Result<Response> {
        let actor = self.app.authenticator.authenticate(request)?;
        *user = actor.log_name();
        self.run_as(request, actor)
    }

    /// Answers a request of which it is known who makes it.
    pub(super) fn run_as(&self, request: &Request, actor: Actor) -> Result<Response> {
        let directory = self.app.principals.current();
        let resolver = Resolver { store: &self.app.store, directory: &directory };
        let policy = access::policy(&directory, &self.app.config().privacy);
        let access = Access::new(&directory, actor.guid(), policy);
        let mut resource = resolver.resolve(&request.path)?;
        if !actor.is_anonymous() && self.make_home(&resource)? {
            resource = resolver.resolve(&request.path)?;
        }
        self.allow(request, &access, &resource)?;
        let context = Context {
            app: &self.app,
            config: self.app.config(),
            directory: Arc::clone(&directory),
            actor,
            access,
            request,
            resource,
            now: self.app.clock.now(),
        };
        match method::run(&context) {
            Err(error) if context.access.actor().is_anonymous() && error.status == 403 => {
                Err(self.app.authenticator.challenge(request).unhurried())
            }
            answer => answer,
        }
    }

    /// Access: what THE table asks for must be there. Nobody is challenged who has signed in.
    fn allow(&self, request: &Request, access: &Access, resource: &Resource) -> Result<()> {
        let (kind, exists) = (resource.kind, resource.exists);
        // Load balancers, and clients before they sign in, may ask what kind of server this is.
        if request.method == Method::Options && kind == ResourceKind::Root {
            return Ok(());
        }
        let add_member = request.method == Method::Post && method::post::is_add_member(resource);
        let refused = match acl::required(request.method, kind, exists) {
            _ if add_member => match resource.parent() {
                Some(calendar) => access.require(&calendar, &[Privilege::Bind]),
                None => Err(Error::not_found()),
            },
            Rule::Needs(Need { target, parent }) => {
                let mut refused = access.require(resource, target);
                // What has no collection above it speaks for itself; where nothing can be, only
                // those who have not signed in are not told so.
                if access.actor().is_anonymous() || !resource.is_nowhere() {
                    let above = resource.parent().unwrap_or_else(|| resource.clone());
                    refused = refused.and_then(|()| access.require(&above, parent));
                }
                refused
            }
            Rule::NeedsOneOf(any) => match any.iter().any(|one| access.may(resource, *one)) {
                true => Ok(()),
                false => access.require(resource, &any[..1]),
            },
            Rule::NoMethod => {
                let allow = method::allow::field(kind, exists);
                Err(Error::status(405).with_header("allow", allow))
            }
            Rule::Refused => Err(Error::status(403)),
        };
        // A refusal must not tell whether there is something, nor what.
        let seen = refused.is_ok() || access.sees(resource);
        match refused {
            Err(error) if access.actor().is_anonymous() && (!seen || error.status == 403) => {
                Err(self.app.authenticator.challenge(request).unhurried())
            }
            Err(_) if !seen && kind.may_be_missing() => {
                Err(access.unseen(request.method, resource, &request.path))
            }
            refused => refused,
        }
    }

    /// Makes the home of the resource, or what is missing in it. Everybody who can sign in may ask
    /// when its owner is busy, so nothing is given away by making it before access is decided.
    fn make_home(&self, resource: &Resource) -> Result<bool> {
        let Some(owner) = &resource.owner else { return Ok(false) };
        if !resource.is_unmade_home() {
            return Ok(false);
        }
        let initial = provision::initial(&self.app.config().homes, owner);
        self.app.store.provision(&owner.guid, &initial)?;
        Ok(true)
    }
}

impl Application for Pipeline {
    fn answer(&self, request: &Request) -> Answered {
        if let Some(response) = well_known::answer(request, &self.app.config().server.public_url) {
            return response.into();
        }
        let mut user = String::new();
        let (response, unhurried) = match self.run(request, &mut user) {
            Ok(response) => (response, false),
            Err(error) => (response::from_error(&error, &request.origin.prefix), error.unhurried),
        };
        Answered { response, user, unhurried }
    }

    fn pace(&self, request: &Request) -> Pace {
        if self.app.authenticator.is_slow(request)
            || request.body.len() > limits::OWN_THREAD_BODY_BYTES
            || request.header("content-encoding").is_some()
        {
            return Pace::Slow;
        }
        match request.method {
            Method::Options | Method::Report => Pace::Quick,
            // A collection may be a calendar with thousands of objects.
            Method::Get | Method::Head if !request.path.has_slash() => Pace::Quick,
            Method::Propfind if matches!(request.header("depth"), Some("0" | "1")) => Pace::Quick,
            Method::Put => Pace::Waiting,
            _ => Pace::Slow,
        }
    }
}
