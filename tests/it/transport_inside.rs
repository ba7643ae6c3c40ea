//! The transport around an application made for the test: panics, streams, slow and many clients.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::harness::puppet::Inside;

#[test]
fn a_panic_costs_one_request() {
    let server = Inside::start(|_| {});
    for path in [
        "/panic",
        "/panic?quick",
        "/stream-panic/1",
        "/stream-panic/1?quick",
        "/pieces-panic/1",
        "/pieces-panic/1?quick",
        "/pieces-panic/400?quick",
        "/told-panic/1?quick",
    ] {
        server.client().get(path).expect(500);
    }
    server.client().get("/other").expect(204);
}

#[test]
fn a_body_that_breaks_off_does_not_look_complete() {
    let server = Inside::start(|_| {});
    for path in [
        "/stream-panic/1000",
        "/pieces-panic/1000",
        "/pieces-panic/1000?quick",
        "/told-panic/1000?quick",
    ] {
        let mut stream = server.client().connect();
        let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.starts_with(b"HTTP/1.1 207 "), "{path}");
        assert!(answer.len() > 100_000, "{path}");
        assert!(!answer.ends_with(b"0\r\n\r\n"), "{path}: the last chunk must be missing");
        let told = path.starts_with("/told");
        assert!(!told || answer.len() < 1000 * 1024, "{path}: it is as long as was told");
    }
}

#[test]
fn streams_long_bodies_and_measures_short_ones() {
    let server = Inside::start(|_| {});
    for path in ["/stream/3", "/stream/3?quick", "/pieces/3", "/pieces/3?quick"] {
        let reply = server.client().get(path).expect(207);
        assert_eq!(reply.header("content-length"), Some("3072"));
        assert_eq!(reply.body.len(), 3072);
    }
    for path in ["/stream/3000", "/stream/3000?quick", "/pieces/3000", "/pieces/3000?quick"] {
        let reply = server.client().get(path).expect(207);
        assert_eq!(reply.header("transfer-encoding"), Some("chunked"));
        assert_eq!(reply.body.len(), 3000 * 1024);
    }
    for path in ["/told/3", "/told/3?quick", "/told/3000", "/told/3000?quick"] {
        let reply = server.client().get(path).expect(207);
        assert_eq!(reply.header("content-length"), Some(reply.body.len().to_string().as_str()));
        assert!(path.contains(&format!("/{}", reply.body.len() / 1024)), "{path}");
    }
    for path in ["/stream/3", "/told/3?quick"] {
        let head = server.client().send("HEAD", path, &[], b"").expect(207);
        assert_eq!(head.header("content-length"), Some("3072"));
        assert!(head.body.is_empty());
    }
}

#[test]
fn short_answers_are_made_on_the_thread_of_the_connection() {
    let server = Inside::start(|_| {});
    for (about, thread) in
        [("0", "own"), ("524288", "own"), ("524289", "other"), ("unknown", "other")]
    {
        let reply = server.client().get(&format!("/thread/{about}?quick")).expect(207);
        assert_eq!(reply.text(), thread, "{about}");
    }
}

#[test]
fn a_client_that_stops_reading_is_given_up() {
    let server = Inside::start(|config| config.server.stall_timeout_seconds = 1);
    let mut streams = ["stream", "pieces"].map(|way| {
        let mut stream = server.client().connect();
        let head = format!("GET /{way}/100000?quick HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream
    });
    std::thread::sleep(Duration::from_millis(2500));
    for stream in &mut streams {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.len() < 50_000_000, "{} bytes arrived", answer.len());
    }
    server.client().get("/other").expect(204);
}

#[test]
fn bodies_have_limits_and_codings() {
    let server = Inside::start(|config| {
        config.limits.resource_bytes = 1000;
        config.limits.body_bytes = 2000;
    });
    let client = server.client();
    client.send("PUT", "/echo", &[], &[b'x'; 2000]).expect(200);
    client.send("PUT", "/echo", &[], &[b'x'; 2001]).expect(413);
    let chunked = format!(
        "PUT /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7d1\r\n{}\r\n0\r\n\r\n",
        "x".repeat(2001)
    );
    assert_eq!(client.send_raw(chunked.as_bytes()).status, 413);
    let gzip = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let coded = [("Content-Encoding", "gzip")];
    let reply = client.send("PUT", "/echo", &coded, &gzip(b"hello")).expect(200);
    assert_eq!(reply.text(), "hello");
    client.send("PUT", "/echo", &coded, &gzip(&vec![0; 1_000_000])).expect(413);
    client.send("PUT", "/echo", &coded, b"no gzip").expect(400);
    let slow = Instant::now();
    let server = Inside::start(|config| config.server.stall_timeout_seconds = 1);
    let request = b"PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf";
    assert_eq!(server.client().send_raw(request).status, 408);
    assert!(slow.elapsed() < Duration::from_secs(20));
}

#[test]
fn answers_are_compressed_for_others_than_this_host() {
    let server =
        Inside::start(|config| config.server.trusted_proxies = vec!["127.0.0.1".to_owned()]);
    let far = ("X-Forwarded-For", "192.0.2.1");
    let accepts = ("Accept-Encoding", "br, gzip;q=0.5");
    for path in ["/stream/30", "/stream/3000", "/pieces/30", "/pieces/3000", "/told/3000"] {
        for fields in [&[accepts][..], &[far], &[far, ("Accept-Encoding", "gzip;q=0")]] {
            let plain = server.client().send("GET", path, fields, b"");
            assert_eq!(plain.header("content-encoding"), None, "{fields:?}");
        }
        let reply = server.client().send("GET", path, &[far, accepts], b"").expect(207);
        assert_eq!(reply.header("content-encoding"), Some("gzip"));
        assert_eq!(reply.header("vary"), Some("Accept-Encoding"));
        let mut plain = Vec::new();
        GzDecoder::new(&reply.body[..]).read_to_end(&mut plain).unwrap();
        let kib: usize = path.rsplit('/').next().unwrap().parse().unwrap();
        assert!(plain.len() == kib * 1024 && plain.iter().all(|&byte| byte == b'x'));
    }
}

#[test]
fn expect_continue_asks_for_the_body_only_when_it_is_wanted() {
    let server = Inside::start(|_| {});
    let head = |length: usize| {
        let head = "PUT /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: ";
        format!("{head}{length}\r\n\r\n")
    };
    let mut stream = server.client().connect();
    stream.write_all(head(5).as_bytes()).unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hello").unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");

    let mut stream = server.client().connect();
    stream.write_all(head(1_000_000_000).as_bytes()).unwrap();
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[test]
fn slow_heads_and_idle_connections_end() {
    let server = Inside::start(|config| config.server.header_timeout_seconds = 1);
    for bytes in [&b""[..], b"P", b"PRI * HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n"] {
        let mut stream = server.client().connect();
        stream.write_all(bytes).unwrap();
        let start = Instant::now();
        let _ = stream.read_to_end(&mut Vec::new());
        assert!(start.elapsed() < Duration::from_secs(10), "{bytes:?}");
    }
}

#[test]
fn connections_are_limited() {
    let server = Inside::start(|config| config.server.max_connections = 2);
    let mut first = server.client().connect();
    let _second = server.client().connect();
    std::thread::sleep(Duration::from_millis(100));
    let reply = server.client().get("/other").expect(503);
    assert!(reply.header("retry-after").is_some());
    first.write_all(b"GET /other HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    first.read_to_end(&mut Vec::new()).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    server.client().get("/other").expect(204);
}

#[test]
fn requests_under_way_finish_when_the_server_ends() {
    let mut server = Inside::start(|_| {});
    let client = server.client();
    let slow = std::thread::spawn(move || client.get("/slow"));
    std::thread::sleep(Duration::from_millis(200));
    server.stop();
    assert_eq!(slow.join().unwrap().expect(200).text(), "at last");
}

#[test]
fn speaks_http_2_without_tls() {
    fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0, 0, payload.len() as u8, kind, flags, 0, 0, 0, stream];
        frame.extend_from_slice(payload);
        frame
    }
    let server = Inside::start(|_| {});
    let mut stream = server.client().connect();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    stream.write_all(&frame(4, 0, 0, b"")).unwrap();
    // HPACK: GET and http from the static table, :path and :authority as literals.
    let mut head = vec![0x82, 0x86, 0x04, 5];
    head.extend_from_slice(b"/slow");
    head.extend_from_slice(&[0x01, 1, b'x']);
    stream.write_all(&frame(1, 0x5, 1, &head)).unwrap();
    let (mut status, mut body) = (None, Vec::new());
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).unwrap();
        let mut payload = vec![0; usize::from(head[1]) * 256 + usize::from(head[2])];
        stream.read_exact(&mut payload).unwrap();
        match (head[3], head[8]) {
            (1, 1) => status = Some(payload),
            (0, 1) => body.extend_from_slice(&payload),
            _ => {}
        }
        if head[8] == 1 && head[4] & 1 == 1 {
            break;
        }
    }
    assert_eq!(status.unwrap()[0], 0x88, ":status 200 of the static table");
    assert_eq!(body, b"at last");
}
