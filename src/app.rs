//! The parts of a running server that every request may need. `server` builds them in order.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::clock::Clock;
use crate::config::Config;

/// The parts of a running server.
pub struct App {
    /// The configuration; a reload replaces it as a whole.
    config: ArcSwap<Config>,
    /// The time.
    pub clock: Clock,
}

impl App {
    /// Puts the parts together.
    pub fn new(config: Arc<Config>, clock: Clock) -> Self {
        Self { config: ArcSwap::new(config), clock }
    }

    /// The configuration of this moment. A request asks once, so that it sees one.
    pub fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    /// Replaces the configuration.
    pub fn set_config(&self, config: Config) {
        self.config.store(Arc::new(config));
    }
}
