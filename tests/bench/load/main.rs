//! Load on a loopback server: every kind of request a client makes, against the limits of the same
//! machine in the same run. `cargo bench --bench load -- --help` explains the options;
//! docs/performance.md explains the figures.
#![allow(missing_docs)]

mod client;
mod compare;
mod data;
mod growth;
mod lifetime;
mod limits;
mod measure;
mod people;
mod rows;
mod server;
mod sign_in;
mod table;

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};

use client::Account;
use compare::{every_row, prepare};
use measure::Length;
use people::People;
use rows::Row;
use server::{Bench, Start};

/// Measures a server of this checkout on loopback.
#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    mode: Mode,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
pub struct Common {
    /// Objects in the measured calendar.
    #[arg(long, default_value_t = 10_000, global = true)]
    objects: u64,
    /// Seconds per row and round.
    #[arg(long, default_value_t = 1.0, global = true)]
    seconds: f64,
    /// Rounds; minimum, median and maximum are printed.
    #[arg(long, default_value_t = 5, global = true)]
    rounds: usize,
    /// Only rows with these names.
    #[arg(long, value_delimiter = ',', global = true)]
    only: Vec<String>,
    /// The number of the first request: what rows write is named by it.
    #[arg(long, default_value_t = 1, global = true)]
    first: u64,
    /// Seed of the data.
    #[arg(long, default_value_t = 1, global = true)]
    seed: u64,
    /// Append the raw figures to this file.
    #[arg(long, global = true)]
    raw: Option<PathBuf>,
    /// Server on the first processor, client on the second; needs `taskset`.
    #[arg(long, global = true)]
    pin: bool,
    /// Run the server under this command, such as a profiler.
    #[arg(long, value_delimiter = ' ', global = true)]
    under: Vec<String>,
    /// Give a row up after so many seconds if there were not three answers by then.
    #[arg(long, global = true)]
    row_seconds: Option<f64>,
    /// Requests per second to offer (open loop).
    #[arg(long, global = true)]
    rate: Option<f64>,
    /// What cargo itself adds.
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

impl Common {
    fn start(&self) -> Start {
        Start { pin: self.pin, under: self.under.clone() }
    }

    fn length(&self) -> Length {
        let time = Duration::from_secs_f64(self.seconds);
        let until = self.row_seconds.map(|most| Instant::now() + Duration::from_secs_f64(most));
        Length { time, requests: None, rate: self.rate, until }
    }

    fn rows(&self) -> Vec<Row> {
        let wanted = |row: &Row| self.only.is_empty() || self.only.iter().any(|o| o == row.name);
        rows::all().into_iter().filter(wanted).collect()
    }
}

#[derive(Subcommand)]
enum Mode {
    /// Every row against its limit.
    Rows,
    /// So many requests of each row, without limits: for profiles.
    Drive {
        /// Requests per row.
        #[arg(long, default_value_t = 1000)]
        requests: u64,
        /// A command of the shell to run when the server is ready; `{}` is its process.
        #[arg(long, default_value = "true")]
        attach: String,
    },
    /// The rows of another server whose calendar holds the generated objects.
    Peer {
        /// Name in the table.
        #[arg(long)]
        name: String,
        #[arg(long)]
        address: SocketAddr,
        #[command(flatten)]
        people: People,
        /// Its process.
        #[arg(long)]
        pid: u32,
    },
    /// Stores the generated objects on another server.
    Store {
        #[arg(long)]
        address: SocketAddr,
        #[command(flatten)]
        people: People,
    },
    /// The generated objects as files.
    Fill { folder: PathBuf },
    /// Time per request against the size of the calendar.
    Growth {
        #[arg(long, value_delimiter = ',', default_value = "1000,10000,20000,100000")]
        sizes: Vec<u64>,
    },
    /// Time until the first answer, with and without an index.
    Start,
    /// Resident memory, idle and after serving.
    Memory,
    /// What it costs to sign in: many people in turn at `--rate`, by Basic, by a proxy's word, by
    /// nobody.
    SignIn {
        #[arg(long, default_value_t = 200)]
        users: u64,
    },
    /// Mixed load for a long time; resident memory all along.
    Soak {
        #[arg(long, default_value_t = 30.0)]
        minutes: f64,
    },
}

fn main() {
    let Options { mode, common } = Options::parse();
    if common.pin {
        server::pin_client();
    }
    match mode {
        Mode::Rows => {
            let bench = Bench::daybook(common.objects, common.seed, &common.start());
            every_row("daybook", bench, &common);
        }
        Mode::Drive { requests, attach } => {
            let mut bench = Bench::daybook(common.objects, common.seed, &common.start());
            let time = Duration::from_secs(3600);
            let length = Length { time, requests: Some(requests), ..Length::default() };
            let numbers = Cell::new(1);
            for row in common.rows() {
                prepare(&mut bench, &row).expect("what a row needs is answered");
                // The home is opened by the first request for it.
                measure::once(&bench.account, &(row.call)(&bench.setting, 0), row.statuses)
                    .expect("an answer");
                let pid = bench.pid.unwrap_or_default().to_string();
                let command = attach.replace("{}", &pid);
                std::process::Command::new("sh").args(["-c", &command]).status().expect("a shell");
                let round = measure::row(&bench, &row, length, &numbers).expect("right answers");
                println!("{}: {:.1}/s, {:.1} us", row.name, round.per_second, round.processor_us);
            }
        }
        Mode::Peer { name, address, people, pid } => {
            let mut account = Account::new(address, "bench", server::PASSWORD);
            if let Some(seconds) = common.row_seconds {
                account.patience = Duration::from_secs_f64(seconds);
            }
            let bench = Bench::foreign(people, account, pid, common.objects, common.seed);
            every_row(&name, bench, &common);
        }
        Mode::Store { address, people } => people.store(address, common.objects, common.seed),
        Mode::Fill { folder } => {
            server::fill(&folder, common.objects, data::Seed::of(common.seed, common.objects))
        }
        Mode::Growth { sizes } => growth::run(&common, &sizes),
        Mode::Start => lifetime::start(&common),
        Mode::Memory => lifetime::memory(&common),
        Mode::SignIn { users } => sign_in::run(&common, users),
        Mode::Soak { minutes } => lifetime::soak(&common, minutes),
    }
}
