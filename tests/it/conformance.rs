//! docs/conformance.md tells what is kept of each standard. It must not forget anything that the
//! server says of itself, and what it calls done must be shown by something that exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use daybook::dav::error::Precondition;
use daybook::dav::name::{CALDAV, CALENDARSERVER, DAV};
use daybook::dav::{Name, ResourceKind};
use daybook::method::options;
use daybook::resource::report_set;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// One row of a table: its first cell, its state where it has one, and what shows it.
struct Row {
    subject: String,
    state: String,
    shown_by: Vec<String>,
}

/// The rows of the tables whose last column is `shown by`.
fn rows() -> Vec<Row> {
    let text = fs::read_to_string(root().join("docs/conformance.md")).unwrap();
    let mut rows = Vec::new();
    let mut state = None;
    let mut counts = false;
    for line in text.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        if !line.starts_with('|') {
            counts = false;
        } else if cells.last() == Some(&"shown by") {
            counts = true;
            state = cells.iter().position(|cell| *cell == "state");
        } else if counts && !cells[0].starts_with("---") {
            rows.push(Row {
                subject: cells[0].to_owned(),
                state: state.map_or("done", |at| cells[at]).to_owned(),
                shown_by: code_spans(cells[cells.len() - 1]),
            });
        }
    }
    assert!(rows.len() > 100, "the tables were not found");
    rows
}

fn code_spans(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// What stands in the first column in code, from all tables.
fn subjects() -> BTreeSet<String> {
    rows().iter().flat_map(|row| code_spans(&row.subject)).collect()
}

fn prefixed(name: &Name) -> String {
    let prefix = match name.namespace.as_ref() {
        DAV => "DAV",
        CALDAV => "CALDAV",
        CALENDARSERVER => "CS",
        other => panic!("the document has no prefix for {other}"),
    };
    format!("{prefix}:{}", name.local)
}

#[test]
fn every_precondition_stands_there() {
    let known = subjects();
    for precondition in Precondition::ALL {
        let name = prefixed(&precondition.name());
        assert!(known.contains(&name), "{name} ({}) is not told", precondition.clause());
    }
}

#[test]
fn every_report_stands_there() {
    let known = subjects();
    for kind in ResourceKind::ALL {
        for report in report_set::reports(*kind) {
            assert!(known.contains(&prefixed(&report)), "{report} of {kind:?} is not told");
        }
    }
}

#[test]
fn every_announced_token_stands_there() {
    let known = subjects();
    for token in options::DAV.split(',').map(str::trim) {
        assert!(known.contains(token), "{token} is not told");
    }
}

#[test]
fn what_is_done_is_shown_by_something_that_exists() {
    let list = fs::read_to_string(root().join("tests/conformance.list")).unwrap();
    let scripts: BTreeSet<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    let mut wrong = Vec::new();
    for row in rows() {
        if row.shown_by.is_empty() && !row.state.starts_with("no") {
            wrong.push(format!("{}: nothing shows it", row.subject));
        }
        for name in &row.shown_by {
            if !scripts.contains(name.as_str()) && !exists(name) {
                wrong.push(format!("{}: {name} does not exist", row.subject));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether there is such a file, and the test in it that stands after `::`.
fn exists(name: &str) -> bool {
    let (file, test) = match name.split_once("::") {
        Some((file, test)) => (file, Some(test)),
        None => (name, None),
    };
    let Ok(text) = fs::read_to_string(root().join(file)) else { return false };
    test.is_none_or(|test| text.contains(&format!("fn {test}(")))
}
