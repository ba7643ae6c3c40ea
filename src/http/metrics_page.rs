//! `GET /metrics` on a listener of its own, for a Prometheus on a network that may see it.

use std::sync::Arc;

use super::{Answered, Application};
use crate::app::App;
use crate::dav::{Method, Request, Response};
use crate::metrics::{self, Gauges};
use crate::store::{Home, HomePath, ObjectKind, Snapshot};

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

fn damaged_in(home: &Home) -> usize {
    let snapshot: Arc<Snapshot> = home.snapshot();
    let mut waiting = vec![HomePath::root()];
    let mut count = 0;
    while let Some(path) = waiting.pop() {
        let Some(collection) = snapshot.collection(&path) else { continue };
        for (name, entry) in collection.children() {
            match entry.object() {
                Some(object) => count += usize::from(is_damaged(&object.kind)),
                None => waiting.push(path.join(name)),
            }
        }
    }
    count
}

fn is_damaged(kind: &ObjectKind) -> bool {
    matches!(kind, ObjectKind::Damaged { .. })
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
