//! `daybook user`: the people and things of an accounts file, beside a running server or without.

use std::io::{IsTerminal, Read};
use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use daybook::auth::digest::Algorithm;
use daybook::auth::password;
use daybook::principal::edit::{self, EditError, NewRecord};
use daybook::principal::source::{self, SourceError};
use daybook::principal::{AutoScheduleMode, RecordType};

use super::{ConfigFile, FAILED, Failure, WRONG, say};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Accounts file, if it is not the one the configuration names.
    #[arg(long, value_name = "FILE", global = true)]
    accounts: Option<PathBuf>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Add a user, or with --type a group, a location or a resource. The password is asked for.
    Add(Add),
    /// Change a user's password.
    Passwd(Passwd),
    /// List the accounts.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Remove a user, and its name from groups and proxies. Calendars stay on disk.
    Remove(Which),
}

#[derive(clap::Args)]
struct Add {
    #[command(flatten)]
    which: Which,
    /// Further short names.
    #[arg(long = "also", value_name = "NAME")]
    also: Vec<String>,
    /// Name for people.
    #[arg(long, value_name = "TEXT")]
    full_name: Option<String>,
    /// E-mail address; the first one is used for invitations.
    #[arg(long, value_name = "ADDRESS")]
    email: Vec<String>,
    /// Identifier that never changes; made from realm and name when missing.
    #[arg(long)]
    guid: Option<String>,
    /// Member of the new group, by name or type:name.
    #[arg(long, value_name = "NAME")]
    member: Vec<String>,
    /// What happens to invitations of a location or resource.
    #[arg(long, value_name = "MODE")]
    auto_schedule: Option<String>,
    /// May do everything.
    #[arg(long)]
    admin: bool,
    /// Nobody signs in with this name.
    #[arg(long, conflicts_with = "password_stdin")]
    no_password: bool,
    #[command(flatten)]
    password: PasswordSource,
}

#[derive(clap::Args)]
struct Passwd {
    #[command(flatten)]
    which: Which,
    /// Keep what Digest needs too: hashes that are as good as the password for who reads the file.
    #[arg(long)]
    digest: bool,
    #[command(flatten)]
    password: PasswordSource,
}

#[derive(clap::Args)]
struct Which {
    /// Short name.
    name: String,
    /// What it is.
    #[arg(long = "type", value_enum, default_value = "user")]
    kind: Kind,
}

#[derive(clap::Args)]
struct PasswordSource {
    /// Read the password from the first line of standard input.
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    User,
    Group,
    Location,
    Resource,
}

impl From<Kind> for RecordType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::User => Self::User,
            Kind::Group => Self::Group,
            Kind::Location => Self::Location,
            Kind::Resource => Self::Resource,
        }
    }
}

impl From<EditError> for Failure {
    fn from(error: EditError) -> Self {
        let code = if matches!(error, EditError::Content(..)) { WRONG } else { FAILED };
        Self::new(code, error)
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::new(WRONG, error)
    }
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let file = match arguments.accounts {
        Some(file) => file,
        None => arguments.file.load()?.directory.file,
    };
    match arguments.action {
        Action::Add(add) => {
            let record_type = RecordType::from(add.which.kind);
            let name = format!("{record_type}:{}", add.which.name);
            let record = new_record(add, record_type)?;
            edit::change(&file, |document| edit::add(document, record_type, &record))?;
            say(format_args!("added {name} to {}", file.display()));
        }
        Action::Passwd(passwd) => {
            let record_type = RecordType::from(passwd.which.kind);
            let name = passwd.which.name;
            let given = given(&passwd.password)?;
            let hash = hash_of(&given)?;
            let digests = match passwd.digest {
                true => digests(&file, record_type, &name, &given)?,
                false => Vec::new(),
            };
            edit::change(&file, |document| {
                edit::set_password(document, record_type, &name, &hash)?;
                match digests.is_empty() {
                    true => Ok(()),
                    false => edit::set_digests(document, record_type, &name, &digests),
                }
            })?;
            say(format_args!("changed the password of {record_type}:{name}"));
        }
        Action::List { json } => list(&file, json)?,
        Action::Remove(which) => {
            let record_type = RecordType::from(which.kind);
            edit::change(&file, |document| edit::remove(document, record_type, &which.name))?;
            say(format_args!("removed {record_type}:{}", which.name));
        }
    }
    Ok(())
}

fn new_record(add: Add, record_type: RecordType) -> Result<NewRecord, Failure> {
    let mode = |text: String| {
        AutoScheduleMode::parse(&text)
            .ok_or_else(|| Failure::new(WRONG, format!("there is no mode called {text}")))
    };
    let signs_in = record_type == RecordType::User && !add.no_password;
    let password = if signs_in { Some(hash_of(&given(&add.password)?)?) } else { None };
    Ok(NewRecord {
        names: std::iter::once(add.which.name).chain(add.also).collect(),
        guid: add.guid,
        full_name: add.full_name,
        emails: add.email,
        password,
        members: add.member,
        auto_schedule: add.auto_schedule.map(mode).transpose()?,
        admin: add.admin,
    })
}

/// What stands for a password in Digest, for each name of the record.
fn digests(
    file: &std::path::Path,
    record_type: RecordType,
    name: &str,
    password: &str,
) -> Result<Vec<String>, Failure> {
    let accounts = source::load(file)?;
    let is_it = |record: &&std::sync::Arc<daybook::principal::Record>| {
        record.record_type == record_type && record.short_names.iter().any(|own| own == name)
    };
    let names = accounts.records.iter().find(is_it).map(|record| record.short_names.clone());
    let names = names.unwrap_or_default();
    let each = names.iter().flat_map(|name| Algorithm::ALL.map(|algorithm| (name, algorithm)));
    Ok(each.map(|(name, algorithm)| algorithm.stored(name, &accounts.realm, password)).collect())
}

/// A password from standard input or from the terminal, asked for twice.
fn given(source: &PasswordSource) -> Result<String, Failure> {
    let cannot = |error| Failure::new(FAILED, format!("the password cannot be read: {error}"));
    Ok(if source.password_stdin {
        let mut text = String::new();
        std::io::stdin().take(64 * 1024).read_to_string(&mut text).map_err(cannot)?;
        text.lines().next().unwrap_or_default().to_owned()
    } else if std::io::stdin().is_terminal() {
        let first = rpassword::prompt_password("Password: ").map_err(cannot)?;
        if rpassword::prompt_password("Once more: ").map_err(cannot)? != first {
            return Err(Failure::new(FAILED, "the two passwords differ"));
        }
        first
    } else {
        let reason = "no terminal to ask for a password: use --password-stdin";
        return Err(Failure::new(WRONG, reason));
    })
}

fn hash_of(password: &str) -> Result<String, Failure> {
    password::hash(password).map_err(|error| Failure::new(WRONG, error))
}

fn list(file: &std::path::Path, json: bool) -> Result<(), Failure> {
    let accounts = source::load(file)?;
    if json {
        let record = |record: &daybook::principal::Record| {
            serde_json::json!({
                "type": record.record_type.segment(),
                "guid": record.guid,
                "names": record.short_names,
                "full_name": record.full_name,
                "emails": record.emails,
                "calendar": record.calendar_enabled,
                "members": record.members,
                "auto_schedule": record.auto_schedule.as_str(),
                "admin": accounts.admins.contains(&record.guid),
                "password": !record.secret.is_empty(),
            })
        };
        let records: Vec<_> = accounts.records.iter().map(|r| record(r)).collect();
        say(serde_json::Value::from(records));
        return Ok(());
    }
    for record in &accounts.records {
        let name = format!("{}:{}", record.record_type, record.short_names.join(","));
        let mut notes = Vec::new();
        if accounts.admins.contains(&record.guid) {
            notes.push("admin");
        }
        if !record.calendar_enabled && record.record_type != RecordType::Group {
            notes.push("no calendars");
        }
        if record.record_type == RecordType::User && record.secret.is_empty() {
            notes.push("no password");
        }
        let emails = record.emails.join(",");
        let line = format!(
            "{name}\t{}\t{}\t{emails}\t{}",
            record.guid,
            record.full_name,
            notes.join(", ")
        );
        say(line.trim_end());
    }
    Ok(())
}
