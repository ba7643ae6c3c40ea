//! A whole server without sockets: accounts, homes on a real disk, requests as methods see them.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::Engine as _;
use bytes::Bytes;
use chrono::{DateTime, TimeZone, Utc};
use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::app::App;
use crate::auth::{Authenticator, Options};
use crate::clock::Clock;
use crate::config::Config;
use crate::dav::response::{Body, Producer, Size, at_once};
use crate::dav::{DavPath, Method, Request};
use crate::http::Application;
use crate::http::pipeline::Pipeline;
use crate::ical::{self, Component};
use crate::method::{self, left_over};
use crate::principal::Principals;
use crate::schedule::agreement::{self, Copy, Finding};
use crate::schedule::{self, Disagreement, Users};
use crate::store::{Durability, Home, HomePath, Lengthy, Store, StoreOptions, check};

/// Users; the room comes beside them.
pub const PEOPLE: [&str; 10] =
    ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy"];
pub const ROOM: &str = "room";
/// A group of the last two.
pub const TEAM: &str = "team";

/// Who may write for somebody: the next one in the list.
pub fn delegate(name: &str) -> &'static str {
    let at = PEOPLE.iter().position(|known| *known == name).unwrap_or(0);
    PEOPLE[(at + 1) % PEOPLE.len()]
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: String,
    /// What it was said to take to make the body.
    pub about: Option<u64>,
    /// How often something lengthy was done for it.
    pub lengthy: usize,
}

thread_local! {
    static LENGTHY: Cell<usize> = const { Cell::new(0) };
}

/// An object in somebody's calendars.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The URL.
    pub url: String,
    pub path: HomePath,
    pub calendar: Component,
    pub schedule_tag: Option<String>,
    pub etag: String,
}

/// A running server.
pub struct Site {
    root: tempfile::TempDir,
    config: Arc<Config>,
    running: Option<(Arc<App>, Pipeline)>,
}

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap()
}

/// The GUID of a person.
pub fn guid(name: &str) -> String {
    format!("{name}-guid")
}

/// The identity of a person.
pub fn identity(name: &str) -> String {
    format!("urn:x-uid:{}", guid(name))
}

/// A fast directory where there is one.
fn directory() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        let root = tempfile::tempdir_in(memory).unwrap();
        if Store::open(root.path(), StoreOptions::default()).is_ok() {
            return root;
        }
    }
    tempfile::tempdir().unwrap()
}

impl Site {
    pub fn new(configuration: impl FnOnce(&mut Config)) -> Self {
        let root = directory();
        let account = |kind: &str, name: &str| {
            format!(
                "[[{kind}]]\nname = \"{name}\"\nguid = \"{}\"\nfull_name = \"{name}\"\n\
                 email = \"{name}@example.com\"\nplain_password = \"{name}\"\n",
                guid(name)
            )
        };
        let person = |name: &&str| {
            format!("{}write_proxies = [\"{}\"]\n", account("user", name), delegate(name))
        };
        let mut accounts: String = PEOPLE.iter().map(person).collect();
        let members = format!("members = [\"{}\", \"{}\"]\n", PEOPLE[8], PEOPLE[9]);
        accounts.push_str(&format!("{}{members}", account("group", TEAM)));
        accounts.push_str(&account("location", ROOM));
        let file = root.path().join("accounts.toml");
        std::fs::write(&file, accounts).unwrap();
        let mut config = Config::default();
        config.data.root = root.path().join("data");
        config.data.fsync = false;
        config.directory.file = file;
        configuration(&mut config);
        let mut site = Self { root, config: Arc::new(config), running: None };
        site.start();
        site
    }

    /// Starts as `server::run` does; what was left in the queue is delivered.
    fn start(&mut self) {
        let config = &self.config;
        let clock = Clock::simulated(now());
        let principals =
            Principals::open(&config.directory.file, self.root.path(), &[], clock.clone()).unwrap();
        let options = StoreOptions {
            clock: clock.clone(),
            durability: Durability::None,
            text_memory_bytes: config.data.text_memory_bytes,
            lengthy: Lengthy::new(|work| {
                LENGTHY.set(LENGTHY.get() + 1);
                work();
            }),
            ..StoreOptions::default()
        };
        let store = Store::open(&config.data.root, options).unwrap();
        let authenticator =
            Authenticator::new(Options::from(&**config), principals.clone(), clock.clone());
        let config = ArcSwap::new(config.clone());
        let app = Arc::new(App { config, clock, store, principals, authenticator });
        left_over::deliver(&app, |_| true).unwrap();
        self.running = Some((app.clone(), Pipeline::new(app)));
    }

    /// The process is gone, and another one begins.
    pub fn start_again(&mut self) {
        self.running = None;
        self.start();
    }

    /// Delivers everything that was put off.
    pub fn settle(&self) {
        left_over::deliver(self.app(), |_| true).unwrap();
    }

    pub fn app(&self) -> &App {
        &self.running.as_ref().unwrap().0
    }

    pub fn home(&self, name: &str) -> Option<Arc<Home>> {
        self.app().store.home(&guid(name)).unwrap()
    }

    /// Sends a request; `fields` are header fields.
    pub fn request(
        &self,
        who: &str,
        method: &str,
        url: &str,
        fields: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let (path, query) = match url.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (url, None),
        };
        let mut headers = HeaderMap::new();
        let password = base64::engine::general_purpose::STANDARD.encode(format!("{who}:{who}"));
        let mut add = |name: &str, value: &str| {
            let name: HeaderName = name.parse().unwrap();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        };
        add("authorization", &format!("Basic {password}"));
        if body.starts_with("BEGIN:VCALENDAR") {
            add("content-type", "text/calendar; charset=utf-8");
        }
        fields.iter().for_each(|(name, value)| add(name, value));
        let request = Request {
            method: Method::parse(method).unwrap(),
            path: DavPath::parse(path).unwrap(),
            query,
            headers,
            body: Bytes::from(body.to_owned()),
            origin: crate::dav::request::Origin::default(),
        };
        let before = LENGTHY.get();
        let answer = self.running.as_ref().unwrap().1.answer(&request).response;
        let mut about = None;
        let mut whole = |produce: Producer, told| {
            about = told;
            let mut bytes = Vec::new();
            produce(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let body = match answer.body {
            Body::Empty => String::new(),
            Body::Full(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Body::Stream(produce, told) => whole(produce, told),
            Body::Parts(parts, Size::About(told)) => whole(at_once(parts), Some(told)),
            Body::Parts(parts, Size::Exact(told)) => {
                let body = whole(at_once(parts), Some(told));
                assert_eq!(body.len() as u64, told);
                body
            }
        };
        Reply { status: answer.status, body, about, lengthy: LENGTHY.get() - before }
    }

    /// Where the objects in the calendars of somebody lie, with their UIDs and in their order.
    pub fn objects(&self, who: &str) -> Vec<(String, HomePath)> {
        let Some(home) = self.home(who) else { return Vec::new() };
        let snapshot = home.snapshot();
        let mut found = Vec::new();
        for (at, calendar) in snapshot.calendars() {
            for (name, object) in calendar.objects() {
                found.push((object.calendar().unwrap().uid().to_owned(), at.join(name)));
            }
        }
        found.sort();
        found
    }

    /// The object of somebody with a UID.
    pub fn object(&self, who: &str, uid: &str) -> Option<Stored> {
        let path = self.home(who)?.snapshot().by_uid(uid).into_iter().next()?;
        self.object_at(who, &path)
    }

    pub fn object_at(&self, who: &str, path: &HomePath) -> Option<Stored> {
        let home = self.home(who)?;
        let bytes = home.read(path).unwrap()?;
        let snapshot = home.snapshot();
        let entry = snapshot.object(path)?;
        Some(Stored {
            url: format!("/calendars/__uids__/{}/{path}", guid(who)),
            calendar: ical::parse(&bytes).unwrap(),
            schedule_tag: entry
                .calendar()
                .is_some_and(|summary| summary.is_scheduling_object(|a| a == identity(who)))
                .then(|| entry.schedule_tag()),
            etag: entry.etag().0.to_string(),
            path: path.clone(),
        })
    }

    fn with_users<R>(&self, run: impl FnOnce(&Users<'_>) -> R) -> R {
        let directory = self.app().principals.current();
        let options = method::scheduling_options(&self.config);
        run(&Users { directory: &directory, options: &options })
    }

    /// Compares the copies of one event.
    pub fn disagreements_of(&self, uid: &str) -> Vec<(String, Finding)> {
        let mut copies: Vec<(String, String, Component, bool)> = Vec::new();
        for name in PEOPLE.iter().chain([&ROOM]) {
            let Some(home) = self.home(name) else { continue };
            let snapshot = home.snapshot();
            for path in snapshot.by_uid(uid) {
                let bytes = home.read(&path).unwrap().unwrap();
                let tagged = snapshot.object(&path).unwrap().stored_schedule_tag().is_some();
                let calendar = ical::parse(&bytes).unwrap();
                copies.push(((*name).to_owned(), identity(name), calendar, tagged));
            }
        }
        let examined: Vec<Copy<'_>> = copies
            .iter()
            .map(|(_, owner, calendar, tagged)| Copy { owner, calendar, tagged: *tagged })
            .collect();
        let found = self.with_users(|users| agreement::examine(&examined, users));
        found.into_iter().map(|finding| (copies[finding.copy].0.clone(), finding)).collect()
    }

    /// What `daybook check --scheduling` says.
    pub fn disagreements(&self) -> BTreeSet<Disagreement> {
        let root = &self.config.data.root;
        let checked = self.with_users(|users| schedule::check_agreement(root, false, users));
        let checked = checked.unwrap();
        assert_eq!(checked.waiting, 0, "work is left in the queue");
        checked.found
    }

    /// What `daybook check` says of the homes.
    pub fn damage(&self) -> Vec<check::Finding> {
        let all = PEOPLE.iter().chain([&ROOM]);
        let homes = all.filter_map(|name| self.home(name));
        homes.flat_map(|home| check::check_home(&home).unwrap()).collect()
    }

    /// Files that nobody should see, by folder.
    pub fn left_behind(&self) -> BTreeMap<String, usize> {
        let mut found = BTreeMap::new();
        let spool = self.config.data.root.join("spool");
        if let Ok(entries) = std::fs::read_dir(spool) {
            let free = |path: &Path| std::fs::read(path).unwrap().starts_with(b"free ");
            let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
            found.insert("spool".to_owned(), paths.filter(|path| !free(path)).count());
        }
        found.retain(|_, count| *count > 0);
        found
    }
}
