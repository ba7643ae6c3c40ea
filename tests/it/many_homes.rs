//! More homes than fit into the memory that they may take: those that nobody uses are closed, and
//! nothing of them is lost.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::harness::{Client, Server, event};

const GUESTS: usize = 40;
/// A home with one event takes about 25 KB.
const BOUND: u64 = 200_000;

/// A server of so many people, whose open homes may take so much; 0: as much as they want.
fn server(bound: u64) -> (Server, SocketAddr) {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Server::start_with(&format!(
        "[data]\nindex_memory_bytes = {bound}\n[metrics]\nlisten = [\"{address}\"]\n"
    ));
    server.add_guests(GUESTS);
    (server, address)
}

/// Homes in memory, and the bytes that they take.
fn taken(address: SocketAddr) -> (u64, u64) {
    let text = Client::new(address, None).get("/metrics").expect(200).text();
    let value = |name: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap()
    };
    (value("daybook_homes_open"), value("daybook_index_bytes"))
}

fn path(number: usize) -> String {
    format!("/calendars/users/guest{number}/calendar/a.ics")
}

fn store_all(server: &Server, mut each: impl FnMut()) {
    for number in 1..=GUESTS {
        let text = event(&number.to_string(), &format!("of guest {number}"));
        server.client(&format!("guest{number}")).put(&path(number), &text).expect(201);
        each();
    }
}

#[test]
fn homes_take_no_more_memory_than_they_may() {
    let (server, address) = server(BOUND);
    let within = || {
        let (homes, bytes) = taken(address);
        assert!(homes >= 1 && bytes <= BOUND, "{homes} homes take {bytes} bytes");
        assert!(homes < GUESTS as u64 / 2, "{homes} homes are open");
    };
    store_all(&server, within);
    // Who comes back finds everything, and makes others go.
    for number in (1..=GUESTS).rev() {
        let client = server.client(&format!("guest{number}"));
        let text = client.get(&path(number)).expect(200).text();
        assert!(text.contains(&format!("SUMMARY:of guest {number}\r\n")), "{text}");
        within();
    }
}

#[test]
fn homes_that_grow_while_they_are_open_come_within_the_bound_again() {
    const OPEN: usize = 5;
    let (server, address) = server(BOUND);
    let put = |guest: usize, number: usize| {
        let path = format!("/calendars/users/guest{guest}/calendar/{number}.ics");
        let text = event(&number.to_string(), "one of many");
        server.client(&format!("guest{guest}")).put(&path, &text).expect(201);
    };
    (1..=OPEN).for_each(|guest| put(guest, 0));
    // No home is opened from now on.
    for number in 1..=80 {
        (1..=OPEN).for_each(|guest| put(guest, number));
    }
    let start = Instant::now();
    while taken(address).1 > BOUND {
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", taken(address));
        std::thread::sleep(Duration::from_millis(200));
    }
    for guest in 1..=OPEN {
        let path = format!("/calendars/users/guest{guest}/calendar/80.ics");
        server.client(&format!("guest{guest}")).get(&path).expect(200);
    }
}

/// Otherwise the tests above would show nothing.
#[test]
fn without_a_bound_all_homes_stay_open() {
    let (server, address) = server(0);
    store_all(&server, || {});
    let (homes, bytes) = taken(address);
    assert!(homes >= GUESTS as u64 && bytes > 2 * BOUND, "{homes} homes take {bytes} bytes");
}
