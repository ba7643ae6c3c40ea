//! Every file of fixtures/ical: valid ones come out byte for byte, invalid ones are refused for
//! the reason beside them.

use std::fs;
use std::path::PathBuf;

use crate::ical::parse;

fn files(folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/ical").join(folder);
    let entries = fs::read_dir(folder).expect("fixtures").map(|entry| entry.expect("entry").path());
    let calendars = entries.filter(|path| path.extension().is_some_and(|end| end == "ics"));
    let all: Vec<_> = calendars.map(|path| (path.clone(), fs::read(path).expect("file"))).collect();
    assert!(!all.is_empty());
    all
}

#[test]
fn valid_files_come_out_byte_for_byte() {
    for folder in ["valid", "recurrence", "timezone", "jcal"] {
        for (path, bytes) in files(folder) {
            let tree = parse(&bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            assert!(tree.to_bytes() == bytes, "{}", path.display());
        }
    }
}

/// What is written anew from the same tree means the same.
#[test]
fn rewritten_files_mean_the_same() {
    for (path, bytes) in files("valid") {
        let tree = parse(&bytes).expect("valid");
        let mut rewritten = tree.clone();
        for component in rewritten.main_components_mut() {
            for property in component.properties_mut() {
                property.set_param("X-TOUCHED", "1");
                property.remove_param("X-TOUCHED");
            }
        }
        let again = parse(&rewritten.to_bytes()).expect("our own text");
        assert_eq!(again, tree, "{}", path.display());
    }
}

#[test]
fn invalid_files_are_refused_for_the_reason_beside_them() {
    for (path, bytes) in files("invalid") {
        let reason = fs::read_to_string(path.with_extension("txt")).expect("reason");
        let found = parse(&bytes).map(|_| ()).map_err(|error| error.to_string());
        assert_eq!(found, Err(reason.trim_end().to_owned()), "{}", path.display());
    }
}
