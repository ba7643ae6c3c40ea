//! The servers of a run: Daybook on a data root made from the seed, another server that is there
//! already, and nginx as the limit for answers of the same size.

use std::collections::BTreeSet;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::client::{Account, Call};
use crate::data::{self, Seed};
use crate::people::People;
use crate::rows::{self, Setting};

const OWNER: &str = "BENCH000-0000-0000-0000-000000000000";
pub const COLLEAGUES: usize = 10;
/// Objects in the calendar of everybody who is invited.
pub const COLLEAGUES_OBJECTS: u64 = 500;
pub const PASSWORD: &str = "bench";

/// How servers are started.
#[derive(Clone, Default)]
pub struct Start {
    /// Server on the first processor, client on the second.
    pub pin: bool,
    /// A command to run the server under, such as a profiler.
    pub under: Vec<String>,
}

/// A running Daybook.
pub struct Process {
    pub address: SocketAddr,
    child: Child,
}

impl Process {
    /// Started on a free port, when it accepts connections.
    pub fn start(configuration: &Path, start: &Start) -> Self {
        Self::start_at(configuration, free_address(), start)
    }

    fn start_at(configuration: &Path, address: SocketAddr, start: &Start) -> Self {
        let mut command: Vec<String> = start.under.clone();
        command.push(env!("CARGO_BIN_EXE_daybook").to_owned());
        let (configuration, at) = (configuration.display().to_string(), address.to_string());
        for word in ["serve", "--config", &configuration, "--listen", &at] {
            command.push(word.to_owned());
        }
        let child = spawn(start.pin, &command);
        wait_for(address);
        Self { address, child }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as an administrator would, and waits for it.
    pub fn stop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        let pid = self.pid().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        for _ in 0..1200 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A server that answers the rows.
pub struct Bench {
    pub setting: Setting,
    pub account: Account,
    /// The data root and what keeps it; absent for a server that was there before.
    root: Option<(PathBuf, tempfile::TempDir)>,
    process: Option<Process>,
    /// Its process, if known.
    pub pid: Option<u32>,
    /// Where a server that was there before keeps the calendars of its people.
    people: Option<People>,
    start: Start,
}

impl Bench {
    /// Daybook over a fresh data root, started.
    pub fn daybook(objects: u64, seed: u64, start: &Start) -> Self {
        let mut bench = Self::unstarted(objects, seed, start);
        bench.run();
        bench
    }

    /// Daybook over a fresh data root.
    pub fn unstarted(objects: u64, seed: u64, start: &Start) -> Self {
        // Not in /tmp, which may be memory: the figures are about a disk.
        let guard = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a scratch folder");
        let root = guard.path().to_owned();
        write_configuration(&root);
        let own = Seed::of(seed, objects);
        fill(&root.join("data").join(calendar_folder(OWNER)), objects, own);
        for number in 0..COLLEAGUES {
            let folder = root.join("data").join(calendar_folder(&colleague(number)));
            fill(&folder, COLLEAGUES_OBJECTS, colleagues(seed, number));
        }
        let home = format!("/calendars/__uids__/{OWNER}/");
        let mut setting = expected(objects, own);
        setting.calendar = format!("{home}calendar/");
        setting.outbox = format!("{home}outbox/");
        invite(&mut setting, seed);
        let account = Account::new(free_address(), "bench", PASSWORD);
        let root = Some((root, guard));
        let (process, pid, people) = (None, None, None);
        Self { setting, account, root, process, pid, people, start: start.clone() }
    }

    /// A server that is there already, whose calendar holds the generated objects.
    pub fn foreign(people: People, account: Account, pid: u32, objects: u64, seed: u64) -> Self {
        let mut setting = expected(objects, Seed::of(seed, objects));
        setting.calendar = people.calendar("bench");
        if let Some(outbox) = people.outbox() {
            setting.outbox = outbox;
            invite(&mut setting, seed);
        }
        let (pid, people, start) = (Some(pid), Some(people), Start::default());
        Self { setting, account, root: None, process: None, pid, people, start }
    }

    /// Starts the server and waits until it accepts connections; how long that took.
    pub fn run(&mut self) -> Duration {
        let Some((root, _)) = &self.root else { return Duration::ZERO };
        let started = Instant::now();
        let process =
            Process::start_at(&root.join("daybook.toml"), self.account.address, &self.start);
        self.pid = Some(process.pid());
        self.process = Some(process);
        started.elapsed()
    }

    /// Ends the server as an administrator would, and waits for it.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.stop();
        }
    }

    /// Deletes what the server derived from the files.
    pub fn forget_index(&self) {
        let Some((root, _)) = &self.root else { return };
        let guids = (0..COLLEAGUES).map(colleague).chain([OWNER.to_owned()]);
        for guid in guids {
            let _ = fs::remove_file(root.join("data").join(home_folder(&guid)).join(".index"));
        }
    }

    /// A folder on the same disk as the data.
    pub fn scratch(&self) -> PathBuf {
        let root = self.root.as_ref().map(|(root, _)| root.join("scratch"));
        root.unwrap_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")))
    }

    /// How many invitations the one with the fewest has in the inbox and in the calendar.
    pub fn delivered(&self) -> usize {
        let Some((root, _)) = &self.root else {
            let ask = |people: &People| people.delivered(&self.account);
            return self.people.as_ref().map_or(0, ask);
        };
        let files = |folder: PathBuf| fs::read_dir(folder).map_or(0, |found| found.count());
        let of = |number| {
            let home = root.join("data").join(home_folder(&colleague(number)));
            let copies = files(home.join("calendar")).saturating_sub(COLLEAGUES_OBJECTS as usize);
            files(home.join("inbox")).min(copies)
        };
        (0..COLLEAGUES).map(of).min().unwrap_or_default()
    }

    /// Requests that take away what was written, as clients do: the owner's events first, so that
    /// everybody is told; then what that left with those who were invited. Empty when all is as it
    /// was at the start.
    pub fn left_over(&self) -> Vec<(Account, Call)> {
        let Some((root, _)) = &self.root else { return Vec::new() };
        let people = (0..COLLEAGUES).map(|n| (colleague(n), name_of(n)));
        let owner = (OWNER.to_owned(), "bench".to_owned());
        let mut calls = Vec::new();
        for (guid, name) in std::iter::once(owner).chain(people) {
            let account = Account::new(self.account.address, &name, PASSWORD);
            for collection in ["calendar", "inbox"] {
                let folder = root.join("data").join(home_folder(&guid)).join(collection);
                let files = fs::read_dir(folder).into_iter().flatten().flatten();
                let names = files.filter_map(|file| file.file_name().into_string().ok());
                for name in names.filter(|name| !is_generated(name)) {
                    let path = format!("/calendars/__uids__/{guid}/{collection}/{name}");
                    calls.push((account.clone(), Call::new("DELETE", path)));
                }
            }
            if guid == OWNER && !calls.is_empty() {
                return calls;
            }
        }
        calls
    }

    /// Resident memory of the server in megabytes; of a server of many processes each page counts
    /// once.
    pub fn resident_megabytes(&self) -> f64 {
        let family = family(self.pid.unwrap_or_default());
        let (file, field) = match family.len() {
            1 => ("status", "VmRSS"),
            _ => ("smaps_rollup", "Pss:"),
        };
        let kilobytes = |pid: u32| -> Option<f64> {
            let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
            let line = text.lines().find(|line| line.starts_with(field))?;
            line.split_whitespace().nth(1)?.parse().ok()
        };
        family.into_iter().filter_map(kilobytes).sum::<f64>() / 1024.0
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Seconds of processor time that a process has used, and those that it started.
pub fn processor_seconds(pid: Option<u32>) -> f64 {
    let ticks = |pid: u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after = text.rsplit(')').next().unwrap_or_default();
        // Its own, and of children that have ended.
        let words = after.split_whitespace().skip(11).take(4);
        words.filter_map(|word| word.parse::<f64>().ok()).sum::<f64>()
    };
    family(pid.unwrap_or_default()).into_iter().map(ticks).sum::<f64>() / 100.0
}

/// A process and all that descend from it.
fn family(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    let mut at = 0;
    while let Some(pid) = found.get(at) {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let children = threads.filter_map(|t| fs::read_to_string(t.path().join("children")).ok());
        let children: Vec<u32> = children
            .flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .filter_map(|word| word.parse().ok())
            .collect();
        found.extend(children);
        at += 1;
    }
    found
}

/// Everybody who is invited, and when they are busy.
fn invite(setting: &mut Setting, seed: u64) {
    setting.attendees = (0..COLLEAGUES).map(|n| format!("{}@example.com", name_of(n))).collect();
    setting.attendees_busy = (0..COLLEAGUES)
        .map(|number| expected(COLLEAGUES_OBJECTS, colleagues(seed, number)).busy)
        .collect();
}

/// The name that somebody who is invited signs in with.
pub fn name_of(number: usize) -> String {
    format!("colleague{number}")
}

/// What right answers hold, from the generated objects.
fn expected(objects: u64, seed: Seed) -> Setting {
    let week = (data::instant(rows::WEEK.0), data::instant(rows::WEEK.1));
    let (mut names, mut busy) = (BTreeSet::new(), Vec::new());
    for number in 0..objects {
        let object = data::object(seed, number);
        if object.overlaps(week) {
            names.insert(object.name.clone());
        }
        if object.busy {
            busy.extend(object.instances);
        }
    }
    Setting { seed, objects, week: names, busy: rows::joined(busy), ..Setting::default() }
}

/// Their calendars are as they are, whatever the size of the measured one.
pub fn colleagues(seed: u64, number: usize) -> Seed {
    Seed::of(seed + 1 + number as u64, 10_000)
}

/// Whether a file was there before anything was written, or is none of an object.
fn is_generated(name: &str) -> bool {
    let stem = name.strip_suffix(".ics").unwrap_or_default();
    name.starts_with('.') || name == rows::CHANGED || stem.parse::<u32>().is_ok() && stem.len() == 8
}

fn colleague(number: usize) -> String {
    format!("C{number:07}-0000-0000-0000-000000000000")
}

fn home_folder(guid: &str) -> PathBuf {
    Path::new("calendars/__uids__").join(&guid[..2]).join(&guid[2..4]).join(guid)
}

fn calendar_folder(guid: &str) -> PathBuf {
    home_folder(guid).join("calendar")
}

/// Writes the generated objects into a folder.
pub fn fill(folder: &Path, objects: u64, seed: Seed) {
    fs::create_dir_all(folder).expect("the folder can be made");
    for number in 0..objects {
        let object = data::object(seed, number);
        fs::write(folder.join(object.name), object.text).expect("room on the disk");
    }
}

fn write_configuration(root: &Path) {
    fs::create_dir_all(root.join("scratch")).expect("the folder can be made");
    fs::write(
        root.join("daybook.toml"),
        "[data]\nroot = \"data\"\n[directory]\nfile = \"accounts.json\"\n[log]\nlevel = \"warn\"\n",
    )
    .expect("room on the disk");
    let person = |guid: &str, name: &str| {
        serde_json::json!({
            "guid": guid, "name": name, "password": PASSWORD, "full_name": name,
            "emails": [format!("{name}@example.com")], "calendars_enabled": true,
        })
    };
    let mut users = vec![person(OWNER, "bench")];
    users.extend((0..COLLEAGUES).map(|n| person(&colleague(n), &name_of(n))));
    let accounts = serde_json::json!({
        "realm": "Bench", "users": users, "groups": [], "locations": [], "resources": [],
    });
    fs::write(root.join("accounts.json"), accounts.to_string()).expect("room on the disk");
}

fn free_address() -> SocketAddr {
    let probe = TcpListener::bind("127.0.0.1:0").expect("a free port");
    probe.local_addr().expect("it has an address")
}

fn spawn(pin: bool, words: &[String]) -> Child {
    let pinned = ["taskset", "-c", "0"].map(str::to_owned);
    let words: Vec<&String> = pinned.iter().filter(|_| pin).chain(words).collect();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stdout(Stdio::null()).spawn().expect("the server starts")
}

/// Puts this process on the second processor.
pub fn pin_client() {
    let own = std::process::id().to_string();
    let _ = Command::new("taskset").args(["-acp", "1", &own]).stdout(Stdio::null()).status();
}

fn wait_for(address: SocketAddr) {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(120) {
        if TcpStream::connect(address).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("nothing listens on {address}");
}

/// nginx with one file, the limit of what can be read over HTTP.
pub struct StaticServer {
    pub account: Account,
    folder: PathBuf,
    process: Child,
}

impl StaticServer {
    pub fn start(folder: &Path, pin: bool) -> Self {
        assert!(
            Path::new("/usr/sbin/nginx").exists(),
            "nginx (Debian: nginx-light) is needed for the limits of reading"
        );
        let folder = folder.join("static");
        fs::create_dir_all(&folder).expect("the folder can be made");
        fs::write(folder.join("answer"), "x").expect("room on the disk");
        let address = free_address();
        let configuration = folder.join("nginx.conf");
        fs::write(&configuration, nginx_configuration(&folder, address)).expect("room on the disk");
        let words = ["/usr/sbin/nginx", "-c", &configuration.display().to_string()];
        let process = spawn(pin, &words.map(str::to_owned));
        wait_for(address);
        Self { account: Account::new(address, "bench", PASSWORD), folder, process }
    }

    /// What it answers from now on.
    pub fn offer(&self, body: &[u8]) {
        fs::write(self.folder.join("answer"), body).expect("room on the disk");
    }

    pub fn pid(&self) -> Option<u32> {
        Some(self.process.id())
    }
}

impl Drop for StaticServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn nginx_configuration(folder: &Path, address: SocketAddr) -> String {
    format!(
        "daemon off; master_process off; pid {folder}/pid; error_log {folder}/errors;\n\
         events {{ worker_connections 128; }}\n\
         http {{ access_log off; sendfile on; keepalive_requests 100000000;\n\
         client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;\n\
         uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n\
         server {{ listen {address}; root {folder}; }} }}\n",
        folder = folder.display()
    )
}
