//! THE order in which a request is answered, on one screen.

use std::sync::Arc;

use super::{Answered, Application, well_known};
use crate::app::App;
use crate::dav::{Error, Method, Request, Response};

/// The server as an application.
pub struct Pipeline {
    app: Arc<App>,
}

impl Pipeline {
    /// The pipeline over the parts of a server.
    pub fn new(app: Arc<App>) -> Self {
        Self { app }
    }
}

impl Application for Pipeline {
    fn answer(&self, request: &Request) -> Answered {
        if let Some(response) = well_known::answer(request) {
            return response.into();
        }
        let actor = match self.app.authenticator.authenticate(request) {
            Ok(actor) => actor,
            Err(error) => return super::response::from_error(&error).into(),
        };
        let response = match request.method {
            Method::Options => Response::new(200).with("dav", "1, 3"),
            _ => super::response::from_error(&Error::not_found()),
        };
        Answered { response, user: actor.log_name() }
    }

    fn is_quick(&self, request: &Request) -> bool {
        let light = match request.method {
            Method::Get | Method::Head | Method::Options => true,
            Method::Propfind => request.header("depth") == Some("0"),
            _ => false,
        };
        light && !self.app.authenticator.is_slow(request)
    }
}
