//! THE order in which a request is answered, on one screen.

use std::sync::Arc;

use super::{Answered, Application, response, well_known};
use crate::app::App;
use crate::auth::Actor;
use crate::dav::{Error, Method, Request, Response, Result};
use crate::method::{self, Context};
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
        let directory = self.app.principals.current();
        let resolver = Resolver { store: &self.app.store, directory: &directory };
        let mut resource = resolver.resolve(&request.path)?;
        self.allow(request, &actor, &resource)?;
        if self.make_home(&resource)? {
            resource = resolver.resolve(&request.path)?;
        }
        let context = Context {
            app: &self.app,
            config: self.app.config(),
            directory: Arc::clone(&directory),
            actor,
            request,
            resource,
            now: self.app.clock.now(),
        };
        method::run(&context)
    }

    /// Access: the owner of a home may do everything, everybody signed in may look elsewhere.
    fn allow(&self, request: &Request, actor: &Actor, resource: &Resource) -> Result<()> {
        if request.method == Method::Options {
            return Ok(());
        }
        let Some(guid) = actor.guid() else { return Err(self.app.authenticator.challenge()) };
        let owner = resource.owner.as_ref().map(|owner| owner.guid.as_str());
        let admins = self.app.principals.current();
        let ruler = owner == Some(guid) || admins.admins().iter().any(|admin| admin == guid);
        if resource.kind.in_home() && owner.is_some() && !ruler {
            return Err(Error::status(403));
        }
        Ok(())
    }

    /// Makes the home of the resource, or what is missing in it; only after access was granted.
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
        if let Some(response) = well_known::answer(request) {
            return response.into();
        }
        let mut user = String::new();
        let response = match self.run(request, &mut user) {
            Ok(response) => response,
            Err(error) => response::from_error(&error),
        };
        Answered { response, user }
    }

    fn is_quick(&self, request: &Request) -> bool {
        if self.app.authenticator.is_slow(request) {
            return false;
        }
        match request.method {
            Method::Get | Method::Head | Method::Options => true,
            Method::Propfind => request.header("depth") == Some("0"),
            _ => false,
        }
    }
}
