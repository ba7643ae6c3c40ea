//! Everything below `http` as one application, without sockets: random histories with crashes, and
//! races. Afterwards all copies of all events agree and the index is what a rebuild gives.

mod answers;
mod change;
#[path = "../../../tests/dice.rs"]
mod dice;
mod event;
mod history;
mod listing;
mod race;
mod site;

use history::History;

/// Every run plays this seed; CI the whole of it.
const SEED: u64 = 1;

#[test]
fn random_histories() {
    let steps = if std::env::var_os("CI").is_some() { 5000 } else { 800 };
    History::new(SEED).play(steps);
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
