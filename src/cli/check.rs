//! `daybook check`: looks over what the server would start with and changes nothing.

use std::path::Path;

use daybook::principal::source;
use daybook::principal::{Directory, RecordType};
use daybook::store::{self, Store, StoreError, StoreOptions};

use super::{ConfigFile, Failure, WRONG, say};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = arguments.file.load()?;
    say("configuration: good");
    let accounts =
        source::load(&config.directory.file).map_err(|error| Failure::new(WRONG, error))?;
    let directory = Directory::new(accounts, &Default::default(), &Default::default(), &[]);
    let counts = RecordType::ALL
        .map(|kind| format!("{} {}", directory.records(kind).count(), kind.segment()));
    say(format_args!("accounts: {}", counts.join(", ")));
    check_homes(&config.data.root)
}

/// Compares every home with its files and names what is damaged.
fn check_homes(root: &Path) -> Result<(), Failure> {
    if !root.is_dir() {
        say("homes: none yet");
        return Ok(());
    }
    let store = match Store::open(root, StoreOptions::default()) {
        Ok(store) => store,
        Err(StoreError::InUse(_)) => {
            say("homes: not looked at, a server is working on them");
            return Ok(());
        }
        Err(error) => return Err(Failure::new(WRONG, error)),
    };
    let wrong = |error: StoreError| Failure::new(WRONG, error);
    let findings = store::check::check(&store).map_err(wrong)?;
    for finding in &findings {
        say(format_args!("{}:{}: {}", finding.path.display(), finding.line, finding.reason));
    }
    let homes = store.homes().map_err(wrong)?.len();
    say(format_args!("homes: {homes}, findings: {}", findings.len()));
    if findings.is_empty() {
        return Ok(());
    }
    Err(Failure::new(WRONG, format!("{} findings", findings.len())))
}
