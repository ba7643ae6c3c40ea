//! `GET /metrics` on a listener of its own, for a Prometheus on a network that may see it.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Answered, Application};
use crate::app::App;
use crate::dav::{Method, Request, Response};
use crate::metrics::{self, Gauges};
use crate::store::{CollectionKind, Home, HomePath, ObjectKind, Snapshot};

/// The page as an application.
pub struct MetricsPage {
    app: Arc<App>,
}

impl MetricsPage {
    /// The page about a server.
    pub fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    fn gauges(&self) -> Gauges {
        let homes = self.app.store.opened();
        Gauges {
            damaged: homes.iter().map(|home| damaged_in(home)).sum(),
            homes: homes.len(),
            waiting: self.app.store.spool().list().map_or(0, |entries| entries.len()),
        }
    }
}

/// Files that are no calendar objects, and objects whose UID another one of their calendar has.
fn damaged_in(home: &Home) -> usize {
    let snapshot: Arc<Snapshot> = home.snapshot();
    let mut waiting = vec![HomePath::root()];
    let mut count = 0;
    while let Some(path) = waiting.pop() {
        let Some(collection) = snapshot.collection(&path) else { continue };
        let calendar = collection.kind == CollectionKind::Calendar;
        let mut uids = HashSet::new();
        count += collection
            .objects()
            .filter(|(_, object)| match &object.kind {
                ObjectKind::Damaged { .. } => true,
                ObjectKind::Calendar(summary) => calendar && !uids.insert(&*summary.uid),
                ObjectKind::Plain => false,
            })
            .count();
        waiting.extend(collection.collections().map(|(name, _)| path.join(name)));
    }
    count
}

impl Application for MetricsPage {
    fn answer(&self, request: &Request) -> Answered {
        let segments: Vec<&str> = request.path.segments().iter().map(String::as_str).collect();
        let response = match (request.method, &segments[..]) {
            (Method::Get | Method::Head, ["metrics"]) => {
                let text = metrics::text(self.gauges());
                Response::new(200).with_body("text/plain; version=0.0.4; charset=utf-8", text)
            }
            (_, ["metrics"]) => Response::new(405).with("allow", "GET, HEAD"),
            _ => Response::new(404),
        };
        response.into()
    }
}
