//! A server from start to end: builds the parts in order, runs the listeners, ends them in order.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::app::App;
use crate::auth::{Authenticator, Options};
use crate::clock::Clock;
use crate::config::{Config, ConfigError, ExternalEdits};
use crate::http::listener::Listener;
use crate::http::local::{self, Local};
use crate::http::metrics_page::MetricsPage;
use crate::http::pipeline::Pipeline;
use crate::http::threads::{self, Threads};
use crate::http::{Site, Transport, tls};
use crate::method::external_edits::Follower;
use crate::method::left_over;
use crate::principal::Principals;
use crate::principal::live::PrincipalError;
use crate::store::{Durability, Lengthy, Store, StoreError, StoreOptions};

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A socket, a directory or a thread cannot be had.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The directory of principals.
    #[error(transparent)]
    Principals(#[from] PrincipalError),
    /// The data directory.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Certificate or key.
    #[error(transparent)]
    Tls(#[from] ConfigError),
}

/// Settings with the place they came from and what the command line overrides.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The configuration file, if there is one.
    pub file: Option<PathBuf>,
    /// `--listen`.
    pub listen: Option<SocketAddr>,
    /// `--data`.
    pub data: Option<PathBuf>,
    /// The accounts of `--demo`.
    pub accounts: Option<PathBuf>,
}

impl Settings {
    /// Reads the file (again) and applies the overrides.
    pub fn load(&self) -> Result<Config, ConfigError> {
        let mut config = match &self.file {
            Some(file) => Config::load(file)?,
            None => Config::default(),
        };
        if let Some(listen) = self.listen {
            config.server.listen = vec![listen];
        }
        if let Some(data) = &self.data {
            config.data.root.clone_from(data);
        }
        if let Some(accounts) = &self.accounts {
            config.directory.file.clone_from(accounts);
        }
        Ok(config)
    }
}

/// Runs a server until SIGINT or SIGTERM. `ready` is called with the addresses it listens on.
pub fn run(
    settings: Settings,
    config: Config,
    ready: impl FnOnce(&[(SocketAddr, bool)]),
) -> Result<(), StartError> {
    // Longer work is done on other threads; few are needed to shift bytes, whatever the cores.
    // Where there is one processor a second thread would only take turns with the first.
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.clamp(1, 8))
        .max_blocking_threads(threads::BESIDE)
        .thread_keep_alive(Duration::from_secs(3))
        .enable_all()
        .build()?;
    let patience = Duration::from_secs(config.server.shutdown_timeout_seconds);
    let config = Arc::new(config);
    let app = Arc::new(assemble(&config)?);
    let poll = config.data.poll_seconds;
    let poll = (poll > 0).then(|| Duration::from_secs(poll));
    if let Err(error) = crate::watch::start(&app.store, poll) {
        tracing::warn!(%error, "changes past the server are seen only after a restart");
    }
    let waiting = replay(&app);
    if config.scheduling.external_edits == ExternalEdits::Schedule {
        schedule_edits(&app)?;
    }
    let transport = Transport::from(&*config).with_tls(tls::load(&config.tls)?);
    let threads = Arc::new(Threads::default());
    let site = Site::new(Arc::new(Pipeline::new(Arc::clone(&app))), transport, &threads);
    runtime.block_on(async {
        let listener = Listener::open(&config).await?;
        if listener.addresses().iter().any(|(_, tls)| *tls) && !config.tls.is_on() {
            tracing::error!("a socket of systemd wants TLS, but [tls] has no certificate");
        }
        let counts = Listener::bind(&config.metrics.listen).await?;
        let place = local::socket(&config.data.root);
        let near = Listener::local(&place).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "daybook put cannot ask this server");
            Listener::nowhere()
        });
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(signals(settings, Arc::clone(&app), Arc::clone(&site), stop)?);
        let page = Arc::new(MetricsPage::new(Arc::clone(&app)));
        let silent = Site::new(page, Transport::from(&*config).silent(), &threads);
        tokio::spawn(counts.serve(silent, stopped.clone(), patience));
        let putter = Arc::new(Local::new(Arc::clone(&app)));
        let putter = Site::new(putter, Transport::from(&*config).local(), &threads);
        let near = tokio::spawn(near.serve(putter, stopped.clone(), patience));
        tokio::spawn(follow_groups(Arc::clone(&app)));
        tokio::spawn(close_unused(Arc::clone(&app)));
        tokio::spawn(deliver_later(Arc::clone(&app), waiting));
        ready(&listener.addresses());
        listener.serve(site, stopped, patience).await;
        let _ = near.await;
        Ok::<(), StartError>(())
    })?;
    // Threads that still produce for a client that stopped reading are not waited for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    tracing::info!("ended");
    Ok(())
}

/// Schedules what others edit past the server, on a thread of its own, as long as the server runs.
fn schedule_edits(app: &Arc<App>) -> std::io::Result<()> {
    const PAUSE: Duration = Duration::from_millis(300);
    let app = Arc::downgrade(app);
    let builder = std::thread::Builder::new().name("edits".to_owned());
    let mut follower = Follower::default();
    let follow = move || {
        while let Some(app) = app.upgrade() {
            follower.follow(&app);
            drop(app);
            std::thread::sleep(PAUSE);
        }
    };
    builder.spawn(follow).map(|_| ())
}

/// Delivers what a former run left in the queue. Returns what is still there, to be tried later.
fn replay(app: &App) -> BTreeSet<String> {
    left_over::deliver(app, |_| true).unwrap_or_else(|error| {
        tracing::error!(%error, "scheduling messages wait: the queue cannot be read");
        BTreeSet::new()
    })
}

/// Lets events follow the groups they invite when members came or left.
async fn follow_groups(app: Arc<App>) {
    const PAUSE: Duration = Duration::from_secs(30);
    let mut known = left_over::members_of_groups(&app);
    loop {
        tokio::time::sleep(PAUSE).await;
        let now = left_over::members_of_groups(&app);
        if now == known {
            continue;
        }
        let app = Arc::clone(&app);
        match tokio::task::spawn_blocking(move || left_over::refresh_groups(&app)).await {
            Ok(Ok(())) => known = now,
            Ok(Err(error)) => tracing::error!(%error, "events do not follow their groups yet"),
            Err(_) => {}
        }
    }
}

/// Keeps homes that grow while they are open within the memory that they may take.
async fn close_unused(app: Arc<App>) {
    const PAUSE: Duration = Duration::from_secs(10);
    loop {
        tokio::time::sleep(PAUSE).await;
        let app = Arc::clone(&app);
        let _ = tokio::task::spawn_blocking(move || app.store.close_unused()).await;
    }
}

/// Delivers what stays in the queue for a whole pause: it failed, or was put off because a meeting
/// is large. The pause grows while nothing helps.
async fn deliver_later(app: Arc<App>, mut waiting: BTreeSet<String>) {
    const SHORT: Duration = Duration::from_secs(2);
    const LONG: Duration = Duration::from_secs(600);
    let mut pause = SHORT;
    loop {
        tokio::time::sleep(pause).await;
        let (app, before) = (Arc::clone(&app), std::mem::take(&mut waiting));
        let round = move || {
            let now = left_over::deliver(&app, |id| before.contains(id));
            now.map(|now| (now.intersection(&before).next().is_some(), now))
        };
        let stuck = match tokio::task::spawn_blocking(round).await {
            Ok(Ok((stuck, now))) => {
                waiting = now;
                stuck
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "scheduling messages wait: the queue cannot be read");
                true
            }
            Err(_) => true,
        };
        pause = if stuck { (pause * 2).min(LONG) } else { SHORT };
    }
}

/// Builds the parts in the order in which they need each other.
pub fn assemble(config: &Arc<Config>) -> Result<App, StartError> {
    let clock = Clock::system();
    let root = &config.data.root;
    let accounts = &config.directory.file;
    let principals = Principals::open(accounts, root, &config.directory.hosts, clock.clone())?;
    let quota = config.data.home_quota_bytes;
    let memory = config.data.index_memory_bytes;
    let store = Store::open(
        root,
        StoreOptions {
            clock: clock.clone(),
            durability: if config.data.fsync { Durability::Full } else { Durability::None },
            quota_bytes: (quota > 0).then_some(quota),
            index_memory_bytes: (memory > 0).then_some(memory),
            keep_scheduled: Some(config.scheduling.external_edits == ExternalEdits::Schedule),
            text_memory_bytes: config.data.text_memory_bytes,
            lengthy: Lengthy::new(|work| threads::aside(work)),
        },
    )?;
    let authenticator =
        Authenticator::new(Options::from(&**config), Arc::clone(&principals), clock.clone());
    Ok(App { config: ArcSwap::new(Arc::clone(config)), clock, store, principals, authenticator })
}

/// Stops at SIGINT and SIGTERM, reloads at SIGHUP.
fn signals(
    settings: Settings,
    app: Arc<App>,
    site: Arc<Site>,
    stop: watch::Sender<bool>,
) -> Result<impl Future<Output = ()>, StartError> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => break,
                _ = terminate.recv() => break,
                _ = hangup.recv() => reload(&settings, &app, &site),
            }
        }
        tracing::info!("ending: requests under way may finish");
        stop.send_replace(true);
    })
}

/// Reads the configuration again; a wrong one changes nothing.
fn reload(settings: &Settings, app: &App, site: &Site) {
    match settings.load() {
        Ok(config) => {
            let before = app.config();
            let listens = |config: &Config| {
                let Config { server, tls, metrics, .. } = config;
                (server.listen.clone(), server.unix.clone(), tls.listen.clone(), metrics.clone())
            };
            let edits = |config: &Config| config.scheduling.external_edits;
            if listens(&config) != listens(&before)
                || config.data != before.data
                || edits(&config) != edits(&before)
            {
                tracing::warn!(
                    "where it listens, [data] and external_edits change only with a restart"
                );
            }
            let certificate = match tls::load(&config.tls) {
                Ok(certificate) => certificate,
                Err(error) => return tracing::error!(%error, "configuration not reloaded"),
            };
            site.transport.store(Arc::new(Transport::from(&config).with_tls(certificate)));
            app.config.store(Arc::new(config));
            // A broken accounts file has been logged; the last good state stays.
            let _ = app.principals.reload();
            tracing::info!("configuration reloaded");
        }
        Err(error) => tracing::error!(%error, "configuration not reloaded"),
    }
}

#[cfg(test)]
mod tests;
