//! Listings of a calendar or inbox straight from the index, some members at a time, so that the
//! thread of the connection can make them while it sends them: PROPFIND with Depth 1 (RFC 4918
//! §9.1) and a first synchronisation (RFC 6578 §3.4). Must not read files.

use std::io;
use std::sync::Arc;

use super::report::objects;
use crate::acl::Privilege;
use crate::dav::response::{Sink, Size};
use crate::dav::sync_token::SyncToken;
use crate::dav::{Name, Response};
use crate::limits;
use crate::resource::Resource;
use crate::resource::property::{Asked, Rows, View};
use crate::xml::{self, Multistatus};

/// What a listing has beside the members that may be read.
pub struct Beside {
    /// Whether the collection itself comes first.
    pub own: bool,
    /// Whether members that the actor may not read are refused one by one, or left out.
    pub refusals: bool,
    /// The token that ends it.
    pub token: Option<SyncToken>,
}

/// A listing in the making.
pub struct Listing {
    view: View,
    asked: Asked,
    collection: Resource,
    rows: Rows,
    beside: Beside,
    after: Option<Arc<str>>,
}

/// What it takes to list a collection of files only; absent if the index has not all that is asked
/// for.
pub fn rows(view: &View, asked: &Asked, collection: &Resource) -> Option<Rows> {
    objects::files(collection).and_then(|_| Rows::of(view, collection, asked, None))
}

impl Listing {
    /// The listing of a collection with its `rows`.
    pub fn new(
        rows: Rows,
        view: View,
        asked: Asked,
        collection: &Resource,
        beside: Beside,
    ) -> Self {
        Self { view, asked, collection: collection.clone(), rows, beside, after: None }
    }

    /// Makes it the body of a response.
    pub fn answer(mut self, response: Response) -> Response {
        let about = Size::About(self.bytes());
        let parts = Box::new(move |out: &mut dyn Sink| self.write(out));
        response.with_parts(xml::MEDIA_TYPE, parts, about)
    }

    /// Writes some members; false when those were the last.
    fn write(&mut self, out: &mut dyn Sink) -> io::Result<bool> {
        let mut answer = match self.after {
            Some(_) => Multistatus::resume(out),
            None => self.begin(out)?,
        };
        let mut access = self.view.access.members(&self.collection, &[Privilege::Read]);
        let files = objects::files(&self.collection).into_iter();
        let members = files.flat_map(|files| files.listing(self.after.as_deref()));
        let mut last = (0, None);
        for (name, object) in members.take(limits::LISTED_AT_ONCE) {
            if access.may(name, object) {
                answer.beside(|writer| self.rows.write(name, object, "", writer))?;
            } else if self.beside.refusals {
                let path = self.collection.path.join(name, false);
                answer.bare_status(&self.view.href(&path), 403)?;
            }
            last = (last.0 + 1, Some(name));
        }
        if let (limits::LISTED_AT_ONCE, Some(name)) = last {
            self.after = Some(Arc::clone(name));
            answer.pause()?;
            return Ok(true);
        }
        if let Some(token) = self.beside.token {
            answer.beside(|writer| writer.leaf(&Name::dav("sync-token"), &token.to_string()))?;
        }
        answer.finish()?;
        Ok(false)
    }

    fn bytes(&self) -> u64 {
        let files = objects::files(&self.collection);
        files.map_or(0, |files| objects::bytes_of_listing(files, &self.asked))
    }

    fn begin<'a>(&self, out: &'a mut dyn Sink) -> io::Result<Multistatus<'a>> {
        let mut answer = Multistatus::begin_of(out, self.bytes());
        if self.beside.own {
            let href = self.view.href(&self.collection.path);
            answer.response(&href, |propstats| {
                self.asked.answer(&self.view, &self.collection, propstats);
            })?;
        }
        Ok(answer)
    }
}
