//! `daybook import`: takes over what other servers and programs left. Needs the data directory for
//! itself. Sources are only read, nothing is sent to anybody, and everything that is not taken is
//! named.
//!
//! Exit codes: 0 all was taken or there already, 1 something was not, 2 it cannot be begun.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;
use daybook::principal::{Principals, Record};
use daybook::store::{CollectionKind, HomePath, Store};
use daybook::transfer::{
    Intake, Options, Report, Target, TransferError, archive, calendar_server, files, radicale, vdir,
};
use indicatif::{ProgressBar, ProgressStyle};

use super::export::{parts, wrong};
use super::principals::find;
use super::{ConfigFile, FAILED, Failure, say};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Only say what would be taken.
    #[arg(long, global = true)]
    dry_run: bool,
    /// Replace what is there already with other content.
    #[arg(long, global = true)]
    replace: bool,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// .ics files with one or many events, and directories of them, into one calendar.
    Files {
        /// Name, GUID or type:name.
        user: String,
        /// Name of a calendar of the user.
        calendar: String,
        /// Files and directories.
        #[arg(required = true)]
        from: Vec<PathBuf>,
        /// Make the calendar if there is none.
        #[arg(long)]
        make: bool,
    },
    /// vdirs (vdirsyncer, khal): each becomes a calendar, with its colour and name.
    Vdir {
        /// Name, GUID or type:name.
        user: String,
        /// vdirs, and directories of vdirs.
        #[arg(required = true)]
        from: Vec<PathBuf>,
    },
    /// The storage folder of Radicale, for every user with an account here.
    Radicale {
        /// The folder that holds collection-root.
        folder: PathBuf,
    },
    /// The document root of a Darwin Calendar Server of the years when it kept files.
    CalendarServer {
        /// The document root, which holds calendars.
        root: PathBuf,
        /// The directory of calendaruserproxy.sqlite and resourceinfo.sqlite, if it is another.
        #[arg(long, value_name = "DIR")]
        data_root: Option<PathBuf>,
    },
    /// A home from an archive of daybook export home.
    Home {
        /// Name, GUID or type:name.
        user: String,
        /// The archive.
        archive: PathBuf,
    },
}

/// A bar on the terminal, and what moves it; nothing is drawn where nobody looks.
pub(super) fn progress() -> (ProgressBar, impl FnMut(usize, usize)) {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos} of {len}, {eta} to go") {
        bar.set_style(style);
    }
    let moved = bar.clone();
    let step = move |done: usize, expected: usize| {
        moved.set_length(expected as u64);
        moved.set_position(done as u64);
    };
    (bar, step)
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = arguments.file.load()?;
    let (principals, store) = parts(&config)?;
    let options = Options {
        dry_run: arguments.dry_run,
        replace: arguments.replace,
        // A home comes back as it was, damaged files too.
        keep_damaged: matches!(arguments.what, What::Home { .. }),
    };
    let (bar, mut step) = progress();
    let mut intake = Intake::new(&store, options, &mut step);
    let ended = take(&arguments.what, &mut intake, &principals, &store);
    let finished = intake.finish().map_err(|error| Failure::new(FAILED, error));
    bar.finish_and_clear();
    let report = intake.report;
    tell(&report);
    let would = if arguments.dry_run { " would be" } else { "" };
    let left = report.refused.len();
    say(format_args!(
        "{}{would} taken, {} there already, {left} not taken",
        report.taken, report.same
    ));
    ended.and(finished)?;
    match left {
        0 => Ok(()),
        _ => Err(Failure::new(FAILED, format!("{left} not taken"))),
    }
}

/// Names what was not taken, and why.
pub(super) fn tell(report: &Report) {
    for refusal in &report.refused {
        let path = refusal.path.display();
        match refusal.line {
            0 => say(format_args!("not taken: {path}: {}", refusal.reason)),
            line => say(format_args!("not taken: {path}:{line}: {}", refusal.reason)),
        }
    }
}

impl From<TransferError> for Failure {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::Unfit { .. } | TransferError::Source(_) => wrong(error),
            error => Self::new(FAILED, error),
        }
    }
}

fn take(
    what: &What,
    intake: &mut Intake<'_>,
    principals: &Arc<Principals>,
    store: &Arc<Store>,
) -> Result<(), Failure> {
    let record = |user: &String| find(&principals.current(), user);
    match what {
        What::Files { user, calendar, from, make } => {
            let mut target = home(intake, &*record(user)?, store, *make)?;
            let calendar = calendar_of(intake, &mut target, (user, calendar), *make)?;
            for path in from {
                files::import(intake, &mut target, &calendar, path)?;
            }
        }
        What::Vdir { user, from } => {
            let mut target = home(intake, &*record(user)?, store, true)?;
            for path in from {
                vdir::import(intake, &mut target, path)?;
            }
        }
        What::Radicale { folder } => radicale::import(intake, &principals.current(), folder)?,
        What::CalendarServer { root, data_root } => {
            calendar_server::import(intake, principals, root, data_root.as_deref())?;
        }
        What::Home { user, archive: path } => {
            let record = record(user)?;
            let failed = |error| wrong(format!("{}: {error}", path.display()));
            let mut file = File::open(path).map_err(failed)?;
            archive::import(intake, principals, &record, (path, &mut file))?;
        }
    }
    Ok(())
}

/// The home of a user, made if it may be.
fn home(
    intake: &mut Intake<'_>,
    record: &Record,
    store: &Store,
    make: bool,
) -> Result<Target, Failure> {
    let failed = |error| Failure::new(FAILED, error);
    if !make && store.home(&record.guid).map_err(failed)?.is_none() {
        return Err(wrong(format!("{} has no calendars yet", record.name())));
    }
    let link = |name: &String| (record.record_type.segment().to_owned(), name.clone());
    let links: Vec<_> = record.short_names.iter().map(link).collect();
    intake.home(&record.guid, &links).map_err(failed)
}

fn calendar_of(
    intake: &mut Intake<'_>,
    target: &mut Target,
    (user, calendar): (&str, &str),
    make: bool,
) -> Result<HomePath, Failure> {
    let path = HomePath::new([calendar]);
    if make && target.kind(&path).is_none() {
        let place = (&path, CollectionKind::Calendar);
        intake.collection(target, place, Path::new(calendar), &[]);
    }
    match target.kind(&path) {
        Some(CollectionKind::Calendar) => Ok(path),
        _ => Err(wrong(format!("{user} has no calendar {calendar}"))),
    }
}
