//! `GET /metrics` on a listener of its own, for a Prometheus on a network that may see it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Answered, Application};
use crate::app::App;
use crate::dav::{Method, Request, Response};
use crate::metrics::{self, Gauges};
use crate::store::{Home, HomePath, SyncPoint, oddity};

/// The page as an application.
pub struct MetricsPage {
    app: Arc<App>,
    /// Oddities by home, with the state in which they were counted.
    odd: Mutex<HashMap<String, (Option<SyncPoint>, usize)>>,
}

impl MetricsPage {
    /// The page about a server.
    pub fn new(app: Arc<App>) -> Self {
        Self { app, odd: Mutex::default() }
    }

    fn gauges(&self) -> Gauges {
        let homes = self.app.store.opened();
        Gauges {
            damaged: self.odd_in(&homes),
            refused_edits: homes.iter().map(|home| home.refused()).sum(),
            homes: homes.len(),
            index_bytes: homes.iter().map(|home| home.snapshot().memory_bytes()).sum(),
            waiting: self.app.store.spool().len(),
        }
    }
}

impl MetricsPage {
    /// What `daybook check` would name in the homes. What did not change is not looked at again.
    fn odd_in(&self, homes: &[Arc<Home>]) -> usize {
        let mut before = self.odd.lock();
        let mut now = HashMap::with_capacity(homes.len());
        for home in homes {
            let snapshot = home.snapshot();
            let state = snapshot.sync_token(&HomePath::root());
            let known = before.get(home.guid()).filter(|(known, _)| *known == state);
            let count = known.map_or_else(|| oddity::of_home(&snapshot).len(), |(_, count)| *count);
            now.insert(home.guid().to_owned(), (state, count));
        }
        *before = now;
        before.values().map(|(_, count)| count).sum()
    }
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
