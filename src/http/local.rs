//! `daybook put` beside a running server: a Unix socket in the data directory, for its owner only.
//!
//! Whoever may open it may write the files too, so nobody has to sign in: a request acts as the
//! owner of the calendar it is about. It stores objects and does nothing else; access is decided
//! by the pipeline like everybody's.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;

use super::pipeline::Pipeline;
use super::{Answered, Application, response};
use crate::app::App;
use crate::auth::Actor;
use crate::dav::request::Origin;
use crate::dav::{DavPath, Error, Method, Request, Result};
use crate::ical;
use crate::resource::Resolver;
use crate::store::CollectionKind;

/// What the socket is called, in the data directory.
const NAME: &str = ".control";

/// Where the socket of a data directory is.
pub fn socket(root: &Path) -> PathBuf {
    root.join(NAME)
}

/// The request that `daybook put` makes.
pub fn request(path: DavPath, body: Bytes) -> Request {
    let mut headers = HeaderMap::new();
    let calendar = http::HeaderValue::from_static("text/calendar; charset=utf-8");
    headers.insert(http::header::CONTENT_TYPE, calendar);
    let method = Method::Put;
    Request { method, path, query: None, headers, body, origin: Origin::default() }
}

/// The application behind the socket.
pub struct Local {
    app: Arc<App>,
    pipeline: Arc<Pipeline>,
}

impl Local {
    /// Over the parts of a server.
    pub fn new(app: Arc<App>) -> Self {
        Self { pipeline: Arc::new(Pipeline::new(Arc::clone(&app))), app }
    }

    /// The request as it is to be answered, and who makes it. An object that its calendar has
    /// already, by UID, is replaced where it is.
    fn prepare(&self, request: &Request) -> Result<(Request, Actor)> {
        if request.method != Method::Put {
            return Err(Error::status(405).with_header("allow", "PUT".to_owned()));
        }
        let directory = self.app.principals.current();
        let resolver = Resolver { store: &self.app.store, directory: &directory };
        let resource = resolver.resolve(&request.path)?;
        let owner = resource.owner.clone().ok_or_else(Error::not_found)?;
        let mut request = request.clone();
        let uid = ical::parse(&request.body).ok();
        let uid = uid.as_ref().and_then(|tree| tree.uid());
        if let (Some(uid), Some(place)) = (uid, &resource.place)
            && let Some((calendar, _)) = place.path.split()
            && place.snapshot.collection(&calendar).map(|c| c.kind)
                == Some(CollectionKind::Calendar)
        {
            let known = place.snapshot.by_uid(uid).into_iter();
            let known = known.filter(|known| known.parent().as_ref() == Some(&calendar)).min();
            if let (Some(parent), Some(name)) =
                (request.path.parent(), known.as_ref().and_then(|known| known.name()))
            {
                request.path = parent.join(name, false);
            }
        }
        Ok((request, Actor::user(owner)))
    }
}

impl Application for Local {
    fn answer(&self, request: &Request) -> Answered {
        let prepared = self.prepare(request);
        let (response, user) = match prepared {
            Ok((request, actor)) => {
                let user = format!("local as {}", actor.log_name());
                let stored = self.pipeline.run_as(&request, actor);
                // Which resource it is now.
                let href = request.path.href();
                (stored.map(|response| response.with("content-location", href)), user)
            }
            Err(error) => (Err(error), String::new()),
        };
        let response = match response {
            Ok(response) => response,
            Err(error) => response::from_error(&error, ""),
        };
        Answered { response, user, unhurried: false }
    }
}
