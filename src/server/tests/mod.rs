//! Everything below `http` as one application, without sockets: random histories with crashes, and
//! races. Afterwards all copies of all events agree and the index is what a rebuild gives.

mod change;
mod dice;
mod event;
mod history;
mod race;
mod site;

use history::History;

/// Seeds that every run plays, with the number of operations.
const SEEDS: &[(u64, usize)] = &[(1, 5000)];

#[test]
fn random_histories() {
    for (seed, steps) in SEEDS {
        History::new(*seed).play(*steps);
    }
}

/// Fresh seeds: `DAYBOOK_SEEDS=20` plays so many; `DAYBOOK_SEED=N` that one; `DAYBOOK_STEPS` each.
#[test]
#[ignore = "takes long; .ci/run slow"]
fn fresh_histories() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let steps = number("DAYBOOK_STEPS").unwrap_or(5000);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let first = number("DAYBOOK_SEED").unwrap_or(now.as_secs());
    for seed in first..first + number("DAYBOOK_SEEDS").unwrap_or(1) {
        println!("seed {seed}, {steps} steps");
        History::new(seed).play(steps as usize);
    }
}
