//! A few people with homes on a real store, for transcripts.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeZone, Utc};

use crate::caldav::calendar_data::Format;
use crate::caldav::validate::{Rules, validate};
use crate::clock::Clock;
use crate::config::Config;
use crate::dav;
use crate::ical::timezone::{Zone, Zones};
use crate::ical::{self, Component};
use crate::method::scheduling_options;
use crate::principal::delegates::Delegations;
use crate::principal::source::parse_toml;
use crate::principal::{Directory, Record};
use crate::schedule::{
    self, Committed, DamagedCopies, Delete, Env, Host, Options, Orphans, Post, Put, Right, Stored,
};
use crate::store::{
    CollectionKind, Durability, Home, HomePath, PropertyChanges, Provision, ProvisionedCollection,
    Store, StoreError, StoreOptions,
};

const PEOPLE: &[(&str, &str)] = &[
    ("user", "alice"),
    ("user", "bob"),
    ("user", "carol"),
    ("user", "dave"),
    ("user", "erin"),
    ("location", "room"),
];
/// A group of carol and dave.
const TEAM: &str = "[[group]]\nname = \"team\"\nguid = \"team-guid\"\nfull_name = \"team\"\n\
    email = \"team@example.com\"\nmembers = [\"carol-guid\", \"dave-guid\"]\n";

/// Everything one transcript plays in.
pub struct World {
    pub store: Arc<Store>,
    directory: Directory,
    options: Options,
    /// Lines of accounts besides the usual ones.
    settings: HashMap<String, Vec<String>>,
    _root: tempfile::TempDir,
}

struct Homes(Arc<Store>);

impl Host for Homes {
    fn allows(&self, _: &str, _: &str, _: &HomePath, _: Right) -> bool {
        true
    }

    fn home(&self, record: &Record) -> Result<Arc<Home>, StoreError> {
        match self.0.home(&record.guid)? {
            Some(home) => Ok(home),
            None => self.0.provision(&record.guid, &collections()),
        }
    }
}

fn collections() -> Provision {
    let collection = |name: &str, kind| ProvisionedCollection {
        name: name.to_owned(),
        kind,
        properties: PropertyChanges::none(),
        always: true,
    };
    Provision {
        collections: vec![
            collection("calendar", CollectionKind::Calendar),
            collection("work", CollectionKind::Calendar),
            collection("inbox", CollectionKind::Inbox),
            collection("outbox", CollectionKind::Outbox),
        ],
        ..Provision::default()
    }
}

/// The GUID of a person.
pub fn guid(name: &str) -> String {
    format!("{name}-guid")
}

fn directory(settings: &HashMap<String, Vec<String>>) -> Directory {
    let accounts = PEOPLE.iter().map(|(kind, name)| {
        let more = settings.get(*name).map(|lines| lines.join("\n")).unwrap_or_default();
        format!(
            "[[{kind}]]\nname = \"{name}\"\nguid = \"{}\"\nfull_name = \"{name}\"\n\
             email = \"{name}@example.com\"\n{more}\n",
            guid(name)
        )
    });
    let accounts = parse_toml(&(accounts.collect::<String>() + TEAM)).unwrap();
    Directory::new(accounts, &Delegations::new(), &HashMap::new(), &[])
}

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap()
}

fn open(root: &tempfile::TempDir) -> Arc<Store> {
    let options = StoreOptions {
        durability: Durability::None,
        clock: Clock::simulated(now()),
        ..StoreOptions::default()
    };
    Store::open(root.path(), options).unwrap()
}

impl World {
    pub fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let store = open(&root);
        let settings = HashMap::new();
        let directory = directory(&settings);
        let domains = vec!["example.com".to_owned()];
        let options = Options { domains, ..scheduling_options(&Config::default()) };
        Self { store, directory, options, settings, _root: root }
    }

    /// The server starts again; what it left in the queue is not delivered yet.
    pub fn restart(self) -> Self {
        let Self { store, _root: root, .. } = self;
        drop(store);
        Self { store: open(&root), _root: root, ..self }
    }

    /// Adds a line to an account.
    pub fn set_account(&mut self, who: &str, line: &str) {
        let key = |line: &str| line.split('=').next().map(|key| key.trim().to_owned());
        let lines = self.settings.entry(who.to_owned()).or_default();
        lines.retain(|old| key(old) != key(line));
        lines.push(line.to_owned());
        self.directory = directory(&self.settings);
    }

    /// Sets how many days automatic answers look ahead.
    pub fn look_ahead(&mut self, days: i64) {
        self.options.look_ahead_days = days;
    }

    /// Sets how many attendees an object may have.
    pub fn max_attendees(&mut self, most: usize) {
        self.options.max_attendees = most;
    }

    /// Chooses the refusing variant of an option.
    pub fn refuse(&mut self, option: &str) {
        match option {
            "orphans" => self.options.orphans = Orphans::Refuse,
            "damaged" => self.options.damaged_copies = DamagedCopies::Refuse,
            other => panic!("no option {other}"),
        }
    }

    /// Runs with what an operation borrows.
    pub fn with<R>(&self, run: impl FnOnce(&Env<'_>) -> R) -> R {
        let host = Homes(self.store.clone());
        let env = Env {
            store: &self.store,
            directory: &self.directory,
            now: now(),
            options: &self.options,
            host: &host,
        };
        run(&env)
    }

    pub fn home(&self, name: &str) -> Arc<Home> {
        self.with(|env| env.home_of(&format!("urn:x-uid:{}", guid(name))).unwrap().unwrap().1)
    }

    /// PUT as `method::object` does it; the status.
    pub fn put(&self, who: &str, path: &HomePath, sent: &Component, merge: bool) -> String {
        let zones = Zones::of(sent, &Zone::utc());
        if let Err(error) = validate(sent, &zones, &Rules::default()) {
            return error.to_string();
        }
        self.with(|env| {
            let guard = schedule::lock(&self.store, sent.uid().unwrap_or_default()).unwrap();
            match self.commit(env, who, path, sent, merge) {
                Ok((committed, status)) => {
                    schedule::deliver(env, Some(guard), committed);
                    status.to_owned()
                }
                Err(error) => error.0,
            }
        })
    }

    /// POST to the outbox: the schedule-response, or why there is none.
    pub fn post(&self, who: &str, message: &Component) -> Result<String, String> {
        let owner = guid(who);
        let post = Post { actor: &owner, owner: &owner, message, format: Format::default() };
        self.with(|env| schedule::post(env, &post)).map_err(|error| error.to_string())
    }

    /// PUT up to the commit, as if the server died then.
    pub fn put_without_delivery(&self, who: &str, path: &HomePath, sent: &Component) -> Committed {
        self.with(|env| {
            let done = self.commit(env, who, path, sent, false);
            done.map_err(|error| error.0).unwrap().0
        })
    }

    fn commit(
        &self,
        env: &Env<'_>,
        who: &str,
        path: &HomePath,
        sent: &Component,
        merge: bool,
    ) -> Result<(Committed, &'static str), Refused> {
        let home = self.home(who);
        let owner = guid(who);
        home.write(|tx| -> Result<_, Refused> {
            let old = tx.read(path).unwrap().map(|bytes| ical::parse(&bytes).unwrap());
            let put = Put {
                actor: Some(&owner),
                owner: &owner,
                path,
                old: old.as_ref(),
                new: sent,
                merge,
                user_agent: None,
            };
            let plan = schedule::on_put(env, tx, &put)?;
            match &plan.store {
                Stored::Nothing => {
                    if old.is_some() {
                        tx.delete(path).unwrap();
                    }
                }
                store => {
                    let object = match store {
                        Stored::Changed(object) => object,
                        _ => sent,
                    };
                    let bytes = Bytes::from(object.to_bytes());
                    let before = tx.object(path);
                    let none = PropertyChanges::none();
                    let properties = plan.properties(none, before.as_deref(), &bytes);
                    tx.put(path, &bytes, Some(object), &properties).unwrap();
                }
            }
            for entry in &plan.entries {
                tx.enqueue(entry.clone());
            }
            let status = match (&plan.store, old) {
                (Stored::Nothing, _) => "removed",
                (_, Some(_)) => "204",
                (_, None) => "201",
            };
            Ok((plan.committed, status))
        })
    }

    /// DELETE as `method::delete` does it; the status.
    pub fn delete(&self, who: &str, path: &HomePath, reply: bool) -> String {
        let home = self.home(who);
        self.with(|env| {
            let owner = guid(who);
            let done = home.write(|tx| -> Result<_, Refused> {
                let Some(bytes) = tx.read(path).unwrap() else {
                    return Err(dav::Error::not_found().into());
                };
                let old = ical::parse(&bytes).unwrap();
                let delete = Delete { actor: Some(&owner), owner: &owner, old: &old, reply };
                let plan = schedule::on_delete(env, &delete)?;
                tx.delete(path).unwrap();
                for entry in &plan.entries {
                    tx.enqueue(entry.clone());
                }
                Ok(plan.committed)
            });
            match done {
                Ok(committed) => {
                    schedule::deliver(env, None, committed);
                    "204".to_owned()
                }
                Err(error) => error.0,
            }
        })
    }
}

/// Why a transaction of a test ends without a commit.
struct Refused(String);

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

impl From<dav::Error> for Refused {
    fn from(error: dav::Error) -> Self {
        Self(error.to_string())
    }
}
