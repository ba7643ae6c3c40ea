//! Load on a loopback server: every kind of request a client makes, against the limits of the same
//! machine in the same run. `cargo bench --bench load -- --help` explains the options;
//! docs/performance.md explains the figures.
#![allow(missing_docs)]

mod client;
mod data;
mod growth;
mod lifetime;
mod limits;
mod measure;
mod rows;
mod server;
mod sign_in;
mod table;

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use client::{Account, Call};
use measure::{Length, Round};
use rows::{Limit, Row};
use server::{Bench, Start, StaticServer};
use table::{Table, spread};

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
        Length { time, requests: None, rate: self.rate }
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
        /// Path of the calendar, with both slashes.
        #[arg(long)]
        calendar: String,
        #[arg(long, default_value = "bench")]
        user: String,
        #[arg(long, default_value = "bench")]
        password: String,
        /// Its process.
        #[arg(long)]
        pid: u32,
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
            let length =
                Length { time: Duration::from_secs(3600), requests: Some(requests), rate: None };
            let numbers = Cell::new(1);
            for row in common.rows() {
                prepare(&mut bench, &row);
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
        Mode::Peer { name, address, calendar, user, password, pid } => {
            let account = Account::new(address, &user, &password);
            let bench = Bench::foreign(&calendar, account, pid, common.objects, common.seed);
            every_row(&name, bench, &common);
        }
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

const COLUMNS: &str = "server row objects connections round per_second p50_ms p90_ms p99_ms max_ms \
                       processor_us limit_per_second limit_processor_us ratio budget";

/// Measures all rows of a server and prints the table.
fn every_row(name: &str, mut bench: Bench, common: &Common) {
    let nginx = StaticServer::start(&bench.scratch(), common.pin);
    let mut table = Table::open(common.raw.as_deref(), COLUMNS);
    println!(
        "{name}: {} objects, {} rounds of {} s, seed {}",
        common.objects, common.rounds, common.seconds, common.seed
    );
    println!(
        "{:<16} {:>9} {:>8} {:>8} {:>8} {:>9} {:>9} | {:>6} {:>6} {:>6} {:>6} {:>7}",
        "row",
        "median/s",
        "p50 ms",
        "p99 ms",
        "cpu us",
        "limit/s",
        "limit us",
        "min",
        "ratio",
        "max",
        "budget",
        "cpu"
    );
    let numbers = Cell::new(common.first);
    for mut row in common.rows() {
        if name != "daybook" {
            rows::forgive_rewriting(&mut row);
        }
        prepare(&mut bench, &row);
        let first = numbers.get();
        match rounds(&bench, &nginx, &row, common, &numbers) {
            Ok(rounds) => report(name, &row, &rounds, common, &mut table),
            Err(why) => println!("{:<16} VOID: {why}", row.name),
        }
        if let Err(why) = stored(&bench, &row, first, numbers.get(), name == "daybook") {
            println!("{:<16} VOID: {why}", row.name);
        }
    }
    println!("resident memory: {:.1} MB", bench.resident_megabytes());
}

/// What a row needs before it can be measured.
pub fn prepare(bench: &mut Bench, row: &Row) {
    let answer = |call: &Call, statuses: &[u16]| {
        measure::once(&bench.account, call, statuses).expect("what a row needs is answered")
    };
    match row.name {
        // A token with one change behind it.
        "sync-one-change" => {
            let poll = rows::all().into_iter().find(|row| row.name == "poll").expect("a row");
            let body = answer(&(poll.call)(&bench.setting, 0), &[207]);
            let text = String::from_utf8_lossy(&body).into_owned();
            let token = text.split_once("sync-token>").and_then(|(_, rest)| rest.split_once("</"));
            let object = data::appointment(bench.setting.seed.with(0xCAFE), bench.setting.objects);
            let call = Call::new("PUT", format!("{}{}", bench.setting.calendar, rows::CHANGED))
                .body("text/calendar; charset=utf-8", object.text);
            answer(&call, &[201, 204]);
            bench.setting.sync_token = token.expect("a token").0.to_owned();
        }
        // Timetables are made by the first question after a change.
        "query-week" | "free-busy" | "outbox-10" => {
            answer(&(row.call)(&bench.setting, 0), row.statuses);
        }
        _ => {}
    }
}

/// Whether what a row wrote is there.
fn stored(bench: &Bench, row: &Row, first: u64, end: u64, bytes: bool) -> Result<(), String> {
    if row.limit != Limit::Writes && row.limit != Limit::WritesInParallel {
        return Ok(());
    }
    if end == first {
        return Ok(());
    }
    let written = (end - first) as usize;
    if row.name == "put-invite-10" {
        let delivered = bench.delivered();
        return match delivered >= written {
            true => Ok(()),
            false => Err(format!("{delivered} of {written} invitations were delivered")),
        };
    }
    for number in [first, (first + end) / 2, end - 1] {
        let put = (row.call)(&bench.setting, number);
        let got = measure::once(&bench.account, &Call::new("GET", put.path), &[200]);
        let got = got.map_err(|error| error.to_string())?;
        let same = match bytes {
            true => got == put.body,
            false => rows::same_event(&got, &put.body),
        };
        if !same {
            return Err(format!("object {number} is not as it was stored"));
        }
    }
    Ok(())
}

type Pair = (Round, Round);

fn rounds(
    bench: &Bench,
    nginx: &StaticServer,
    row: &Row,
    common: &Common,
    numbers: &Cell<u64>,
) -> Result<Vec<Pair>, String> {
    let length = common.length();
    let half = Length { time: length.time / 2, ..length };
    (0..common.rounds)
        .map(|_| {
            let limit = measure::limit(bench, nginx, row, half)?;
            Ok((measure::row(bench, row, length, numbers)?, limit))
        })
        .collect()
}

fn report(name: &str, row: &Row, rounds: &[Pair], common: &Common, table: &mut Table) {
    let of = |value: fn(&Pair) -> f64| spread(rounds.iter().map(value));
    let ratio = |pair: &Pair| pair.0.per_second / pair.1.per_second;
    let ratios = spread(rounds.iter().map(ratio));
    println!(
        "{:<16} {:>9.1} {:>8.2} {:>8.2} {:>8.1} {:>9.0} {:>9.1} | {:>6.3} {:>6.3} {:>6.3} {:>6.3} {:>7.3}",
        row.name,
        of(|pair| pair.0.per_second)[1],
        of(|pair| pair.0.percentiles[0])[1],
        of(|pair| pair.0.percentiles[2])[1],
        of(|pair| pair.0.processor_us)[1],
        of(|pair| pair.1.per_second)[1],
        of(|pair| pair.1.processor_us)[1],
        ratios[0],
        ratios[1],
        ratios[2],
        row.budget,
        of(|pair| pair.1.processor_us / pair.0.processor_us)[1],
    );
    for (number, pair) in rounds.iter().enumerate() {
        let (round, limit) = pair;
        let mut cells = vec![
            name.to_owned(),
            row.name.to_owned(),
            common.objects.to_string(),
            row.connections.to_string(),
            number.to_string(),
            format!("{:.2}", round.per_second),
        ];
        cells.extend(round.percentiles.map(|ms| format!("{ms:.3}")));
        cells.push(format!("{:.2}", round.processor_us));
        cells.push(format!("{:.1}", limit.per_second));
        cells.push(format!("{:.2}", limit.processor_us));
        cells.push(format!("{:.4}", ratio(pair)));
        cells.push(row.budget.to_string());
        table.line(&cells);
    }
}
