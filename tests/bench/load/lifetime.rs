//! A server from start to end: how long until the first answer, how much memory, and whether it
//! grows while it works.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::measure::{self, Length};
use crate::rows::{self, Limit, Row};
use crate::server::Bench;
use crate::table::{Table, spread};
use crate::{Common, prepare};

fn poll() -> Row {
    rows::all().into_iter().find(|row| row.name == "poll").expect("a row")
}

/// Starts again and again; the first poll of the calendar is the first answer.
pub fn start(common: &Common) {
    let mut table = Table::open(common.raw.as_deref(), "index objects round seconds");
    let mut bench = Bench::unstarted(common.objects, common.seed, &common.start());
    let first = |bench: &mut Bench| {
        let started = Instant::now();
        bench.run();
        let call = (poll().call)(&bench.setting, 0);
        measure::once(&bench.account, &call, &[207]).expect("an answer");
        let time = started.elapsed();
        bench.stop();
        time.as_secs_f64()
    };
    for kept in [false, true] {
        let mut times = Vec::new();
        if kept {
            first(&mut bench);
        }
        for round in 0..common.rounds {
            if !kept {
                bench.forget_index();
            }
            let seconds = first(&mut bench);
            let index = if kept { "kept" } else { "deleted" };
            table.line(&[
                index.to_owned(),
                common.objects.to_string(),
                round.to_string(),
                format!("{seconds:.4}"),
            ]);
            times.push(seconds);
        }
        let [min, median, max] = spread(times.into_iter());
        let with = if kept { "with" } else { "without" };
        println!(
            "first answer over {} objects, {with} .index: {min:.3} {median:.3} {max:.3} s",
            common.objects
        );
    }
}

/// Idle, then after every row that reads, then after every row.
pub fn memory(common: &Common) {
    let mut table = Table::open(common.raw.as_deref(), "state objects megabytes");
    let mut bench = Bench::daybook(common.objects, common.seed, &common.start());
    let mut tell = |bench: &Bench, state: &str| {
        std::thread::sleep(Duration::from_secs(4));
        let megabytes = bench.resident_megabytes();
        println!("{state}: {megabytes:.1} MB");
        table.line(&[state.to_owned(), common.objects.to_string(), format!("{megabytes:.2}")]);
    };
    tell(&bench, "idle");
    let call = (poll().call)(&bench.setting, 0);
    measure::once(&bench.account, &call, &[207]).expect("an answer");
    tell(&bench, "indexed");
    let numbers = Cell::new(1);
    for writes in [false, true] {
        for row in common.rows() {
            if writes != matches!(row.limit, Limit::Writes | Limit::WritesInParallel) {
                continue;
            }
            prepare(&mut bench, &row).expect("what a row needs is answered");
            measure::row(&bench, &row, common.length(), &numbers).expect("right answers");
        }
        tell(&bench, if writes { "after writes" } else { "after reads" });
    }
}

/// Everything that was written goes again, so that memory that grows is not that of more objects.
fn take_away(bench: &Bench) {
    // Once for the owner's events, once for what they left, and once more for late messages.
    for _ in 0..10 {
        let calls = bench.left_over();
        if calls.is_empty() {
            return;
        }
        let share = calls.len().div_ceil(DELETERS);
        std::thread::scope(|scope| {
            for calls in calls.chunks(share) {
                scope.spawn(move || {
                    for (account, call) in calls {
                        measure::once(account, call, &[204, 404]).expect("it can be deleted");
                    }
                });
            }
        });
        std::thread::sleep(Duration::from_millis(500));
    }
    panic!("{} files stay", bench.left_over().len());
}

/// Connections that take away at once.
const DELETERS: usize = 4;

/// Fills what has a bound and would come to it in the course of hours only: each collection
/// remembers so many removals at least.
fn fill_bounds(bench: &Bench, numbers: &Cell<u64>) {
    const AT_ONCE: u64 = 300;
    // Calls of one batch leave so many messages in each attendee's inbox, and copies; the owner's
    // large calendar remembers more.
    for (name, mut left) in [("put-invite-10", REMOVALS_LEAST), ("put-new-16", REMOVALS)] {
        let row = rows::all().into_iter().find(|row| row.name == name).expect("a row");
        while left > 0 {
            let requests = Some(left.min(AT_ONCE));
            let time = Duration::from_secs(600);
            let length = Length { time, requests, rate: None, until: None };
            measure::row(bench, &row, length, numbers).expect("right answers");
            take_away(bench);
            left -= left.min(AT_ONCE);
        }
    }
}

/// What `limits.rs` says of removals, and a little more.
const REMOVALS_LEAST: u64 = 1024 + 128;
const REMOVALS: u64 = 4096 + 128;

/// The slope of the straight line nearest to the points (least squares).
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let above: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let below: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    above / below
}

/// Each row now and then, at a steady rate; memory and latency every few seconds.
pub fn soak(common: &Common, minutes: f64) {
    const STEP: Duration = Duration::from_secs(5);
    let columns = "second answers p50_ms p99_ms megabytes";
    let mut table = Table::open(common.raw.as_deref(), columns);
    let mut bench = Bench::daybook(common.objects, common.seed, &common.start());
    let numbers = Cell::new(1);
    fill_bounds(&bench, &numbers);
    println!("bounds are filled: {:.1} MB", bench.resident_megabytes());
    let started = Instant::now();
    let rows = common.rows();
    let mut turn = (0..rows.len()).cycle();
    let (mut worst, mut answers): (f64, f64) = (0.0, 0.0);
    let mut points = Vec::new();
    let rate = common.rate.unwrap_or(40.0);
    while started.elapsed().as_secs_f64() < minutes * 60.0 {
        let Some(mut row) = turn.next().map(|at| rows[at]) else { return };
        row.connections = row.connections.min(4);
        if matches!(row.name, "query-week" | "free-busy") {
            // What the rows that write put into the calendar is in these answers too.
            row.check = |_, _, _| true;
            row.verify = |_, _, _| Ok(());
        }
        // Listings of everything are rare, polls are not.
        let rate = match row.name {
            "list-etags" | "sync-initial" => rate / 10.0,
            "put-new" | "put-new-16" | "put-invite-10" => rate / 2.0,
            _ => rate,
        };
        prepare(&mut bench, &row).expect("what a row needs is answered");
        let length = Length { time: STEP, rate: Some(rate), ..Length::default() };
        let round = match measure::row(&bench, &row, length, &numbers) {
            Ok(round) => round,
            Err(why) => panic!("{}: {why}", row.name),
        };
        if matches!(row.limit, Limit::Writes | Limit::WritesInParallel) {
            take_away(&bench);
        }
        worst = worst.max(round.percentiles[2]);
        answers += round.per_second * STEP.as_secs_f64();
        let (second, megabytes) = (started.elapsed().as_secs_f64(), bench.resident_megabytes());
        points.push((second / 3600.0, megabytes));
        table.line(&[
            format!("{second:.0}"),
            format!("{answers:.0}"),
            format!("{:.3}", round.percentiles[0]),
            format!("{:.3}", round.percentiles[2]),
            format!("{megabytes:.2}"),
        ]);
    }
    // The first five minutes of thirty fill what is small: texts, timetables, threads.
    let settled = points.partition_point(|point| point.0 < minutes / 60.0 / 6.0);
    println!(
        "{answers:.0} answers in {minutes} minutes, worst p99 {worst:.0} ms, {:.1} MB at the end, \
         {:+.2} MB an hour after the first sixth",
        bench.resident_megabytes(),
        slope(&points[settled..])
    );
}
