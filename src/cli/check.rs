//! `daybook check`: looks over what the server would start with and changes nothing.

use daybook::principal::source;
use daybook::principal::{Directory, RecordType};

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
    Ok(())
}
