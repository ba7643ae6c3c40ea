//! Runs transcripts of requests and answers (`fixtures/http/**/*.http`). The format is described
//! in `docs/testing.md`; with `UPDATE=1` answers that differ are written into the file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Client, Reply, Server};

/// One request and the answer that is expected.
#[derive(Debug, Default)]
struct Step {
    /// Lines before the request, as they are.
    remarks: Vec<String>,
    user: String,
    method: String,
    path: String,
    headers: Vec<String>,
    body: Vec<String>,
    answer: Option<Answer>,
}

#[derive(Debug, Default)]
struct Answer {
    status: String,
    headers: Vec<String>,
    /// Absent: the body is not looked at.
    body: Option<Vec<String>>,
}

/// Values that transcripts capture as `**name**`.
type Values = BTreeMap<String, String>;

/// Every transcript below a folder of `fixtures/`.
pub fn files_below(folder: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|end| end == "http") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder), &mut found);
    found.sort();
    found
}

/// Plays one transcript against a server; says what differs.
pub fn play(file: &Path, server: &Server) -> Result<(), String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    let update = std::env::var_os("UPDATE").is_some();
    let mut steps = read(&text);
    let mut values = Values::new();
    values.insert("host".to_owned(), server.address().to_string());
    let mut wrong = Vec::new();
    for step in &mut steps {
        let reply = send(step, server, &values);
        let difference = match &step.answer {
            Some(answer) => compare(answer, &reply, &mut values).err(),
            None => Some("no answer is expected yet".to_owned()),
        };
        if let Some(difference) = difference {
            if update {
                step.answer = Some(record(step.answer.take(), &reply, &values));
            } else {
                wrong.push(format!("{} {} {}: {difference}", step.user, step.method, step.path));
            }
        }
    }
    if update {
        fs::write(file, write(&steps)).map_err(|error| error.to_string())?;
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("{}:\n{}", file.display(), wrong.join("\n")))
    }
}

fn read(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut remarks = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(request) = line.strip_prefix(">>> ") else {
            remarks.push(line.to_owned());
            continue;
        };
        let mut words = request.splitn(3, ' ').map(str::to_owned);
        let mut step = Step { remarks: std::mem::take(&mut remarks), ..Step::default() };
        step.user = words.next().unwrap_or_default();
        step.method = words.next().unwrap_or_default();
        step.path = words.next().unwrap_or_default();
        let section = |lines: &mut std::iter::Peekable<std::str::Lines<'_>>| {
            let mut section: Vec<String> = Vec::new();
            while let Some(line) = lines.next_if(|line| {
                !line.starts_with(">>> ") && !line.starts_with("<<< ") && !line.starts_with("# ")
            }) {
                section.push(line.to_owned());
            }
            let blank = section.iter().position(String::is_empty).unwrap_or(section.len());
            let mut body = section.split_off(blank);
            while body.last().is_some_and(String::is_empty) {
                body.pop();
            }
            (section, if body.is_empty() { Vec::new() } else { body.split_off(1) })
        };
        (step.headers, step.body) = section(&mut lines);
        if let Some(line) = lines.next_if(|line| line.starts_with("<<< ")) {
            let (headers, body) = section(&mut lines);
            let body = (!body.is_empty()).then_some(body);
            step.answer = Some(Answer { status: line[4..].trim().to_owned(), headers, body });
        }
        steps.push(step);
    }
    steps
}

fn write(steps: &[Step]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for step in steps {
        lines.extend(step.remarks.iter().cloned());
        lines.push(format!(">>> {} {} {}", step.user, step.method, step.path));
        lines.extend(step.headers.iter().cloned());
        if !step.body.is_empty() {
            lines.push(String::new());
            lines.extend(step.body.iter().cloned());
        }
        if let Some(answer) = &step.answer {
            lines.push(format!("<<< {}", answer.status));
            lines.extend(answer.headers.iter().cloned());
            if let Some(body) = &answer.body {
                lines.push(String::new());
                lines.extend(body.iter().cloned());
            }
        }
        lines.push(String::new());
    }
    lines.join("\n")
}

fn send(step: &Step, server: &Server, values: &Values) -> Reply {
    let client = match step.user.as_str() {
        "-" => server.anonymous(),
        user => match user.split_once(':') {
            Some(credentials) => Client::new(server.address(), Some(credentials)),
            None => server.client(user),
        },
    };
    let fill = |text: &str| {
        values.iter().fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("**{name}**"), value)
        })
    };
    let headers: Vec<(String, String)> = step
        .headers
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), fill(value.trim())))
        .collect();
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let calendar = step.body.iter().any(|line| line == "BEGIN:VCALENDAR");
    let mut body = fill(&step.body.join(if calendar { "\r\n" } else { "\n" }));
    if calendar {
        body += "\r\n";
    }
    client.send(&step.method, &fill(&step.path), &headers, body.as_bytes())
}

fn compare(answer: &Answer, reply: &Reply, values: &mut Values) -> Result<(), String> {
    if answer.status != reply.status.to_string() {
        return Err(format!("{} instead of {}\n{}", reply.status, answer.status, reply.text()));
    }
    for line in &answer.headers {
        let (name, expected) = line.split_once(':').unwrap_or((line, ""));
        let (name, wanted) = match name.strip_prefix('-') {
            Some(name) => (name, false),
            None => (name, true),
        };
        match (reply.header(name), wanted) {
            (Some(value), true) => matches(expected.trim(), value, values)
                .map_err(|()| format!("{name}: {value}, expected{expected}"))?,
            (None, false) => {}
            (Some(value), false) => return Err(format!("{name}: {value}, expected none")),
            (None, true) => return Err(format!("no {name}, expected{expected}")),
        }
    }
    if let Some(body) = &answer.body {
        let expected = body.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n");
        let found = lines_of(reply).iter().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
        let found = found.join("\n");
        matches(&expected, &found, values)
            .map_err(|()| format!("the body is\n{found}\n--- expected\n{expected}"))?;
    }
    Ok(())
}

/// The body line by line; XML with one tag on each line, indented.
fn lines_of(reply: &Reply) -> Vec<String> {
    let text = reply.text().replace("\r\n", "\n");
    let text = text.trim_end();
    if !text.starts_with('<') {
        return text.lines().map(str::to_owned).collect();
    }
    let mut depth = 0usize;
    let mut lines = Vec::new();
    for line in text.replace("><", ">\n<").lines() {
        let closes = line.starts_with("</");
        depth = depth.saturating_sub(usize::from(closes));
        lines.push(format!("{}{}", "  ".repeat(depth), line.trim()));
        let opens = line.starts_with('<') && !line.starts_with("<?") && !closes;
        depth += usize::from(opens && !line.ends_with("/>") && !line.contains("</"));
    }
    lines
}

/// Whether `text` is what `pattern` says. `**ANY**` stands for anything, `**name**` for the value
/// that it stood for first.
fn matches(pattern: &str, text: &str, values: &mut Values) -> Result<(), ()> {
    let mut parts = pattern.split("**");
    let mut rest = text.strip_prefix(parts.next().unwrap_or_default()).ok_or(())?;
    while let Some(name) = parts.next() {
        let literal = parts.next().unwrap_or_default();
        if let Some(value) = values.get(name) {
            rest = rest.strip_prefix(value.as_str()).ok_or(())?;
            rest = rest.strip_prefix(literal).ok_or(())?;
            continue;
        }
        let last = parts.clone().next().is_none();
        let at = match (last, literal) {
            (true, _) if !rest.ends_with(literal) => return Err(()),
            (true, _) => rest.len() - literal.len(),
            (false, "") => return Err(()),
            (false, _) => rest.find(literal).ok_or(())?,
        };
        if name != "ANY" {
            values.insert(name.to_owned(), rest[..at].to_owned());
        }
        rest = &rest[at + literal.len()..];
    }
    if rest.is_empty() { Ok(()) } else { Err(()) }
}

/// The expectation that this reply meets; what was wild in the old one stays so where it can.
fn record(old: Option<Answer>, reply: &Reply, values: &Values) -> Answer {
    const TOLD: [&str; 8] = [
        "Content-Type",
        "Location",
        "DAV",
        "Allow",
        "WWW-Authenticate",
        "ETag",
        "Schedule-Tag",
        "Preference-Applied",
    ];
    let old = old.unwrap_or_else(|| Answer {
        headers: TOLD.iter().map(|name| format!("{name}: ")).collect(),
        body: Some(Vec::new()),
        ..Answer::default()
    });
    let mut values = values.clone();
    let mut headers = Vec::new();
    for line in old.headers {
        let (name, expected) = line.split_once(':').unwrap_or((&line, ""));
        match reply.header(name.trim_start_matches('-')) {
            Some(_) if name.starts_with('-') => {}
            Some(value) if matches(expected.trim(), value, &mut values).is_ok() => {
                headers.push(line)
            }
            Some(_) if name == "ETag" || name == "Schedule-Tag" => {
                headers.push(format!("{name}: \"**ANY**\""));
            }
            Some(value) => headers.push(format!("{name}: {value}")),
            None if name.starts_with('-') => headers.push(line),
            None => {}
        }
    }
    let body = old.body.map(|_| lines_of(reply)).filter(|lines| !lines.is_empty());
    Answer { status: reply.status.to_string(), headers, body }
}
