//! `daybook principals`: delegates, automatic scheduling, app passwords and properties of
//! principals, safe beside a running server: it sees the changes at once.

use std::sync::Arc;

use clap::{Args, ValueEnum};
use daybook::acl::Policy;
use daybook::auth::app_password::{AppPasswordError, AppPasswords};
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

/// Changes come before what is printed; everything is done for every principal.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Print a property, as {DAV:}displayname.
    #[arg(short = 'P', long, value_name = "PROP")]
    read_property: Vec<String>,
    /// Print the read delegates.
    #[arg(long)]
    list_read_proxies: bool,
    /// Print the write delegates.
    #[arg(long)]
    list_write_proxies: bool,
    /// Print all delegates.
    #[arg(long)]
    list_proxies: bool,
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
    set_auto_schedule: Option<String>,
    /// Print what happens to invitations.
    #[arg(long)]
    get_auto_schedule: bool,
    /// Make an app password of this name and print it.
    #[arg(long, value_name = "NAME")]
    add_app_password: Option<String>,
    /// Make an app password worthless.
    #[arg(long, value_name = "NAME")]
    revoke_app_password: Option<String>,
    /// Print the app passwords: name, made, last used.
    #[arg(long)]
    list_app_passwords: bool,
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
        let outcome = find(&directory, text).and_then(|record| work.act(arguments, &record));
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
    fn act(&self, arguments: &Arguments, record: &Record) -> Result<(), Failure> {
        self.change(arguments, record)?;
        let directory = self.principals.current();
        let record = find(&directory, &record.guid)?;
        let mut lists = Vec::new();
        if arguments.list_read_proxies || arguments.list_proxies {
            lists.push(ProxyKind::Read);
        }
        if arguments.list_write_proxies || arguments.list_proxies {
            lists.push(ProxyKind::Write);
        }
        for kind in lists {
            let key = match kind {
                ProxyKind::Read => "read_proxies",
                ProxyKind::Write => "write_proxies",
            };
            let delegates = directory.delegates_of(&record.guid, kind);
            self.print(&record, key, delegates.iter().map(|d| label(d)).collect());
        }
        if arguments.get_auto_schedule {
            let mode = record.auto_schedule.to_string();
            self.print(&record, "auto_schedule", vec![mode]);
        }
        if arguments.list_app_passwords {
            let line = |app: &daybook::auth::app_password::AppPassword| {
                let used = app.last_used.as_deref().unwrap_or("never");
                format!("{}, made {}, last used {used}", app.name, app.created)
            };
            let lines = self.app_passwords.of(&record.guid).iter().map(line).collect();
            self.print(&record, "app_passwords", lines);
        }
        for property in &arguments.read_property {
            let text = self.property(&directory, &record, property)?;
            self.print(&record, property, vec![text]);
        }
        Ok(())
    }

    fn change(&self, arguments: &Arguments, record: &Record) -> Result<(), Failure> {
        let directory = self.principals.current();
        let guids = |texts: &[String]| -> Result<Vec<String>, Failure> {
            texts.iter().map(|text| Ok(find(&directory, text)?.guid.clone())).collect()
        };
        let remove = guids(&arguments.remove_proxy)?;
        let read = guids(&arguments.add_read_proxy)?;
        let write = guids(&arguments.add_write_proxy)?;
        if !(remove.is_empty() && read.is_empty() && write.is_empty()) {
            self.principals.change_delegation(&record.guid, |delegation: &mut Delegation| {
                for (kind, added) in [(ProxyKind::Read, &read), (ProxyKind::Write, &write)] {
                    for other in ProxyKind::ALL {
                        let gone = |guid: &String| added.contains(guid) || remove.contains(guid);
                        delegation.of_mut(other).retain(|guid| !gone(guid));
                    }
                    delegation.of_mut(kind).extend(added.iter().cloned());
                }
            })?;
        }
        if let Some(text) = &arguments.set_auto_schedule {
            let mode = AutoScheduleMode::parse(text)
                .ok_or_else(|| Failure::new(WRONG, format!("there is no mode called {text}")))?;
            self.principals.set_auto_schedule(&record.guid, mode)?;
        }
        if let Some(name) = &arguments.revoke_app_password {
            self.app_passwords.revoke(&record.guid, name)?;
        }
        if let Some(name) = &arguments.add_app_password {
            let password = self.app_passwords.create(&record.guid, name, self.clock.now())?;
            self.print(record, "app_password", vec![password]);
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
