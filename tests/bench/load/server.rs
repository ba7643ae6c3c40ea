//! The servers of a run: Daybook on a data root made from the seed, and nginx (or a stand-in) as the
//! limit for answers of the same size.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::client::{Call, Client};
use crate::data;
use crate::rows::{self, Row, Setting};

const OWNER: &str = "BENCH000-0000-0000-0000-000000000000";
const COLLEAGUES: usize = 10;
const PASSWORD: &str = "bench";

/// A running server with its data, and what is needed to ask it.
pub struct Bench {
    root: PathBuf,
    _root_guard: tempfile::TempDir,
    address: SocketAddr,
    process: Child,
    setting: Setting,
    static_server: StaticServer,
}

impl Bench {
    pub fn start(objects: u64, seed: u64, pin: bool) -> Self {
        // Not in /tmp, which may be memory: the figures are about a disk.
        let guard = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a scratch folder");
        let root = guard.path().to_owned();
        write_configuration(&root);
        let calendar = root.join("data").join(home_folder(OWNER)).join("calendar");
        fill(&calendar, objects, seed);
        for number in 0..COLLEAGUES {
            fill(
                &root.join("data").join(home_folder(&colleague(number))).join("calendar"),
                objects / 20,
                seed + 1 + number as u64,
            );
        }
        if pin {
            // The client's own threads inherit this.
            let own = std::process::id().to_string();
            let _ = Command::new("taskset").args(["-cp", "1", &own]).stdout(Stdio::null()).status();
        }
        let address = free_address();
        let started = Instant::now();
        let process = spawn_pinned(
            pin,
            env!("CARGO_BIN_EXE_daybook"),
            &[
                "serve".as_ref(),
                "--config".as_ref(),
                root.join("daybook.toml").as_os_str(),
                "--listen".as_ref(),
                address.to_string().as_ref(),
            ],
        );
        wait_for(address);
        let home = format!("/calendars/__uids__/{OWNER}/");
        let setting = Setting {
            calendar: format!("{home}calendar/"),
            home,
            seed,
            objects,
            sync_token: String::new(),
            week_matches: 0,
            attendees: (0..COLLEAGUES).map(|n| format!("colleague{n}@example.com")).collect(),
        };
        let static_server = StaticServer::start(&root, pin);
        let mut bench = Self { root, _root_guard: guard, address, process, setting, static_server };
        bench.client().expect(&first_call(&bench.setting), &[207]).expect("the first answer");
        println!("first answer over a cold index after {:?}", started.elapsed());
        bench.setting.week_matches = bench.week_by_reading();
        bench
    }

    pub fn client(&self) -> Client {
        Client::new(self.address, "bench", PASSWORD)
    }

    pub fn setting(&self) -> &Setting {
        &self.setting
    }

    pub fn calendar_folder(&self) -> PathBuf {
        self.root.join("data").join(home_folder(OWNER)).join("calendar")
    }

    pub fn scratch(&self) -> PathBuf {
        self.root.join("scratch")
    }

    /// What a row needs before it can be measured: a token with one change behind it.
    pub fn prepare(&mut self, row: &Row) {
        let mut client = self.client();
        if row.name == "sync, one change" {
            let body = client.expect(&first_call(&self.setting), &[207]).expect("a token");
            self.setting.sync_token = text_between(&body, "sync-token>", "</").expect("a token");
            let (name, text) = data::object(self.setting.seed, 0);
            let call = Call::new("PUT", format!("{}{name}", self.setting.calendar))
                .body("text/calendar; charset=utf-8", text.replace("Agenda", "Changed agenda"));
            client.expect(&call, &[204]).expect("the change is stored");
        }
    }

    /// How many objects overlap the measured week, by asking for all of them by day: a check of the
    /// index against `expand`-free reading is the business of the tests, not of this program.
    fn week_by_reading(&self) -> usize {
        let call = (rows::all().iter().find(|row| row.name.starts_with("one-week")))
            .map(|row| (row.call)(&self.setting, 0))
            .expect("the row is there");
        let body = self.client().expect(&call, &[207]).expect("the query is answered");
        memchr::memmem::find_iter(&body, "response>").count() / 2
    }

    /// Requests per second that a static server reaches with an answer of the same size.
    pub fn static_server_rate(&self, row: &Row, length: Duration) -> f64 {
        let body = self
            .client()
            .expect(&(row.call)(&self.setting, 0), row.statuses)
            .expect("the row answers");
        self.static_server.offer(&body);
        let call = Call::new("GET", "/answer");
        let started = Instant::now();
        let done: usize = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..row.connections)
                .map(|_| {
                    scope.spawn(|| {
                        let mut client = Client::new(self.static_server.address, "", "");
                        let mut done = 0;
                        while started.elapsed() < length {
                            client.expect(&call, &[200]).expect("the static server answers");
                            done += 1;
                        }
                        done
                    })
                })
                .collect();
            workers.into_iter().map(|worker| worker.join().expect("no client panics")).sum()
        });
        done as f64 / started.elapsed().as_secs_f64()
    }

    pub fn resident_megabytes(&self) -> f64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
        let kilobytes: f64 =
            line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0.0);
        kilobytes / 1024.0
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn first_call(setting: &Setting) -> Call {
    (rows::all()[1].call)(setting, 0)
}

fn text_between(body: &[u8], start: &str, end: &str) -> Option<String> {
    let text = String::from_utf8_lossy(body).into_owned();
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(inner, _)| inner.to_owned())
}

fn colleague(number: usize) -> String {
    format!("C{number:07}-0000-0000-0000-000000000000")
}

fn home_folder(guid: &str) -> PathBuf {
    Path::new("calendars/__uids__").join(&guid[..2]).join(&guid[2..4]).join(guid)
}

fn fill(folder: &Path, objects: u64, seed: u64) {
    fs::create_dir_all(folder).expect("the folder can be made");
    for number in 0..objects {
        let (name, text) = data::object(seed, number);
        fs::write(folder.join(name), text).expect("room on the disk");
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
    users.extend((0..COLLEAGUES).map(|n| person(&colleague(n), &format!("colleague{n}"))));
    let accounts = serde_json::json!({
        "realm": "Bench", "users": users, "groups": [], "locations": [], "resources": [],
    });
    fs::write(root.join("accounts.json"), accounts.to_string()).expect("room on the disk");
}

fn free_address() -> SocketAddr {
    let probe = TcpListener::bind("127.0.0.1:0").expect("a free port");
    probe.local_addr().expect("it has an address")
}

fn spawn_pinned(pin: bool, program: &str, arguments: &[&std::ffi::OsStr]) -> Child {
    let mut command = if pin {
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.args(arguments).stdout(Stdio::null()).spawn().expect("the server starts")
}

fn wait_for(address: SocketAddr) {
    for _ in 0..400 {
        if TcpStream::connect(address).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("nothing listens on {address}");
}

/// nginx when it is installed, otherwise a thread that answers with bytes from memory.
struct StaticServer {
    address: SocketAddr,
    folder: PathBuf,
    process: Option<Child>,
}

impl StaticServer {
    fn start(root: &Path, pin: bool) -> Self {
        let folder = root.join("static");
        fs::create_dir_all(&folder).expect("the folder can be made");
        fs::write(folder.join("answer"), "x").expect("room on the disk");
        let address = free_address();
        let configuration = folder.join("nginx.conf");
        fs::write(&configuration, nginx_configuration(&folder, address)).expect("room on the disk");
        let process = Path::new("/usr/sbin/nginx").exists().then(|| {
            spawn_pinned(pin, "/usr/sbin/nginx", &["-c".as_ref(), configuration.as_os_str()])
        });
        if process.is_none() {
            println!("nginx is not installed: a stand-in serves the limits of reading");
            let listener = TcpListener::bind(address).expect("the port is free");
            let file = folder.join("answer");
            std::thread::spawn(move || stand_in(&listener, &file));
        }
        wait_for(address);
        Self { address, folder, process }
    }

    fn offer(&self, body: &[u8]) {
        fs::write(self.folder.join("answer"), body).expect("room on the disk");
    }
}

impl Drop for StaticServer {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
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

fn stand_in(listener: &TcpListener, file: &Path) {
    for stream in listener.incoming().flatten() {
        let file = file.to_owned();
        std::thread::spawn(move || {
            let _ = stream.set_nodelay(true);
            let mut reader = BufReader::new(stream);
            let mut line = String::new();
            loop {
                line.clear();
                while !matches!(reader.read_line(&mut line), Err(_) | Ok(0)) && line != "\r\n" {
                    line.clear();
                }
                if line.is_empty() {
                    return;
                }
                let mut body = Vec::new();
                let read = fs::File::open(&file).and_then(|mut file| file.read_to_end(&mut body));
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                let mut answer = head.into_bytes();
                answer.extend_from_slice(&body);
                if read.is_err() || reader.get_mut().write_all(&answer).is_err() {
                    return;
                }
            }
        });
    }
}
