//! What the integration tests stand on: the real binary on a free port with a data directory of
//! its own, a small blocking client, and the runner of transcripts.
#![allow(dead_code)]

pub mod client;
pub mod dice;
pub mod fake_ldap;
pub mod fake_provider;
pub mod mirror;
pub mod transcript;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

pub use client::{Client, Reply};
pub use mirror::Mirror;

/// How long a server may take to start or to end before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server. Dropping it kills it.
pub struct Server {
    child: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
    arguments: Vec<String>,
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
        let (child, address) = spawn(&arguments, &folder.path().join("log"));
        Self { child, address, folder, arguments }
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
        let (child, address) = spawn(&self.arguments, &self.folder.path().join("log"));
        self.child = child;
        self.address = address;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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

/// The binary under test with these arguments; `DAYBOOK` names another one.
pub fn daybook(arguments: &[&str]) -> Command {
    let binary = std::env::var("DAYBOOK");
    let mut command = Command::new(binary.as_deref().unwrap_or(env!("CARGO_BIN_EXE_daybook")));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn spawn(arguments: &[String], log: &Path) -> (Child, SocketAddr) {
    let log_file = fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut child = daybook(&arguments).stdout(Stdio::piped()).stderr(log_file).spawn().unwrap();
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
