//! The way from socket to application and back: refused requests, limits, panics, graceful end.

use std::io::{Read, Write};

use crate::harness::Server;

#[test]
fn answers_health_and_discovery_without_a_user() {
    let server = Server::start();
    let client = server.anonymous();
    assert_eq!(client.get("/health").expect(200).text(), "ok\n");
    let reply = client.send("PROPFIND", "/.well-known/caldav", &[("Depth", "0")], b"").expect(301);
    assert_eq!(reply.header("location"), Some("/"));
}

#[test]
fn refuses_what_no_client_should_send() {
    let server = Server::start();
    let client = server.anonymous();
    for (head, status) in [
        ("GET /health HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        ("GET /health HTTP/1.0\r\n\r\n", 200),
        ("GET http://x/health HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        ("GET /health HTTP/1.1\r\n\r\n", 400),
        ("GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        ("GET /health HTTP/1.1\r\nHost: x y\r\n\r\n", 400),
        ("GET /health#x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("GET /health/\u{e9} HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("GET /health/%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("GET /a/../health HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("BREW /health HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        ("GET /health HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n", 417),
        ("GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 413),
        (
            "PUT /health HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Encoding: br\r\n\r\n",
            415,
        ),
        ("PUT /health HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (
            "PUT /health HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\
             Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (
            "PUT /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\
             Content-Length: 5\r\n\r\n0\r\n\r\n",
            400,
        ),
    ] {
        let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
        assert_eq!(client.send_raw(head.as_bytes()).status, status, "{head}");
    }
}

#[test]
fn bounds_the_head() {
    let server = Server::start();
    let client = server.anonymous();
    let many: Vec<(String, String)> = (0..200).map(|n| (format!("X-{n}"), "v".into())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    client.send("GET", "/health", &many, b"").expect(431);
    let long = "v".repeat(100_000);
    client.send("GET", "/health", &[("X", &long)], b"").expect(431);
    client.get(&format!("/health?{}", "v".repeat(20_000))).expect(414);
}

#[test]
fn ends_gracefully_and_reloads() {
    let mut server = Server::start();
    let mut idle = server.anonymous().connect();
    idle.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut some = [0; 12];
    idle.read_exact(&mut some).unwrap();
    assert_eq!(&some, b"HTTP/1.1 200");
    std::fs::write(server.config_file(), "[server]\nprefix = \"/dav\"\n").unwrap();
    server.signal("HUP");
    server.wait_for_log("configuration reloaded");
    let reply = server.anonymous().get("/dav/.well-known/caldav").expect(301);
    assert_eq!(reply.header("location"), Some("/dav/"));
    std::fs::write(server.config_file(), "[server]\nprefix = 5\n").unwrap();
    server.signal("HUP");
    server.wait_for_log("configuration not reloaded");
    server.anonymous().get("/dav/health").expect(200);
    assert!(server.stop().success(), "{}", server.log());
}
