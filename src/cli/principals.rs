//! `daybook principals`: delegates, automatic scheduling, app passwords and properties of
//! principals, safe beside a running server: it sees the changes at once.

use std::sync::Arc;

use clap::{ArgMatches, Args, FromArgMatches, ValueEnum};
use daybook::acl::Policy;
use daybook::auth::app_password::{AppPassword, AppPasswordError, AppPasswords};
use daybook::clock::Clock;
use daybook::config::Config;
use daybook::dav::request::Origin;
use daybook::dav::{Name, ResourceKind};
use daybook::principal::live::PrincipalError;
use daybook::principal::{
    AutoScheduleMode, Delegation, Directory, Principals, ProxyKind, Record, RecordType,
};
use daybook::resource::Resource;
use daybook::resource::access::Access;
use daybook::resource::property::{Answer, View, live};
use daybook::xml::Writer;
use serde_json::{Value, json};

use super::{ConfigFile, FAILED, Failure, WRONG, say};

/// Every action is done in the order given, for every principal.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    #[command(flatten)]
    actions: Actions,
    /// How to print.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Short for --format json.
    #[arg(long)]
    json: bool,
    /// GUID, users:alice or (users)alice.
    #[arg(required = true, value_name = "PRINCIPAL")]
    principals: Vec<String>,
}

/// What can be asked for, as the command line has it.
#[derive(Args)]
struct Given {
    /// Print a property, as {DAV:}displayname.
    #[arg(short = 'P', long, value_name = "PROP")]
    read_property: Vec<String>,
    /// Print the read delegates.
    #[arg(long, num_args = 0, default_missing_value = "")]
    list_read_proxies: Vec<String>,
    /// Print the write delegates.
    #[arg(long, num_args = 0, default_missing_value = "")]
    list_write_proxies: Vec<String>,
    /// Print all delegates.
    #[arg(long, num_args = 0, default_missing_value = "")]
    list_proxies: Vec<String>,
    /// Let a principal read (and no more).
    #[arg(long, value_name = "PRINCIPAL")]
    add_read_proxy: Vec<String>,
    /// Let a principal read, write and schedule.
    #[arg(long, value_name = "PRINCIPAL")]
    add_write_proxy: Vec<String>,
    /// Take both from a principal.
    #[arg(long, value_name = "PRINCIPAL")]
    remove_proxy: Vec<String>,
    /// What happens to invitations: true, false, or a mode like accept-if-free.
    #[arg(long, value_name = "MODE")]
    set_auto_schedule: Vec<String>,
    /// Print what happens to invitations.
    #[arg(long, num_args = 0, default_missing_value = "")]
    get_auto_schedule: Vec<String>,
    /// Make an app password of this name and print it.
    #[arg(long, value_name = "NAME")]
    add_app_password: Vec<String>,
    /// Make an app password worthless.
    #[arg(long, value_name = "NAME")]
    revoke_app_password: Vec<String>,
    /// Print the app passwords: name, made, last used.
    #[arg(long, num_args = 0, default_missing_value = "")]
    list_app_passwords: Vec<String>,
}

/// One thing to do with a principal.
#[derive(Clone)]
enum Action {
    ReadProperty(String),
    List(&'static [ProxyKind]),
    /// A principal, and what it is from now on.
    Delegate(String, Option<ProxyKind>),
    SetAutoSchedule(String),
    GetAutoSchedule,
    AddAppPassword(String),
    RevokeAppPassword(String),
    ListAppPasswords,
}

/// The actions in the order of the command line.
#[derive(Clone)]
struct Actions(Vec<Action>);

impl FromArgMatches for Actions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut found: Vec<(usize, Action)> = Vec::new();
        let mut add = |id: &str, action: &dyn Fn(String) -> Action| {
            let places = matches.indices_of(id).into_iter().flatten();
            let values = matches.get_many::<String>(id).into_iter().flatten();
            found.extend(places.zip(values.cloned().map(action)));
        };
        add("read_property", &Action::ReadProperty);
        add("list_read_proxies", &|_| Action::List(&[ProxyKind::Read]));
        add("list_write_proxies", &|_| Action::List(&[ProxyKind::Write]));
        add("list_proxies", &|_| Action::List(&[ProxyKind::Read, ProxyKind::Write]));
        add("add_read_proxy", &|whom| Action::Delegate(whom, Some(ProxyKind::Read)));
        add("add_write_proxy", &|whom| Action::Delegate(whom, Some(ProxyKind::Write)));
        add("remove_proxy", &|whom| Action::Delegate(whom, None));
        add("set_auto_schedule", &Action::SetAutoSchedule);
        add("get_auto_schedule", &|_| Action::GetAutoSchedule);
        add("add_app_password", &Action::AddAppPassword);
        add("revoke_app_password", &Action::RevokeAppPassword);
        add("list_app_passwords", &|_| Action::ListAppPasswords);
        found.sort_by_key(|(place, _)| *place);
        Ok(Self(found.into_iter().map(|(_, action)| action).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Actions {
    fn augment_args(command: clap::Command) -> clap::Command {
        Given::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Given::augment_args(command)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl From<PrincipalError> for Failure {
    fn from(error: PrincipalError) -> Self {
        let wrong = matches!(error, PrincipalError::Source(_) | PrincipalError::Content(..));
        Self::new(if wrong { WRONG } else { FAILED }, error)
    }
}

impl From<AppPasswordError> for Failure {
    fn from(error: AppPasswordError) -> Self {
        Self::new(FAILED, error)
    }
}

/// What every action needs.
struct Work {
    config: Arc<Config>,
    principals: Arc<Principals>,
    app_passwords: AppPasswords,
    clock: Clock,
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = Arc::new(arguments.file.load()?);
    let clock = Clock::system();
    let root = &config.data.root;
    let hosts = &config.directory.hosts;
    let work = Work {
        principals: Principals::open(&config.directory.file, root, hosts, clock.clone())?,
        app_passwords: AppPasswords::new(root.join("app-passwords.toml")),
        clock,
        json: arguments.json || arguments.format == Format::Json,
        config,
    };
    let directory = work.principals.current();
    let mut failed = 0;
    for text in &arguments.principals {
        let outcome = find(&directory, text).and_then(|record| {
            arguments.actions.0.iter().try_for_each(|action| work.act(action, &record.guid))
        });
        if let Err(failure) = outcome {
            // As with other tools of the kind: say so and go on with the next one.
            failed += 1;
            tell(&failure);
        }
    }
    match failed {
        0 => Ok(()),
        count => Err(Failure::new(FAILED, format!("{count} of the principals failed"))),
    }
}

fn tell(failure: &Failure) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "daybook: {}", failure.reason);
}

/// The record of a GUID, `type:name` or `(type)name`.
pub(super) fn find(directory: &Directory, text: &str) -> Result<Arc<Record>, Failure> {
    let typed = match text.strip_prefix('(') {
        Some(rest) => rest.split_once(')'),
        None => text.split_once(':'),
    };
    let found = match typed {
        Some((segment, name)) => RecordType::from_segment(segment)
            .and_then(|record_type| directory.by_name(record_type, name)),
        None => directory.by_guid(text).or_else(|| directory.by_login(text)),
    };
    found
        .cloned()
        .ok_or_else(|| Failure::new(FAILED, format!("there is no principal called {text}")))
}

fn label(record: &Record) -> String {
    format!("{}:{}", record.record_type, record.name())
}

impl Work {
    fn act(&self, action: &Action, guid: &str) -> Result<(), Failure> {
        let directory = self.principals.current();
        let record = find(&directory, guid)?;
        match action {
            Action::ReadProperty(property) => {
                let text = self.property(&directory, &record, property)?;
                self.print(&record, property, vec![text]);
            }
            Action::List(kinds) => {
                for kind in *kinds {
                    let key = match kind {
                        ProxyKind::Read => "read_proxies",
                        ProxyKind::Write => "write_proxies",
                    };
                    let delegates = directory.delegates_of(guid, *kind);
                    self.print(&record, key, delegates.iter().map(|d| label(d)).collect());
                }
            }
            Action::Delegate(whom, kind) => {
                let whom = find(&directory, whom)?.guid.clone();
                self.principals.change_delegation(guid, |delegation: &mut Delegation| {
                    for other in ProxyKind::ALL {
                        delegation.of_mut(other).retain(|listed| *listed != whom);
                    }
                    if let Some(kind) = kind {
                        delegation.of_mut(*kind).push(whom.clone());
                    }
                })?;
            }
            Action::SetAutoSchedule(text) => {
                let mode = AutoScheduleMode::parse(text).ok_or_else(|| {
                    Failure::new(WRONG, format!("there is no mode called {text}"))
                })?;
                self.principals.set_auto_schedule(guid, mode)?;
            }
            Action::GetAutoSchedule => {
                self.print(&record, "auto_schedule", vec![record.auto_schedule.to_string()]);
            }
            Action::AddAppPassword(name) => {
                let password = self.app_passwords.create(guid, name, self.clock.now())?;
                self.print(&record, "app_password", vec![password]);
            }
            Action::RevokeAppPassword(name) => self.app_passwords.revoke(guid, name)?,
            Action::ListAppPasswords => {
                let line = |app: &AppPassword| {
                    let used = app.last_used.as_deref().unwrap_or("never");
                    format!("{}, made {}, last used {used}", app.name, app.created)
                };
                let lines = self.app_passwords.of(guid).iter().map(line).collect();
                self.print(&record, "app_passwords", lines);
            }
        }
        Ok(())
    }

    /// The XML of a property as an administrator would see it.
    fn property(
        &self,
        directory: &Arc<Directory>,
        record: &Arc<Record>,
        text: &str,
    ) -> Result<String, Failure> {
        let wrong = || Failure::new(WRONG, format!("{text} is not {{namespace}}name"));
        let name = Name::from_clark(text).ok_or_else(wrong)?;
        let policy = Policy::of(directory);
        let actor = policy.admins.first().unwrap_or(&record.guid).clone();
        let view = View {
            directory: Arc::clone(directory),
            config: Arc::clone(&self.config),
            origin: Origin::default(),
            actor: directory.by_guid(&actor).cloned(),
            access: Access::new(directory, Some(&actor), policy),
            now: self.clock.now(),
            timezones: None,
            active_locks: |_, _| String::new(),
        };
        let mut resource = Resource::outside(ResourceKind::Principal, &record.principal_path());
        resource.owner = Some(Arc::clone(record));
        resource.record_type = Some(record.record_type);
        let mut writer = Writer::fragment();
        let answer = live(&name)
            .and_then(|live| live.value)
            .map_or(Answer::Missing, |value| value(&view, &resource, &mut writer));
        match answer {
            Answer::Found => Ok(writer.into_string()),
            _ => Err(Failure::new(FAILED, format!("{} has no property {text}", label(record)))),
        }
    }

    fn print(&self, record: &Record, what: &str, lines: Vec<String>) {
        if self.json {
            let value: Value = json!({
                "principal": label(record), "guid": record.guid, "what": what, "values": lines,
            });
            return say(value);
        }
        if lines.is_empty() {
            say(format_args!("{}\t{what}\t(none)", label(record)));
        }
        for line in lines {
            say(format_args!("{}\t{what}\t{line}", label(record)));
        }
    }
}
