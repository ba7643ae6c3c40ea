//! What signing in costs: the same request of many people in turn, by Basic, by a proxy's word and
//! by nobody, offered at one rate (open loop), in turns on one server.

use std::cell::Cell;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::time::Instant;

use base64::Engine as _;

use crate::Common;
use crate::client::{Account, Call};
use crate::measure::{self, Round};
use crate::server::{self, processor_seconds};
use crate::table::{Table, spread};

const CONNECTIONS: usize = 8;
/// Requests per second when nobody says otherwise.
const RATE: f64 = 1000.0;
const BODY: &str = "<propfind xmlns=\"DAV:\"><prop><resourcetype/></prop></propfind>";
const COLUMNS: &str = "way users rate round per_second p50_ms p90_ms p99_ms max_ms processor_us";

/// How a request says whose it is.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Nobody,
    Header,
    Basic,
}

const WAYS: [(&str, Way); 3] =
    [("anonymous", Way::Nobody), ("trusted header", Way::Header), ("Basic", Way::Basic)];

/// Measures and prints a table.
pub fn run(common: &Common, users: u64) {
    let guard = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a scratch folder");
    let configuration = guard.path().join("daybook.toml");
    fs::write(&configuration, CONFIGURATION).expect("room on the disk");
    fs::write(guard.path().join("accounts.toml"), accounts(users)).expect("room on the disk");
    let mut server = server::Process::start(&configuration, &common.start());
    let mut length = common.length();
    length.rate = length.rate.or(Some(RATE));
    // Everybody's first sign-in computes a hash; then it is remembered.
    let started = Instant::now();
    for number in 0..users {
        let account = account(server.address);
        measure::once(&account, &call(Way::Basic, number, users), &[207]).expect("signs in");
    }
    let first = started.elapsed().as_secs_f64() * 1000.0 / users as f64;
    println!("first sign-in: {first:.1} ms each, {users} users");
    println!(
        "{:<16} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "way", "/s", "p50 ms", "p99 ms", "cpu min", "us", "max"
    );
    let mut table = Table::open(common.raw.as_deref(), COLUMNS);
    let mut rounds: Vec<Vec<Round>> = vec![Vec::new(); WAYS.len()];
    let numbers = Cell::new(0);
    for number in 0..common.rounds {
        for (index, (name, way)) in WAYS.iter().enumerate() {
            let next = || {
                let number = numbers.get();
                numbers.set(number + 1);
                (number, call(*way, number, users))
            };
            let right = |_, body: &[u8], _| match body.starts_with(b"<?xml") {
                true => Ok(()),
                false => Err("a wrong answer".to_owned()),
            };
            let account = account(server.address);
            let before = processor_seconds(Some(server.pid()));
            let driven = measure::drive(&account, CONNECTIONS, &[207], length, &next, &right);
            let (count, mut round) = driven.expect("right answers");
            let used = processor_seconds(Some(server.pid())) - before;
            round.processor_us = used * 1e6 / count as f64;
            let mut cells = vec![
                (*name).to_owned(),
                users.to_string(),
                format!("{:.0}", length.rate.unwrap_or_default()),
                number.to_string(),
                format!("{:.2}", round.per_second),
            ];
            cells.extend(round.percentiles.map(|ms| format!("{ms:.3}")));
            cells.push(format!("{:.2}", round.processor_us));
            table.line(&cells);
            rounds[index].push(round);
        }
    }
    for ((name, _), rounds) in WAYS.iter().zip(&rounds) {
        let of = |value: fn(&Round) -> f64| spread(rounds.iter().map(value));
        let processor = of(|round| round.processor_us);
        println!(
            "{name:<16} {:>8.1} {:>8.2} {:>8.2} {:>8.1} {:>8.1} {:>8.1}",
            of(|round| round.per_second)[1],
            of(|round| round.percentiles[0])[1],
            of(|round| round.percentiles[2])[1],
            processor[0],
            processor[1],
            processor[2],
        );
    }
    server.stop();
}

const CONFIGURATION: &str = "[data]\nroot = \"data\"\n[directory]\nfile = \"accounts.toml\"\n\
                             [log]\nlevel = \"warn\"\n[auth]\n\
                             remote_user_header = \"X-Remote-User\"\n\
                             remote_user_peers = [\"127.0.0.1\"]\n";

/// People whose passwords are hashed as `daybook user` does it, each with a salt of its own.
fn accounts(users: u64) -> String {
    let mut text = String::from("realm = \"Bench\"\n");
    for number in 0..users {
        let hash = daybook::auth::password::hash(&password(number)).expect("a hash");
        let _ = writeln!(text, "[[user]]\nname = \"user{number}\"\npassword = \"{hash}\"");
    }
    text
}

fn password(number: u64) -> String {
    format!("secret of {number}")
}

/// Nobody's account: the calls say whose they are.
fn account(address: SocketAddr) -> Account {
    Account { authorization: String::new(), ..Account::new(address, "", "") }
}

/// The request that anybody may make: what is `/`?
fn call(way: Way, number: u64, users: u64) -> Call {
    let number = number % users;
    let call = Call::new("PROPFIND", "/").header("Depth", "0").body("application/xml", BODY);
    match way {
        Way::Nobody => call,
        Way::Header => call.header("X-Remote-User", format!("user{number}")),
        Way::Basic => {
            let pair = format!("user{number}:{}", password(number));
            let token = base64::engine::general_purpose::STANDARD.encode(pair);
            call.header("Authorization", format!("Basic {token}"))
        }
    }
}
