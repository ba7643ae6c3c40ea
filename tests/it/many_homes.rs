//! More homes than fit into the memory that they may take: those that nobody uses are closed, and
//! nothing of them is lost.

use std::net::SocketAddr;

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

/// Otherwise the test above would show nothing.
#[test]
fn without_a_bound_all_homes_stay_open() {
    let (server, address) = server(0);
    store_all(&server, || {});
    let (homes, bytes) = taken(address);
    assert!(homes >= GUESTS as u64 && bytes > 2 * BOUND, "{homes} homes take {bytes} bytes");
}
