//! Load on a loopback server: every kind of request a client makes, against the limits of the same
//! machine in the same run. `cargo bench --bench load -- --help` explains the options;
//! docs/performance.md explains the figures.
#![allow(missing_docs)]

mod client;
mod data;
mod limits;
mod rows;
mod server;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;

use client::Client;
use rows::{Limit, Row, Setting};
use server::Bench;

/// Measures a server of this checkout on loopback.
#[derive(Parser)]
struct Options {
    /// Objects in the measured calendar.
    #[arg(long, default_value_t = 10_000)]
    objects: u64,
    /// Seconds per row and round.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Rounds; minimum, median and maximum are printed.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only rows whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Seed of the data.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Requests per second to offer (open loop); latency then counts from the planned start.
    #[arg(long)]
    rate: Option<f64>,
    /// Append the raw figures to this file as tab-separated lines.
    #[arg(long)]
    raw: Option<std::path::PathBuf>,
    /// Processor of the server (the client takes the other one); needs `taskset`.
    #[arg(long)]
    pin: bool,
    /// What cargo itself adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What one round of a row measured.
struct Round {
    per_second: f64,
    /// Milliseconds at 50, 90, 99 and 100 percent.
    percentiles: [f64; 4],
}

fn main() {
    let options = Options::parse();
    let mut bench = Bench::start(options.objects, options.seed, options.pin);
    println!(
        "{} objects, {} rounds of {} s, seed {}; the machine opens and reads {:.0} files/s",
        options.objects,
        options.rounds,
        options.seconds,
        options.seed,
        limits::reads(&bench.calendar_folder(), Duration::from_millis(500)),
    );
    println!(
        "{:<30} {:>9} {:>9} {:>9} {:>8} {:>8} {:>9} {:>7} {:>7}",
        "request", "min/s", "median/s", "max/s", "p50 ms", "p99 ms", "limit/s", "ratio", "budget"
    );
    let length = Duration::from_secs_f64(options.seconds);
    let numbers = AtomicU64::new(1);
    for row in rows::all().iter().filter(|row| row.name.contains(&options.only)) {
        bench.prepare(row);
        let mut rounds = Vec::new();
        let mut limits_met = Vec::new();
        for _ in 0..options.rounds {
            limits_met.push(limit_of(&bench, row, length));
            match measure(&bench, row, length, options.rate, &numbers) {
                Ok(round) => rounds.push(round),
                Err(why) => {
                    println!("{:<30} VOID: {why}", row.name);
                    break;
                }
            }
        }
        if rounds.len() == options.rounds {
            report(row, rounds, limits_met, &options);
        }
    }
    println!("resident memory of the server: {:.1} MB", bench.resident_megabytes());
}

fn limit_of(bench: &Bench, row: &Row, length: Duration) -> f64 {
    match row.limit {
        Limit::Writes => limits::durable_writes(&bench.scratch(), 1, length / 2),
        Limit::WritesInParallel => limits::durable_writes(&bench.scratch(), 8, length / 2),
        Limit::Static => bench.static_server_rate(row, length / 2),
    }
}

fn report(row: &Row, mut rounds: Vec<Round>, mut limits_met: Vec<f64>, options: &Options) {
    rounds.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    limits_met.sort_by(f64::total_cmp);
    let middle = &rounds[rounds.len() / 2];
    let limit = limits_met[limits_met.len() / 2];
    println!(
        "{:<30} {:>9.1} {:>9.1} {:>9.1} {:>8.2} {:>8.2} {:>9.0} {:>7.3} {:>7.3}",
        row.name,
        rounds[0].per_second,
        middle.per_second,
        rounds[rounds.len() - 1].per_second,
        middle.percentiles[0],
        middle.percentiles[2],
        limit,
        middle.per_second / limit,
        row.budget
    );
    if let Some(path) = &options.raw {
        use std::io::Write as _;
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .expect("the file of raw figures opens");
        for round in &rounds {
            writeln!(
                file,
                "{}\t{}\t{:.2}\t{:.3}\t{:.3}\t{:.3}\t{:.3}\t{limit:.1}",
                row.name,
                options.objects,
                round.per_second,
                round.percentiles[0],
                round.percentiles[1],
                round.percentiles[2],
                round.percentiles[3]
            )
            .expect("the figures are written");
        }
    }
}

/// One round: closed loop, or open loop when a rate is given.
fn measure(
    bench: &Bench,
    row: &Row,
    length: Duration,
    rate: Option<f64>,
    numbers: &AtomicU64,
) -> Result<Round, String> {
    let setting = bench.setting();
    let started = Instant::now();
    let connections = row.connections;
    let gap = rate.map(|rate| Duration::from_secs_f64(connections as f64 / rate));
    let parts = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..connections)
            .map(|_| {
                let client = bench.client();
                scope.spawn(move || drive(client, row, setting, started, length, gap, numbers))
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().map_err(|_| "a client panicked".to_owned())?)
            .collect::<Result<Vec<_>, String>>()
    })?;
    let elapsed = started.elapsed().as_secs_f64();
    let mut times: Vec<f64> = parts.into_iter().flatten().collect();
    times.sort_by(f64::total_cmp);
    if times.is_empty() {
        return Err("no request was answered".to_owned());
    }
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize] * 1000.0;
    Ok(Round {
        per_second: times.len() as f64 / elapsed,
        percentiles: [at(0.5), at(0.9), at(0.99), at(1.0)],
    })
}

/// One connection's requests; the seconds each took.
fn drive(
    mut client: Client,
    row: &Row,
    setting: &Setting,
    started: Instant,
    length: Duration,
    gap: Option<Duration>,
    numbers: &AtomicU64,
) -> Result<Vec<f64>, String> {
    let mut times = Vec::new();
    let mut planned = started;
    while started.elapsed() < length {
        if let Some(gap) = gap {
            planned += gap;
            std::thread::sleep(planned.saturating_duration_since(Instant::now()));
        } else {
            planned = Instant::now();
        }
        let call = (row.call)(setting, numbers.fetch_add(1, Ordering::Relaxed));
        let body = client.expect(&call, row.statuses).map_err(|error| error.to_string())?;
        times.push(planned.elapsed().as_secs_f64());
        if !(row.check)(setting, &body) {
            let text = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
            return Err(format!("a wrong answer to {} {}: {text}", call.method, call.path));
        }
    }
    Ok(times)
}
