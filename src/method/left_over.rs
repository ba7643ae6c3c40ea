//! Scheduling work without a request: what a former run committed and did not deliver, what
//! failed, and the answers to large meetings that wait to be shown to the other attendees.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::app::App;
use crate::config::Config;
use crate::principal::Record;
use crate::resource::provision;
use crate::schedule::{self, Env, Host, Options, Right};
use crate::store::{Home, HomePath, StoreError};

/// Homes for delivery. Rights were looked at when the work was accepted.
struct Homes<'a> {
    app: &'a App,
    config: Arc<Config>,
}

impl Host for Homes<'_> {
    fn allows(&self, _: &str, _: &str, _: &HomePath, _: Right) -> bool {
        false
    }

    fn home(&self, record: &Record) -> Result<Arc<Home>, StoreError> {
        match self.app.store.home(&record.guid)? {
            Some(home) => Ok(home),
            None => {
                let initial = provision::initial(&self.config.homes, record);
                self.app.store.provision(&record.guid, &initial)
            }
        }
    }
}

/// Delivers what waits in the queue and is chosen by its id; returns the ids that wait then.
pub fn deliver(app: &App, chosen: impl Fn(&str) -> bool) -> Result<BTreeSet<String>, StoreError> {
    with_env(app, |env| schedule::replay(env, chosen))
}

fn with_env<R>(app: &App, run: impl FnOnce(&Env<'_>) -> R) -> R {
    let (config, directory) = (app.config(), app.principals.current());
    let options = Options { max_attendees: config.limits.attendees, ..Options::default() };
    let host = Homes { app, config };
    let now = app.clock.now();
    let env = Env { store: &app.store, directory: &directory, now, options: &options, host: &host };
    run(&env)
}
