//! `daybook check`: looks over what the server would start with, beside a running server too.
//!
//! With `--scheduling` it also compares the copies of every event in all homes, one line a finding:
//! file, instance, reason. Exit codes: 0 all is well, 1 something was found, 2 it cannot be looked
//! at.

use std::path::{Path, PathBuf};

use daybook::clock::Clock;
use daybook::config::Config;
use daybook::method;
use daybook::principal::source;
use daybook::principal::{Directory, Principals, RecordType};
use daybook::schedule::{self, Disagreement, Users};
use daybook::store::{self, check::Finding};

use super::{ConfigFile, FAILED, Failure, WRONG, say};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Data directory, instead of the configured one.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Compare the organizer's and the attendees' copies of every event too.
    #[arg(long)]
    scheduling: bool,
    /// Repair what can be repaired without losing anything; no server may be running.
    #[arg(long)]
    repair: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = arguments.file.load()?;
    if daybook::http::tls::load(&config.tls)?.is_some() {
        say("certificate: good");
    }
    say("configuration: good");
    let accounts =
        source::load(&config.directory.file).map_err(|error| Failure::new(WRONG, error))?;
    let directory = Directory::new(accounts, &Default::default(), &Default::default(), &[]);
    let counts = RecordType::ALL
        .map(|kind| format!("{} {}", directory.records(kind).count(), kind.segment()));
    say(format_args!("accounts: {}", counts.join(", ")));
    let root = arguments.data.as_deref().unwrap_or(&config.data.root);
    if !root.is_dir() {
        say("homes: none yet");
        return Ok(());
    }
    let (mut findings, live) = check_homes(root, arguments.repair)?;
    if arguments.scheduling {
        findings += check_scheduling(root, live, &config)?;
    }
    match findings {
        0 => Ok(()),
        _ => Err(Failure::new(FAILED, format!("{findings} findings"))),
    }
}

/// Compares every home with its files and names what is damaged; tells how much that is, and
/// whether a server is running.
fn check_homes(root: &Path, repair: bool) -> Result<(usize, bool), Failure> {
    let report = store::check::run(root, repair).map_err(|error| Failure::new(WRONG, error))?;
    let line = |finding: &Finding, what: &str| {
        say(format_args!("{}:{}: {}{what}", finding.path.display(), finding.line, finding.reason));
    };
    report.repaired.iter().for_each(|finding| line(finding, " (repaired)"));
    report.findings.iter().for_each(|finding| line(finding, ""));
    let live = if report.live { ", beside a running server" } else { "" };
    say(format_args!("homes: {}, findings: {}{live}", report.homes, report.findings.len()));
    if repair && report.live {
        return Err(Failure::new(FAILED, "a server is running: end it to repair"));
    }
    Ok((report.findings.len(), report.live))
}

/// Compares the copies of every event and names where they disagree; tells how often.
fn check_scheduling(root: &Path, live: bool, config: &Config) -> Result<usize, Failure> {
    let (accounts, hosts) = (&config.directory.file, &config.directory.hosts);
    let principals = Principals::open(accounts, root, hosts, Clock::system())?;
    let directory = principals.current();
    let users = Users { directory: &directory, options: &method::scheduling_options(config) };
    let agreement = schedule::check_agreement(root, live, &users);
    let agreement = agreement.map_err(|error| Failure::new(WRONG, error))?;
    let line = |found: &Disagreement| {
        let instance = found.instance.recurrence_id().unwrap_or_else(|| "master".to_owned());
        let doubt = if found.certain { "" } else { " (may be wanted)" };
        say(format_args!("{}: {instance}: {}{doubt}", found.path.display(), found.reason));
    };
    agreement.found.iter().for_each(line);
    let certain = agreement.found.iter().filter(|found| found.certain).count();
    say(format_args!(
        "events: {}, findings: {certain}, in doubt: {}, waiting for messages: {}",
        agreement.events,
        agreement.found.len() - certain,
        agreement.waiting
    ));
    Ok(certain)
}
