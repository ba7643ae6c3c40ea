//! More homes than fit into the memory that they may take: those that nobody uses are closed, and
//! nothing of them is lost.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::harness::{Client, Server};

const GUESTS: usize = 40;
/// A home with one event takes about 25 KB.
const BOUND: u64 = 200_000;

fn event(number: usize) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nBEGIN:VEVENT\r\nUID:{number}\r\n\
         DTSTAMP:20260101T000000Z\r\nDTSTART:20260105T100000Z\r\nDURATION:PT1H\r\n\
         SUMMARY:of guest {number}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

/// A server of so many people, whose open homes may take so much; 0: as much as they want.
fn server(bound: u64) -> (Server, SocketAddr) {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Server::start_with(&format!(
        "[data]\nindex_memory_bytes = {bound}\n[metrics]\nlisten = [\"{address}\"]\n"
    ));
    let accounts = server.data().join("accounts.toml");
    let mut text = fs::read_to_string(&accounts).unwrap();
    for number in 0..GUESTS {
        let _ = write!(
            text,
            "\n[[user]]\nname = \"guest{number}\"\n\
             guid = \"90E57000-0000-4000-8000-{number:012}\"\n\
             email = \"guest{number}@example.com\"\nplain_password = \"guest{number}\"\n"
        );
    }
    fs::write(&accounts, text).unwrap();
    let last = server.client(&format!("guest{}", GUESTS - 1));
    let start = Instant::now();
    while last.propfind("/", "0", "").status != 207 {
        assert!(start.elapsed() < Duration::from_secs(60), "the server does not see its accounts");
        std::thread::sleep(Duration::from_millis(50));
    }
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
    for number in 0..GUESTS {
        server.client(&format!("guest{number}")).put(&path(number), &event(number)).expect(201);
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
    for number in (0..GUESTS).rev() {
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
