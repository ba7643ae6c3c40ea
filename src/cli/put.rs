//! `daybook put`: stores an object as a client's PUT would, scheduling included. A server that
//! holds the data directory does it, asked through its local socket; without one the command
//! does it itself.
//!
//! Exit codes: 0 stored, 1 refused, 2 the file or the calendar cannot be made out.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use daybook::dav::response::Body;
use daybook::dav::{DavPath, Request};
use daybook::http::Application;
use daybook::http::local::{self, Local};
use daybook::server;

use super::{ConfigFile, FAILED, Failure, WRONG, say};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigFile,
    /// An .ics file with one object.
    file: PathBuf,
    /// USER/CALENDAR (alice/work, locations:room/calendar), or the calendar's path in URLs.
    calendar: String,
}

/// How long a server may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = arguments.config.load()?;
    let file = &arguments.file;
    let wrong = |reason: &dyn std::fmt::Display| {
        Failure::new(WRONG, format_args!("{}: {reason}", file.display()))
    };
    let content = std::fs::read(file).map_err(|error| wrong(&error))?;
    if let Err(error) = daybook::ical::parse(&content) {
        return Err(wrong(&format_args!("{}: {}", error.line, error.reason)));
    }
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| wrong(&"its name is no text"))?;
    let path = calendar(&arguments.calendar)?.join(name, false);
    let request = local::request(path, Bytes::from(content));
    let (status, place, body) = match UnixStream::connect(local::socket(&config.data.root)) {
        Ok(stream) => ask(stream, &request).map_err(|error| {
            Failure::new(FAILED, format!("the server does not answer: {error}"))
        })?,
        Err(error)
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) =>
        {
            let app = server::assemble(&Arc::new(config));
            let app = app.map_err(|error| Failure::new(FAILED, error))?;
            let response = Local::new(Arc::new(app)).answer(&request).response;
            let body = match &response.body {
                Body::Full(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                _ => String::new(),
            };
            let place = response.headers.get("content-location");
            let place = place.and_then(|place| place.to_str().ok()).unwrap_or_default().to_owned();
            (response.status, place, body)
        }
        Err(error) => return Err(Failure::new(FAILED, format!("the server's socket: {error}"))),
    };
    match status {
        201 => say(format_args!("{place}: stored, and new")),
        200 | 204 => say(format_args!("{place}: stored")),
        status => {
            let reason = format!("{}: refused ({status}): {}", file.display(), reason(&body));
            return Err(Failure::new(FAILED, reason));
        }
    }
    Ok(())
}

/// The path of the calendar in URLs.
fn calendar(text: &str) -> Result<DavPath, Failure> {
    let wrong = || Failure::new(WRONG, format!("{text} is not USER/CALENDAR"));
    if text.starts_with('/') {
        return Ok(DavPath::parse(text).map_err(|_| wrong())?.with_slash(true));
    }
    let (user, calendar) = text.split_once('/').ok_or_else(wrong)?;
    let (kind, name) = user.split_once(':').unwrap_or(("users", user));
    let segments = calendar.trim_end_matches('/').split('/');
    let segments = ["calendars", kind, name].into_iter().chain(segments);
    Ok(DavPath::from_segments(segments, true))
}

/// One request over the socket: status, place and body of the answer.
fn ask(mut stream: UnixStream, request: &Request) -> std::io::Result<(u16, String, String)> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let (path, length) = (request.path.href(), request.body.len());
    let head = format!(
        "PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/calendar; charset=utf-8\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&request.body)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let place = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-location").then(|| value.trim().to_owned())
    });
    let status = status.ok_or(ErrorKind::InvalidData)?;
    Ok((status, place.unwrap_or_default(), body.to_owned()))
}

/// What an error's body says: preconditions and descriptions.
fn reason(body: &str) -> String {
    let Ok(error) = daybook::xml::parse(body.as_bytes()) else { return body.trim().to_owned() };
    let words = error.elements().map(|element| match element.text().trim() {
        "" => element.name.local.to_string(),
        text => text.to_owned(),
    });
    words.collect::<Vec<_>>().join(", ")
}
