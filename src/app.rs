//! The parts of a running server that every request may need. `server` builds them in order.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::auth::Authenticator;
use crate::clock::Clock;
use crate::config::Config;
use crate::principal::Principals;
use crate::store::Store;

/// The parts of a running server.
pub struct App {
    /// The configuration; a reload replaces it as a whole.
    pub config: ArcSwap<Config>,
    /// The time.
    pub clock: Clock,
    /// The homes.
    pub store: Arc<Store>,
    /// Who there is.
    pub principals: Arc<Principals>,
    /// Who asks.
    pub authenticator: Authenticator,
}

impl App {
    /// The configuration of this moment. A request asks once, so that it sees one.
    pub fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }
}
