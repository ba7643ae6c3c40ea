//! What a method gets to see: the parts of the server it may use and one resolved request. Only
//! `http::pipeline` makes one, after access has been decided.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::app::App;
use crate::auth::Actor;
use crate::config::Config;
use crate::dav::header::calendar_timezones;
use crate::dav::{DavPath, Request, Result};
use crate::principal::Directory;
use crate::resource::access::Access;
use crate::resource::property::View;
use crate::resource::{Resolver, Resource};
use crate::store::HomePath;

/// One request, authenticated, resolved and allowed.
pub struct Context<'a> {
    /// The parts of the server.
    pub app: &'a App,
    /// The configuration as of the beginning of the request.
    pub config: Arc<Config>,
    /// The directory as of the beginning of the request.
    pub directory: Arc<Directory>,
    /// Who asks.
    pub actor: Actor,
    /// What they may do.
    pub access: Access,
    /// What is asked.
    pub request: &'a Request,
    /// What it is asked of.
    pub resource: Resource,
    /// When.
    pub now: DateTime<Utc>,
}

impl Context<'_> {
    /// Another resource, at the same moment of the directory.
    pub fn resolve(&self, path: &DavPath) -> Result<Resource> {
        let resolver = Resolver { store: &self.app.store, directory: &self.directory };
        Ok(resolver.resolve(path)?)
    }

    /// The href of a resource for this client.
    pub fn href(&self, resource: &Resource) -> String {
        self.request.href(&resource.path)
    }

    /// The path of something in the home of this request, in the form the client uses.
    pub fn home_path(&self, path: &HomePath, slash: bool) -> DavPath {
        let home = self.request.path.segments().iter().take(3);
        let segments = home.chain(path.segments()).cloned();
        DavPath::from_segments(segments.collect::<Vec<String>>(), slash)
    }

    /// What the answers to this request have in common.
    pub fn view(&self) -> View {
        View {
            directory: Arc::clone(&self.directory),
            config: Arc::clone(&self.config),
            origin: self.request.origin.clone(),
            actor: self.actor.record().cloned(),
            access: self.access.clone(),
            // A method whose answers hold calendar data refuses what this cannot read.
            timezones: calendar_timezones(self.request).unwrap_or_default(),
            now: self.now,
            active_locks: super::lock::active_locks,
        }
    }

    /// GUID of who acts; empty for nobody.
    pub fn actor_id(&self) -> &str {
        self.actor.guid().unwrap_or_default()
    }
}
