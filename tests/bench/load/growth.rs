//! Time per request against the size of the calendar: servers of all sizes at once, asked in turn,
//! so that what the machine does beside it meets all of them.

use std::cell::Cell;

use crate::measure;
use crate::server::Bench;
use crate::table::{Table, spread};
use crate::{Common, prepare};

const COLUMNS: &str = "row objects round per_second p50_ms processor_us";

pub fn run(common: &Common, sizes: &[u64]) {
    let mut benches: Vec<Bench> =
        sizes.iter().map(|size| Bench::daybook(*size, common.seed, &common.start())).collect();
    let mut table = Table::open(common.raw.as_deref(), COLUMNS);
    println!(
        "growth: {} rounds of {} s, p50 in ms (processor time in us)",
        common.rounds, common.seconds
    );
    print!("{:<16}", "row");
    sizes.iter().for_each(|size| print!(" {size:>20}"));
    println!(" {:>12}", "last/first");
    let numbers = Cell::new(1);
    for mut row in common.rows() {
        // A listing grows with the calendar, as it must; the others must not.
        if !(row.flat || row.name == "list-etags" || !common.only.is_empty()) {
            continue;
        }
        row.connections = 1;
        let mut measured = vec![Vec::new(); benches.len()];
        for bench in &mut benches {
            prepare(bench, &row).expect("what a row needs is answered");
        }
        for number in 0..common.rounds {
            for (bench, measured) in benches.iter().zip(&mut measured) {
                let round = match measure::row(bench, &row, common.length(), &numbers) {
                    Ok(round) => round,
                    Err(why) => panic!("{} of {}: {why}", row.name, bench.setting.objects),
                };
                table.line(&[
                    row.name.to_owned(),
                    bench.setting.objects.to_string(),
                    number.to_string(),
                    format!("{:.2}", round.per_second),
                    format!("{:.4}", round.percentiles[0]),
                    format!("{:.2}", round.processor_us),
                ]);
                measured.push(round);
            }
        }
        print!("{:<16}", row.name);
        let mut medians = Vec::new();
        for rounds in &measured {
            let p50 = spread(rounds.iter().map(|round| round.percentiles[0]))[1];
            let used = spread(rounds.iter().map(|round| round.processor_us))[1];
            print!(" {:>20}", format!("{p50:.3} ({used:.0})"));
            medians.push(p50);
        }
        println!(" {:>12.2}", medians[medians.len() - 1] / medians[0]);
    }
}
