//! Plays every transcript of `fixtures/http`, each against a server of its own; a file of the same
//! name that ends with `.toml` is its configuration.

use std::fs;

use crate::harness::Server;
use crate::harness::transcript::{files_below, play};

#[test]
fn every_transcript_plays() {
    let files = files_below("http");
    assert!(!files.is_empty(), "no transcripts");
    let next = std::sync::atomic::AtomicUsize::new(0);
    let failures: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut failures = Vec::new();
                    while let Some(file) =
                        files.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                    {
                        let settings = fs::read_to_string(file.with_extension("toml"));
                        let server = Server::start_with(&settings.unwrap_or_default());
                        failures.extend(play(file, &server).err());
                    }
                    failures
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
