//! What the integration tests stand on: the real binary on a free port with a data directory of
//! its own, a small blocking client, and the runner of transcripts.
#![allow(dead_code)]

mod accounts;
pub mod client;
#[path = "../../dice.rs"]
pub mod dice;
pub mod fake_ldap;
pub mod fake_provider;
pub mod mirror;
pub mod puppet;
pub mod transcript;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

pub use client::{Client, Reply};
pub use dice::Dice;
pub use mirror::Mirror;

/// How long a server may take to start or to end before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Dice of one of several actors: the same seed and actor throw the same numbers.
pub fn dice_of(seed: u64, actor: u64) -> Dice {
    Dice::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ (actor << 32))
}

/// A number from the environment, for tests that run longer on request.
pub fn asked(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// An event on 5 January 2026.
pub fn event(uid: &str, summary: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
         DTSTAMP:20260101T000000Z\r\nDTSTART:20260105T100000Z\r\nDURATION:PT1H\r\n\
         SUMMARY:{summary}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

/// A running server. Dropping it kills it.
pub struct Server {
    child: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
    arguments: Vec<String>,
    /// In a name space of its own: its data cannot be seen from here.
    elsewhere: bool,
    configuration: String,
    checked: bool,
}

impl Server {
    /// The demo server: alice, bob, carol and a room; each user's password is the name.
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// The demo server with this text added to its configuration; later sections win nothing,
    /// so do not repeat `[server]`, `[data]` or `[directory]`.
    pub fn start_with(configuration: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("daybook.toml");
        fs::write(&file, configuration).unwrap();
        let data = folder.path().join("data").to_str().unwrap().to_owned();
        let file = file.to_str().unwrap().to_owned();
        let arguments =
            ["serve", "--demo", "--config", &file, "--data", &data, "--listen", "127.0.0.1:0"];
        let arguments: Vec<String> = arguments.map(str::to_owned).to_vec();
        let (child, address) = spawn(serving(&arguments), &folder.path().join("log"));
        let configuration = configuration.to_owned();
        Self { child, address, folder, arguments, elsewhere: false, configuration, checked: true }
    }

    /// The demo server in a name space of its own, after a shell ran `setup` there; `$DATA` is its
    /// data directory. None where the system does not let us.
    pub fn start_within(setup: &str) -> Option<Self> {
        let possible = Command::new("unshare").args(["-rm", "true"]).stderr(Stdio::null()).status();
        if !possible.is_ok_and(|status| status.success()) {
            println!("left out: no name spaces");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("daybook.toml");
        let data = folder.path().join("data");
        fs::write(&file, "").unwrap();
        fs::create_dir(&data).unwrap();
        let (file, data) = (file.to_str().unwrap(), data.to_str().unwrap());
        let arguments =
            ["serve", "--demo", "--config", file, "--data", data, "--listen", "127.0.0.1:0"];
        let arguments: Vec<String> = arguments.map(str::to_owned).to_vec();
        let mut command = Command::new("unshare");
        let script = format!("{setup}\nexec \"$@\"");
        command.args(["-rm", "sh", "-ec", &script, "sh"]).args([binary()]).args(&arguments);
        command.env("DATA", data);
        let (child, address) = spawn(command, &folder.path().join("log"));
        let configuration = String::new();
        Some(Self {
            child,
            address,
            folder,
            arguments,
            elsewhere: true,
            configuration,
            checked: false,
        })
    }

    /// Runs a command in the server's name space; whether it succeeded.
    pub fn within(&self, script: &str) -> bool {
        let pid = self.pid().to_string();
        let arguments = ["-t", &pid, "-U", "-m", "--preserve-credentials", "sh", "-ec", script];
        let mut command = Command::new("nsenter");
        command.args(arguments).env("DATA", self.data());
        command.status().is_ok_and(|status| status.success())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.folder.path().join("daybook.toml")
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Waits until the log holds `text`.
    pub fn wait_for_log(&self, text: &str) {
        let start = Instant::now();
        while !self.log().contains(text) {
            assert!(start.elapsed() < PATIENCE, "{text:?} is not in the log:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// A client without credentials.
    pub fn anonymous(&self) -> Client {
        Client::new(self.address, None)
    }

    /// A client that is one of the demo users.
    pub fn client(&self, user: &str) -> Client {
        Client::new(self.address, Some((user, user)))
    }

    /// For tests that leave something behind which `daybook check` is to complain of.
    pub fn skip_check(&mut self) {
        self.checked = false;
    }

    /// What `daybook check --scheduling` says of its data.
    pub fn checks(&self) -> (bool, String) {
        let file = self.folder.path().join("check.toml");
        let accounts = self.data().join("accounts.toml");
        let text = &self.configuration;
        fs::write(&file, format!("{text}\n[directory]\nfile = {accounts:?}\n")).unwrap();
        let (file, data) = (file.to_str().unwrap(), self.data());
        let data = data.to_str().unwrap();
        let mut command = daybook(&["check", "--scheduling", "--config", file, "--data", data]);
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    /// Nothing a test did may leave copies of an event that disagree. Files that a test damaged
    /// are findings too, but not of this kind.
    fn check(&self) {
        let (_, text) = self.checks();
        let agrees = text.contains("findings: 0, in doubt: ") || text.contains("homes: none yet");
        assert!(agrees, "daybook check --scheduling:\n{text}");
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, as `TERM`.
    pub fn signal(&self, name: &str) {
        let status =
            Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end of the process.
    pub fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "the server does not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it as an administrator would.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// Kills it in whatever it does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again on the same data, after `stop` or `kill`; the port is another one.
    pub fn start_again(&mut self) {
        let (child, address) = spawn(serving(&self.arguments), &self.folder.path().join("log"));
        self.child = child;
        self.address = address;
    }
}

/// After every test: what the server knows of the files is what they say (invariant 9).
fn check_indexes(folder: &Path) {
    let data = folder.join("data");
    if !data.join("calendars").is_dir() {
        return;
    }
    let file = data.join("check.toml");
    fs::write(&file, "").unwrap();
    let arguments = ["check", "--config", file.to_str().unwrap(), "--data", data.to_str().unwrap()];
    let output = daybook(&arguments).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(!text.contains("the index differs"), "{text}");
}

impl Drop for Server {
    fn drop(&mut self) {
        let running = self.child.try_wait().is_ok_and(|status| status.is_none());
        if running && !self.elsewhere && !std::thread::panicking() {
            check_indexes(self.folder.path());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() && self.checked {
            self.check();
        }
        if std::thread::panicking() {
            let log = self.log();
            let (requests, rest): (Vec<&str>, Vec<&str>) =
                log.lines().partition(|line| line.contains("INFO access:"));
            println!("--- the server's last requests ---");
            requests.iter().rev().take(20).rev().for_each(|line| println!("{line}"));
            println!("--- the rest of its log ---");
            rest.iter().rev().take(60).rev().for_each(|line| println!("{line}"));
        }
    }
}

/// The binary under test; `DAYBOOK` names another one.
fn binary() -> String {
    std::env::var("DAYBOOK").unwrap_or_else(|_| env!("CARGO_BIN_EXE_daybook").to_owned())
}

/// The binary under test with these arguments.
pub fn daybook(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).stdin(Stdio::null());
    command
}

fn serving(arguments: &[String]) -> Command {
    daybook(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

fn spawn(mut command: Command, log: &Path) -> (Child, SocketAddr) {
    let log_file = fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
    let mut child = command.stdout(Stdio::piped()).stderr(log_file).spawn().unwrap();
    let (sender, receiver) = mpsc::channel();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    std::thread::spawn(move || {
        let mut line = String::new();
        while output.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
            let address = line.split_once("http://").map(|(_, rest)| rest);
            let address = address.and_then(|rest| rest.split('/').next()?.parse().ok());
            if let Some(address) = address {
                let _ = sender.send(address);
            }
            line.clear();
        }
        let _ = output.read_to_end(&mut Vec::new());
    });
    match receiver.recv_timeout(PATIENCE) {
        Ok(address) => (child, address),
        Err(_) => {
            let _ = child.kill();
            let _ = child.wait();
            panic!("no server:\n{}", fs::read_to_string(log).unwrap_or_default());
        }
    }
}
