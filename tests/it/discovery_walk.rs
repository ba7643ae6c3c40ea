//! The server behind a reverse proxy that does TLS and shows it below a prefix. The proxy is played
//! by the fixture's header fields; tests/compat/behind-nginx does the same with nginx.

use std::path::Path;

use crate::harness::Server;
use crate::harness::transcript::{files_below, play};

fn proxied() -> Server {
    Server::start_with("[server]\ntrusted_proxies = ['127.0.0.1']\n")
}

#[test]
fn devices_find_their_calendars_through_a_proxy() {
    let files = files_below("proxied");
    assert!(!files.is_empty(), "no walks");
    for file in files {
        play(&file, &proxied()).unwrap();
    }
}

/// Every href, every Location and every absolute URL of the recorded answers is below the prefix.
#[test]
fn no_url_points_past_the_proxy() {
    for file in files_below("proxied") {
        let text = std::fs::read_to_string(Path::new(&file)).unwrap();
        let answers = text.split("<<< ").skip(1).map(|rest| rest.split(">>> ").next().unwrap());
        for answer in answers {
            let hrefs = answer.split("<D:href>").skip(1).chain(answer.split("Location: ").skip(1));
            for href in hrefs {
                let own = ["/dav/", "https://cal.example.com/dav/", "mailto:", "urn:"];
                assert!(own.iter().any(|own| href.starts_with(own)), "{}: {href}", file.display());
            }
        }
    }
}
