//! The rows of a server, each against its limit, round by round.

use std::cell::Cell;
use std::io;

use crate::client::Call;
use crate::measure::{self, Length, Round};
use crate::rows::{self, Limit, Row};
use crate::server::{Bench, StaticServer};
use crate::table::{Table, spread};
use crate::{Common, data};

const COLUMNS: &str = "server row objects connections round per_second p50_ms p90_ms p99_ms max_ms \
                       processor_us limit_per_second limit_processor_us ratio budget why";

/// Measures all rows of a server and prints the table.
pub fn every_row(name: &str, mut bench: Bench, common: &Common) {
    let idle = bench.resident_megabytes();
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
        let first = numbers.get();
        let measured = rounds(&mut bench, &nginx, &row, common, &numbers).and_then(|rounds| {
            stored(&bench, &row, first, numbers.get(), name == "daybook")?;
            Ok(rounds)
        });
        match measured {
            Ok(rounds) => report(name, &row, &rounds, common, &mut table),
            Err(why) => void(name, &row, &why, common, &mut table),
        }
    }
    let now = bench.resident_megabytes();
    println!("resident memory: {idle:.1} MB before, {now:.1} MB after");
}

/// What a row needs before it can be measured.
pub fn prepare(bench: &mut Bench, row: &Row) -> io::Result<()> {
    let answer = |call: &Call, statuses: &[u16]| measure::once(&bench.account, call, statuses);
    match row.name {
        // A token with one change behind it.
        "sync-one-change" => {
            let poll = rows::all().into_iter().find(|row| row.name == "poll").expect("a row");
            let body = answer(&(poll.call)(&bench.setting, 0), &[207])?;
            let text = String::from_utf8_lossy(&body).into_owned();
            let token = text.split_once("sync-token>").and_then(|(_, rest)| rest.split_once("</"));
            let object = data::appointment(bench.setting.seed.with(0xCAFE), bench.setting.objects);
            let call = Call::new("PUT", format!("{}{}", bench.setting.calendar, rows::CHANGED))
                .body("text/calendar; charset=utf-8", object.text);
            answer(&call, &[201, 204])?;
            let (token, _) = token.ok_or(io::Error::other("no sync-token"))?;
            bench.setting.sync_token = token.to_owned();
        }
        // Timetables are made by the first question after a change.
        "query-week" | "free-busy" | "outbox-10" => {
            answer(&(row.call)(&bench.setting, 0), row.statuses)?;
        }
        _ => {}
    }
    Ok(())
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

/// Answers without which a row does not count, where time ran out.
const ENOUGH: usize = 3;

fn rounds(
    bench: &mut Bench,
    nginx: &StaticServer,
    row: &Row,
    common: &Common,
    numbers: &Cell<u64>,
) -> Result<Vec<Pair>, String> {
    if row.needs_scheduling() && bench.setting.outbox.is_empty() {
        return Err("it does not schedule".to_owned());
    }
    let length = common.length();
    let half = Length { time: length.time / 2, ..length };
    let too_slow = |answers: usize| {
        format!("too slow: {answers} answers in {} s", common.row_seconds.unwrap_or_default())
    };
    let unprepared = |error: String| if length.is_over() { too_slow(0) } else { error };
    prepare(bench, row).map_err(|error| unprepared(error.to_string()))?;
    measure::offer(bench, nginx, row).map_err(unprepared)?;
    let (mut pairs, mut answers) = (Vec::new(), 0);
    while pairs.len() < common.rounds && !length.is_over() {
        let limit = measure::limit(bench, nginx, row, half)?;
        let round = measure::row(bench, row, length, numbers)?;
        answers += round.answers;
        if round.answers > 0 {
            pairs.push((round, limit));
        }
    }
    match pairs.len() < common.rounds && answers < ENOUGH {
        true => Err(too_slow(answers)),
        false => Ok(pairs),
    }
}

/// A row that does not count: why.
fn void(name: &str, row: &Row, why: &str, common: &Common, table: &mut Table) {
    println!("{:<16} VOID: {why}", row.name);
    let why: String = why.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut cells = vec![name.to_owned(), row.name.to_owned(), common.objects.to_string()];
    cells.push(row.connections.to_string());
    cells.extend(std::iter::repeat_n("0".to_owned(), 10));
    cells.push(row.budget.to_string());
    cells.push(why.chars().take(160).collect());
    table.line(&cells);
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
        cells.push(format!("{:.6}", ratio(pair)));
        cells.push(row.budget.to_string());
        cells.push(String::new());
        table.line(&cells);
    }
}
