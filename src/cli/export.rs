//! `daybook export`: calendars as plain files, a whole home as one archive. Needs the data
//! directory for itself; beside a running server clients and plain copies do the same.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;
use daybook::caldav::bundle;
use daybook::clock::Clock;
use daybook::config::Config;
use daybook::ical;
use daybook::principal::{Principals, Record};
use daybook::store::{Home, Store, StoreOptions};
use daybook::transfer::archive;

use super::import::{progress, tell};
use super::principals::find;
use super::{ConfigFile, FAILED, Failure, WRONG, say};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Each calendar as one .ics.
    Calendars {
        #[command(flatten)]
        file: ConfigFile,
        /// Name, GUID or type:name.
        user: String,
        /// Existing directory for the files; none of them may be there yet.
        to: PathBuf,
    },
    /// Everything in a home as one tar: files, properties as XML, delegates.
    Home {
        #[command(flatten)]
        file: ConfigFile,
        /// Name, GUID or type:name.
        user: String,
        /// The archive, which must not be there yet; - for standard output.
        to: PathBuf,
    },
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.what {
        What::Calendars { file, user, to } => calendars(&file.load()?, user, to),
        What::Home { file, user, to } => home(&file.load()?, user, to),
    }
}

/// A home with what holds it.
struct Open {
    principals: Arc<Principals>,
    record: Arc<Record>,
    home: Arc<Home>,
    /// Holds the data directory.
    _store: Arc<Store>,
}

fn open(config: &Config, user: &str) -> Result<Open, Failure> {
    let (principals, store) = parts(config)?;
    let record = find(&principals.current(), user)?;
    let home = store.home(&record.guid).map_err(|error| Failure::new(FAILED, error))?;
    let home = home.ok_or_else(|| Failure::new(FAILED, format!("{user} has no calendars yet")))?;
    Ok(Open { principals, record, home, _store: store })
}

/// The directory and the store; nobody else may have the data directory.
pub(super) fn parts(config: &Config) -> Result<(Arc<Principals>, Arc<Store>), Failure> {
    let (file, root, hosts) = (&config.directory.file, &config.data.root, &config.directory.hosts);
    let principals = Principals::open(file, root, hosts, Clock::system())?;
    let quota = config.data.home_quota_bytes;
    let options =
        StoreOptions { quota_bytes: (quota > 0).then_some(quota), ..StoreOptions::default() };
    let store = Store::open(root, options).map_err(|error| Failure::new(FAILED, error))?;
    Ok((principals, store))
}

fn calendars(config: &Config, user: &str, to: &Path) -> Result<(), Failure> {
    let Open { home, _store, .. } = open(config, user)?;
    let snapshot = home.snapshot();
    let mut left = 0;
    for (path, calendar) in snapshot.calendars() {
        let mut objects = Vec::new();
        for (name, _) in calendar.objects() {
            let content = home.read(&path.join(name)).map_err(|e| Failure::new(FAILED, e))?;
            match ical::parse(&content.unwrap_or_default()) {
                Ok(object) => objects.push(object),
                Err(error) => {
                    left += 1;
                    say(format_args!("not taken: {path}/{name}:{}: {}", error.line, error.reason));
                }
            }
        }
        let file = to.join(format!("{}.ics", path.segments().join("-")));
        let content = bundle::merge(&objects).to_bytes();
        let write = File::create_new(&file).and_then(|mut open| {
            open.write_all(&content)?;
            open.sync_all()
        });
        write.map_err(|error| Failure::new(FAILED, format!("{}: {error}", file.display())))?;
        say(format_args!("{}: {} events", file.display(), objects.len()));
    }
    match left {
        0 => Ok(()),
        _ => Err(Failure::new(FAILED, format!("{left} files not taken"))),
    }
}

fn home(config: &Config, user: &str, to: &Path) -> Result<(), Failure> {
    let Open { principals, record, home, _store } = open(config, user)?;
    let failed = |error| Failure::new(FAILED, format!("{}: {error}", to.display()));
    let directory = principals.current();
    let (bar, mut step) = progress();
    let export = |out: &mut dyn std::io::Write, step: &mut dyn FnMut(usize, usize)| {
        archive::export(&home, &record, &directory, out, step)
            .map_err(|error| Failure::new(FAILED, error))
    };
    if to == Path::new("-") {
        let report = export(&mut std::io::stdout().lock(), &mut step)?;
        bar.finish_and_clear();
        return match report.refused.len() {
            0 => Ok(()),
            count => Err(Failure::new(FAILED, format!("{count} files not taken"))),
        };
    }
    let file = File::create_new(to).map_err(failed)?;
    let mut out = BufWriter::new(file);
    let report = match export(&mut out, &mut step) {
        Ok(report) => report,
        Err(failure) => {
            // What is only half there is no archive.
            let _ = fs::remove_file(to);
            return Err(failure);
        }
    };
    let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)?;
    bar.finish_and_clear();
    tell(&report);
    say(format_args!("{}: {} files", to.display(), report.taken));
    match report.refused.len() {
        0 => Ok(()),
        count => Err(Failure::new(FAILED, format!("{count} files not taken"))),
    }
}

/// What the configuration or the command line got wrong.
pub(super) fn wrong(reason: impl std::fmt::Display) -> Failure {
    Failure::new(WRONG, reason)
}
