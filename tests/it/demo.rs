//! What `daybook serve --demo` prints must work as it is printed.
//!
//! The lines run in a shell. `curl` and `getfattr` are small stand-ins, which are this test program
//! itself under another name, so that nothing need be installed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::harness::{Client, daybook};

struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the demonstration in a folder, and gives the lines it asks people to type.
fn start(folder: &Path) -> (Demo, Vec<String>) {
    let mut command = daybook(&["serve", "--demo", "--listen", "127.0.0.1:0"]);
    command.current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut demo = Demo(command.spawn().unwrap());
    let mut lines = Vec::new();
    for line in BufReader::new(demo.0.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        assert!(line.chars().count() < 260, "too long to paste: {line}");
        lines.extend(line.strip_prefix("    ").map(str::to_owned));
        if line.contains("apt install attr") {
            break;
        }
    }
    (demo, lines)
}

/// A folder whose `curl` and `getfattr` are the tests below.
fn stand_ins(folder: &Path) -> String {
    let bin = folder.join("bin");
    fs::create_dir(&bin).unwrap();
    let program = std::env::current_exe().unwrap();
    for name in ["curl", "getfattr"] {
        let script = format!(
            "#!/bin/sh\nSTAND_IN_ARGUMENTS=\"$*\" exec '{}' --quiet --ignored --nocapture --exact \
             demo::stand_in_for_{name}\n",
            program.display()
        );
        fs::write(bin.join(name), script).unwrap();
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default())
}

#[test]
fn the_printed_lines_carry_an_invitation_round() {
    let folder = tempfile::tempdir().unwrap();
    let (_demo, lines) = start(folder.path());
    let curls = lines.iter().filter(|line| line.contains("curl ")).count();
    assert_eq!((curls, lines.len()), (3, 6), "{lines:?}");
    let path = stand_ins(folder.path());
    let said: Vec<String> = lines
        .iter()
        .map(|line| {
            let mut shell = Command::new("sh");
            shell.args(["-ec", line]).current_dir(folder.path()).env("PATH", &path);
            let output = shell.output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{line}\n{said}\n{error}");
            said
        })
        .collect();
    let unfolded = |text: &str| text.replace("\r\n ", "");
    let attendee = |text: &str, mail: &str| {
        let text = unfolded(text);
        let mut lines = text.lines().filter(|line| line.starts_with("ATTENDEE"));
        lines.find(|line| line.contains(mail)).unwrap_or_default().to_owned()
    };
    assert!(said[0].contains("201 "), "{}", said[0]);
    assert!(said[1].contains("SUMMARY:Lunch"), "{}", said[1]);
    assert!(attendee(&said[1], "bob@").contains("PARTSTAT=NEEDS-ACTION"), "{}", said[1]);
    assert!(said[2].contains("204 "), "{}", said[2]);
    assert!(said[3].contains("lunch.ics") && said[3].contains("inbox"), "{}", said[3]);
    assert!(attendee(&said[4], "bob@").contains("PARTSTAT=ACCEPTED"), "{}", said[4]);
    assert!(attendee(&said[4], "boardroom@").contains("PARTSTAT=ACCEPTED"), "{}", said[4]);
    assert!(said[5].contains("schedule-tag"), "{}", said[5]);
}

fn arguments() -> Vec<String> {
    let all = std::env::var("STAND_IN_ARGUMENTS").unwrap_or_default();
    all.split_whitespace().map(str::to_owned).collect()
}

/// `curl` as far as the printed lines need it: `-s`, `-i`, `-u`, `-T`, one URL.
#[test]
#[ignore = "not a test: what the other one runs as curl"]
fn stand_in_for_curl() {
    let (mut user, mut body, mut url) = (String::new(), None, String::new());
    let arguments = arguments();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-s" | "-si" => {}
            "-u" => user.clone_from(arguments.next().unwrap()),
            "-T" => {
                body = Some(match arguments.next().unwrap().as_str() {
                    "-" => fs::read("/dev/stdin").unwrap(),
                    file => fs::read(file).unwrap(),
                });
            }
            other => other.clone_into(&mut url),
        }
    }
    let rest = url.strip_prefix("http://").unwrap();
    let (address, path) = rest.split_at(rest.find('/').unwrap());
    let address: SocketAddr = address.parse().unwrap();
    let client = Client::new(address, user.split_once(':'));
    let method = if body.is_some() { "PUT" } else { "GET" };
    let reply = client.send(method, path, &[], &body.unwrap_or_default());
    println!("{} \n{}", reply.status, reply.text());
}

/// `getfattr -d FILE`.
#[test]
#[ignore = "not a test: what the other one runs as getfattr"]
fn stand_in_for_getfattr() {
    let arguments = arguments();
    let [option, file] = &arguments[..] else { panic!("{arguments:?}") };
    assert_eq!(option, "-d");
    for name in xattr::list(file).unwrap() {
        println!("{}", name.to_string_lossy());
    }
}
