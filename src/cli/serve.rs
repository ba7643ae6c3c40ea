//! `daybook serve`: the server in the foreground.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;

use daybook::server::{self, Settings};
use tracing_subscriber::EnvFilter;

use super::{ConfigFile, FAILED, Failure, WRONG, demo, say};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Make demo accounts (alice, bob, carol and a room) in the data directory, by default
    /// ./daybook-demo, and say what to try.
    #[arg(long)]
    demo: bool,
    /// Address and port to listen on, instead of the configured ones; port 0 takes a free port.
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// Data directory, instead of the configured one.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let mut settings = Settings {
        file: arguments.file.config,
        listen: arguments.listen,
        data: arguments.data,
        accounts: None,
    };
    let demo = match arguments.demo {
        true => Some(demo::prepare(settings.data.clone())?),
        false => None,
    };
    if let Some(demo) = &demo {
        settings.data = Some(demo.folder.clone());
        settings.accounts = Some(demo.accounts.clone());
    }
    let config = settings.load()?;
    let filter = EnvFilter::try_new(&config.log.level)
        .map_err(|error| Failure::new(WRONG, format!("[log] level: {error}")))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let ready = |addresses: &[(SocketAddr, bool)]| {
        for (address, tls) in addresses {
            let scheme = if *tls { "https" } else { "http" };
            say(format_args!("Daybook listens on {scheme}://{address}/"));
        }
        if let (Some(demo), Some((address, _))) = (&demo, addresses.first()) {
            say(demo.what_next(*address));
        }
    };
    server::run(settings, config, ready).map_err(|error| Failure::new(FAILED, error))
}
