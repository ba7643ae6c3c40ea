//! The command line of Daybook.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use daybook::server::{self, Settings};
use tracing_subscriber::EnvFilter;

/// A calendar server (CalDAV) whose calendars are plain directories of .ics files.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server until Ctrl-C.
    Serve(Serve),
}

#[derive(clap::Args)]
struct Serve {
    /// Configuration file (TOML); docs/daybook.toml is one with every key explained.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Make demo accounts (alice, bob, carol, a room) and say what to try.
    #[arg(long)]
    demo: bool,
    /// Address and port to listen on, instead of the configured ones.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Data directory, instead of the configured one.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        Command::Serve(serve) => run(serve),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "daybook: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(serve: Serve) -> Result<(), Box<dyn std::error::Error>> {
    let settings = Settings { file: serve.config, listen: serve.listen, data: serve.data };
    let _ = serve.demo;
    let config = settings.load()?;
    let filter = EnvFilter::try_new(&config.log.level)?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    server::run(settings, config, |addresses| {
        use std::io::Write as _;
        for address in addresses {
            let _ = writeln!(std::io::stdout(), "Daybook listens on http://{address}/");
        }
    })?;
    Ok(())
}
