//! Guessing of passwords over HTTP: the brake, the answer that tells nothing, and the log line that
//! the filter of docs/operations.md finds.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::{Client, Server};

fn guess(server: &Server, name: &str, password: &str) -> (u16, Vec<String>) {
    let reply = Client::new(server.address(), Some((name, password))).propfind("/", "0", "");
    let told = |name: &&(String, String)| !name.0.eq_ignore_ascii_case("date");
    let headers = reply.headers.iter().filter(told).map(|(n, v)| format!("{n}: {v}"));
    (reply.status, headers.chain([reply.text()]).collect())
}

#[test]
fn guessing_has_to_wait_but_who_knows_goes_on() {
    let server = Server::start_with("[auth]\nfailures_per_address = 3\n");
    assert_eq!(guess(&server, "alice", "alice").0, 207);
    let wrong = guess(&server, "alice", "wrong");
    assert_eq!(wrong.0, 401);
    assert_eq!(guess(&server, "nobody", "wrong"), wrong, "nothing tells whether a name exists");
    assert_eq!(guess(&server, "bob", &"x".repeat(2000)).0, 401);
    let (status, told) = guess(&server, "bob", "bob");
    assert_eq!(status, 429, "the right password is not looked at either");
    let wait = told
        .iter()
        .find_map(|line| line.to_lowercase().strip_prefix("retry-after: ")?.parse::<u32>().ok());
    assert!((290..=301).contains(&wait.unwrap()), "{told:?}");
    assert_eq!(guess(&server, "alice", "alice").0, 207, "what was right lately still is");
    assert_eq!(server.anonymous().get("/health").status, 200);
}

/// The expression of the filter in the document.
fn failregex() -> String {
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let text = fs::read_to_string(text).unwrap();
    let (_, rest) = text.split_once("failregex = ").unwrap();
    rest.lines().next().unwrap().to_owned()
}

/// The address that the filter finds in a line: its expression is a fixed text around `<HOST>`,
/// at the beginning of what follows the time.
fn banned<'a>(filter: &str, line: &'a str) -> Option<&'a str> {
    let filter = filter.strip_prefix("^\\s*").expect("the filter is anchored");
    let (before, after) = filter.split_once("<HOST>").unwrap();
    let (_, message) = line.split_once(' ')?;
    let (host, rest) = message.trim_start().strip_prefix(before)?.split_once(' ')?;
    rest.starts_with(after.trim_start()).then_some(host)
}

#[test]
fn the_filter_finds_failures_and_nothing_else() {
    let server = Server::start();
    let filter = failregex();
    // Somebody who would like to have others locked out.
    let bait = "daybook::auth: sign-in failed client=192.0.2.66 name=x";
    let path = format!("/{}", bait.replace(' ', "%20"));
    server.client("alice").get(&path);
    server.client("alice").send("GET", "/", &[("User-Agent", bait)], b"");
    guess(&server, &format!("x\" WARN {}", bait.replace(':', "")), "x");
    guess(&server, "alice", "wrong");
    server.wait_for_log("name=\"alice\"");
    let log = server.log();
    let found: Vec<&str> = log.lines().filter_map(|line| banned(&filter, line)).collect();
    assert_eq!(found, ["127.0.0.1", "127.0.0.1"], "{log}");
    let file = server.data().join("log");
    fs::write(&file, &log).unwrap();
    match Command::new("fail2ban-regex").arg(&file).arg(&filter).output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(text.contains("Failregex: 2 total"), "{text}");
        }
        Err(_) => println!("fail2ban is not installed: its own look at the filter is left out"),
    }
}
