//! `daybook check`: looks over what the server would start with, beside a running server too.
//!
//! Exit codes: 0 all is well, 1 something was found, 2 it cannot be looked at.

use std::path::{Path, PathBuf};

use daybook::principal::source;
use daybook::principal::{Directory, RecordType};
use daybook::store::{self, check::Finding};

use super::{ConfigFile, FAILED, Failure, WRONG, say};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Data directory, instead of the configured one.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
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
    check_homes(arguments.data.as_deref().unwrap_or(&config.data.root), arguments.repair)
}

/// Compares every home with its files and names what is damaged.
fn check_homes(root: &Path, repair: bool) -> Result<(), Failure> {
    if !root.is_dir() {
        say("homes: none yet");
        return Ok(());
    }
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
    if report.findings.is_empty() {
        return Ok(());
    }
    Err(Failure::new(FAILED, format!("{} findings", report.findings.len())))
}
