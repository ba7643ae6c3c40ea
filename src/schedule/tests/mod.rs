//! Transcripts of `fixtures/itip` and tables for the pure parts.

mod durable;
mod transcript;
mod world;

use std::path::PathBuf;

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/itip")
}

/// Every transcript says what happens; `UPDATE=1` rewrites what it says.
#[test]
fn transcripts() {
    let mut names: Vec<PathBuf> = std::fs::read_dir(fixtures())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    names.sort();
    assert!(names.len() > 5, "transcripts are missing");
    let mut failed = Vec::new();
    for path in names {
        let written = std::fs::read_to_string(&path).unwrap();
        let played = transcript::play(&written);
        if played == written {
            continue;
        }
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &played).unwrap();
        } else {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            failed.push(format!("{name}\n{}", transcript::difference(&written, &played)));
        }
    }
    assert!(failed.is_empty(), "transcripts differ:\n{}", failed.join("\n"));
}
