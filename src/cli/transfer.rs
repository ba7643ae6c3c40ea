//! `daybook export` and `daybook import`: calendars as plain files. Both work on the data directory
//! and need it for themselves; beside a running server clients and plain copies do the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use daybook::caldav::bundle;
use daybook::clock::Clock;
use daybook::config::Config;
use daybook::ical::{self, Component};
use daybook::principal::Principals;
use daybook::store::{
    CollectionKind, Home, HomePath, PropertyChanges, Store, StoreError, StoreOptions,
};

use super::principals::find;
use super::{ConfigFile, FAILED, Failure, WRONG, say};

#[derive(clap::Args)]
pub(super) struct Export {
    #[command(flatten)]
    file: ConfigFile,
    /// Name, GUID or type:name.
    user: String,
    /// Existing directory that gets one .ics for each calendar.
    to: PathBuf,
}

#[derive(clap::Args)]
pub(super) struct Import {
    #[command(flatten)]
    file: ConfigFile,
    /// Name, GUID or type:name.
    user: String,
    /// Name of an existing calendar of the user.
    calendar: String,
    /// Files with one or many events, or directories of them (vdir, Radicale); never changed.
    #[arg(required = true)]
    from: Vec<PathBuf>,
    /// Replace events that are there already with other content.
    #[arg(long)]
    replace: bool,
    /// Only say what would be taken.
    #[arg(long)]
    dry_run: bool,
}

/// Opens the home; the store comes along because it holds the data directory.
fn open(config: &Config, user: &str) -> Result<(Arc<Store>, Arc<Home>), Failure> {
    let (file, root, hosts) = (&config.directory.file, &config.data.root, &config.directory.hosts);
    let principals = Principals::open(file, root, hosts, Clock::system())?;
    let record = find(&principals.current(), user)?.guid.clone();
    let failed = |error: StoreError| Failure::new(FAILED, error);
    let store = Store::open(root, StoreOptions::default()).map_err(failed)?;
    let home = store.home(&record).map_err(failed)?;
    let home = home.ok_or_else(|| Failure::new(FAILED, format!("{user} has no calendars yet")))?;
    Ok((store, home))
}

pub(super) fn export(arguments: &Export) -> Result<(), Failure> {
    let config = arguments.file.load()?;
    let (_store, home) = open(&config, &arguments.user)?;
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
        let file = arguments.to.join(format!("{}.ics", path.segments().join("-")));
        let content = bundle::merge(&objects).to_bytes();
        let write = fs::File::create_new(&file)
            .and_then(|mut open| std::io::Write::write_all(&mut open, &content));
        write.map_err(|error| Failure::new(FAILED, format!("{}: {error}", file.display())))?;
        say(format_args!("{}: {} events", file.display(), objects.len()));
    }
    if left > 0 {
        return Err(Failure::new(FAILED, format!("{left} files not taken")));
    }
    Ok(())
}

/// What became of the objects of an import.
#[derive(Default)]
struct Counts {
    taken: usize,
    same: usize,
    left: usize,
}

impl Counts {
    fn leave(&mut self, what: &Path, reason: impl std::fmt::Display) {
        self.left += 1;
        say(format_args!("not taken: {}: {reason}", what.display()));
    }
}

pub(super) fn import(arguments: &Import) -> Result<(), Failure> {
    let config = arguments.file.load()?;
    let (_store, home) = open(&config, &arguments.user)?;
    let calendar = HomePath::new([arguments.calendar.as_str()]);
    let kind = home.snapshot().collection(&calendar).map(|collection| collection.kind);
    if kind != Some(CollectionKind::Calendar) {
        let reason = format!("{} has no calendar {}", arguments.user, arguments.calendar);
        return Err(Failure::new(WRONG, reason));
    }
    let mut counts = Counts::default();
    for file in files(&arguments.from, &mut counts)? {
        let content = match fs::read(&file) {
            Ok(content) => content,
            Err(error) => {
                counts.leave(&file, error);
                continue;
            }
        };
        match ical::parse(&content) {
            Err(error) => {
                counts.leave(&file, format_args!("line {}: {}", error.line, error.reason))
            }
            Ok(tree) => {
                let (objects, without) = bundle::split(&tree);
                (0..without).for_each(|_| counts.leave(&file, "a component without a UID"));
                // A file with one object keeps its bytes.
                let single = objects.len() == 1 && without == 0 && tree.uid().is_some();
                for object in objects {
                    let bytes = if single { content.clone() } else { object.to_bytes() };
                    let bytes = Bytes::from(bytes);
                    take(arguments, &home, &calendar, (&file, &object, bytes, single), &mut counts);
                }
            }
        }
    }
    let Counts { taken, same, left } = counts;
    let would = if arguments.dry_run { " would be" } else { "" };
    say(format_args!("{taken}{would} taken, {same} there already, {left} not taken"));
    if left > 0 {
        return Err(Failure::new(FAILED, format!("{left} not taken")));
    }
    Ok(())
}

/// The files, and those directly in the directories, but for hidden ones.
fn files(from: &[PathBuf], counts: &mut Counts) -> Result<Vec<PathBuf>, Failure> {
    let wrong = |path: &Path, error| Failure::new(WRONG, format!("{}: {error}", path.display()));
    let mut found = Vec::new();
    for path in from {
        if !path.is_dir() {
            found.push(path.clone());
            continue;
        }
        let entries = fs::read_dir(path).map_err(|error| wrong(path, error))?;
        let mut members: Vec<PathBuf> =
            entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        members.sort();
        for member in members {
            let name = member.file_name().map(|name| name.to_string_lossy().into_owned());
            match name {
                Some(name) if name.starts_with('.') => {}
                Some(name) if name.ends_with(".ics") && member.is_file() => found.push(member),
                _ => counts.leave(&member, "it is no .ics file"),
            }
        }
    }
    Ok(found)
}

/// Stores one object, if nothing speaks against it.
fn take(
    arguments: &Import,
    home: &Home,
    calendar: &HomePath,
    (file, object, bytes, single): (&Path, &Component, Bytes, bool),
    counts: &mut Counts,
) {
    let uid = object.uid().unwrap_or_default();
    let snapshot = home.snapshot();
    let known = snapshot.by_uid(uid).into_iter().find(|p| p.parent().as_ref() == Some(calendar));
    if let Some(known) = &known {
        if home.read(known).is_ok_and(|content| content.as_ref() == Some(&bytes)) {
            counts.same += 1;
            return;
        }
        if !arguments.replace {
            return counts.leave(file, format_args!("UID {uid} is there with other content"));
        }
    }
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
    let path = known.or_else(|| {
        // Only a file with one object gives its name on.
        let path = calendar.join(&name.filter(|name| single && name.ends_with(".ics"))?);
        snapshot.entry(&path).is_none().then_some(path)
    });
    let path = path.unwrap_or_else(|| calendar.join(&name_for(uid)));
    if !arguments.dry_run {
        let stored = home.write(|tx| -> Result<(), StoreError> {
            tx.put(&path, &bytes, None, &PropertyChanges::none()).map(|_| ())
        });
        if let Err(error) = stored {
            return counts.leave(file, error);
        }
    }
    counts.taken += 1;
}

/// A file name that the UID always gives.
fn name_for(uid: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '@' | '.');
    if uid.len() <= 100 && uid.chars().all(plain) && !uid.starts_with('.') {
        return format!("{uid}.ics");
    }
    format!("{}.ics", daybook::dav::ETag::of(uid.as_bytes()).to_string().trim_matches('"'))
}
