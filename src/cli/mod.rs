//! The command line: arguments, one file per command, exit codes.
//!
//! What a command was asked for goes to standard output; errors and the log go to standard error.

mod access;
mod check;
mod demo;
mod export;
mod import;
mod principals;
mod put;
mod serve;
mod user;

use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use daybook::config::{Config, ConfigError};

/// A calendar server (CalDAV) whose calendars are plain directories of .ics files.
///
/// To try it: `daybook serve --demo`, then do what it prints.
#[derive(Parser)]
#[command(version, arg_required_else_help = true, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server until Ctrl-C or SIGTERM; SIGHUP makes it read its configuration again.
    Serve(serve::Arguments),
    /// Look over configuration, accounts and data, beside a running server too.
    Check(check::Arguments),
    /// Add, list and remove accounts, and change passwords.
    User(user::Arguments),
    /// Change and print delegates, automatic scheduling, app passwords and properties.
    Principals(principals::Arguments),
    /// Explain who may do what, and why.
    Access(access::Arguments),
    /// Store an object as a client would, invitations included, beside a running server too.
    Put(put::Arguments),
    /// Write calendars as .ics files, or a whole home as one archive; no server may be running.
    Export(export::Arguments),
    /// Take over files, vdirs, a Radicale, a Darwin Calendar Server or an archive; sends nothing
    /// to anybody. No server may be running.
    Import(import::Arguments),
}

/// Why a command did not do what it was asked for: a sentence for people and an exit code.
#[derive(Debug)]
struct Failure {
    code: u8,
    reason: String,
}

/// The command could not do its work.
const FAILED: u8 = 1;
/// A file that people write is wrong; clap uses the same code for wrong arguments.
const WRONG: u8 = 2;

impl Failure {
    fn new(code: u8, reason: impl fmt::Display) -> Self {
        Self { code, reason: reason.to_string() }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(WRONG, error)
    }
}

/// Runs the command that was asked for.
pub fn run() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::User(arguments) => user::run(arguments),
        Command::Principals(arguments) => principals::run(&arguments),
        Command::Access(arguments) => access::run(&arguments),
        Command::Put(arguments) => put::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "daybook: {}", failure.reason);
            ExitCode::from(failure.code)
        }
    }
}

/// Prints a line of what was asked for. A reader who has gone away is no error.
fn say(line: impl fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// `--config FILE`, as every command has it.
#[derive(clap::Args, Clone, Debug)]
struct ConfigFile {
    /// Configuration file (TOML); docs/daybook.toml is one with every key explained.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigFile {
    fn load(&self) -> Result<Config, Failure> {
        match &self.config {
            Some(file) => Ok(Config::load(file)?),
            None => Ok(Config::default()),
        }
    }
}
