//! The program, `docs/daybook.toml` and `docs/configuration.md` know the same keys and defaults.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use daybook::config::Config;

fn document(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)).unwrap()
}

/// `section.key` → default, as TOML.
fn keys_of(text: &str) -> BTreeMap<String, String> {
    let table: toml::Table = text.parse().unwrap();
    let mut keys = BTreeMap::new();
    for (section, values) in &table {
        for (key, value) in values.as_table().unwrap() {
            keys.insert(format!("{section}.{key}"), value.to_string());
        }
    }
    keys
}

fn defaults() -> BTreeMap<String, String> {
    keys_of(&toml::to_string(&Config::default()).unwrap())
}

#[test]
fn the_sample_is_the_default() {
    let sample = document("daybook.toml");
    assert_eq!(Config::parse(&sample, Path::new("daybook.toml")).unwrap(), Config::default());
    let is_key = |line: &str| line.starts_with('#') && !line.starts_with("# ") && line.len() > 1;
    let uncommented: Vec<&str> =
        sample.lines().map(|line| if is_key(line) { &line[1..] } else { line }).collect();
    assert_eq!(keys_of(&uncommented.join("\n")), defaults());
}

#[test]
fn the_document_has_every_key_with_its_default() {
    let text = document("configuration.md");
    let mut section = "";
    let mut found = BTreeMap::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            section = heading.trim_start_matches('[').trim_end_matches(']');
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let [_, key, default, meaning, ..] = cells[..]
            && let Some(key) = key.strip_prefix('`')
        {
            assert!(meaning.len() > 10, "{section}.{key} is not explained");
            let key = format!("{section}.{}", key.trim_end_matches('`'));
            found.insert(key, default.trim_matches('`').to_owned());
        }
    }
    assert_eq!(found, defaults());
}

#[test]
fn numbers_say_their_unit() {
    let counts = ["connections", "address", "name", "attendees", "instances", "at_once"];
    for (key, value) in defaults() {
        let has_unit = ["_seconds", "_bytes", "_days"].iter().any(|unit| key.ends_with(unit));
        let counts = counts.iter().any(|what| key.ends_with(what));
        assert!(value.parse::<i64>().is_err() || has_unit || counts, "{key} has no unit");
    }
}
