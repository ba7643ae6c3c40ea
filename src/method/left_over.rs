//! Scheduling work without a request: what a former run committed and did not deliver, what
//! failed, and the answers to large meetings that wait to be shown to the other attendees.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::scheduling;
use crate::app::App;
use crate::config::Config;
use crate::principal::{Directory, Record, RecordType};
use crate::resource::provision;
use crate::schedule::{self, Env, Host, Right};
use crate::store::{Home, HomePath, StoreError};

/// Homes for delivery.
struct Homes<'a> {
    app: &'a App,
    directory: &'a Directory,
    config: Arc<Config>,
}

impl Host for Homes<'_> {
    fn allows(&self, principal: &str, home: &str, path: &HomePath, right: Right) -> bool {
        scheduling::allows(self.app, self.directory, principal, home, path, right)
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

/// Who is in which group: two of these tell whether events have to follow.
pub fn members_of_groups(app: &App) -> Vec<(String, Vec<String>)> {
    let directory = app.principals.current();
    let groups = directory.records(RecordType::Group);
    groups.map(|group| (group.guid.clone(), group.members.clone())).collect()
}

/// Lets the events that invite groups follow the groups' members.
pub fn refresh_groups(app: &App) -> Result<(), StoreError> {
    with_env(app, schedule::refresh_groups)
}

fn with_env<R>(app: &App, run: impl FnOnce(&Env<'_>) -> R) -> R {
    let (config, directory) = (app.config(), app.principals.current());
    let options = scheduling::options(&config);
    let host = Homes { app, directory: &directory, config };
    let now = app.clock.now();
    let env = Env { store: &app.store, directory: &directory, now, options: &options, host: &host };
    run(&env)
}
