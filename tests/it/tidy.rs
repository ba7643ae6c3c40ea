//! Holds the tree to docs/architecture.md: who may use whom, how long files and functions may be,
//! how wide lines, what every file begins with. A rule that only people keep is not kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;
const LINE_COLUMNS_MAX: usize = 100;

struct Source {
    /// Path below `src/`, as `ical/recur/expand.rs`.
    name: String,
    text: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(below: &str) -> Vec<Source> {
    fn walk(folder: &Path, base: &Path, found: &mut Vec<Source>) {
        let mut entries: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                // The fuzz crate has a target directory of its own.
                if path.file_name().is_none_or(|name| name != "target") {
                    walk(&path, base, found);
                }
            } else if path.extension().is_some_and(|end| end == "rs") {
                let name = path.strip_prefix(base).unwrap().to_str().unwrap().to_owned();
                found.push(Source { name, text: fs::read_to_string(&path).unwrap() });
            }
        }
    }
    let base = root().join(below);
    let mut found = Vec::new();
    walk(&base, &base, &mut found);
    assert!(!found.is_empty(), "no sources below {below}");
    found
}

fn is_test_file(name: &str) -> bool {
    name.ends_with("/tests.rs") || name.contains("/tests/")
}

/// The part of a file before its unit tests.
fn shipped(source: &Source) -> &str {
    source.text.split("#[cfg(test)]\nmod tests").next().unwrap()
}

/// The dependency table: rows `| a b | c, d |` under the heading that names this test.
fn dependency_table() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let (_, section) = text.split_once("## Who may use whom").expect("the heading is there");
    let mut table = BTreeMap::new();
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let names = |cell: &str| -> Vec<String> {
            cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
        };
        let allowed: BTreeSet<String> = names(cells[1]).into_iter().collect();
        for module in names(cells[0]) {
            assert!(table.insert(module.clone(), allowed.clone()).is_none(), "{module} twice");
        }
    }
    assert!(table.len() > 5, "the table could not be read");
    table
}

/// `crate::a::b` uses of a file, as `a` and `a::b`.
fn uses(text: &str) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for rest in line.split("crate::").skip(1) {
            let path: String = rest
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':')
                .collect();
            let mut parts = path.split("::");
            let first = parts.next().unwrap_or_default().to_owned();
            let second = parts.next().unwrap_or_default();
            if rest.starts_with('{') {
                panic!("use one `use crate::…` line per module, found: {line}");
            }
            found.insert((first.clone(), format!("{first}::{second}")));
        }
    }
    found
}

#[test]
fn modules_use_only_what_the_table_allows() {
    let table = dependency_table();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for source in sources("src").iter().filter(|source| !is_test_file(&source.name)) {
        let module = source.name.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
        // A row for one file or folder (`schedule/deliver`) comes before its module's row.
        let stem = source.name.trim_end_matches(".rs").trim_end_matches("/mod");
        let row = stem
            .match_indices('/')
            .map(|(at, _)| &stem[..at])
            .chain([stem])
            .rev()
            .find_map(|key| table.get(key).map(|allowed| (key.to_owned(), allowed)));
        if ["lib", "main", "server", "cli"].contains(&module.as_str()) {
            continue;
        }
        let Some((key, allowed)) = row else {
            wrong.push(format!("{}: no row in docs/architecture.md", source.name));
            continue;
        };
        seen.insert(key);
        for (first, second) in uses(shipped(source)) {
            if first != module && !allowed.contains(&first) && !allowed.contains(&second) {
                wrong.push(format!("{}: may not use crate::{second}", source.name));
            }
        }
    }
    let unused: Vec<_> = table.keys().filter(|key| !seen.contains(*key)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(unused.is_empty(), "rows of the table without a file: {unused:?}");
}

#[test]
fn outside_libraries_stay_where_they_belong() {
    // (what, the only places below src/ that may use it)
    let walls: &[(&str, &[&str])] = &[
        ("std::fs", &["disk/", "cli/"]),
        ("rustix::", &["disk/", "http/", "main.rs", "server", "watch/source.rs"]),
        ("xattr::", &["disk/"]),
        ("hyper::", &["http/"]),
        ("hyper_util::", &["http/"]),
        ("tokio::", &["http/", "server", "main.rs", "cli/"]),
        ("ldap3::", &["auth/"]),
        ("use ring::", &["auth/"]),
        ("ureq::", &["auth/"]),
        ("quick_xml::", &["xml/"]),
        ("rrule::", &["ical/"]),
        ("jiff::", &["ical/"]),
        ("icu_calendar::", &["ical/"]),
        ("Utc::now", &["clock.rs"]),
        ("SystemTime::now", &["clock.rs"]),
    ];
    let table_text = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let mut wrong = Vec::new();
    for source in sources("src").iter().filter(|source| !is_test_file(&source.name)) {
        for (line, text) in shipped(source).lines().enumerate() {
            if text.trim_start().starts_with("//") {
                continue;
            }
            for (what, places) in walls {
                // A file named in the document's list of exceptions may.
                let excepted = table_text.contains(&format!("`{}` may use `{what}`", source.name));
                if text.contains(what)
                    && !excepted
                    && !places.iter().any(|place| source.name.starts_with(place))
                {
                    wrong.push(format!("src/{}:{}: {what}", source.name, line + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_and_functions_stay_short() {
    let mut wrong = Vec::new();
    for (below, source) in ["src", "tests/it"]
        .iter()
        .flat_map(|below| sources(below).into_iter().map(move |source| (below, source)))
    {
        let lines: Vec<&str> = source.text.lines().collect();
        let name = format!("{below}/{}", source.name);
        if lines.len() > FILE_LINES_MAX {
            wrong.push(format!("{name}: {} lines", lines.len()));
        }
        for (number, line) in lines.iter().enumerate() {
            // Rows of a macro's table stay on one line, and so do URLs.
            let table_row = line.contains("\" \"");
            let columns = line.chars().count();
            if columns > LINE_COLUMNS_MAX && !table_row && !line.contains("http") {
                wrong.push(format!("{name}:{}: {columns} columns", number + 1));
            }
        }
        wrong.extend(long_functions(&name, &lines));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Functions longer than the limit; the formatter puts a function's closing brace below its `fn`.
fn long_functions(name: &str, lines: &[&str]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = line.len() - code.len();
        let is_function = [
            "fn ",
            "pub fn ",
            "pub(crate) fn ",
            "pub(super) fn ",
            "const fn ",
            "pub const fn ",
            "async fn ",
            "pub async fn ",
            "pub(crate) async fn ",
        ]
        .iter()
        .any(|head| code.starts_with(head));
        if !is_function || code.ends_with(';') || code.ends_with('}') {
            continue;
        }
        let end = lines[start..].iter().position(|l| {
            // A declaration without a body ends with a semicolon instead.
            l.len() - l.trim_start().len() == indent
                && (l.trim() == "}" || l.trim_end().ends_with(';'))
        });
        let length = end.map_or(0, |end| end + 1);
        if length > FUNCTION_LINES_MAX {
            wrong.push(format!("{name}:{}: a function of {length} lines", start + 1));
        }
    }
    wrong
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<String> = ["src", "tests/it"]
        .iter()
        .flat_map(|below| sources(below))
        .filter(|source| !source.name.ends_with("tests.rs"))
        .filter(|source| !source.text.starts_with("//!"))
        .map(|source| source.name)
        .collect();
    assert!(silent.is_empty(), "files without //! at their head: {silent:?}");
}

#[test]
fn no_stub_is_left_behind() {
    let marks = ["todo!(", "unimplemented!(", concat!("FIX", "ME"), concat!("XX", "X")];
    let mut wrong = Vec::new();
    for source in sources("src") {
        for (line, text) in source.text.lines().enumerate() {
            if marks.iter().any(|mark| text.contains(mark)) {
                wrong.push(format!("src/{}:{}", source.name, line + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_test_file_is_forgotten() {
    let main = fs::read_to_string(root().join("tests/it/main.rs")).unwrap();
    let mut forgotten = Vec::new();
    for entry in fs::read_dir(root().join("tests/it")).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if stem != "main" && !main.contains(&format!("mod {stem};")) {
            forgotten.push(stem);
        }
    }
    assert!(forgotten.is_empty(), "not declared in tests/it/main.rs: {forgotten:?}");
}
