//! More requests than threads: all are answered rightly in the end, quick ones at once.

use std::io::Write;
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use daybook::http::threads::Threads;

use crate::harness::puppet::Inside;

const PATIENCE: Duration = Duration::from_secs(60);
/// Bounds that a test can reach: requests on threads of connections, and on blocking ones.
const OWN: usize = 2;
const BLOCKING: usize = 3;

fn small() -> Inside {
    Inside::with(Threads::new(OWN, BLOCKING), |_| {})
}

/// Sends so many requests to the gate, each over a connection of its own.
fn at_gate(server: &Inside, path: &'static str, count: usize) -> Vec<JoinHandle<String>> {
    let ask = |client: crate::harness::Client| move || client.get(path).expect(200).text();
    (0..count).map(|_| std::thread::spawn(ask(server.client()))).collect()
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "not yet: {what}");
        sleep(Duration::from_millis(5));
    }
}

fn let_through(server: &Inside, waiting: Vec<JoinHandle<String>>) {
    server.gate().open();
    for waiting in waiting {
        assert_eq!(waiting.join().unwrap(), "through");
    }
}

#[test]
fn who_waits_holds_nobody_up() {
    let server = Inside::start(|_| {});
    let mut waiting = at_gate(&server, "/gate?quick", 40);
    waiting.extend(at_gate(&server, "/gate", 60));
    // Nobody gets through the gate before these are answered.
    while server.gate().waiting() < 100 {
        server.client().get("/other?quick").expect(204);
        server.client().get("/stream/3?quick").expect(207);
    }
    server.client().get("/other?quick").expect(204);
    server.client().get("/other").expect(204);
    let_through(&server, waiting);
}

#[test]
fn requests_beyond_the_blocking_threads_wait_and_quick_ones_do_not() {
    let server = small();
    let waiting = at_gate(&server, "/gate", BLOCKING + 10);
    wait_until("all blocking threads wait", || server.gate().waiting() == BLOCKING);
    for number in 0..50 {
        let body = format!("body {number}");
        let reply = server.client().send("PUT", "/echo?quick", &[], body.as_bytes());
        assert_eq!(reply.expect(200).text(), body);
        assert_eq!(server.client().get("/thread/9?quick").expect(207).text(), "own");
    }
    assert_eq!(server.gate().waiting(), BLOCKING, "more went on than may");
    assert!(waiting.iter().all(|waiting| !waiting.is_finished()));
    let_through(&server, waiting);
    server.client().get("/other").expect(204);
}

#[test]
fn quick_requests_beyond_their_threads_take_blocking_ones() {
    let server = small();
    let mut waiting = at_gate(&server, "/gate?quick", OWN);
    wait_until("all threads of their own wait", || server.gate().waiting() == OWN);
    server.client().get("/other?quick").expect(204);
    server.client().get("/stream/3000?quick").expect(207);
    // Now the blocking ones too; whoever comes then waits for his turn.
    waiting.extend(at_gate(&server, "/gate?quick", BLOCKING + 10));
    wait_until("all threads wait", || server.gate().waiting() == OWN + BLOCKING);
    let client = server.client();
    let late = std::thread::spawn(move || client.get("/stream/3000?quick").expect(207).body.len());
    sleep(Duration::from_millis(300));
    assert_eq!(server.gate().waiting(), OWN + BLOCKING, "more went on than may");
    assert!(!late.is_finished());
    let_through(&server, waiting);
    assert_eq!(late.join().unwrap(), 3000 * 1024);
    assert_eq!(server.client().get("/thread/9?quick").expect(207).text(), "own");
}

#[test]
fn who_will_wait_has_the_thread_of_the_connection_only_when_alone() {
    let server = Inside::with(Threads::new(OWN, 1), |_| {});
    let mut waiting = at_gate(&server, "/gate?waiting", 1);
    wait_until("the first waits", || server.gate().waiting() == 1);
    // Its thread gave its duties away, and the blocking one is free.
    server.client().get("/other?quick").expect(204);
    waiting.extend(at_gate(&server, "/gate", 1));
    wait_until("the blocking thread waits", || server.gate().waiting() == 2);
    waiting.extend(at_gate(&server, "/gate?waiting", 1));
    sleep(Duration::from_millis(300));
    assert_eq!(server.gate().waiting(), 2, "it was not alone");
    server.client().get("/other?quick").expect(204);
    let_through(&server, waiting);
    server.client().get("/other?waiting").expect(204);
}

#[test]
fn a_crowd_of_all_kinds_is_answered_rightly() {
    let server = small();
    let visitor = |number: usize| {
        let client = server.client();
        move || {
            for round in 0..8 {
                let quick = ["?quick", "", "?waiting"][(number + round) % 3];
                match round % 4 {
                    0 => {
                        let body = format!("{number} in round {round}");
                        let path = format!("/echo{quick}");
                        let reply = client.send("PUT", &path, &[], body.as_bytes());
                        assert_eq!(reply.expect(200).text(), body);
                    }
                    1 => drop(client.get(&format!("/panic{quick}")).expect(500)),
                    2 => {
                        let reply = client.get(&format!("/stream/{number}{quick}")).expect(207);
                        assert_eq!(reply.body.len(), number * 1024);
                    }
                    _ => {
                        let reply = client.get(&format!("/stream/2000{quick}")).expect(207);
                        assert_eq!(reply.body.len(), 2000 * 1024);
                    }
                }
            }
        }
    };
    let visitors: Vec<_> = (0..30).map(|number| std::thread::spawn(visitor(number))).collect();
    visitors.into_iter().for_each(|visitor| visitor.join().unwrap());
    // A panic gives its thread back, too.
    let waiting = at_gate(&server, "/gate", BLOCKING);
    wait_until("all threads are free", || server.gate().waiting() == BLOCKING);
    let_through(&server, waiting);
}

#[test]
fn clients_that_stop_reading_take_threads_only_until_they_are_given_up() {
    let server = Inside::with(Threads::new(OWN, BLOCKING), |config| {
        config.server.stall_timeout_seconds = 3;
    });
    let deaf = || {
        let mut stream = server.client().connect();
        stream.write_all(b"GET /stream/100000 HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        stream
    };
    let _deaf: Vec<_> = (0..BLOCKING).map(|_| deaf()).collect();
    wait_until("all blocking threads send", || server.streaming() == BLOCKING);
    let client = server.client();
    let patient = std::thread::spawn(move || client.get("/other").expect(204));
    while server.streaming() == BLOCKING {
        server.client().get("/other?quick").expect(204);
        sleep(Duration::from_millis(50));
    }
    patient.join().unwrap();
    wait_until("nobody sends any more", || server.streaming() == 0);
}
